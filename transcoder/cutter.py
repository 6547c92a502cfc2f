"""Where parts and segments are cut, for all renditions of a generation at once. Pure.

The cutter is told of each slot as it is filled, and so can cut where the source's keyframe lies
when the source itself is a rendition. What it has decided is a queue of `PartPlan`s.
"""

from collections import deque
from dataclasses import dataclass, replace

from transcoder.grid import Grid
from transcoder.values import STRETCH_TICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """What one part holds, the same in every rendition."""

    number: int
    msn: int
    index: int
    first_slot: int
    slots: int
    last: bool
    """Its segment ends with it. Where a segment ends was not always known when its last part was
    due: the first part of the next one then says so."""

    @property
    def end_slot(self) -> int:
        """The first slot after it."""
        return self.first_slot + self.slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What begins with a slot."""

    offset: int
    """Slots since its part began."""
    idr: bool
    """Every rung with an encoder of its own makes a keyframe of it."""

    @property
    def part(self) -> bool:
        """A part begins with it."""
        return self.offset == 0


class Cutter:
    """Cuts one generation into parts and segments. `first_slot` begins a segment.

    Without a passed rung every segment is `segment_slots` long, exactly. With `follows_source`
    segments are cut at the source's keyframes: from three quarters of that on a slot that begins
    with one begins a segment; the part before it may be shorter than others. `is_overdue` tells
    when none came in time.

    Keeps a plan for each part that is cut and not taken: as many as the encoders are behind.
    """

    def __init__(
        self,
        *,
        grid: Grid,
        first_slot: int,
        next_number: int,
        next_msn: int,
        follows_source: bool = False,
    ) -> None:
        self._grid = grid
        self._follows = follows_source
        self._soonest_slots = -(-grid.segment_slots * 3 // 4)
        self._longest_slots = grid.segment_slots + (STRETCH_TICKS - 1) // grid.slot_ticks
        self._next_slot = first_slot
        self._segment_slot = first_slot
        """Where the current segment begins."""
        self._part = PartPlan(
            number=next_number, msn=next_msn, index=0, first_slot=first_slot, slots=0, last=False
        )
        """The part being filled."""
        self._cut: deque[PartPlan] = deque()
        self._ended_slot = first_slot

    @property
    def next_slot(self) -> int:
        """The slot that `place` comes to next."""
        return self._next_slot

    @property
    def ended_slot(self) -> int:
        """The end of the last part taken."""
        return self._ended_slot

    @property
    def next_number(self) -> int:
        """Number of the part that would come after all that were placed; after `end`, of the next
        generation's first."""
        return self._part.number

    @property
    def next_msn(self) -> int:
        """The same for its segment, when it must be a new one."""
        return self._part.msn + (self._part.index > 0)

    @property
    def ends_segment(self) -> bool:
        """Whether the next slot begins a segment anyway; never known beforehand of a source's."""
        return self._part.slots == 0 and self._part.index == 0

    def begins_part(self, slot: int) -> bool:
        """Whether the next slot begins a part, wherever the source's keyframes lie."""
        return (slot - self._segment_slot) % self._grid.part_slots == 0

    def is_overdue(self, *, keyframe: bool) -> bool:
        """Whether the next slot can be no part of this generation: its segment would be too long
        without it being a keyframe."""
        elapsed = self._next_slot - self._segment_slot
        return self._follows and not keyframe and elapsed >= self._longest_slots

    def place(self, *, keyframe: bool = False) -> Cut:
        """The next slot is filled. `keyframe`: the source's rendition has one at its beginning."""
        slot, self._next_slot = self._next_slot, self._next_slot + 1
        if self._ends_segment(slot - self._segment_slot, keyframe):
            self._close_segment()
            self._segment_slot = slot
        offset = self._part.slots
        self._part = replace(self._part, slots=self._part.slots + 1)
        elapsed = slot - self._segment_slot
        cut = Cut(offset=offset, idr=elapsed % self._grid.idr_slots == 0)
        if self._part.slots == self._grid.part_slots:
            whole = not self._follows and elapsed + 1 == self._grid.segment_slots
            self._close_part(last=whole)
        return cut

    def peek(self) -> PartPlan | None:
        """The next part that is cut, if any."""
        return self._cut[0] if self._cut else None

    def take(self) -> PartPlan:
        """The next part that is cut; there must be one."""
        plan = self._cut.popleft()
        self._ended_slot = plan.end_slot
        return plan

    def end(self, end_slot: int) -> None:
        """The generation ends before `end_slot`, which lies in no part taken: what was placed from
        there on never was, and the part before it, shorter perhaps, ends its segment.

        Where a part that was taken ended there the segment stays open: nothing can be appended to
        close it, so the gateway does when the next generation or the epoch's end comes.
        """
        plans = [*self._cut, self._part]
        kept = [plan for plan in plans if plan.slots and plan.first_slot < end_slot]
        if kept:
            final = kept[-1]
            slots = min(final.slots, end_slot - final.first_slot)
            kept[-1] = final = replace(final, slots=slots, last=True)
            self._part = _after(final)
        else:
            self._part = replace(plans[0], slots=0)
        self._cut = deque(kept)
        self._next_slot = end_slot

    def _ends_segment(self, elapsed: int, keyframe: bool) -> bool:
        """Whether a slot so far into the current segment begins another."""
        if not self._follows:
            return elapsed == self._grid.segment_slots
        return keyframe and elapsed >= self._soonest_slots

    def _close_segment(self) -> None:
        if self._part.slots:
            self._close_part(last=True)
        elif self._part.index:
            if self._cut:
                self._cut[-1] = replace(self._cut[-1], last=True)
            self._part = replace(self._part, msn=self._part.msn + 1, index=0)

    def _close_part(self, *, last: bool) -> None:
        plan = replace(self._part, last=last)
        self._cut.append(plan)
        self._part = _after(plan)


def _after(plan: PartPlan) -> PartPlan:
    """The part that follows."""
    return PartPlan(
        number=plan.number + 1,
        msn=plan.msn + plan.last,
        index=0 if plan.last else plan.index + 1,
        first_slot=plan.end_slot,
        slots=0,
        last=False,
    )
