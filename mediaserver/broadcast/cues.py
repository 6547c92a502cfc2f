"""Cues on their way into the media: stamped with a media time, then owed to the worker.

The shop commits a cue before it gets here, so what is owed outlives every process: a replacement
worker is told anew, and a restarted main reads the log.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mediaserver.errors import RequestRefused
from overlay.show.cues import CueMoment
from overlay.show.events import cue as plain_cue
from overlay.values import Cue
from transcoder.values import TICKS_PER_SECOND, Anchor, TimedMetadata

MAX_OWED = 256
"""As many as a worker keeps waiting."""
RECENT_TICKS = 10 * TICKS_PER_SECOND
"""After main's restart: what began this long before the last part may have been lost with a worker,
and is sent again; a worker ignores what it knows."""
MAX_CLAIM_TICKS = 2 * TICKS_PER_SECOND
"""How far from arrival a host's clock may put its click."""


class HostClock(Protocol):
    """What stamping needs of the ingest process (`mediaserver.ingest.link.IngestLink`)."""

    async def host_moment(self, session: str, host_utc_us: int) -> int | None:
        """The tick captured when the host's clock read this; None where that is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a cue is meant to happen: one of these, or none for now."""

    clicked_utc_us: int | None = None
    """Unix time of the click in microseconds, by the clock of the host's machine."""
    pts: int | None = None
    utc_us: int | None = None
    """A PROGRAM-DATE-TIME, in microseconds of Unix time."""


async def stamped(
    moment: Moment,
    *,
    media_epoch: str,
    anchor: Anchor,
    window_ticks: int,
    session: str | None,
    clock: HostClock,
    now_ns: int,
) -> CueMoment:
    """`moment` on the timeline of `anchor`; `now_ns` is the monotonic time of its arrival.

    A click goes to the frame that its host was then living in; where that is unknown, or more than
    2 s from arrival, the tick of arrival counts.
    """
    now_tick = anchor.tick(now_ns)
    pts = now_tick
    if moment.pts is not None:
        pts = moment.pts
    elif moment.utc_us is not None:
        pts = round((moment.utc_us - anchor.utc_us) * TICKS_PER_SECOND / 1_000_000)
    elif moment.clicked_utc_us is not None and session is not None:
        claim = await clock.host_moment(session, moment.clicked_utc_us)
        if claim is not None and abs(claim - now_tick) <= MAX_CLAIM_TICKS:
            pts = claim
    return CueMoment(
        media_epoch=media_epoch,
        pts=pts,
        exact=moment.pts is not None or moment.utc_us is not None,
        now_tick=now_tick,
        window_ticks=window_ticks,
    )


def metadata_of(cue: Cue) -> TimedMetadata:
    """A cue as the transcoder carries it; the payload is what players read. What a pin shows is to
    be seen well."""
    return TimedMetadata(
        id=cue.id,
        revision=cue.revision,
        pts=cue.pts,
        duration=cue.duration,
        payload=json.dumps(plain_cue(cue), separators=(",", ":")).encode(),
        sharp=cue.type == "pin",
    )


class OwedCues:
    """What the worker has been told, or should be, and no part on air carries yet.

    Holds `MAX_OWED`: `require_room` refuses one more before it is committed.
    """

    def __init__(self) -> None:
        self._owed: dict[tuple[str, int], TimedMetadata] = {}

    @property
    def all(self) -> tuple[TimedMetadata, ...]:
        """What is owed, in the order it came."""
        return tuple(self._owed.values())

    def require_room(self) -> None:
        """Raises `RequestRefused` when too many are waiting."""
        if len(self._owed) >= MAX_OWED:
            raise RequestRefused(
                503, "too_many_cues", f"{MAX_OWED} cues wait for their moment; try again later."
            )

    def add(self, cue: TimedMetadata) -> None:
        """One more is owed."""
        self._owed[cue.id, cue.revision] = cue

    def carried(self, cues: Iterable[TimedMetadata]) -> None:
        """These are in parts that viewers have."""
        for cue in cues:
            self.drop(cue.id, cue.revision)

    def drop(self, cue: str, revision: int) -> None:
        """This one is owed no more."""
        self._owed.pop((cue, revision), None)
