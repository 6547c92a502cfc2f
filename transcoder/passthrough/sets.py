"""The parameter sets of a source, which lie in its stream: which of them a picture uses."""

from dataclasses import dataclass

from transcoder.cmaf.bits import BitReader
from transcoder.cmaf.sps import Sps, parse_sps
from transcoder.errors import MediaError
from transcoder.passthrough.units import SourceUnit, unescaped

MAX_PPS_BYTES = 1024
_MAX_SPS_ID, _MAX_PPS_ID = 31, 255


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSets:
    """What the init section of a passed source is made of."""

    sps: tuple[bytes, ...]
    """The one that the pictures use, a bare NAL unit."""
    pps: tuple[bytes, ...]
    """All that go with it, by number."""
    described: Sps
    """The same SPS, read."""
    pps_ids: frozenset[int]
    in_order: bool
    """Macroblocks come in raster order: no slice groups (FMO)."""

    @property
    def width(self) -> int:
        """Of the picture, after cropping."""
        return self.described.width

    @property
    def height(self) -> int:
        """Of the picture, after cropping."""
        return self.described.height


@dataclass(frozen=True, slots=True)
class _Pps:
    id: int
    sps_id: int
    in_order: bool
    nal: bytes


class ParameterSets:
    """Those of one source, by number: 32 and 256 at most, a kilobyte each."""

    def __init__(self) -> None:
        self._sps: dict[int, tuple[bytes, Sps]] = {}
        self._pps: dict[int, _Pps] = {}

    def take(self, unit: SourceUnit) -> None:
        """Remember those that came with a picture; known ones are not read again. Raises
        `MediaError`."""
        for nal in unit.sps:
            if any(nal == known for known, _ in self._sps.values()):
                continue
            sps = parse_sps(nal)
            self._sps[sps.id] = nal, sps
        for nal in unit.pps:
            pps = _read_pps(nal)
            self._pps[pps.id] = pps

    def used_by(self, unit: SourceUnit) -> SourceSets:
        """The sets that a picture needs. Raises `MediaError` when one has not come."""
        missing = unit.pps_ids - self._pps.keys()
        if missing:
            raise MediaError(f"its picture parameter set {min(missing)} has not come")
        sps_ids = {self._pps[pps_id].sps_id for pps_id in unit.pps_ids}
        (sps_id, *others) = sorted(sps_ids)
        if others or sps_id not in self._sps:
            raise MediaError(f"its sequence parameter set {sps_id} has not come")
        nal, sps = self._sps[sps_id]
        going = [self._pps[key] for key in sorted(self._pps) if self._pps[key].sps_id == sps_id]
        return SourceSets(
            sps=(nal,),
            pps=tuple(pps.nal for pps in going[:_MAX_PPS_ID]),
            described=sps,
            pps_ids=frozenset(pps.id for pps in going),
            in_order=all(pps.in_order for pps in going),
        )


def _read_pps(nal: bytes) -> _Pps:
    """The head of a picture parameter set (§7.3.2.2)."""
    if not 2 <= len(nal) <= MAX_PPS_BYTES:
        raise MediaError("a picture parameter set has an impossible size")
    reader = BitReader(unescaped(nal))
    pps_id, sps_id = reader.ue(), reader.ue()
    if pps_id > _MAX_PPS_ID or sps_id > _MAX_SPS_ID:
        raise MediaError("a picture parameter set has an impossible number")
    reader.bits(2)  # entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
    return _Pps(id=pps_id, sps_id=sps_id, in_order=reader.ue() == 0, nal=nal)
