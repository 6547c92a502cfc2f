"""The ledger: orders, holds, every movement of stock, and the replies that were given.

A variant's `available`, `held` and `sold` are the sums of its movements; `comptoir verify` adds
them up. `purchases` counts what each buyer has or holds of a product, for the caps.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from overlay.store.schema.base import ID, SEQUENCE, SHOW, VIEWER, metadata

NUMBER = String(16)

orders = Table(
    "orders",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("show", SHOW, nullable=False),
    Column("viewer", VIEWER, nullable=False),
    Column("idempotency_key", VIEWER, nullable=False),
    Column("request_sha256", ID, nullable=False),
    Column("utc_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("checkout", String(16), nullable=False),
    Column("expires_us", BigInteger),
    Column("reference", String(200)),
    Column("contact", JSON(none_as_null=True)),
    Column("note", String(2000), nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("rehearsal", Boolean, nullable=False),
    Column("judged", JSON(none_as_null=True)),
    UniqueConstraint("show", "viewer", "idempotency_key", name="orders_key_used_once"),
    CheckConstraint(
        "state IN ('held', 'confirmed', 'released', 'expired', 'paid_late', 'cancelled')",
        name="orders_state_known",
    ),
    CheckConstraint("total_minor >= 0", name="orders_total_not_negative"),
)
Index("orders_by_time", orders.c.show, orders.c.utc_us, orders.c.number)
Index("orders_of_a_viewer", orders.c.show, orders.c.viewer, orders.c.utc_us, orders.c.number)
Index(
    "orders_by_expiry",
    orders.c.expires_us,
    sqlite_where=orders.c.state == "held",
    postgresql_where=orders.c.state == "held",
)
Index(
    "orders_by_reference",
    orders.c.reference,
    sqlite_where=orders.c.reference.is_not(None),
    postgresql_where=orders.c.reference.is_not(None),
)

order_items = Table(
    "order_items",
    metadata,
    Column("order_number", NUMBER, ForeignKey("orders.number"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("product", ID, nullable=False),
    Column("variant", ID, nullable=False),
    Column("name", String(200), nullable=False),
    Column("choice", String(300), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("list_minor", BigInteger, nullable=False),
    Column("offer", ID),
    PrimaryKeyConstraint("order_number", "line", name="order_items_key"),
    CheckConstraint("quantity > 0", name="order_items_quantity_positive"),
    CheckConstraint("price_minor >= 0", name="order_items_price_not_negative"),
)

holds = Table(
    "holds",
    metadata,
    Column("id", ID, primary_key=True),
    Column("show", SHOW, nullable=False),
    Column("viewer", VIEWER, nullable=False),
    Column("product", ID, nullable=False),
    Column("variant", ID, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("order_number", NUMBER),
    CheckConstraint("quantity > 0", name="holds_quantity_positive"),
    CheckConstraint(
        "state IN ('held', 'confirmed', 'released', 'expired')", name="holds_state_known"
    ),
)
Index(
    "holds_by_expiry",
    holds.c.expires_us,
    sqlite_where=holds.c.state == "held",
    postgresql_where=holds.c.state == "held",
)
Index(
    "holds_of_a_viewer",
    holds.c.show,
    holds.c.viewer,
    sqlite_where=holds.c.state == "held",
    postgresql_where=holds.c.state == "held",
)

movements = Table(
    "movements",
    metadata,
    Column("seq", SEQUENCE, primary_key=True),
    Column("show", SHOW, nullable=False),
    Column("product", ID, nullable=False),
    Column("variant", ID, nullable=False),
    Column("utc_us", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("sold", BigInteger, nullable=False),
    Column("order_number", NUMBER),
    Column("hold", ID),
)
Index(
    "movements_gone",
    movements.c.show,
    movements.c.product,
    movements.c.variant,
    sqlite_where=movements.c.kind == "gone",
    postgresql_where=movements.c.kind == "gone",
)

purchases = Table(
    "purchases",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("viewer", VIEWER, nullable=False),
    Column("product", ID, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    PrimaryKeyConstraint("show", "viewer", "product", name="purchases_key"),
    CheckConstraint("quantity >= 0", name="purchases_not_negative"),
)

replies = Table(
    "replies",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("viewer", VIEWER, nullable=False),
    Column("idempotency_key", VIEWER, nullable=False),
    Column("request_sha256", ID, nullable=False),
    Column("reply", JSON, nullable=False),
    Column("utc_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("show", "viewer", "idempotency_key", name="replies_key"),
)
