"""Webhooks: who is told, what is to be told, and how each telling fares (an outbox)."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from overlay.store.schema.base import ID, SEQUENCE, SHOW, metadata

endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", ID, primary_key=True),
    Column("show", SHOW),
    Column("url", String(2000), nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("events", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("state IN ('on', 'off', 'gone')", name="webhook_endpoints_state_known"),
)

messages = Table(
    "webhook_messages",
    metadata,
    Column("seq", SEQUENCE, primary_key=True),
    Column("id", ID, nullable=False, unique=True),
    Column("show", SHOW, nullable=False),
    Column("type", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("utc_us", BigInteger, nullable=False),
)

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("message", ID, nullable=False),
    Column("endpoint", ID, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("status", Integer),
    Column("error", String(300)),
    PrimaryKeyConstraint("message", "endpoint", name="webhook_deliveries_key"),
    CheckConstraint(
        "state IN ('waiting', 'sent', 'failed')", name="webhook_deliveries_state_known"
    ),
)
Index("webhook_deliveries_due", deliveries.c.endpoint, deliveries.c.state, deliveries.c.due_us)
Index("webhook_messages_by_time", messages.c.utc_us)
