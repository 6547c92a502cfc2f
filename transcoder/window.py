"""The last minute of an epoch's messages to main, framed once, ready to be sent again. Pure."""

from collections import deque
from dataclasses import dataclass

from transcoder.values import EpochEnd, InitSection, Part
from transcoder.wire import frame


@dataclass(frozen=True, slots=True)
class _Kept:
    place: int
    """In the order in which all came."""
    generation: int
    end_tick: int
    """Of a part."""
    data: bytes


class Window:
    """The parts of the last `window_ticks`, the init sections that they need or that parts to come
    will need, the epoch's end; and what was sent.

    A part that leaves before it was ever sent is lost and counted: nobody waits for main. An init
    section leaves with the last part of its generation.
    """

    def __init__(self, window_ticks: int) -> None:
        self._window_ticks = window_ticks
        self._inits: deque[_Kept] = deque()
        self._parts: deque[_Kept] = deque()
        self._unsent: deque[_Kept] = deque()
        """Of those two what is to be sent, in order."""
        self._end: bytes | None = None
        self._end_sent = False
        self._places = 0
        self._ever_sent_place = 0
        self.lost = 0
        """Parts that left the window before they were sent to anybody."""

    @property
    def pending(self) -> bool:
        """True while `next` has something."""
        return bool(self._unsent) or (self._end is not None and not self._end_sent)

    def add_init(self, section: InitSection) -> None:
        """Keep an init section; those of a generation come before its first part."""
        kept = self._numbered(section.generation, 0, frame(section))
        self._inits.append(kept)
        self._unsent.append(kept)

    def add_part(self, part: Part) -> None:
        """Keep a part, and let go of those that ended before the window."""
        end_tick = part.decode_time + part.duration
        kept = self._numbered(part.generation, end_tick, frame(part))
        self._parts.append(kept)
        self._unsent.append(kept)
        while self._parts[0].end_tick <= end_tick - self._window_ticks:
            gone = self._parts.popleft()
            self.lost += gone.place > self._ever_sent_place
            self._unsend(gone)
        while self._inits and self._inits[0].generation < self._parts[0].generation:
            self._unsend(self._inits.popleft())

    def add_end(self, end: EpochEnd) -> None:
        """Keep the epoch's end: it is sent after everything else."""
        self._end = frame(end)

    def rewind(self) -> None:
        """All that is kept is to be sent again."""
        self._unsent = deque(sorted((*self._inits, *self._parts), key=lambda kept: kept.place))
        self._end_sent = False

    def next(self) -> bytes | None:
        """The next message to send; it then counts as sent."""
        if self._unsent:
            kept = self._unsent.popleft()
            self._ever_sent_place = max(self._ever_sent_place, kept.place)
            return kept.data
        if self._end is not None and not self._end_sent:
            self._end_sent = True
            return self._end
        return None

    def _numbered(self, generation: int, end_tick: int, data: bytes) -> _Kept:
        self._places += 1
        return _Kept(self._places, generation, end_tick, data)

    def _unsend(self, gone: _Kept) -> None:
        """What has left is sent to nobody any more; it is among the first that wait, if at all."""
        if self._unsent and gone.place >= self._unsent[0].place:
            self._unsent.remove(gone)
