"""What the numbers of a picture mean, as codecs and containers say it (ITU-T H.273)."""

from dataclasses import dataclass

from transcoder.cmaf.bits import BitReader

_EXTENDED_SAR = 255
_UNSPECIFIED = 2

# Table E-1 of ITU-T H.264 and H.265, from aspect_ratio_idc 1 on.
_SAR_WIDTHS = (1, 12, 10, 16, 40, 24, 20, 32, 80, 18, 15, 64, 160, 4, 3, 2)
_SAR_HEIGHTS = (1, 11, 11, 11, 33, 11, 11, 11, 33, 11, 11, 33, 99, 3, 2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """Code points of ITU-T H.273; 2 is unspecified."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool


_FULL_RANGE = Colour(
    primaries=_UNSPECIFIED, transfer=_UNSPECIFIED, matrix=_UNSPECIFIED, full_range=True
)


def read_vui_head(reader: BitReader) -> tuple[tuple[int, int] | None, Colour | None]:
    """The sample aspect ratio and the colours, where stated; full range is stated alone as well.

    They begin the usability information of H.264 (§E.1.1) and HEVC (§E.2.1) alike.
    """
    sample_aspect = _sample_aspect(reader) if reader.flag() else None
    if reader.flag():  # overscan_info_present_flag
        reader.flag()
    if not reader.flag():  # video_signal_type_present_flag
        return sample_aspect, None
    reader.bits(3)  # video_format
    full_range = reader.flag()
    if not reader.flag():  # colour_description_present_flag
        return sample_aspect, _FULL_RANGE if full_range else None
    primaries, transfer, matrix = reader.bits(8), reader.bits(8), reader.bits(8)
    return sample_aspect, Colour(
        primaries=primaries, transfer=transfer, matrix=matrix, full_range=full_range
    )


def _sample_aspect(reader: BitReader) -> tuple[int, int] | None:
    code = reader.bits(8)
    if code == _EXTENDED_SAR:
        width, height = reader.bits(16), reader.bits(16)
        return (width, height) if width and height else None
    if 1 <= code <= len(_SAR_WIDTHS):
        return _SAR_WIDTHS[code - 1], _SAR_HEIGHTS[code - 1]
    return None
