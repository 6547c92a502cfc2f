"""What one source has shown of itself: its format, its faults, its rate."""

from dataclasses import dataclass

from transcoder.errors import MediaError
from transcoder.passthrough import reasons
from transcoder.passthrough.fitness import PassTarget, format_of, size_of
from transcoder.passthrough.reasons import Unfit
from transcoder.passthrough.sets import ParameterSets, SourceSets
from transcoder.passthrough.units import SourceUnit, read_unit
from transcoder.values import TICKS_PER_SECOND, AccessUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An access unit as it was read."""

    unit: SourceUnit
    sets: SourceSets | None
    """Of a keyframe."""
    unfit: Unfit | None
    """What speaks against passing it on, or the pictures around it."""


class SourceReader:
    """Reads the access units of one source, in order."""

    def __init__(self) -> None:
        self._sets = ParameterSets()
        self._used: SourceSets | None = None
        self._format: Unfit | None = None
        """What speaks against all pictures of the sets in use."""
        self._turned = False
        self._bits = 0
        self._first_pts: int | None = None
        self._newest_pts = 0

    @property
    def measured_bps(self) -> int:
        """The rate of its pictures so far; of less than a second as if it were one."""
        span_ticks = self._newest_pts - (self._first_pts or 0)
        return self._bits * TICKS_PER_SECOND // max(span_ticks, TICKS_PER_SECOND)

    def read(self, access_unit: AccessUnit, target: PassTarget | None) -> Read:
        """The next access unit, of H.264. Raises `MediaError` for what cannot be read."""
        self._measure(access_unit)
        unit = read_unit(access_unit.data)
        if unit.sps or unit.pps:
            self._sets.take(unit)
        if unit.keyframe:
            self._used = self._sets.used_by(unit)
            self._format = format_of(self._used)
            self._turned = False
        if unit.turned is not None:
            self._turned = unit.turned
        unfit = self._judged(unit, target)
        return Read(unit=unit, sets=self._used if unit.keyframe else None, unfit=unfit)

    def _judged(self, unit: SourceUnit, target: PassTarget | None) -> Unfit | None:
        if self._used is None:
            return None
        if not unit.keyframe and self._changed_between(unit):
            return reasons.SETS_BETWEEN
        if self._turned:
            return reasons.ROTATED
        if unit.bidirectional:
            return reasons.BIDIRECTIONAL
        size = size_of(self._used, target) if target is not None else None
        return self._format or size

    def _changed_between(self, unit: SourceUnit) -> bool:
        if self._used is None or not (unit.sps or unit.pps):
            return self._used is None or not unit.pps_ids <= self._used.pps_ids
        return self._sets.used_by(unit) != self._used

    def _measure(self, unit: AccessUnit) -> None:
        if self._first_pts is None:
            self._first_pts = unit.pts
        self._newest_pts = max(self._newest_pts, unit.pts)
        self._bits += 8 * len(unit.data)


def read_or_fault(
    reader: SourceReader, unit: AccessUnit, target: PassTarget | None
) -> Read | Unfit:
    """The unit as it was read, or why it cannot be passed on at all. Never raises."""
    if unit.codec != "h264":
        return reasons.wrong_codec(unit.codec)
    try:
        return reader.read(unit, target)
    except MediaError as exc:
        return reasons.malformed(str(exc))
