"""The last minute of an epoch's messages to main, framed once, ready to be sent again. Pure."""

from collections import deque
from dataclasses import dataclass

from transcoder.values import EpochEnd, InitSection, Part
from transcoder.wire import frame


@dataclass(frozen=True, slots=True)
class _Kept:
    place: int
    end_tick: int
    data: bytes


class Window:
    """Init sections, the parts of the last `window_ticks`, the epoch's end; and what was sent.

    A part that leaves before it was ever sent is lost and counted: nobody waits for main.
    """

    def __init__(self, window_ticks: int) -> None:
        self._window_ticks = window_ticks
        self._inits: list[bytes] = []
        self._parts: deque[_Kept] = deque()
        self._end: bytes | None = None
        self._places = 0
        self._inits_sent = 0
        self._sent_place = self._ever_sent_place = 0
        self._end_sent = False
        self.lost = 0
        """Parts that left the window before they were sent to anybody."""

    @property
    def pending(self) -> bool:
        """True while `next` has something."""
        unsent_part = bool(self._parts) and self._parts[-1].place > self._sent_place
        unsent_end = self._end is not None and not self._end_sent
        return self._inits_sent < len(self._inits) or unsent_part or unsent_end

    def add_init(self, section: InitSection) -> None:
        """Keep an init section, for good."""
        self._inits.append(frame(section))

    def add_part(self, part: Part) -> None:
        """Keep a part, and let go of those that ended before the window."""
        end_tick = part.decode_time + part.duration
        self._places += 1
        self._parts.append(_Kept(self._places, end_tick, frame(part)))
        while self._parts[0].end_tick <= end_tick - self._window_ticks:
            self.lost += self._parts.popleft().place > self._ever_sent_place

    def add_end(self, end: EpochEnd) -> None:
        """Keep the epoch's end: it is sent after everything else."""
        self._end = frame(end)

    def rewind(self) -> None:
        """All that is kept is to be sent again."""
        self._inits_sent = self._sent_place = 0
        self._end_sent = False

    def next(self) -> bytes | None:
        """The next message to send, init sections first; it then counts as sent."""
        if self._inits_sent < len(self._inits):
            self._inits_sent += 1
            return self._inits[self._inits_sent - 1]
        if self._parts and self._parts[-1].place > self._sent_place:
            first = self._parts[0].place
            self._sent_place = max(self._sent_place + 1, first)
            self._ever_sent_place = max(self._ever_sent_place, self._sent_place)
            return self._parts[self._sent_place - first].data
        if self._end is not None and not self._end_sent:
            self._end_sent = True
            return self._end
        return None
