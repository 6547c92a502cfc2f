"""AV1 byte forms: temporal units as MP4 holds them, the sequence header, and `av1C`.

Clauses are those of the AV1 bitstream specification; *ISOBMFF* is "AV1 Codec ISO Media File Format
Binding".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from transcoder.cmaf.bits import BitReader
from transcoder.cmaf.boxes import box
from transcoder.cmaf.colour import Colour
from transcoder.errors import MediaError

MAX_HEADER_BYTES = 1024
_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _PADDING = 1, 2, 15
_UNSPECIFIED = 2
_IDENTITY, _SRGB, _BT709 = 0, 13, 1
_CONFIGURATION_HEAD = 0x81
_CONFIGURATION_HEAD_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceHeader:
    """What a sequence header OBU says of the pictures (§5.5)."""

    profile: int
    level: int
    """seq_level_idx of the first operating point, as `tier` is."""
    tier: int
    bit_depth: int
    monochrome: bool
    subsampling: tuple[bool, bool]
    chroma_position: int
    width: int
    height: int
    colour: Colour | None
    """Where stated."""

    @property
    def codec_string(self) -> str:
        """ISOBMFF §5: ``av01.``, profile, level and tier, depth; the rest where it is not 4:2:0
        in BT.709 and limited range, which is what a player assumes."""
        short = (
            f"av01.{self.profile}.{self.level:02d}{'H' if self.tier else 'M'}.{self.bit_depth:02d}"
        )
        sampling = f"{self.subsampling[0]:d}{self.subsampling[1]:d}{self.chroma_position:d}"
        colour = self.colour or Colour(primaries=1, transfer=1, matrix=1, full_range=False)
        points = (colour.primaries, colour.transfer, colour.matrix)
        long = f"{self.monochrome:d}.{sampling}.{'.'.join(f'{point:02d}' for point in points)}"
        long += f".{colour.full_range:d}"
        return short if long == "0.110.01.01.01.0" else f"{short}.{long}"


def split_obus(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and bytes of each OBU, header included (§5.3). Raises `MediaError`.

    Each must state its size, as those in MP4 must (ISOBMFF §2.4).
    """
    at = 0
    while at < len(data):
        head = data[at]
        body = at + (2 if head & 0x04 else 1)
        if head & 0x80 or not head & 0x02:
            raise MediaError("an AV1 unit begins with no legal header that states its size")
        size, body = _leb128(data, body)
        if size > len(data) - body:
            raise MediaError("an AV1 unit ends too early")
        yield head >> 3 & 0x0F, data[at : body + size]
        at = body + size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and where it ends (§4.10.5)."""
    value = 0
    for index, byte in enumerate(data[at : at + 5]):
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, at + index + 1
    raise MediaError("an AV1 unit states no legal size")


def av1_sample(data: bytes) -> bytes:
    """A temporal unit as a sample: without delimiters and padding (ISOBMFF §2.4).

    Raises `MediaError` when nothing is left.
    """
    kept = [unit for kind, unit in split_obus(data) if kind not in (_TEMPORAL_DELIMITER, _PADDING)]
    if not kept:
        raise MediaError("an encoded picture holds no AV1 unit")
    return b"".join(kept)


def sequence_header_of(data: bytes) -> bytes:
    """The sequence header OBU in an encoder's headers: OBUs, behind an `av1C` record's four bytes
    in those of some. Raises `MediaError`."""
    if data[:1] == bytes((_CONFIGURATION_HEAD,)):
        data = data[_CONFIGURATION_HEAD_BYTES:]
    for kind, unit in split_obus(data):
        if kind == _SEQUENCE_HEADER:
            return unit
    raise MediaError("the encoder sent no AV1 sequence header")


def parse_sequence_header(unit: bytes) -> SequenceHeader:
    """Read a sequence header OBU (§5.5.1). Raises `MediaError`."""
    if len(unit) > MAX_HEADER_BYTES or [kind for kind, _ in split_obus(unit)] != [_SEQUENCE_HEADER]:
        raise MediaError("this is no AV1 sequence header")
    start = 2 if unit[0] & 0x04 else 1
    _, body = _leb128(unit, start)
    reader = BitReader(unit[body:])
    profile = reader.bits(3)
    reader.flag()  # still_picture
    reduced = reader.flag()
    if profile > 2:
        raise MediaError(f"an AV1 sequence header names profile {profile}; there are 0 to 2")
    level, tier = (reader.bits(5), 0) if reduced else _operating_points(reader)
    width_bits, height_bits = reader.bits(4) + 1, reader.bits(4) + 1
    width, height = reader.bits(width_bits) + 1, reader.bits(height_bits) + 1
    _skip_tools(reader, reduced=reduced)
    bit_depth, monochrome, colour, subsampling, position = _colour_config(reader, profile)
    return SequenceHeader(
        profile=profile,
        level=level,
        tier=tier,
        bit_depth=bit_depth,
        monochrome=monochrome,
        subsampling=subsampling,
        chroma_position=position,
        width=width,
        height=height,
        colour=colour,
    )


def _operating_points(reader: BitReader) -> tuple[int, int]:
    """The level and tier of the first, reading past timing and the others."""
    delay_bits = None
    if reader.flag():  # timing_info_present_flag
        reader.bits(64)
        if reader.flag():  # equal_picture_interval
            reader.ue()
        if reader.flag():  # decoder_model_info_present_flag
            delay_bits = reader.bits(5) + 1
            reader.bits(32 + 5 + 5)
    display_delay = reader.flag()
    points = []
    for _ in range(reader.bits(5) + 1):
        reader.bits(12)  # operating_point_idc
        level = reader.bits(5)
        points.append((level, reader.bits(1) if level > 7 else 0))
        if delay_bits is not None and reader.flag():
            reader.bits(2 * delay_bits + 1)
        if display_delay and reader.flag():
            reader.bits(4)
    return points[0]


def _skip_tools(reader: BitReader, *, reduced: bool) -> None:
    if not reduced and reader.flag():  # frame_id_numbers_present_flag
        reader.bits(4 + 3)
    reader.bits(3)  # superblock size, filter_intra, intra_edge_filter
    if not reduced:
        reader.bits(4)  # interintra, masked, warped, dual_filter
        order_hint = reader.flag()
        if order_hint:
            reader.bits(2)  # jnt_comp, ref_frame_mvs
        chosen_tools = reader.flag()
        tools = chosen_tools or reader.flag()
        if tools and not reader.flag():  # seq_choose_integer_mv
            reader.flag()
        if order_hint:
            reader.bits(3)
    reader.bits(3)  # superres, cdef, restoration


def _colour_config(
    reader: BitReader, profile: int
) -> tuple[int, bool, Colour | None, tuple[bool, bool], int]:
    """Depth, monochrome, colour, subsampling and chroma position (§5.5.2)."""
    high = reader.flag()
    bit_depth = (12 if reader.flag() else 10) if profile == 2 and high else 10 if high else 8
    monochrome = reader.flag() if profile != 1 else False
    points = (
        (reader.bits(8), reader.bits(8), reader.bits(8)) if reader.flag() else (_UNSPECIFIED,) * 3
    )
    if not monochrome and points == (_BT709, _SRGB, _IDENTITY):
        full_range, subsampling, position = True, (False, False), 0
    else:
        full_range = reader.flag()
        subsampling = _subsampling(reader, profile, bit_depth, monochrome=monochrome)
        position = reader.bits(2) if all(subsampling) and not monochrome else 0
    said = points != (_UNSPECIFIED,) * 3 or full_range
    colour = (
        Colour(primaries=points[0], transfer=points[1], matrix=points[2], full_range=full_range)
        if said
        else None
    )
    return bit_depth, monochrome, colour, subsampling, position


def _subsampling(
    reader: BitReader, profile: int, bit_depth: int, *, monochrome: bool
) -> tuple[bool, bool]:
    if monochrome or profile == 0:
        return True, True
    if profile == 1:
        return False, False
    if bit_depth < 12:
        return True, False
    horizontal = reader.flag()
    return horizontal, reader.flag() if horizontal else False


def av1c_box(header: SequenceHeader, unit: bytes) -> bytes:
    """AV1CodecConfigurationBox (ISOBMFF §2.3) with the sequence header."""
    flags = (
        header.tier << 7
        | (header.bit_depth > 8) << 6
        | (header.bit_depth == 12) << 5
        | header.monochrome << 4
        | header.subsampling[0] << 3
        | header.subsampling[1] << 2
        | header.chroma_position
    )
    record = bytes((_CONFIGURATION_HEAD, header.profile << 5 | header.level, flags, 0))
    return box(b"av1C", record + unit)
