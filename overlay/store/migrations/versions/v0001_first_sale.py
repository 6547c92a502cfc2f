"""The log, products and orders."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """From nothing."""
    op.create_table(
        "meta",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("log_epoch", sa.String(32), nullable=False),
        sa.CheckConstraint("id = 1", name="meta_is_one_row"),
    )
    op.create_table(
        "log",
        sa.Column("show", sa.String(63), nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("media_epoch", sa.String(64)),
        sa.Column("pts", sa.BigInteger),
        sa.Column("utc_us", sa.BigInteger, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("cue_id", sa.String(64)),
        sa.PrimaryKeyConstraint("show", "offset", name="log_key"),
        sa.CheckConstraint('"offset" > 0', name="log_offset_counts_from_1"),
    )
    op.create_index("log_cue", "log", ["show", "cue_id"], unique=True)
    _create_products()
    _create_orders()


def _create_products() -> None:
    op.create_table(
        "products",
        sa.Column("show", sa.String(63), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("picture", sa.String(2000)),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("seller", sa.String(300), nullable=False),
        sa.Column("returns", sa.String(300), nullable=False),
        sa.Column("initial", sa.BigInteger, nullable=False),
        sa.Column("available", sa.BigInteger, nullable=False),
        sa.Column("sold", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("show", "id", name="products_key"),
        sa.CheckConstraint("price_minor >= 0", name="products_price_not_negative"),
        sa.CheckConstraint("available >= 0", name="products_never_oversold"),
        sa.CheckConstraint("sold >= 0", name="products_sold_not_negative"),
        sa.CheckConstraint("initial = available + sold", name="products_stock_adds_up"),
    )


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("number", sa.String(16), primary_key=True),
        sa.Column("show", sa.String(63), nullable=False),
        sa.Column("viewer", sa.String(128), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("utc_us", sa.BigInteger, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.UniqueConstraint("show", "viewer", "idempotency_key", name="orders_key_used_once"),
    )
    op.create_index("orders_by_time", "orders", ["show", "utc_us"])
    op.create_table(
        "order_items",
        sa.Column("order_number", sa.String(16), sa.ForeignKey("orders.number"), nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("order_number", "line", name="order_items_key"),
        sa.CheckConstraint("quantity > 0", name="order_items_quantity_positive"),
    )
