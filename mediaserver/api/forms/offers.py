"""The JSON of offers."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from mediaserver.api.forms.base import Currency, Id

OfferKind = Literal["flash", "coupon", "bundle", "gift"]
OfferState = Literal["draft", "announced", "running", "ended", "cancelled"]

_Minor = Annotated[int, Meta(ge=0, le=1_000_000_000)]
_Count = Annotated[int, Meta(ge=1, le=10_000_000)]
_Tick = Annotated[int, Meta(ge=0, le=2**53, description="1/90,000 s of the media epoch")]


class GoodsForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of a variant; `variant` may be left out where there is but one."""

    product: Id
    variant: Id | None = None
    quantity: Annotated[int, Meta(ge=1, le=50)] = 1


class GiftForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given."""

    product: Id
    variant: Id | None = None


class OfferForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The terms of an offer. A key that has no meaning for its kind is refused."""

    kind: OfferKind
    currency: Currency
    title: Annotated[str, Meta(max_length=120)] = ""
    product: Id | None = None
    variant: Id | None = None
    price_minor: _Minor | None = None
    percent_off: Annotated[int, Meta(ge=1, le=100)] | None = None
    minor_off: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    items: Annotated[tuple[GoodsForm, ...], Meta(max_length=10)] = ()
    gift: GiftForm | None = None
    least_total_minor: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    quota: _Count | None = None
    per_buyer: _Count | None = None
    shared_code: bool | None = None


class StartForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an offer begins and for how long; without `duration_ms` until it is ended. At most one
    of `clicked_at_ms`, `pts` and `program_date_time`, on air."""

    duration_ms: Annotated[int, Meta(ge=1000, le=86_400_000)] | None = None
    announce_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0
    clicked_at_ms: Annotated[float, Meta(ge=0, le=1e14)] | None = None
    pts: _Tick | None = None
    program_date_time: Annotated[datetime, Meta(tz=True)] | None = None


class CodesForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A coupon's codes: these, or so many new ones."""

    codes: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=10_000)] = ()
    make: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class ClaimForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that the viewer has heard, if one was said."""

    code: Annotated[str, Meta(max_length=100)] | None = None


class Goods(Struct, frozen=True, kw_only=True):
    """So many units."""

    product: str
    variant: str | None
    quantity: int


class GiftGoods(Struct, frozen=True, kw_only=True):
    """What is given."""

    product: str
    variant: str | None


class Offer(Struct, frozen=True, kw_only=True):
    """An offer as it stands; see `docs/shop.md`."""

    id: str
    state: OfferState
    kind: OfferKind
    title: str
    currency: str
    product: str | None
    variant: str | None
    price_minor: int | None
    percent_off: int | None
    minor_off: int | None
    items: tuple[Goods, ...]
    gift: GiftGoods | None
    least_total_minor: int | None
    quota: int | None
    per_buyer: int | None
    shared_code: bool
    media_epoch: str | None
    starts_pts: int | None
    ends_pts: int | None
    starts_us: int | None
    ends_us: int | None
    left: int | None


class Offers(Struct, frozen=True, kw_only=True):
    """All offers of a show, drafts too."""

    offers: tuple[Offer, ...]


class CodeCount(Struct, frozen=True, kw_only=True):
    """How many codes a coupon has."""

    count: int


class Claim(Struct, frozen=True, kw_only=True):
    """A viewer's code; `ends_us` is until when an order may name it."""

    offer: str
    code: str
    ends_pts: int | None
    ends_us: int | None


class Claimed(Struct, frozen=True, kw_only=True):
    """The answer to a claim."""

    claim: Claim
