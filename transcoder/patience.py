"""How long what has not come is waited for: as long as things have come late of late. Pure.

A machine that is short of time, or a line that repeats what it lost, makes everything late for
seconds on end. Waiting longer for a while costs latency only where something is missing, and keeps
picture and sound at their own times; a patience that never grew would tear both.
"""

from collections import deque

from transcoder.values import TICKS_PER_SECOND

_WINDOW_TICKS = TICKS_PER_SECOND
_WINDOWS = 10
"""What was late is remembered for nine seconds to ten."""
LONGEST_TICKS = TICKS_PER_SECOND * 2 // 5
"""400 ms: a player at the live edge lives through a part that comes so late."""


class Patience:
    """`ticks` is `shortest_ticks`, and `spare_ticks` more than the latest of the last ten seconds
    where that is longer, up to `LONGEST_TICKS`. What came even later says nothing: waiting longer
    would not have helped it, and after an outage much comes so."""

    def __init__(self, *, shortest_ticks: int, spare_ticks: int) -> None:
        self._shortest_ticks = shortest_ticks
        self._spare_ticks = spare_ticks
        self._latest: deque[tuple[int, int]] = deque(maxlen=_WINDOWS)
        self.ticks = shortest_ticks
        """How long to wait past the time at which something should be there."""

    def came(self, late_ticks: int, now_tick: int) -> None:
        """Something came, so long after its own time."""
        window = now_tick // _WINDOW_TICKS
        late_ticks = late_ticks if late_ticks <= LONGEST_TICKS else 0
        if not self._latest or self._latest[-1][0] < window:
            self._latest.append((window, late_ticks))
        elif late_ticks > self._latest[-1][1]:
            self._latest[-1] = (self._latest[-1][0], late_ticks)
        else:
            return
        recent = [late for at, late in self._latest if at > window - _WINDOWS]
        learnt_ticks = min(max(recent, default=0) + self._spare_ticks, LONGEST_TICKS)
        self.ticks = max(self._shortest_ticks, learnt_ticks)
