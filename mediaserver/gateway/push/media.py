"""What is kept of a media epoch for push: the newest parts of each rendition, framed once. Pure.

A part is taken when it arrives and may be sent once its number is published, in all renditions at
the same moment: so a viewer can go from one rendition to another at any part. The bytes of a part
are the window's own; the framed message is made when the first viewer is to have it, and serves
all. Bounded by media time (`KEEP_S` behind the newest part, and a segment) and by count.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from mediaserver.gateway.push import messages
from transcoder.values import TICKS_PER_SECOND, InitSection, Part

KEEP_S = 16
"""Above the largest buffer that may be asked for (10 s) and how late a viewer may be (3 s)."""

MAX_PARTS = 1024
"""Of a rendition, should a worker make absurdly short ones."""


class Window(Protocol):
    """What is read of a rendition as published: `gateway.window.RenditionWindow`."""

    @property
    def last_number(self) -> int | None: ...

    @property
    def newest_init(self) -> InitSection | None: ...


class Published(Protocol):
    """What is read of an epoch as published: `gateway.epoch.MediaEpoch`."""

    @property
    def ended(self) -> bool: ...

    @property
    def windows(self) -> Mapping[str, Window]: ...


class PushPart:
    """A part, and its message once somebody is to have it."""

    __slots__ = ("_framed", "discontinuity", "generation", "part", "size")

    def __init__(self, part: Part, *, discontinuity: bool) -> None:
        self.part = part
        self.generation = part.generation
        self.size = len(part.data)
        """Bytes of media."""
        self.discontinuity = discontinuity
        self._framed: bytes | None = None

    @property
    def framed(self) -> bytes:
        """The message, the same bytes for everyone."""
        if self._framed is None:
            self._framed = messages.part(self.part, discontinuity=self.discontinuity)
        return self._framed


class Line:
    """The newest parts of one rendition."""

    def __init__(self, *, keep_ticks: int) -> None:
        self.head = -1
        """Number of the newest part that may be sent; -1 before the first."""
        self.newest: PushPart | None = None
        """That part; None before the first."""
        self.edge_tick = 0
        """Where that part ends."""
        self._keep_ticks = keep_ticks
        self._parts: dict[int, PushPart] = {}
        self.get: Callable[[int], PushPart | None] = self._parts.get
        """The part of that number, None where it is not held."""
        self._numbers: deque[int] = deque()
        self._inits: dict[int, InitSection] = {}
        self._init_frames: dict[int, bytes] = {}
        self._generation: int | None = None
        """Of the newest part."""

    def __len__(self) -> int:
        return len(self._numbers)

    def take_init(self, init: InitSection) -> None:
        """Keep an init section; its parts follow."""
        self._inits[init.generation] = init

    def take(self, part: Part) -> None:
        """Keep the next part, whose number is above all before."""
        renewed = self._generation is not None and part.generation > self._generation
        self._generation = part.generation
        self._parts[part.number] = PushPart(part, discontinuity=renewed)
        self._numbers.append(part.number)
        oldest = part.decode_time + part.duration - self._keep_ticks
        while len(self._numbers) > MAX_PARTS or self._first.part.decode_time < oldest:
            del self._parts[self._numbers.popleft()]
        for generation in [g for g in self._inits if g < self._first.part.generation]:
            del self._inits[generation]
            self._init_frames.pop(generation, None)

    def publish(self, head: int) -> None:
        """Parts up to this number may be sent."""
        newest = self.get(head)
        if newest is not None:
            self.head, self.newest = head, newest
            self.edge_tick = newest.part.decode_time + newest.part.duration

    def init_frame(self, generation: int) -> bytes:
        """The message with the init section of a generation of which a part is held."""
        framed = self._init_frames.get(generation)
        if framed is None:
            framed = self._init_frames[generation] = messages.init(self._inits[generation])
        return framed

    def first_after(self, number: int) -> PushPart | None:
        """The oldest part held above `number` that may be sent."""
        above = next((n for n in self._numbers if n > number), None)
        return None if above is None or above > self.head else self._parts[above]

    def holds_before(self, number: int) -> bool:
        """Whether an older part is held: then `number`, if it is not, never was here."""
        return bool(self._numbers) and self._numbers[0] < number

    def independent(self, *, from_edge_ticks: int) -> PushPart | None:
        """The newest independent part that begins so far before the edge; where none does, the
        oldest independent one held; None before the first."""
        found = None
        for number in reversed(self._numbers):
            held = self._parts[number]
            if number <= self.head and held.part.opens:
                found = held
                if self.edge_tick - held.part.decode_time >= from_edge_ticks:
                    break
        return found

    @property
    def _first(self) -> PushPart:
        return self._parts[self._numbers[0]]


class EpochMedia:
    """One media epoch: its lines side by side."""

    def __init__(self, first: InitSection) -> None:
        self.epoch = first.epoch
        self.part_ticks = first.part_ticks
        self.ended = False
        keep_ticks = KEEP_S * TICKS_PER_SECOND + first.segment_ticks
        self.lines = {name: Line(keep_ticks=keep_ticks) for name in first.ladder}
        self.renditions_framed = b""
        """The newest `renditions` message; another object whenever it says something else."""
        self._inits: tuple[InitSection | None, ...] = ()

    @property
    def on_air(self) -> bool:
        """Whether there is something to send of every rendition."""
        return all(line.head >= 0 for line in self.lines.values())

    def publish(self, published: Published) -> None:
        """What the epoch's playlists list just now may be sent."""
        self.ended = published.ended
        for name, window in published.windows.items():
            if window.last_number is not None:
                self.lines[name].publish(window.last_number)
        inits = tuple(window.newest_init for window in published.windows.values())
        if inits != self._inits:
            self._inits = inits
            self.renditions_framed = messages.renditions(self.epoch, filter(None, inits))

    def choose(self, max_bps: int) -> str:
        """The best rendition of at most so many bits a second, else the one of the fewest."""
        known = [init for init in self._inits if init is not None]
        fits = (init.rendition for init in known if init.bandwidth_bps <= max_bps)
        return next(fits, min(known, key=lambda init: init.bandwidth_bps).rendition)

    def end_ns(self) -> int | None:
        """When the newest part that may be sent ended at the host, on the machine's monotonic
        clock; None before the first."""
        init = next(filter(None, self._inits), None)
        edge_ticks = max(line.edge_tick for line in self.lines.values())
        return None if init is None else init.anchor.monotonic_ns_at(edge_ticks)
