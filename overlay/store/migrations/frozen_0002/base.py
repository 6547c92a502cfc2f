"""What the tables share, and the one row that names the database."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, MetaData, String, Table

metadata = MetaData()

SHOW = String(63)
ID = String(64)
VIEWER = String(128)
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
"""A key that the database counts: SQLite does so for INTEGER alone."""

meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("log_epoch", String(32), nullable=False),
    CheckConstraint("id = 1", name="meta_is_one_row"),
)
