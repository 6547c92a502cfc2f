"""What viewers say of their playheads, on its way to main: gathered, and sent twice a second.

Only the newest report of each viewer waits, and at most `MAX_WAITING` of them: one more is dropped,
which costs that viewer nothing but the fairness of one report. The gateway trusts nobody: it hands
on the cookie as it came, and main checks its signature.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mediaserver.bus.messages import PlayheadReport, PlayheadReports
from overlay.checks import IDENTIFIER
from overlay.show.events import MAX_TICK

MAX_WAITING = 20_000
MAX_BATCH = 2000
SEND_EVERY_S = 0.5

_NS_PER_MS = 1_000_000


class PlayheadOutbox:
    """Waiting reports. One event loop only."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], tuple[PlayheadReport, int]] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def say(self, show: str, token: str | None, message: Mapping[str, Any], now_ns: int) -> None:
        """A viewer's message; one that makes no sense, or is nobody's, is passed over."""
        epoch, pts = message.get("media_epoch"), message.get("pts")
        if token is None:
            return
        if not isinstance(epoch, str) or not IDENTIFIER.fullmatch(epoch):
            return
        if isinstance(pts, bool) or not isinstance(pts, int) or not 0 <= pts <= MAX_TICK:
            return
        key = (show, token)
        if key not in self._waiting and len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        report = PlayheadReport(show=show, token=token, media_epoch=epoch, pts=pts, age_ms=0)
        self._waiting[key] = (report, now_ns)

    def take(self, now_ns: int) -> list[PlayheadReports]:
        """Everything that waits, as messages that say how old each report is."""
        reports = deque(
            replace(report, age_ms=max(0, now_ns - at_ns) // _NS_PER_MS)
            for report, at_ns in self._waiting.values()
        )
        self._waiting.clear()
        batches = []
        while reports:
            some = [reports.popleft() for _ in range(min(MAX_BATCH, len(reports)))]
            batches.append(PlayheadReports(reports=tuple(some)))
        return batches
