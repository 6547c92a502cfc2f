"""The data of each type of `ShowEvent`: built here, and read back with every key checked.

============== ==================================================================================
`cue`          the cue: id, revision, type, media_epoch, pts, duration, product, ends
`product`      the product as the public sees it (`overlay.catalog.products.Product.to_plain`)
`product_gone` {"id"}
`stock`        {"product", "variant", "available", "sold_out"}, the variant's own: applies at once,
               whatever its media time
`order`        {"product", "quantity", "orders"}: so many more units in so many more orders; nothing
               about the buyers
`offer`        the offer as the public sees it (`overlay.offers.terms.Offer.to_plain`): announced,
               begun, ended, taken back, or with another end
`offer_gone`   {"id"}: it is a draft again, because a rehearsal is over
`offer_left`   {"offer", "left"}: how often it may still be used (claims, of a coupon): at once
`rehearsal`    {"on"}: what follows is play, or all of it since it went on is undone
============== ==================================================================================

A cue's media time is the frame it is for; that of all others is when it happened, if a broadcast
was on. Plain JSON data throughout. Readers raise `InvalidInput`.
"""

from collections.abc import Mapping
from typing import Any, Literal, cast

from overlay import checks
from overlay.errors import InvalidInput
from overlay.values import MAX_CUE_TICKS, MIN_CUE_TICKS, Cue, CueType

EventType = Literal[
    "cue",
    "product",
    "product_gone",
    "stock",
    "order",
    "offer",
    "offer_gone",
    "offer_left",
    "rehearsal",
]

MAX_TICK = 90_000 * 3600 * 24 * 366
"""A year of broadcast: no tick is beyond."""


def cue(value: Cue) -> dict[str, Any]:
    """A cue as it stands in the API, in events and in band."""
    return {name: getattr(value, name) for name in Cue.__dataclass_fields__}


def read_cue(data: Mapping[str, Any]) -> Cue:
    """The inverse of `cue`."""
    kind = data.get("type")
    if kind not in ("pin", "unpin"):
        raise InvalidInput("type must be pin or unpin.", field="type")
    names = {"pin": ("product", "ends"), "unpin": ("ends", "product")}[kind]
    checks.identifier(data.get(names[0]), names[0])
    if data.get(names[1]) is not None:
        raise InvalidInput(f"{names[1]} has no meaning in a cue of type {kind}.", field=names[1])
    return Cue(
        id=checks.identifier(data.get("id"), "id"),
        revision=checks.integer(data.get("revision"), "revision", least=1, most=2**31),
        type=cast(CueType, kind),
        media_epoch=checks.identifier(data.get("media_epoch"), "media_epoch"),
        pts=checks.integer(data.get("pts"), "pts", least=0, most=MAX_TICK),
        duration=checks.integer(
            data.get("duration"), "duration", least=MIN_CUE_TICKS, most=MAX_CUE_TICKS
        ),
        product=data.get("product"),
        ends=data.get("ends"),
    )


def product(public: dict[str, Any]) -> dict[str, Any]:
    """A product was created or changed, its stock included."""
    return public


def product_gone(product_id: str) -> dict[str, Any]:
    """A product is no longer in the show."""
    return {"id": product_id}


def stock(product_id: str, variant: str, available: int) -> dict[str, Any]:
    """How many of a variant are left."""
    return {
        "product": product_id,
        "variant": variant,
        "available": available,
        "sold_out": available == 0,
    }


def order(product_id: str, *, quantity: int, orders: int) -> dict[str, Any]:
    """Somebody bought: `quantity` units, in `orders` orders."""
    return {"product": product_id, "quantity": quantity, "orders": orders}


def offer(public: dict[str, Any]) -> dict[str, Any]:
    """An offer is in another state, or has other times."""
    return public


def offer_gone(offer_id: str) -> dict[str, Any]:
    """An offer is a draft again."""
    return {"id": offer_id}


def offer_left(offer_id: str, left: int) -> dict[str, Any]:
    """How often an offer may still be used."""
    return {"offer": offer_id, "left": left}


def rehearsal(*, on: bool) -> dict[str, Any]:
    """Play begins, or is over and undone."""
    return {"on": on}
