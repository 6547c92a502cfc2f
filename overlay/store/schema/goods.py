"""The catalogue: products, their variants with the stock, and what each has cost when."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
)

from overlay.store.schema.base import ID, SEQUENCE, SHOW, metadata

products = Table(
    "products",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("id", ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("description", String(5000), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("pictures", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("seller", String(300), nullable=False),
    Column("returns", String(300), nullable=False),
    Column("related", JSON, nullable=False),
    Column("cap", Integer),
    Column("live_only", Boolean, nullable=False),
    Column("policy", String(16), nullable=False),
    PrimaryKeyConstraint("show", "id", name="products_key"),
    CheckConstraint("cap IS NULL OR cap > 0", name="products_cap_positive"),
    CheckConstraint("policy IN ('first_paid', 'hold')", name="products_policy_known"),
)

variants = Table(
    "variants",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("product", ID, nullable=False),
    Column("id", ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("options", JSON, nullable=False),
    Column("sku", String(100), nullable=False),
    Column("picture", String(2000)),
    Column("price_minor", BigInteger, nullable=False),
    Column("struck_minor", BigInteger),
    Column("initial", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("sold", BigInteger, nullable=False),
    PrimaryKeyConstraint("show", "product", "id", name="variants_key"),
    ForeignKeyConstraint(
        ["show", "product"],
        ["products.show", "products.id"],
        name="variants_of_a_product",
        ondelete="CASCADE",
    ),
    CheckConstraint("price_minor >= 0", name="variants_price_not_negative"),
    CheckConstraint(
        "struck_minor IS NULL OR struck_minor > price_minor", name="variants_struck_above_price"
    ),
    CheckConstraint("available >= 0", name="variants_never_oversold"),
    CheckConstraint("held >= 0", name="variants_held_not_negative"),
    CheckConstraint("sold >= 0", name="variants_sold_not_negative"),
    CheckConstraint("initial = available + held + sold", name="variants_stock_adds_up"),
)

prices = Table(
    "prices",
    metadata,
    Column("seq", SEQUENCE, primary_key=True),
    Column("show", SHOW, nullable=False),
    Column("product", ID, nullable=False),
    Column("variant", ID, nullable=False),
    Column("utc_us", BigInteger, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
)
Index("prices_of_a_variant", prices.c.show, prices.c.product, prices.c.variant, prices.c.utc_us)
