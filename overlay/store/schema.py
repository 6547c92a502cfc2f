"""The tables, as the newest migration leaves them (a test holds the two together).

What must never be wrong is a constraint here, not only a rule in code: stock adds up and is never
negative, an offset and an idempotency key are used once.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("log_epoch", String(32), nullable=False),
    CheckConstraint("id = 1", name="meta_is_one_row"),
)

log = Table(
    "log",
    metadata,
    Column("show", String(63), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("media_epoch", String(64)),
    Column("pts", BigInteger),
    Column("utc_us", BigInteger, nullable=False),
    Column("type", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Column("cue_id", String(64)),
    PrimaryKeyConstraint("show", "offset", name="log_key"),
    CheckConstraint('"offset" > 0', name="log_offset_counts_from_1"),
)
Index("log_cue", log.c.show, log.c.cue_id, unique=True)

products = Table(
    "products",
    metadata,
    Column("show", String(63), nullable=False),
    Column("id", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("picture", String(2000)),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("seller", String(300), nullable=False),
    Column("returns", String(300), nullable=False),
    Column("initial", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("sold", BigInteger, nullable=False),
    PrimaryKeyConstraint("show", "id", name="products_key"),
    CheckConstraint("price_minor >= 0", name="products_price_not_negative"),
    CheckConstraint("available >= 0", name="products_never_oversold"),
    CheckConstraint("sold >= 0", name="products_sold_not_negative"),
    CheckConstraint("initial = available + sold", name="products_stock_adds_up"),
)

orders = Table(
    "orders",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("show", String(63), nullable=False),
    Column("viewer", String(128), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("utc_us", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    UniqueConstraint("show", "viewer", "idempotency_key", name="orders_key_used_once"),
)
Index("orders_by_time", orders.c.show, orders.c.utc_us)

order_items = Table(
    "order_items",
    metadata,
    Column("order_number", String(16), ForeignKey("orders.number"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("product", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("order_number", "line", name="order_items_key"),
    CheckConstraint("quantity > 0", name="order_items_quantity_positive"),
)
