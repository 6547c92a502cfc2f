"""What a source's H.264 must be to be passed on as the top rung."""

from dataclasses import dataclass

from transcoder.cmaf.colour import Colour
from transcoder.passthrough import reasons
from transcoder.passthrough.reasons import Unfit
from transcoder.passthrough.sets import SourceSets

_PROFILES = frozenset({66, 77, 100})
"""Baseline, Main and High: what every player takes."""
_FMT_420 = 1
# Code points of ITU-T H.273: BT.709, unspecified, BT.601 of 625 and of 525 lines, SMPTE 240M (which
# has the numbers of the latter); the curve of BT.709 under all its names, and that of sRGB, which
# browsers state of a canvas.
_PRIMARIES = frozenset({1, 2, 5, 6, 7})
_TRANSFERS = frozenset({1, 2, 6, 13, 14, 15})
_MATRICES = frozenset({1, 2, 5, 6})


@dataclass(frozen=True, slots=True, kw_only=True)
class PassTarget:
    """The top rung as it was planned: what a source that takes its place is held to."""

    rung: str
    width: int
    height: int
    max_bitrate_bps: int
    buffer_bits: int
    """Of the rate control's VBV buffer, from which BANDWIDTH follows (`transcoder.bandwidth`)."""
    segment_s: int

    @property
    def peak_bps(self) -> int:
        """The pictures' part of BANDWIDTH: a bound of any run of segments of 0.5 to 1.5 targets."""
        return self.max_bitrate_bps + 2 * self.buffer_bits // self.segment_s


def format_of(sets: SourceSets) -> Unfit | None:
    """What speaks against pictures of these parameter sets, whatever their size."""
    sps = sets.described
    if sps.profile not in _PROFILES:
        return reasons.wrong_format(f"is of profile {sps.profile}")
    if (sps.chroma_format, sps.luma_bits, sps.chroma_bits) != (_FMT_420, 8, 8):
        return reasons.wrong_format("is not 8-bit 4:2:0")
    if not sps.progressive:
        return reasons.wrong_format("is interlaced")
    if not sets.in_order:
        return reasons.wrong_format("has slice groups")
    if sps.sample_aspect is not None and sps.sample_aspect[0] != sps.sample_aspect[1]:
        return reasons.wrong_format("has samples that are not square")
    if sps.reorder_frames:
        return reasons.BIDIRECTIONAL
    return _colour_of(sps.colour) if sps.colour is not None else None


def _colour_of(colour: Colour) -> Unfit | None:
    """What speaks against colours beside rungs in BT.709 of limited range. Those of BT.601, which
    cameras send, are as near as encoding brings them; full range, which browsers send of a canvas
    or a screen, is what players know from these parameter sets and from `colr`."""
    for name, code, fit in (
        ("primaries", colour.primaries, _PRIMARIES),
        ("transfer", colour.transfer, _TRANSFERS),
        ("matrix", colour.matrix, _MATRICES),
    ):
        if code not in fit:
            return reasons.wrong_colour(f"{name} {code} (ITU-T H.273)")
    return None


def size_of(sets: SourceSets, target: PassTarget) -> Unfit | None:
    """Whether the pictures are of the rung's size."""
    given, wanted = (sets.width, sets.height), (target.width, target.height)
    return None if given == wanted else reasons.wrong_size(given, wanted, target.rung)
