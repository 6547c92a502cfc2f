"""The H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1), as far as the container needs it."""

from dataclasses import dataclass

from transcoder.cmaf.bits import BitReader
from transcoder.errors import MediaError

MAX_SPS_BYTES = 1024
_MAX_SIDE = 16_384
_EXTENDED_SAR = 255
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose SPS has the chroma format, bit depth and scaling fields (§7.3.2.1.1)."""

# Table E-1, from aspect_ratio_idc 1 on.
_SAR_WIDTHS = (1, 12, 10, 16, 40, 24, 20, 32, 80, 18, 15, 64, 160, 4, 3, 2)
_SAR_HEIGHTS = (1, 11, 11, 11, 33, 11, 11, 11, 33, 11, 11, 33, 99, 3, 2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """What the numbers of a picture mean (ITU-T H.273 code points)."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sps:
    """What a sequence parameter set says of the pictures."""

    profile: int
    constraints: int
    """The byte of constraint_set flags."""
    level: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    width: int
    """Of the picture after cropping, in luma samples."""
    height: int
    sample_aspect: tuple[int, int] | None
    """Width and height of a sample, where stated."""
    colour: Colour | None
    """Where stated."""

    @property
    def codec_string(self) -> str:
        """RFC 6381 §3.3: ``avc1.`` and profile, constraints and level in hexadecimal."""
        return f"avc1.{self.profile:02X}{self.constraints:02X}{self.level:02X}"


def parse_sps(nal: bytes) -> Sps:
    """Read an SPS NAL unit (header byte included, no start code). Raises `MediaError`."""
    if not 4 <= len(nal) <= MAX_SPS_BYTES or nal[0] & 0x1F != 7:
        raise MediaError("this is no H.264 sequence parameter set")
    reader = BitReader(nal[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile, constraints, level = reader.bits(8), reader.bits(8), reader.bits(8)
    reader.ue()  # seq_parameter_set_id
    chroma_format, luma_bits, chroma_bits, separate = 1, 8, 8, False
    if profile in _HIGH_PROFILES:
        chroma_format, luma_bits, chroma_bits, separate = _high_fields(reader)
    reader.ue()  # log2_max_frame_num_minus4
    _skip_order_count(reader)
    reader.ue()  # max_num_ref_frames
    reader.flag()  # gaps_in_frame_num_value_allowed_flag
    width, height = _size(reader, chroma_array_type=0 if separate else chroma_format)
    sample_aspect, colour = _vui(reader) if reader.flag() else (None, None)
    return Sps(
        profile=profile,
        constraints=constraints,
        level=level,
        chroma_format=chroma_format,
        luma_bits=luma_bits,
        chroma_bits=chroma_bits,
        width=width,
        height=height,
        sample_aspect=sample_aspect,
        colour=colour,
    )


def _high_fields(reader: BitReader) -> tuple[int, int, int, bool]:
    chroma_format = reader.ue()
    if chroma_format > 3:
        raise MediaError(f"an SPS names chroma format {chroma_format}; there are 0 to 3")
    separate = reader.flag() if chroma_format == 3 else False
    luma_bits, chroma_bits = reader.ue() + 8, reader.ue() + 8
    if max(luma_bits, chroma_bits) > 14:
        raise MediaError("an SPS names a bit depth over 14")
    reader.flag()  # qpprime_y_zero_transform_bypass_flag
    if reader.flag():  # seq_scaling_matrix_present_flag
        for index in range(12 if chroma_format == 3 else 8):
            if reader.flag():
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return chroma_format, luma_bits, chroma_bits, separate


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _skip_order_count(reader: BitReader) -> None:
    order_type = reader.ue()
    if order_type == 0:
        reader.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif order_type == 1:
        reader.flag()  # delta_pic_order_always_zero_flag
        reader.se()  # offset_for_non_ref_pic
        reader.se()  # offset_for_top_to_bottom_field
        cycle = reader.ue()
        if cycle > 255:
            raise MediaError("an SPS has a picture order cycle over 255")
        for _ in range(cycle):
            reader.se()


def _size(reader: BitReader, *, chroma_array_type: int) -> tuple[int, int]:
    """Frame size after cropping (§7.4.2.1.1: CropUnitX, CropUnitY)."""
    width = (reader.ue() + 1) * 16
    map_units = reader.ue() + 1
    frame_mbs_only = reader.flag()
    height = map_units * 16 * (1 if frame_mbs_only else 2)
    if not frame_mbs_only:
        reader.flag()  # mb_adaptive_frame_field_flag
    reader.flag()  # direct_8x8_inference_flag
    if reader.flag():  # frame_cropping_flag
        unit_x = 2 if chroma_array_type in (1, 2) else 1
        unit_y = (2 if chroma_array_type == 1 else 1) * (1 if frame_mbs_only else 2)
        width -= unit_x * (reader.ue() + reader.ue())
        height -= unit_y * (reader.ue() + reader.ue())
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise MediaError(f"an SPS names a picture of {width}x{height}")
    return width, height


def _vui(reader: BitReader) -> tuple[tuple[int, int] | None, Colour | None]:
    """The sample aspect ratio and the colours (§E.1.1); the rest is not needed."""
    sample_aspect = _sample_aspect(reader) if reader.flag() else None
    if reader.flag():  # overscan_info_present_flag
        reader.flag()
    if not reader.flag():  # video_signal_type_present_flag
        return sample_aspect, None
    reader.bits(3)  # video_format
    full_range = reader.flag()
    if not reader.flag():  # colour_description_present_flag
        return sample_aspect, None
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
