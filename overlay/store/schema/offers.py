"""Offers, the codes of coupons, who claimed one, and how often each buyer used an offer."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
)

from overlay.store.schema.base import ID, SHOW, VIEWER, metadata

offers = Table(
    "offers",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("id", ID, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("terms", JSON, nullable=False),
    Column("media_epoch", ID),
    Column("starts_pts", BigInteger),
    Column("ends_pts", BigInteger),
    Column("starts_us", BigInteger),
    Column("ends_us", BigInteger),
    Column("quota", BigInteger),
    Column("used", BigInteger, nullable=False),
    Column("per_buyer", BigInteger),
    PrimaryKeyConstraint("show", "id", name="offers_key"),
    CheckConstraint("kind IN ('flash', 'coupon', 'bundle', 'gift')", name="offers_kind_known"),
    CheckConstraint(
        "state IN ('draft', 'announced', 'running', 'ended', 'cancelled')",
        name="offers_state_known",
    ),
    CheckConstraint("used >= 0", name="offers_used_not_negative"),
    CheckConstraint("quota IS NULL OR used <= quota", name="offers_quota_kept"),
)

codes = Table(
    "codes",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("code", ID, nullable=False),
    Column("offer", ID, nullable=False),
    Column("quota", BigInteger, nullable=False),
    Column("claimed", BigInteger, nullable=False),
    PrimaryKeyConstraint("show", "code", name="codes_key"),
    CheckConstraint("claimed >= 0 AND claimed <= quota", name="codes_quota_kept"),
)
Index("codes_of_an_offer", codes.c.show, codes.c.offer)

claims = Table(
    "claims",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("offer", ID, nullable=False),
    Column("viewer", VIEWER, nullable=False),
    Column("code", ID, nullable=False),
    Column("utc_us", BigInteger, nullable=False),
    Column("order_number", String(16)),
    Column("judged", JSON(none_as_null=True)),
    PrimaryKeyConstraint("show", "offer", "viewer", name="claims_key"),
)

offer_uses = Table(
    "offer_uses",
    metadata,
    Column("show", SHOW, nullable=False),
    Column("offer", ID, nullable=False),
    Column("viewer", VIEWER, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    PrimaryKeyConstraint("show", "offer", "viewer", name="offer_uses_key"),
    CheckConstraint("quantity >= 0", name="offer_uses_not_negative"),
)
