"""The frames that are to be seen well: a keyframe, and a few more bits for a moment. Pure."""

from collections import deque

from transcoder.grid import Grid
from transcoder.profiles import OnPinProfile

_MAX_PENDING = 256
"""As many as cues may wait for their frames."""
_KEPT = 64


class SharpSlots:
    """The slots of such frames. When 256 wait, what is told next is ignored."""

    def __init__(self, grid: Grid, on_pin: OnPinProfile) -> None:
        self._grid = grid
        self.keyframe = on_pin.keyframe
        """Each is a keyframe in every rung that is encoded."""
        self.boost_percent = on_pin.boost_percent
        self.boost_slots = -(-on_pin.boost_ms * grid.frames_per_second // 1000)
        self._wanted = on_pin.keyframe or on_pin.boost_percent > 0
        self._pending: set[int] = set()
        self._given: deque[int] = deque(maxlen=_KEPT)

    def add(self, pts: int, *, next_slot: int) -> bool:
        """The first frame not before `pts` is one; the next slot where that has been filled. False
        when nothing is to be done about it."""
        if not self._wanted or len(self._pending) >= _MAX_PENDING:
            return False
        slot = -(-pts // self._grid.slot_ticks)
        self._pending.add(max(slot, next_slot))
        return True

    def take(self, slot: int) -> bool:
        """Whether this slot is one, however often it is asked of late: a slot that another
        generation takes over is encoded anew."""
        if slot in self._pending:
            self._pending.remove(slot)
            self._given.append(slot)
        return slot in self._given
