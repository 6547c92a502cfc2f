"""What a show's log said lately, for sockets that were away for a moment. Pure: `now_ns` comes in.

Bounded by count, by bytes and by age; when it is full the oldest leave, and who would need them
begins anew with a snapshot.
"""

from collections import deque
from itertools import islice

from mediaserver.gateway.event_frames import Frames

MAX_EVENTS = 4096
MAX_BYTES = 4 * 1024 * 1024
"""Of one show, both encodings counted."""
MAX_AGE_S = 600


class History:
    """The newest messages of one log epoch, without a gap, up to `offset`."""

    def __init__(
        self,
        *,
        epoch: str,
        offset: int,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.epoch = epoch
        self.offset = offset
        """Of the newest event known, whether it is held here or not."""
        self.held_bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._held: deque[tuple[int, Frames]] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def append(self, frames: Frames, now_ns: int) -> None:
        """Keep the event that follows `offset`."""
        self.offset += 1
        self._held.append((now_ns, frames))
        self.held_bytes += frames.size
        while len(self._held) > self._max_events or self.held_bytes > self._max_bytes:
            self._drop_oldest()

    def since(self, epoch: str, offset: int) -> list[Frames] | None:
        """All after `offset`, oldest first; None where that cannot be told without a gap."""
        missed = self.offset - offset
        if epoch != self.epoch or not 0 <= missed <= len(self._held):
            return None
        return [frames for _, frames in islice(self._held, len(self._held) - missed, None)]

    def prune(self, now_ns: int) -> None:
        """Let go of what is too old."""
        oldest_ns = now_ns - MAX_AGE_S * 1_000_000_000
        while self._held and self._held[0][0] < oldest_ns:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, frames = self._held.popleft()
        self.held_bytes -= frames.size
