"""The rules of pin and unpin: what a cue may say, when, and what a repeated id means.

Times are ticks of 1/90,000 s of the media epoch. The caller knows the clocks: it says which tick
is meant, which is live now, and how much lies behind that in the players' window.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from overlay import checks
from overlay.catalog import products
from overlay.errors import CueConflict, CueRefused, InvalidInput, UnknownProduct
from overlay.show import events
from overlay.show.log import LogWriter, MediaTime, find_cue
from overlay.values import DEFAULT_CUE_TICKS, MAX_CUE_TICKS, MIN_CUE_TICKS, Cue, ShowEvent

REVISION = 1
"""Of every cue: its attributes never change, so it has no second one."""

PAST_SLACK_TICKS = 10 * 90_000
"""How far before the window a cue may lie: a viewer may have paused there for a moment."""
FUTURE_TICKS = 3600 * 90_000
"""How far ahead of the live edge; beyond it is a broken clock, not a plan."""

_TICKS_PER_MS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class CueDraft:
    """A cue as it is asked for, not yet checked: `place` does."""

    type: str
    """``pin`` or ``unpin``."""
    id: str | None = None
    """What makes the request repeatable; None: an id is made up."""
    product: str | None = None
    """Of a pin."""
    ends: str | None = None
    """Of an unpin: the id of the pin that it ends."""
    duration_ms: int | None = None
    """Of a pin; None: `DEFAULT_CUE_TICKS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CueMoment:
    """When, by the caller's clocks."""

    media_epoch: str
    pts: int
    """The tick that the cue is meant for."""
    exact: bool
    """The request itself names that tick (as media time or program date-time), so that a repeat
    must name it again. Otherwise it comes from a clock, and a repeat has another one."""
    now_tick: int
    """The live edge."""
    window_ticks: int
    """How much of the broadcast players can still see behind it."""


def place(
    connection: Connection, writer: LogWriter, *, draft: CueDraft, moment: CueMoment
) -> tuple[Cue, ShowEvent | None]:
    """The cue, and the event if it is new.

    Raises `InvalidInput`, `UnknownProduct`, `CueConflict`, `CueRefused`.
    """
    cue = _checked(draft, moment)
    known = find_cue(connection, writer.epoch, writer.show, cue.id)
    if known is not None:
        return _repeated(events.read_cue(known.data), cue, exact=moment.exact), None
    _refuse_absurd_times(cue, moment)
    if cue.product is not None and products.find(connection, writer.show, cue.product) is None:
        raise UnknownProduct(f"This show has no product {cue.product}.", field="product")
    if cue.ends is not None:
        _refuse_no_pin(find_cue(connection, writer.epoch, writer.show, cue.ends), cue)
    at = MediaTime(media_epoch=cue.media_epoch, pts=cue.pts)
    event = writer.append(connection, "cue", events.cue(cue), at=at, cue_id=cue.id)
    return cue, event


def _checked(draft: CueDraft, moment: CueMoment) -> Cue:
    """The cue that the draft asks for, whatever the log and the live edge say of it."""
    if not 0 <= moment.pts <= events.MAX_TICK:
        raise CueRefused("The cue is before the beginning of the broadcast, or years ahead.")
    plain: dict[str, Any] = {
        "id": secrets.token_hex(8) if draft.id is None else draft.id,
        "revision": REVISION,
        "type": draft.type,
        "media_epoch": moment.media_epoch,
        "pts": moment.pts,
        "duration": _duration(draft),
        "product": draft.product,
        "ends": draft.ends,
    }
    return events.read_cue(plain)


def _duration(draft: CueDraft) -> int:
    if draft.duration_ms is None:
        return DEFAULT_CUE_TICKS
    if draft.type == "unpin":
        raise InvalidInput(
            "duration_ms has no meaning in a cue of type unpin.", field="duration_ms"
        )
    least, most = MIN_CUE_TICKS // _TICKS_PER_MS, MAX_CUE_TICKS // _TICKS_PER_MS
    duration_ms = checks.integer(draft.duration_ms, "duration_ms", least=least, most=most)
    return duration_ms * _TICKS_PER_MS


def _repeated(stored: Cue, asked: Cue, *, exact: bool) -> Cue:
    """The stored cue, if `asked` is the same request again."""
    names = ["type", "media_epoch", "duration", "product", "ends", *(["pts"] if exact else [])]
    for name in names:
        if getattr(stored, name) != getattr(asked, name):
            what = "an earlier broadcast" if name == "media_epoch" else f"another {name}"
            raise CueConflict(
                f"The cue {stored.id} exists already, with {what}: give this one an id of its own.",
                field="id",
            )
    return stored


def _refuse_absurd_times(cue: Cue, moment: CueMoment) -> None:
    if cue.pts < moment.now_tick - moment.window_ticks - PAST_SLACK_TICKS:
        behind_s = (moment.now_tick - cue.pts) // 90_000
        raise CueRefused(f"The cue lies {behind_s} s in the past, where no viewer is any more.")
    if cue.pts > moment.now_tick + FUTURE_TICKS:
        ahead_s = (cue.pts - moment.now_tick) // 90_000
        raise CueRefused(
            f"The cue lies {ahead_s} s in the future; {FUTURE_TICKS // 90_000} s is the most."
        )


def _refuse_no_pin(ended: ShowEvent | None, cue: Cue) -> None:
    if ended is None or ended.data["type"] != "pin":
        raise CueRefused(f"There is no pin {cue.ends} to end.", field="ends")
    if ended.media_epoch != cue.media_epoch:
        raise CueRefused(f"The pin {cue.ends} belongs to an earlier broadcast.", field="ends")
