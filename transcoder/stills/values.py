"""A still picture of a show, as it goes from the worker through main to the gateways."""

from dataclasses import dataclass
from typing import Literal

from transcoder.wire import wire_value

StillKind = Literal["poster", "thumbnail"]
StillType = Literal["image/jpeg", "image/webp"]

MAX_BYTES: dict[StillKind, int] = {"poster": 1024 * 1024, "thumbnail": 64 * 1024}
"""Of one image. What is made keeps to it, and who takes it looks."""
TYPES: dict[StillKind, tuple[StillType, ...]] = {
    "poster": ("image/jpeg", "image/webp"),
    "thumbnail": ("image/jpeg",),
}
"""The forms in which each kind comes."""


@wire_value("still_image", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class StillImage:
    """A still in one form."""

    media_type: StillType
    data: bytes


@wire_value("still", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One picture of what was on air: worker → main → gateways.

    Of posters only the newest counts. A thumbnail stands for the time from its picture to the next
    one's; its epoch and tick name it, and what they name never changes.
    """

    show: str
    epoch: str
    kind: StillKind
    tick: int
    """Of the picture, on the media timeline."""
    width: int
    height: int
    images: tuple[StillImage, ...]
    """The same picture in each of `TYPES`."""
