"""The values of the shop that cross a wall: `Cue` and `ShowEvent`. Plain data, no wire form here:
`mediaserver.bus` gives them theirs.

Media times are ticks of 1/90,000 s on the timeline of the media epoch they name.
"""

from dataclasses import dataclass
from typing import Any, Literal

CueType = Literal["pin", "unpin"]

MIN_CUE_TICKS = 45_000
"""500 ms: nobody reads a card in less, and players take 250 ms and less for infinite."""
MAX_CUE_TICKS = 90_000 * 3600
DEFAULT_CUE_TICKS = 90_000 * 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Something the host means to happen on one frame. Its attributes never change: an early unpin
    is a cue of its own that names what it ends. Carries ids, never prices or stock."""

    id: str
    revision: int
    type: CueType
    media_epoch: str
    pts: int
    """The tick of the frame that the host was living in."""
    duration: int
    """Ticks. Of an unpin: how long it stays announced, `DEFAULT_CUE_TICKS`."""
    product: str | None
    """The product that a pin shows."""
    ends: str | None
    """The id of the cue that an unpin ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowEvent:
    """One line of a show's log. The database numbers it: `offset` counts from 1 without a gap."""

    show: str
    epoch: str
    """The log epoch: changes only when the show's database does."""
    offset: int
    media_epoch: str | None
    pts: int | None
    """Media time, None for what has none."""
    utc_us: int
    """When it was written, Unix time in microseconds."""
    type: Literal[
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
    data: dict[str, Any]
    """Plain JSON data; see `overlay.show.events` for each type's keys."""
