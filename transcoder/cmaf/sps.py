"""The H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1), as far as the container needs it."""

import contextlib
from dataclasses import dataclass

from transcoder.cmaf.bits import BitReader
from transcoder.cmaf.colour import Colour, read_vui_head
from transcoder.errors import MediaError

MAX_SPS_BYTES = 1024
_MAX_SIDE = 16_384
_MAX_ID = 31
_MAX_CPBS = 32
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose SPS has the chroma format, bit depth and scaling fields (§7.3.2.1.1)."""


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
    id: int = 0
    progressive: bool = True
    """Every picture is a frame: no fields (frame_mbs_only_flag)."""
    reorder_frames: int | None = None
    """How many pictures may overtake one that is shown before them (max_num_reorder_frames), where
    stated."""

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
    set_id = reader.ue()
    if set_id > _MAX_ID:
        raise MediaError(f"an SPS has the number {set_id}; there are 0 to {_MAX_ID}")
    chroma_format, luma_bits, chroma_bits, separate = 1, 8, 8, False
    if profile in _HIGH_PROFILES:
        chroma_format, luma_bits, chroma_bits, separate = _high_fields(reader)
    reader.ue()  # log2_max_frame_num_minus4
    _skip_order_count(reader)
    reader.ue()  # max_num_ref_frames
    reader.flag()  # gaps_in_frame_num_value_allowed_flag
    width, height, progressive = _size(reader, chroma_array_type=0 if separate else chroma_format)
    sample_aspect, colour, reorder_frames = None, None, None
    if reader.flag():  # vui_parameters_present_flag
        sample_aspect, colour = read_vui_head(reader)
        with contextlib.suppress(MediaError):
            reorder_frames = _reorder_frames(reader)
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
        id=set_id,
        progressive=progressive,
        reorder_frames=reorder_frames,
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


def _size(reader: BitReader, *, chroma_array_type: int) -> tuple[int, int, bool]:
    """Frame size after cropping (§7.4.2.1.1: CropUnitX, CropUnitY); whether it is progressive."""
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
    return width, height, frame_mbs_only


def _reorder_frames(reader: BitReader) -> int | None:
    """max_num_reorder_frames, from where the colours end (§E.1.1); None where it is not stated."""
    if reader.flag():  # chroma_loc_info_present_flag
        reader.ue()
        reader.ue()
    if reader.flag():  # timing_info_present_flag
        reader.bits(65)
    hypothetical = 0
    for _ in ("nal", "vcl"):
        if reader.flag():
            _skip_hrd(reader)
            hypothetical += 1
    if hypothetical:
        reader.flag()  # low_delay_hrd_flag
    reader.flag()  # pic_struct_present_flag
    if not reader.flag():  # bitstream_restriction_flag
        return None
    reader.flag()  # motion_vectors_over_pic_boundaries_flag
    for _ in range(4):  # two bounds of bytes and bits, two of motion vectors
        reader.ue()
    return reader.ue()


def _skip_hrd(reader: BitReader) -> None:
    """§E.1.2."""
    count = reader.ue() + 1
    if count > _MAX_CPBS:
        raise MediaError(f"an SPS has {count} coded picture buffers; there are 1 to {_MAX_CPBS}")
    reader.bits(8)
    for _ in range(count):
        reader.ue()
        reader.ue()
        reader.flag()
    reader.bits(20)
