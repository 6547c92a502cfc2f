"""The shop's clock: Unix time that neither jumps nor runs back, whatever the machine's clock does.

It begins at the machine's wall clock, or at the last moment that the shop has written down (a
movement of stock, a price, a line of a log, a claim) if that is later, and then goes by a steady
clock. Where the two part it drifts back by at most 1 %. So:

- A wall clock that is set an hour forward or back while the shop runs ends no hold early and keeps
  none for longer (but for 1 % of its time).
- A shop that is started on a machine whose clock has gone back goes on where it stopped: nothing
  that was over is open again, and what is open lasts at most its own time more.
- A shop that is started on a machine whose clock has gone forward believes it.

Two readings are never the same, so a later one is of a later moment.
"""

import time
from collections.abc import Callable

_SLEW = 100
"""One part in so many of the time that has passed is what a correction may take."""


class ShopClock:
    """Reads as Unix microseconds. Not thread-safe: it is the shop's own."""

    def __init__(
        self,
        *,
        floor_us: int = 0,
        wall_us: Callable[[], int] | None = None,
        steady_us: Callable[[], int] | None = None,
    ) -> None:
        """It never reads `floor_us` or less. `steady_us` only ever grows, from anywhere."""
        self._wall_us = wall_us or _wall_us
        self._steady_us = steady_us or _steady_us
        self._at_us = self._steady_us()
        self._now_us = max(self._wall_us(), floor_us)
        self._told_us = floor_us

    def __call__(self) -> int:
        """Now."""
        at_us = self._steady_us()
        passed_us = max(0, at_us - self._at_us)
        self._at_us = at_us
        self._now_us += passed_us
        most_us = passed_us // _SLEW
        off_us = self._wall_us() - self._now_us
        self._now_us += max(-most_us, min(most_us, off_us))
        self._told_us = max(self._now_us, self._told_us + 1)
        return self._told_us


def _wall_us() -> int:
    return time.time_ns() // 1000


def _steady_us() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
