"""Whether a source's keyframes let segments begin in time, on air or on trial."""

from transcoder.grid import Grid
from transcoder.values import STRETCH_TICKS


class SegmentWatch:
    """Follows the segments that the source's keyframes make.

    From three quarters of the regular length on a slot that begins with a keyframe begins the next
    segment, as `transcoder.cutter` cuts them; without one before `longest_slots` it is overdue. The
    first segment begins with the first keyframe, for which the same patience is had.
    """

    def __init__(self, grid: Grid) -> None:
        self._segment_slots = grid.segment_slots
        self._soonest_slots = -(-grid.segment_slots * 3 // 4)
        self.longest_slots = grid.segment_slots + (STRETCH_TICKS - 1) // grid.slot_ticks
        self._first_slot: int | None = None
        self._began = False

    @property
    def due_slot(self) -> int | None:
        """Where the next segment should begin; None: as soon as there is a keyframe."""
        if self._first_slot is None or not self._began:
            return None
        return self._first_slot + self._segment_slots

    def stop(self) -> None:
        """Nothing is watched until the next `begin` or `follow`."""
        self._first_slot, self._began = None, False

    def begin(self, slot: int) -> None:
        """A segment begins here."""
        self._first_slot, self._began = slot, True

    def follow(self, slot: int, *, keyframe: bool) -> bool:
        """The next slot; returns whether it begins a segment."""
        if self._first_slot is None:
            self._first_slot = slot
        soonest_slots = self._soonest_slots if self._began else 0
        if keyframe and slot - self._first_slot >= soonest_slots:
            self.begin(slot)
            return True
        return False

    def is_overdue(self, slot: int) -> bool:
        """Whether the segment is too long with this slot in it."""
        return self._first_slot is not None and slot - self._first_slot >= self.longest_slots
