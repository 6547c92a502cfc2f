"""HEVC byte forms: encoders' Annex B streams to the length-prefixed ones of MP4, and `hvcC`."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.cmaf.avc import split_annexb
from transcoder.cmaf.bits import BitReader
from transcoder.cmaf.boxes import box
from transcoder.cmaf.colour import Colour, read_vui_head
from transcoder.cmaf.hevc_sets import skip_to_vui
from transcoder.errors import MediaError

MAX_SPS_BYTES = 1024
_MAX_SIDE = 16_384
_LENGTH = struct.Struct(">I")
_VPS, _SPS, _PPS = 32, 33, 34
_SLICES = range(32)
_SHORTEST_NAL = 3
_PROFILE_SPACES = ("", "A", "B", "C")


@dataclass(frozen=True, slots=True, kw_only=True)
class HevcSps:
    """What a sequence parameter set says of the pictures (ITU-T H.265 §7.3.2.2)."""

    profile_bytes: bytes
    """general_profile_space to general_constraint_indicator_flags, 11 bytes as they stand."""
    level: int
    temporal_layers: int
    temporal_nesting: bool
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    width: int
    """Of the picture after cropping, in luma samples."""
    height: int
    sample_aspect: tuple[int, int] | None
    """Where stated."""
    colour: Colour | None
    """Where stated."""

    @property
    def codec_string(self) -> str:
        """ISO/IEC 14496-15 Annex E.3: ``hvc1.``, profile, compatibility, tier and level, and
        the constraint bytes without trailing zeros."""
        first = self.profile_bytes[0]
        compatible = int.from_bytes(self.profile_bytes[1:5], "big")
        reversed_bits = int(f"{compatible:032b}"[::-1], 2)
        constraints = self.profile_bytes[5:].rstrip(b"\x00")
        return ".".join(
            (
                "hvc1",
                f"{_PROFILE_SPACES[first >> 6]}{first & 0x1F}",
                f"{reversed_bits:X}",
                f"{'H' if first & 0x20 else 'L'}{self.level}",
                *(f"{byte:X}" for byte in constraints),
            )
        )


def annexb_to_hvcc(data: bytes) -> bytes:
    """The slices of an Annex B access unit, each behind its 4-byte length (ISO/IEC 14496-15).

    Everything else is dropped: parameter sets are in the sample entry. Raises `MediaError` when no
    slice is left.
    """
    parts: list[bytes] = []
    for nal in split_annexb(data):
        if len(nal) >= _SHORTEST_NAL and _type(nal) in _SLICES:
            parts += (_LENGTH.pack(len(nal)), nal)
    if not parts:
        raise MediaError("an encoded picture holds no slice")
    return b"".join(parts)


def hevc_parameter_sets(data: bytes) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The VPS, SPS and PPS of an Annex B stream, each once. Raises `MediaError` for a kind that is
    missing."""
    found: dict[int, list[bytes]] = {_VPS: [], _SPS: [], _PPS: []}
    for nal in split_annexb(data):
        if len(nal) >= _SHORTEST_NAL and nal not in found.get(_type(nal), [nal]):
            found[_type(nal)].append(nal)
    if not all(found.values()):
        raise MediaError("the encoder sent no VPS, SPS and PPS")
    return found[_VPS], found[_SPS], found[_PPS]


def parse_hevc_sps(nal: bytes) -> HevcSps:
    """Read an SPS NAL unit (header included, no start code). Raises `MediaError`."""
    if not _SHORTEST_NAL <= len(nal) <= MAX_SPS_BYTES or _type(nal) != _SPS:
        raise MediaError("this is no HEVC sequence parameter set")
    reader = BitReader(nal[2:].replace(b"\x00\x00\x03", b"\x00\x00"))
    reader.bits(4)  # sps_video_parameter_set_id
    sub_layers = reader.bits(3)
    if sub_layers > 6:
        raise MediaError("an SPS names more than 7 temporal layers")
    nesting = reader.flag()
    profile_bytes = reader.bits(88).to_bytes(11, "big")
    level = reader.bits(8)
    _skip_sub_layers(reader, sub_layers)
    reader.ue()  # sps_seq_parameter_set_id
    chroma_format = reader.ue()
    if chroma_format > 3:
        raise MediaError(f"an SPS names chroma format {chroma_format}; there are 0 to 3")
    separate = reader.flag() if chroma_format == 3 else False
    width, height = _size(reader, 0 if separate else chroma_format)
    luma_bits, chroma_bits = reader.ue() + 8, reader.ue() + 8
    if max(luma_bits, chroma_bits) > 16:
        raise MediaError("an SPS names a bit depth over 16")
    sample_aspect, colour = None, None
    if skip_to_vui(reader, sub_layers=sub_layers):
        sample_aspect, colour = read_vui_head(reader)
    return HevcSps(
        profile_bytes=profile_bytes,
        level=level,
        temporal_layers=sub_layers + 1,
        temporal_nesting=nesting,
        chroma_format=chroma_format,
        luma_bits=luma_bits,
        chroma_bits=chroma_bits,
        width=width,
        height=height,
        sample_aspect=sample_aspect,
        colour=colour,
    )


def _skip_sub_layers(reader: BitReader, sub_layers: int) -> None:
    """The rest of profile_tier_level (§7.3.3)."""
    present = [(reader.flag(), reader.flag()) for _ in range(sub_layers)]
    if sub_layers:
        reader.bits(2 * (8 - sub_layers))
    for profile, level in present:
        reader.bits((88 if profile else 0) + (8 if level else 0))


def _size(reader: BitReader, chroma_array_type: int) -> tuple[int, int]:
    """The picture after cropping (§7.4.3.2.1: SubWidthC, SubHeightC)."""
    width, height = reader.ue(), reader.ue()
    if reader.flag():  # conformance_window_flag
        unit_x = 2 if chroma_array_type in (1, 2) else 1
        unit_y = 2 if chroma_array_type == 1 else 1
        width -= unit_x * (reader.ue() + reader.ue())
        height -= unit_y * (reader.ue() + reader.ue())
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise MediaError(f"an SPS names a picture of {width}x{height}")
    return width, height


def hvcc_box(
    sps: HevcSps, vps_nals: Sequence[bytes], sps_nals: Sequence[bytes], pps_nals: Sequence[bytes]
) -> bytes:
    """HEVCConfigurationBox (ISO/IEC 14496-15 §8.3.3.1.2), complete: no set is in the samples."""
    fields = (
        0xF000,  # min_spatial_segmentation_idc: unknown
        0xFC,  # parallelismType: unknown
        0xFC | sps.chroma_format,
        0xF8 | sps.luma_bits - 8,
        0xF8 | sps.chroma_bits - 8,
        0,  # avgFrameRate: unspecified
        sps.temporal_layers << 3 | sps.temporal_nesting << 2 | _LENGTH.size - 1,
        3,
    )
    record = b"\x01" + sps.profile_bytes + bytes((sps.level,)) + struct.pack(">H4BHBB", *fields)
    for kind, nals in ((_VPS, vps_nals), (_SPS, sps_nals), (_PPS, pps_nals)):
        record += struct.pack(">BH", 0x80 | kind, len(nals))
        record += b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)
    return box(b"hvcC", record)


def _type(nal: bytes) -> int:
    return nal[0] >> 1 & 0x3F
