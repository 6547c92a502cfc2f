"""Main's copy of an epoch's live window, as framed bytes: what a restarted gateway is sent, and
Redis that has lost it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mediaserver.bus import said
from mediaserver.bus.said import Said
from transcoder.stills.shelf import Shelf
from transcoder.stills.values import Still
from transcoder.values import EpochEnd, InitSection, Part
from transcoder.wire import frame


@dataclass(frozen=True, slots=True)
class _Step:
    """The parts of one number, of all renditions."""

    generation: int
    end_tick: int
    said: Said


class EpochWindow:
    """Parts of one epoch in the order they came, the last `window_ticks` of them, the init sections
    that they need, and its stills.

    Parts go on by whole steps (one number, all renditions), so that no viewer is promised a part
    of one rendition which a dying worker never made. What is there already is refused, so a worker
    may send its whole window again after main was away. Parts leave as new ones come: about 600 kB
    per second of a default ladder.
    """

    def __init__(self, *, window_ticks: int) -> None:
        self._window_ticks = window_ticks
        self._inits: dict[tuple[int, str], tuple[InitSection, Said]] = {}
        self._steps: deque[_Step] = deque()
        self._staged: dict[str, Part] = {}
        self._last_number = -1
        self._shelf = Shelf(window_ticks)
        self._end: Said | None = None

    def add_init(self, init: InitSection) -> Said | None:
        """Keep `init`; what to say when it is news, else None."""
        key = (init.generation, init.rendition)
        if key in self._inits or init.generation < self._eldest_generation:
            return None
        news = said.init(init, frame(init))
        self._inits[key] = (init, news)
        return news

    def add_part(self, part: Part) -> Said | None:
        """Keep `part`; what to say of its whole step once that is complete, else None."""
        if part.number <= self._last_number:
            return None
        if any(staged.number != part.number for staged in self._staged.values()):
            self._staged.clear()
        self._staged[part.rendition] = part
        ladder = [init.rendition for init in self.inits_of(part.generation)]
        if not ladder or set(ladder) - set(self._staged):
            return None
        step = Said(
            show=part.show,
            kind="step",
            data=b"".join(frame(self._staged[name]) for name in ladder),
            epoch=part.epoch,
            number=part.number,
        )
        self._staged.clear()
        self._last_number = part.number
        self._append(_Step(part.generation, part.decode_time + part.duration, step))
        return step

    def add_still(self, still: Still) -> Said | None:
        """Keep `still`; what to say when it is news, else None."""
        return said.still(still) if self._shelf.add(still) else None

    def forget_staged(self) -> None:
        """The worker is gone: what it left half-done never was."""
        self._staged.clear()

    def end(self, end: EpochEnd) -> Said | None:
        """Note the end; what to say the first time."""
        if self._end is not None:
            return None
        self._end = said.end(end, frame(end))
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
        """The init sections of the last generation that has one for each rendition, best first;
        none while there is no such generation."""
        for generation in sorted({of for of, _ in self._inits}, reverse=True):
            inits = self.inits_of(generation)
            if {init.rendition for init in inits} == set(inits[0].ladder):
                return inits
        return ()

    @property
    def most_steps(self) -> int:
        """How many steps the window has when it is full."""
        shortest = min((init.part_ticks for init, _ in self._inits.values()), default=0)
        return 0 if shortest <= 0 else self._window_ticks // shortest + 1

    def said(self) -> Iterator[Said]:
        """Everything, in an order in which it can be applied."""
        for _, news in self._inits.values():
            yield news
        for step in self._steps:
            yield step.said
        yield from map(said.still, self._shelf)
        if self._end is not None:
            yield self._end

    @property
    def _eldest_generation(self) -> int:
        """Of the steps that are kept: nothing needs an earlier one any more."""
        return self._steps[0].generation if self._steps else -1

    def _append(self, step: _Step) -> None:
        self._steps.append(step)
        while self._steps[0].end_tick < step.end_tick - self._window_ticks:
            self._steps.popleft()
        for key in [key for key in self._inits if key[0] < self._eldest_generation]:
            del self._inits[key]
