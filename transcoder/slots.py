"""Which picture each slot of the grid shows: a host's uneven frames in, a constant rate out.

Pure: time comes in as `now_tick`, pictures are of any type. The caller pushes what was decoded and
asks, often, for what is due; the answers are each slot exactly once, in order, with or without
input, so that output goes on at a constant rate whatever the host's network does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from transcoder.grid import Grid
from transcoder.patience import Patience
from transcoder.values import TICKS_PER_SECOND

AHEAD_TICKS = TICKS_PER_SECOND
"""A picture further ahead of now than this is refused: it would pull the output into the future."""
STARVED_TICKS = TICKS_PER_SECOND // 2
"""Past so long a freeze a picture of the past is better than none."""

_ON_GRID_SHARE = 4
"""A picture that lies within a quarter of a slot of the slot's beginning fills it at once: a later
one for the same slot would be of a source faster than the grid."""

Arrival = Literal["taken", "replaced", "late", "ahead"]
"""`taken` waits for its slot; `replaced` took the place of another picture of the same slot;
`late` its slot was filled already; `ahead` refused."""

_P = TypeVar("_P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled(Generic[_P]):
    """What one slot shows."""

    slot: int
    picture: _P | None
    """None exactly for the slate."""
    kind: Literal["fresh", "repeat", "slate"]


@dataclass(frozen=True, slots=True)
class _Timed(Generic[_P]):
    pts: int
    picture: _P


class SlotFiller(Generic[_P]):
    """Fills the slots from `first_slot` on, each with the newest picture at or before it.

    A slot is filled when a picture that lies on its beginning, or one of a later slot, has arrived,
    or some time after it began: `hold_ticks`, and longer while pictures come later than that
    (`Patience`). A picture that comes after its slot was filled is not shown: elsewhere it would
    lie beside the wrong sound. But where the slot was filled by its own picture, at once, a later
    one of it goes to the next slot when that begins within three quarters of a slot. Only
    when no picture has had its own slot for `STARVED_TICKS` do late ones stand in for the next
    slot, until one comes in time again: a source later than any patience would otherwise freeze
    for good. When the newest picture is more than `slate_after_ticks` old (or there never was one)
    the slot is the slate's.

    Keeps at most one picture for each slot up to `AHEAD_TICKS` from now; of two pictures that wait
    for a slot the one with the later time wins.
    """

    def __init__(
        self, *, grid: Grid, first_slot: int, hold_ticks: int, slate_after_ticks: int
    ) -> None:
        self._grid = grid
        self._patience = Patience(shortest_ticks=hold_ticks, spare_ticks=grid.slot_ticks)
        self._starved_slots = STARVED_TICKS // grid.slot_ticks
        self._in_time = first_slot - 1
        """The last slot that had a picture of its own."""
        self._slate_after_ticks = slate_after_ticks
        self._next = first_slot
        self._at_once = first_slot - 1
        """The last slot that was filled as soon as its own picture came."""
        self._waiting: dict[int, _Timed[_P]] = {}
        self._newest_waiting = first_slot - 1
        self._stand_in: _Timed[_P] | None = None
        self._shown: _Timed[_P] | None = None

    @property
    def next_slot(self) -> int:
        """The first slot not filled yet."""
        return self._next

    @property
    def due_tick(self) -> int:
        """The tick at which the next slot is due even if no picture comes."""
        return self._grid.tick_of(self._next) + self._patience.ticks + 1

    def push(self, pts: int, picture: _P, now_tick: int) -> Arrival:
        """A picture of time `pts` has been decoded."""
        if pts > now_tick + AHEAD_TICKS:
            return "ahead"
        timed, slot = _Timed(pts, picture), self._grid.slot_of(pts)
        self._patience.came(now_tick - self._grid.tick_of(slot), now_tick)
        if self._is_second(timed, slot):
            slot = self._next
        if slot < self._next:
            if _is_newer(timed, self._stand_in) and _is_newer(timed, self._shown):
                self._stand_in = timed
            return "late"
        other = self._waiting.get(slot)
        if _is_newer(timed, other):
            self._waiting[slot] = timed
        self._newest_waiting = max(self._newest_waiting, slot)
        return "taken" if other is None else "replaced"

    def due(self, now_tick: int) -> Iterator[Filled[_P]]:
        """The slots that can be filled by now, in order."""
        while True:
            if self._newest_waiting > self._next or now_tick >= self.due_tick:
                yield self._fill()
            elif self._is_on_grid(self._waiting.get(self._next)):
                self._at_once = self._next
                yield self._fill()
            else:
                return

    def flush(self) -> Iterator[Filled[_P]]:
        """The slots up to the newest picture that waits: the end of the run."""
        while self._newest_waiting >= self._next:
            yield self._fill()

    def _is_on_grid(self, timed: _Timed[_P] | None) -> bool:
        """Whether the picture that waits for the next slot can fill it at once."""
        if timed is None:
            return False
        offset_ticks = abs(timed.pts - self._grid.tick_of(self._next))
        return _ON_GRID_SHARE * offset_ticks <= self._grid.slot_ticks

    def _is_second(self, timed: _Timed[_P], slot: int) -> bool:
        """Whether a picture came too late for a slot that was filled at once, and in time for the
        next."""
        early_ticks = self._grid.tick_of(self._next) - timed.pts
        return (
            slot == self._at_once == self._next - 1
            and _is_newer(timed, self._shown)
            and 4 * early_ticks <= 3 * self._grid.slot_ticks
        )

    def _fill(self) -> Filled[_P]:
        slot, self._next = self._next, self._next + 1
        fresh = self._waiting.pop(slot, None)
        if fresh is not None:
            self._in_time = slot
        elif slot - self._in_time > self._starved_slots:
            fresh = self._stand_in
        if fresh is not None:
            self._stand_in = None
        self._shown = fresh or self._shown
        shown = self._shown
        if shown is None or self._grid.tick_of(slot) - shown.pts > self._slate_after_ticks:
            return Filled(slot=slot, picture=None, kind="slate")
        return Filled(slot=slot, picture=shown.picture, kind="fresh" if fresh else "repeat")


def _is_newer(one: _Timed[_P], other: _Timed[_P] | None) -> bool:
    return other is None or one.pts >= other.pts
