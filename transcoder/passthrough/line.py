"""A source's pictures on their way to the slots of the grid: none dropped, none overtaken."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.passthrough.sets import SourceSets
from transcoder.samples import EncodedPicture

MAX_WAITING = 240
"""Four seconds at 60 pictures a second."""
MAX_WAITING_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A picture and the slot of its time."""

    slot: int
    picture: EncodedPicture
    sets: SourceSets | None
    """Of a keyframe: the parameter sets from here on."""


class PassedLine:
    """The pictures that came and lie in no slot yet.

    A slot takes all whose time is its own or earlier, so that one that came late goes into the next
    slot that is filled. A keyframe is always the first picture of its slot: no segment could begin
    with it elsewhere. Holds `MAX_WAITING` pictures and `MAX_WAITING_BYTES`; with more it is full,
    keeps what it has and takes no more.
    """

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, waiting: Waiting) -> bool:
        """The source's next picture; False when the line is full."""
        size = len(waiting.picture.data)
        if len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            return False
        self._waiting.append(waiting)
        self._bytes += size
        return True

    def clear(self) -> None:
        """Forget all: what follows cannot go on from it."""
        self._waiting.clear()
        self._bytes = 0

    def ahead(self, slot: int, *, early: bool) -> Sequence[Waiting]:
        """What the slot would take. With `early` at least one picture, though before its time, if
        there is any."""
        taken: list[Waiting] = []
        for waiting in self._waiting:
            if taken and waiting.picture.keyframe:
                break
            if waiting.slot > slot and (taken or not early):
                break
            taken.append(waiting)
        return taken

    def keyframe(self, slot: int, *, early: bool = False) -> Waiting | None:
        """The newest keyframe among those whose time is the slot's or earlier; with `early` of
        all."""
        found = None
        for waiting in self._waiting:
            if waiting.slot > slot and not early:
                break
            if waiting.picture.keyframe:
                found = waiting
        return found

    def take(self, count: int) -> tuple[EncodedPicture, ...]:
        """The next so many pictures."""
        taken = [self._waiting.popleft() for _ in range(count)]
        self._bytes -= sum(len(waiting.picture.data) for waiting in taken)
        return tuple(waiting.picture for waiting in taken)

    def take_until(self, slot: int) -> Sequence[Waiting]:
        """All whose time is the slot's or earlier: they are not passed on."""
        taken: list[Waiting] = []
        while self._waiting and self._waiting[0].slot <= slot:
            taken.append(self._waiting.popleft())
        self._bytes -= sum(len(waiting.picture.data) for waiting in taken)
        return taken

    def begin_with(self, first: Waiting) -> None:
        """Drop what lies before `first`, which is in the line."""
        while self._waiting[0] is not first:
            self._bytes -= len(self._waiting.popleft().picture.data)
