"""Whether a source keeps to the bits that its rung's BANDWIDTH and AVERAGE-BANDWIDTH allow."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from transcoder.grid import Grid
from transcoder.passthrough.fitness import PassTarget

SUSTAINED_S = 6
"""Shorter than a trial, so that it is known before the source is passed on again."""


@dataclass(slots=True)
class _Segment:
    bits: int = 0
    slots: int = 0


class RateBound:
    """Adds up the segments of a source as they are passed on, or would be.

    Any run of them that ends now and lasts up to 1.5 target durations stays within the rung's peak
    (rfc8216bis §4.4.6.2), also if the open one were cut off here; what is shorter than half a
    target counts as that. Over `SUSTAINED_S` the whole stays within `max_bitrate_bps`. Keeps the
    segments of that time.
    """

    def __init__(self, target: PassTarget, grid: Grid) -> None:
        self._target = target
        self._rate = grid.frames_per_second
        self._half_slots = -(-grid.segment_slots // 2)
        self._sustained_slots = SUSTAINED_S * grid.frames_per_second
        self._run_slots = grid.segment_slots * 3 // 2
        self._closed: deque[_Segment] = deque()
        self._closed_slots = 0
        self._open = _Segment()

    def restart(self) -> None:
        """Nothing has been sent."""
        self._closed.clear()
        self._closed_slots = 0
        self._open = _Segment()

    def cut(self) -> None:
        """The next slot begins a segment."""
        if self._open.slots:
            self._closed.append(self._open)
            self._closed_slots += self._open.slots
            self._open = _Segment()
        while self._closed and self._closed_slots - self._closed[0].slots >= self._sustained_slots:
            self._closed_slots -= self._closed.popleft().slots

    def allows(self, size_bytes: int) -> bool:
        """Whether the next slot may hold so much."""
        return self._is_within_peak(size_bytes) and self._is_sustained()

    def add(self, size_bytes: int) -> None:
        """The next slot holds so much."""
        self._open.bits += 8 * size_bytes
        self._open.slots += 1

    def highest_bps(self, size_bytes: int, *, cut: bool) -> int:
        """The highest rate of a run that ends with the next slot, if that holds so much. `cut`: a
        segment may begin with it."""
        runs = [*self._runs(size_bytes), *([(8 * size_bytes, self._half_slots)] if cut else [])]
        return max(-(-bits * self._rate // slots) for bits, slots in runs)

    def _is_within_peak(self, size_bytes: int) -> bool:
        return all(
            self._fits(bits, slots, self._target.peak_bps) for bits, slots in self._runs(size_bytes)
        )

    def _runs(self, size_bytes: int) -> Iterator[tuple[int, int]]:
        """Bits and slots of those that end with the next slot."""
        bits, slots = self._open.bits + 8 * size_bytes, self._open.slots + 1
        yield bits, max(slots, self._half_slots)
        for segment in reversed(self._closed):
            bits, slots = bits + segment.bits, slots + segment.slots
            if slots > self._run_slots:
                break
            yield bits, max(slots, self._half_slots)

    def _is_sustained(self) -> bool:
        if self._closed_slots < self._sustained_slots:
            return True
        bits = sum(segment.bits for segment in self._closed)
        return self._fits(bits, self._closed_slots, self._target.max_bitrate_bps)

    def _fits(self, bits: int, slots: int, limit_bps: int) -> bool:
        return bits * self._rate <= limit_bps * slots
