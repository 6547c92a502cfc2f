"""The data of each type of `ShowEvent`: built here, and read back with every key checked.

============== ==================================================================================
`cue`          the cue: id, revision, type, media_epoch, pts, duration, product, ends
`product`      the product as the public sees it (`overlay.catalog.products.Product.to_plain`)
`product_gone` {"id"}
`stock`        {"product", "available", "sold_out"}: applies at once, whatever its media time
`order`        {"product", "quantity"}: nothing about the buyer
============== ==================================================================================

A cue's media time is the frame it is for; that of all others is when it happened, if a broadcast
was on. Plain JSON data throughout. Readers raise `InvalidInput`.
"""

from collections.abc import Mapping
from typing import Any, Literal, cast

from overlay import checks
from overlay.errors import InvalidInput
from overlay.values import MAX_CUE_TICKS, MIN_CUE_TICKS, Cue, CueType

EventType = Literal["cue", "product", "product_gone", "stock", "order"]

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


def stock(product_id: str, available: int) -> dict[str, Any]:
    """How many are left."""
    return {"product": product_id, "available": available, "sold_out": available == 0}


def order(product_id: str, quantity: int) -> dict[str, Any]:
    """Somebody bought."""
    return {"product": product_id, "quantity": quantity}
