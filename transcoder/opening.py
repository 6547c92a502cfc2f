"""When an epoch run begins its output, at which slot, and for what picture size.

The ladder is fixed for the whole run, so it waits for the largest picture of the first second: a
browser's encoder may begin small. Pure.
"""

from dataclasses import dataclass

from transcoder.grid import Grid
from transcoder.values import TICKS_PER_SECOND

LOOK_TICKS = TICKS_PER_SECOND
"""How long the first pictures are watched for a larger one."""
ALONE_TICKS = TICKS_PER_SECOND // 2
"""How long a run that takes over waits for its source before it goes on with the slate."""

BLIND_TICKS = 10 * TICKS_PER_SECOND
"""How long video is waited for that has come and shows no picture: encoders that take no requests
send a keyframe that often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """The decision: output begins now, with `first_slot`."""

    first_slot: int
    width: int
    """The largest picture seen; 0 when none was, and the slate comes first."""
    height: int


class Opening:
    """Watches the first pictures and decides once.

    `top_short_side` is the size past which waiting is no use. With `ladder_given` (an earlier
    worker's renditions must come back) the first picture decides, or `ALONE_TICKS` after
    `started_tick` without any. Output begins at the newest picture, never at a stale one, and
    never before `next_tick`.

    A source that sends sound and no video has its output begin `slate_after_ticks` after its first
    packet, with the slate. One that sends video of which no picture comes has `BLIND_TICKS`: its
    next keyframe may be that far off, and it knows the shape that the show should have.
    """

    def __init__(
        self,
        *,
        grid: Grid,
        top_short_side: int,
        ladder_given: bool,
        next_tick: int,
        started_tick: int,
        slate_after_ticks: int,
    ) -> None:
        self._grid = grid
        self._top_short_side = top_short_side
        self._ladder_given = ladder_given
        self._earliest_slot = -(-next_tick // grid.slot_ticks)
        self._started_tick = started_tick
        self._slate_after_ticks = slate_after_ticks
        self._received_tick: int | None = None
        self._has_video = False
        self._largest = (0, 0)
        self._first_seen_tick: int | None = None
        self._first_pts = self._newest_pts = 0

    def received(self, *, video: bool, now_tick: int) -> None:
        """An access unit has come, decodable or not."""
        if self._received_tick is None:
            self._received_tick = now_tick
        self._has_video = self._has_video or video

    def saw(self, *, pts: int, width: int, height: int, now_tick: int) -> None:
        """A picture has been decoded."""
        if self._first_seen_tick is None:
            self._first_seen_tick, self._first_pts = now_tick, pts
        self._newest_pts = max(self._newest_pts, pts)
        self._largest = max(self._largest, (width, height), key=_rank)

    def decide(self, now_tick: int) -> Begin | None:
        """The decision, or None while it is too early."""
        if not self._is_time(now_tick):
            return None
        seen = self._first_seen_tick is not None
        tick = min(self._newest_pts, now_tick) if seen else now_tick
        width, height = self._largest
        return Begin(
            first_slot=max(self._earliest_slot, self._grid.slot_of(tick)),
            width=width,
            height=height,
        )

    def ends_within(self, ticks: int, now_tick: int) -> bool:
        """True when the first pictures have been watched for so long that no more than `ticks` are
        left."""
        seen_tick = self._first_seen_tick
        return seen_tick is not None and now_tick - seen_tick >= LOOK_TICKS - ticks

    def _is_time(self, now_tick: int) -> bool:
        if self._first_seen_tick is None:
            return self._is_hopeless(now_tick)
        return (
            self._ladder_given
            or min(self._largest) >= self._top_short_side
            or self._newest_pts - self._first_pts >= LOOK_TICKS
            or now_tick - self._first_seen_tick >= LOOK_TICKS
        )

    def _is_hopeless(self, now_tick: int) -> bool:
        """No picture has come, and none is waited for any longer."""
        if self._ladder_given:
            return now_tick - self._started_tick >= ALONE_TICKS
        if self._received_tick is None:
            return False
        patience_ticks = BLIND_TICKS if self._has_video else self._slate_after_ticks
        return now_tick - self._received_tick >= patience_ticks


def _rank(size: tuple[int, int]) -> tuple[int, int]:
    return min(size), max(size)
