"""Main's copy of an epoch's live window, as framed bytes: what a restarted gateway is sent."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from transcoder.values import EpochEnd, InitSection, Part
from transcoder.wire import frame


@dataclass(frozen=True, slots=True)
class _Step:
    """The parts of one number, of all renditions."""

    generation: int
    end_tick: int
    frames: tuple[bytes, ...]


class EpochWindow:
    """Init sections and parts of one epoch in the order they came, the last `window_ticks` of them.

    Parts go on by whole steps (one number, all renditions), so that no viewer is promised a part
    of one rendition which a dying worker never made. What is there already is refused, so a worker
    may send its whole window again after main was away. Parts leave as new ones come: about 600 kB
    per second of a default ladder.
    """

    def __init__(self, *, window_ticks: int) -> None:
        self._window_ticks = window_ticks
        self._inits: dict[tuple[int, str], tuple[InitSection, bytes]] = {}
        self._steps: deque[_Step] = deque()
        self._staged: dict[str, Part] = {}
        self._last_number = -1
        self._end: bytes | None = None

    def add_init(self, init: InitSection) -> bytes | None:
        """Keep `init`; its framed bytes when it is news, else None."""
        key = (init.generation, init.rendition)
        if key in self._inits:
            return None
        data = frame(init)
        self._inits[key] = (init, data)
        return data

    def add_part(self, part: Part) -> tuple[bytes, ...]:
        """Keep `part`; the framed bytes of its whole step once that is complete, else nothing."""
        if part.number <= self._last_number:
            return ()
        if any(staged.number != part.number for staged in self._staged.values()):
            self._staged.clear()
        self._staged[part.rendition] = part
        ladder = [init.rendition for init in self.inits_of(part.generation)]
        if not ladder or set(ladder) - set(self._staged):
            return ()
        frames = tuple(frame(self._staged[name]) for name in ladder)
        self._staged.clear()
        self._last_number = part.number
        self._append(_Step(part.generation, part.decode_time + part.duration, frames))
        return frames

    def forget_staged(self) -> None:
        """The worker is gone: what it left half-done never was."""
        self._staged.clear()

    def end(self, end: EpochEnd) -> bytes | None:
        """Note the end; its framed bytes the first time."""
        if self._end is not None:
            return None
        self._end = frame(end)
        return self._end

    @property
    def begun(self) -> bool:
        """True once a part is on air."""
        return self._last_number >= 0

    def inits_of(self, generation: int) -> tuple[InitSection, ...]:
        """The init sections of one generation, best rendition first."""
        return tuple(init for (of, _), (init, _) in self._inits.items() if of == generation)

    @property
    def newest_inits(self) -> tuple[InitSection, ...]:
        """The init sections of the last generation, best rendition first."""
        return self.inits_of(max((of for of, _ in self._inits), default=-1))

    def framed(self) -> Iterator[bytes]:
        """Everything, in an order in which it can be applied."""
        needed = {step.generation for step in self._steps}
        for (generation, _), (_, data) in self._inits.items():
            if generation in needed or not needed:
                yield data
        for step in self._steps:
            yield from step.frames
        if self._end is not None:
            yield self._end

    def _append(self, step: _Step) -> None:
        self._steps.append(step)
        while self._steps[0].end_tick < step.end_tick - self._window_ticks:
            self._steps.popleft()
