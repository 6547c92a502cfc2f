"""Where each viewer's playhead was lately, by what their signed sessions reported.

Orders are judged by it (`overlay.offers.fairness`). Everything in a report is a claim: the cookie's
signature is checked; a report of another media epoch, of a picture that has not been taken yet,
from further back than the one before, or less than a second after it, is passed over.
Only in memory: after a restart of main nobody's lag is known until they report anew.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mediaserver.bus.messages import PlayheadReport
from overlay.offers.fairness import Report, Seen
from overlay.show.log import MediaTime

MAX_VIEWERS = 200_000
"""Remembered; one more takes the place of whoever has not reported for longest."""
MAX_REPORTS = 8
"""Kept of each viewer: 35 s at the player's rate of one in 5 s."""
LEAST_APART_TICKS = 90_000
FUTURE_TICKS = 45_000
"""How far ahead of the live edge a playhead may say to be: clocks are read at different moments."""
MAX_AGE_MS = 5000

_TICKS_PER_MS = 90


class OnAir(Protocol):
    """What is needed of a show."""

    def air_time(self) -> MediaTime | None:
        """The tick that is now; None off air."""


class Tokens(Protocol):
    """Who signs viewers' cookies."""

    def viewer(self, token: str) -> str | None:
        """The viewer's id, or None for what we have not signed."""


@dataclass(slots=True)
class _Trail:
    media_epoch: str
    reports: deque[Report] = field(default_factory=lambda: deque(maxlen=MAX_REPORTS))


class Playheads:
    """All viewers' trails. One event loop only."""

    def __init__(self, *, shows: Mapping[str, OnAir], tokens: Tokens) -> None:
        self._shows = shows
        self._tokens = tokens
        self._trails: OrderedDict[tuple[str, str], _Trail] = OrderedDict()
        self.refused = 0
        """Reports that were passed over."""

    def __len__(self) -> int:
        return len(self._trails)

    def take(self, reports: Iterable[PlayheadReport]) -> None:
        """A batch from a gateway."""
        for report in reports:
            if not self._taken(report):
                self.refused += 1

    def seen(self, show: str, viewer: str) -> Seen | None:
        """What the viewer has reported lately; None where nothing is known."""
        trail = self._trails.get((show, viewer))
        if trail is None:
            return None
        return Seen(media_epoch=trail.media_epoch, reports=tuple(trail.reports))

    def _taken(self, report: PlayheadReport) -> bool:
        show = self._shows.get(report.show)
        now = None if show is None else show.air_time()
        if now is None or now.media_epoch != report.media_epoch:
            return False
        arrived = now.pts - min(max(0, report.age_ms), MAX_AGE_MS) * _TICKS_PER_MS
        if not 0 <= report.pts <= arrived + FUTURE_TICKS:
            return False
        viewer = self._tokens.viewer(report.token)
        if viewer is None:
            return False
        key = (report.show, viewer)
        trail = self._trails.get(key)
        if trail is None or trail.media_epoch != report.media_epoch:
            trail = self._trails[key] = _Trail(report.media_epoch)
        self._trails.move_to_end(key)
        if trail.reports:
            last = trail.reports[-1]
            if arrived - last.arrived < LEAST_APART_TICKS or report.pts < last.pts:
                return False
        trail.reports.append(Report(arrived=arrived, pts=min(report.pts, arrived)))
        while len(self._trails) > MAX_VIEWERS:
            self._trails.popitem(last=False)
        return True
