"""The show: its log, the stored folds of it, the run of show, and the carts of its viewers."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
)

from overlay.store.migrations.frozen_0002.base import ID, SHOW, VIEWER, metadata

log = Table(
    "log",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("media_epoch", ID),
    Column("pts", BigInteger),
    Column("utc_us", BigInteger, nullable=False),
    Column("type", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Column("cue_id", ID),
    PrimaryKeyConstraint("show", "offset", name="log_key"),
    CheckConstraint('"offset" > 0', name="log_offset_counts_from_1"),
)
Index("log_cue", log.c.show, log.c.cue_id, unique=True)

snapshots = Table(
    "snapshots",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", JSON, nullable=False),
    PrimaryKeyConstraint("show", "offset", name="snapshots_key"),
)

run_items = Table(
    "run_items",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("id", ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("note", String(2000), nullable=False),
    Column("products", JSON, nullable=False),
    Column("done", Boolean, nullable=False),
    PrimaryKeyConstraint("show", "id", name="run_items_key"),
)

show_settings = Table(
    "show_settings",
    metadata,
    Column("show", SHOW, primary_key=True),
    Column("rehearsal", JSON(none_as_null=True)),
    Column("settings", JSON, nullable=False),
)

carts = Table(
    "carts",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("viewer", VIEWER, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("items", JSON, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("show", "viewer", name="carts_key"),
)
Index("carts_by_time", carts.c.updated_us)
