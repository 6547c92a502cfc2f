"""What an init section says of its video: the sample entry and what playlists say of it.

One function for each codec makes a `VideoConfig` of the encoder's (or the source's) own headers,
so size, profile and colour are theirs and not what somebody asked for.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.cmaf.av1 import av1c_box, parse_sequence_header
from transcoder.cmaf.avc import avcc_box
from transcoder.cmaf.boxes import box
from transcoder.cmaf.colour import Colour
from transcoder.cmaf.hevc import hvcc_box, parse_hevc_sps
from transcoder.cmaf.sps import parse_sps
from transcoder.errors import MediaError


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConfig:
    """The video of an init section, whatever its codec."""

    codec_string: str
    """RFC 6381, for CODECS."""
    width: int
    """Of the coded picture after cropping, in luma samples."""
    height: int
    shown_width: int
    """The width in square samples (ISO/IEC 14496-12 §8.3.2.3)."""
    sample_entry: bytes
    """The whole box, codec configuration and colour included."""


def avc_config(sps: Sequence[bytes], pps: Sequence[bytes]) -> VideoConfig:
    """H.264 of these parameter sets, bare NAL units; the first SPS says size and colour.

    Raises `MediaError` when that cannot be read, or for more sets than an `avcC` holds.
    """
    if not sps or not pps:
        raise MediaError("an H.264 track needs a sequence and a picture parameter set")
    parsed = parse_sps(sps[0])
    return _config(
        kind=b"avc1",
        codec_string=parsed.codec_string,
        size=(parsed.width, parsed.height),
        sample_aspect=parsed.sample_aspect,
        colour=parsed.colour,
        configuration=avcc_box(parsed, sps, pps),
    )


def hevc_config(vps: Sequence[bytes], sps: Sequence[bytes], pps: Sequence[bytes]) -> VideoConfig:
    """H.265 (`hvc1`: every parameter set is in the sample entry). Raises `MediaError`."""
    if not vps or not sps or not pps:
        raise MediaError("an HEVC track needs a video, a sequence and a picture parameter set")
    parsed = parse_hevc_sps(sps[0])
    return _config(
        kind=b"hvc1",
        codec_string=parsed.codec_string,
        size=(parsed.width, parsed.height),
        sample_aspect=parsed.sample_aspect,
        colour=parsed.colour,
        configuration=hvcc_box(parsed, vps, sps, pps),
    )


def av1_config(sequence_header: bytes) -> VideoConfig:
    """AV1 of this sequence header OBU. Raises `MediaError`."""
    parsed = parse_sequence_header(sequence_header)
    return _config(
        kind=b"av01",
        codec_string=parsed.codec_string,
        size=(parsed.width, parsed.height),
        sample_aspect=None,
        colour=parsed.colour,
        configuration=av1c_box(parsed, sequence_header),
    )


def _config(
    *,
    kind: bytes,
    codec_string: str,
    size: tuple[int, int],
    sample_aspect: tuple[int, int] | None,
    colour: Colour | None,
    configuration: bytes,
) -> VideoConfig:
    width, height = size
    wide, high = sample_aspect or (1, 1)
    extra = [configuration]
    if colour:
        extra.append(_colr(colour))
    if sample_aspect:
        extra.append(box(b"pasp", struct.pack(">2I", wide, high)))
    return VideoConfig(
        codec_string=codec_string,
        width=width,
        height=height,
        shown_width=min(width * wide // high, 0xFFFF),
        sample_entry=_visual_entry(kind, width, height, extra),
    )


def _visual_entry(kind: bytes, width: int, height: int, extra: Sequence[bytes]) -> bytes:
    """VisualSampleEntry (ISO/IEC 14496-12 §12.1.3), at 72 dpi, 24 bits deep."""
    return box(
        kind,
        struct.pack(">6xH16x2H", 1, width, height),
        struct.pack(">3IH32xHh", 0x48_0000, 0x48_0000, 0, 1, 24, -1),
        *extra,
    )


def _colr(colour: Colour) -> bytes:
    """ColourInformationBox (ISO/IEC 14496-12 §12.1.5) of type `nclx`."""
    points = (colour.primaries, colour.transfer, colour.matrix, colour.full_range << 7)
    return box(b"colr", b"nclx", struct.pack(">3HB", *points))
