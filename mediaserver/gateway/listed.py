"""Since when a playlist has listed its segments: what a client is sure to have. Pure.

A delta update leaves out what lies far from the end in media time. Where media comes in a burst,
after a loss of main, that says nothing of how long it has been listed: what may be left out is
what was listed whole for nearly the Skip Boundary, by the clock. A client that may ask has "a
version of the Playlist that is no older than one-half of the Skip Boundary" (§6.3.7), and waits for
the answer as long again at most.
"""

from collections import deque


class ListedSince:
    """One rendition. Holds an entry for each segment of the last `known_after_s`."""

    def __init__(self, known_after_s: int) -> None:
        self._known_after_ns = known_after_s * 1_000_000_000
        self._steps: deque[tuple[int, int]] = deque()
        self._known_until = 0

    def publish(self, whole_until: int, now_ns: int) -> int:
        """Segments before the number `whole_until` are whole from now on: those before the number
        that this returns are for long enough."""
        if not self._steps or self._steps[-1][1] != whole_until:
            self._steps.append((now_ns, whole_until))
        while self._steps and self._steps[0][0] <= now_ns - self._known_after_ns:
            self._known_until = self._steps.popleft()[1]
        return self._known_until
