"""The constant grid that the pictures of a show lie on, and what is cut from it.

WebRTC declares no frame rate, so the profile does: slot *n* begins at tick ``n * slot_ticks`` of
the media timeline. Parts, IDR frames and segments are whole numbers of slots, so every duration is
exact and constant. Pure arithmetic.
"""

from dataclasses import dataclass

from transcoder.control import LatencyPreset
from transcoder.errors import ProfileError
from transcoder.values import TICKS_PER_SECOND

_PART_TARGET_MS: dict[LatencyPreset, int] = {"ultra": 200, "low": 333, "relaxed": 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Slots of equal length, and how many of them make a part, an IDR interval and a segment.

    A part divides the IDR interval and that divides the segment, so parts never straddle either.
    Raises `ProfileError` when they do not.
    """

    frames_per_second: int
    """Divides 90,000, so that a slot is a whole number of ticks."""
    part_slots: int
    idr_slots: int
    segment_slots: int

    def __post_init__(self) -> None:
        counts = (self.frames_per_second, self.part_slots, self.idr_slots, self.segment_slots)
        if min(counts) < 1:
            raise ProfileError("a grid's rate, parts, IDR intervals and segments are 1 or more")
        if TICKS_PER_SECOND % self.frames_per_second:
            raise ProfileError(
                f"{self.frames_per_second} frames per second do not divide {TICKS_PER_SECOND} ticks"
            )
        if self.idr_slots % self.part_slots or self.segment_slots % self.idr_slots:
            raise ProfileError("a part must divide the IDR interval, and that the segment")

    @property
    def slot_ticks(self) -> int:
        """The length of a slot, and of every video sample."""
        return TICKS_PER_SECOND // self.frames_per_second

    @property
    def part_ticks(self) -> int:
        """The part target: every part but an epoch's last is exactly this long."""
        return self.part_slots * self.slot_ticks

    @property
    def segment_ticks(self) -> int:
        """The length of every segment but an epoch's last."""
        return self.segment_slots * self.slot_ticks

    def slot_of(self, tick: int) -> int:
        """The slot whose beginning is nearest to `tick`; halfway goes to the later one."""
        return (2 * tick + self.slot_ticks) // (2 * self.slot_ticks)

    def tick_of(self, slot: int) -> int:
        """The tick at which `slot` begins."""
        return slot * self.slot_ticks


def make_grid(
    *,
    frames_per_second: int,
    latency: LatencyPreset,
    idr_interval_s: int = 1,
    segment_s: int = 2,
) -> Grid:
    """The grid of a profile: a part is the divisor of the IDR interval nearest the preset.

    Of two divisors equally near the shorter wins. Raises `ProfileError`.
    """
    idr_slots = frames_per_second * idr_interval_s
    return Grid(
        frames_per_second=frames_per_second,
        part_slots=_nearest_divisor(idr_slots, frames_per_second * _PART_TARGET_MS[latency]),
        idr_slots=idr_slots,
        segment_slots=frames_per_second * segment_s,
    )


def _nearest_divisor(slots: int, target_milli: int) -> int:
    divisors = [n for n in range(1, slots + 1) if slots % n == 0]
    return min(divisors, key=lambda n: (abs(1000 * n - target_milli), n), default=0)
