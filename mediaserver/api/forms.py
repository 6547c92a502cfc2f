"""The JSON of the API as types: what is read, what is answered. OpenAPI is made from these.

Reading is strict: unknown keys, wrong types and lengths are refused before a handler runs. What
needs the database or the rules of the shop is refused by the shop, in the same form.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from mediaserver.bus.messages import HealthHint

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Letters, digits, _ and -")]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Fact = Annotated[str, Meta(min_length=1, max_length=120)]
_Terms = Annotated[str, Meta(max_length=300)]
_Picture = Annotated[
    str,
    Meta(
        min_length=1, max_length=2000, description="http(s) address, or a path that begins with /"
    ),
]
_Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]
_Price = Annotated[int, Meta(ge=0, le=1_000_000_000, description="In cents or their like")]
_Stock = Annotated[
    int, Meta(ge=0, le=10_000_000, description="All there ever was to sell, sold units included")
]
_Tick = Annotated[int, Meta(ge=0, le=2**53, description="1/90,000 s of the media epoch")]
_HostMs = Annotated[
    float, Meta(ge=0, le=1e14, description="Unix time of the click by the host's own clock, ms")
]
_CueMs = Annotated[int, Meta(ge=500, le=3_600_000)]


class ProductForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as a host describes it. HTML in its texts is text."""

    name: _Name
    facts: Annotated[tuple[_Fact, ...], Meta(max_length=5)] = ()
    picture: _Picture | None = None
    price_minor: _Price
    currency: _Currency
    stock: _Stock | None = None
    """Needed for a new product; without it the stock stays as it is."""
    seller: _Terms
    returns: _Terms


class CueForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pin of a product, or the unpin that ends one. At most one of `clicked_at_ms`, `pts` and
    `program_date_time`; without any, the moment of arrival counts."""

    id: Id | None = None
    type: Literal["pin", "unpin"]
    product: Id | None = None
    ends: Id | None = None
    duration_ms: _CueMs | None = None
    clicked_at_ms: _HostMs | None = None
    pts: _Tick | None = None
    program_date_time: Annotated[datetime, Meta(tz=True)] | None = None


class OrderItemForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of one product."""

    product: Id
    quantity: Annotated[int, Meta(ge=1, le=99)]


class OrderForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a viewer wants to buy, all of it or nothing."""

    items: Annotated[tuple[OrderItemForm, ...], Meta(min_length=1, max_length=50)]


class Show(Struct, frozen=True, kw_only=True):
    """A show."""

    show: str
    title: str
    state: Literal["idle", "live", "away", "ended"]
    epoch: str | None


class TrackHealth(Struct, frozen=True, kw_only=True):
    """How the sound or the picture of a publish has fared in the last second."""

    codec: str
    bitrate_bps: int
    frames_per_s: float
    lost_share: float
    """Of the packets of the last five seconds, before repair."""
    unrepaired_share: float
    """What is left of it after repair."""
    jitter_ms: float
    width: int | None
    height: int | None
    keyframe_interval_s: float | None
    layer: str | None
    """The simulcast layer in use."""


class Health(Struct, frozen=True, kw_only=True):
    """How the publish of a show fares, and one hint for its host."""

    session: str
    state: Literal["connecting", "connected", "media", "silent"]
    hint: HealthHint
    video: TrackHealth | None
    audio: TrackHealth | None
    rtt_ms: float | None
    skew_ms: float | None
    """Picture minus sound against the host's own clock; None while that is unknown."""


class Product(Struct, frozen=True, kw_only=True):
    """A product as everyone may see it."""

    id: str
    name: str
    facts: tuple[str, ...]
    picture: str | None
    price_minor: int
    currency: str
    seller: str
    returns: str
    available: int
    sold_out: bool


class Products(Struct, frozen=True, kw_only=True):
    """The products of a show."""

    products: tuple[Product, ...]


class Cue(Struct, frozen=True, kw_only=True):
    """A cue on media time: ticks of 1/90,000 s of its media epoch."""

    id: str
    revision: int
    type: Literal["pin", "unpin"]
    media_epoch: str
    pts: int
    duration: int
    product: str | None
    ends: str | None


class Cues(Struct, frozen=True, kw_only=True):
    """The cues of a show's last media epoch."""

    cues: tuple[Cue, ...]


class OrderItem(Struct, frozen=True, kw_only=True):
    """A line of an order, at the server's price."""

    product: str
    name: str
    quantity: int
    price_minor: int


class Order(Struct, frozen=True, kw_only=True):
    """An order that is stored."""

    number: str
    utc_us: int
    """When, Unix time in microseconds."""
    items: tuple[OrderItem, ...]
    total_minor: int
    currency: str


class PlacedOrder(Struct, frozen=True, kw_only=True):
    """The answer to an order."""

    order: Order


class Orders(Struct, frozen=True, kw_only=True):
    """The orders of a show, the newest first."""

    orders: tuple[Order, ...]


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why not, in a sentence."""

    code: str
    message: str
    field: str | None = None


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """The one form of an error."""

    error: Fault
