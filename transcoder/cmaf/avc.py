"""H.264 byte forms: the Annex B stream of encoders and RTP, and the length-prefixed one of MP4."""

import struct
from collections.abc import Iterator, Sequence

from transcoder.cmaf.boxes import box
from transcoder.cmaf.sps import Sps
from transcoder.errors import MediaError

_START_CODE = b"\x00\x00\x01"
_LENGTH = struct.Struct(">I")
_SLICES = range(1, 6)
_IDR, _SPS, _PPS = 5, 7, 8
_MAX_SPS, _MAX_PPS = 31, 255
_PROFILES_WITH_FORMAT = frozenset({100, 110, 122, 144, 244})


def split_annexb(data: bytes) -> Iterator[bytes]:
    """The NAL units of a byte stream (ITU-T H.264 Annex B), without start codes and padding.

    Bytes before the first start code are no NAL unit and are dropped.
    """
    start = data.find(_START_CODE)
    while start >= 0:
        start += len(_START_CODE)
        end = data.find(_START_CODE, start)
        nal = (data[start:end] if end >= 0 else data[start:]).rstrip(b"\x00")
        if nal:
            yield nal
        start = end


def annexb_to_avcc(data: bytes) -> bytes:
    """The slices of an Annex B access unit, each behind its 4-byte length (ISO/IEC 14496-15 §5.3).

    Parameter sets are dropped because the init section has them; delimiters, filler and SEI carry
    nothing that a player uses. Raises `MediaError` when no slice is left.
    """
    parts: list[bytes] = []
    for nal in split_annexb(data):
        if nal[0] & 0x1F in _SLICES:
            parts += (_LENGTH.pack(len(nal)), nal)
    if not parts:
        raise MediaError("an encoded picture holds no slice")
    return b"".join(parts)


def parameter_sets(data: bytes) -> tuple[bytes, bytes]:
    """The first SPS and PPS of an Annex B stream (an IDR picture or an encoder's extradata).

    Raises `MediaError` when either is missing.
    """
    found: dict[int, bytes] = {}
    for nal in split_annexb(data):
        found.setdefault(nal[0] & 0x1F, nal)
    if _SPS not in found or _PPS not in found:
        raise MediaError("the encoder sent no SPS and PPS")
    return found[_SPS], found[_PPS]


def nal_types(data: bytes) -> Iterator[int]:
    """The NAL unit types of a length-prefixed sample. Raises `MediaError` when it is malformed."""
    at = 0
    while at < len(data):
        if len(data) - at <= _LENGTH.size:
            raise MediaError("a video sample ends within a NAL unit's length")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if not 0 < length <= len(data) - at:
            raise MediaError("a video sample ends within a NAL unit")
        yield data[at] & 0x1F
        at += length


def holds_idr(data: bytes) -> bool:
    """True when a length-prefixed sample is an IDR picture. Raises `MediaError`."""
    return _IDR in list(nal_types(data))


def avcc_box(sps: Sps, sps_nals: Sequence[bytes], pps_nals: Sequence[bytes]) -> bytes:
    """AVCConfigurationBox (ISO/IEC 14496-15 §5.3.3.1.2) with these sets; `sps` is the first SPS.

    Raises `MediaError` for more sets than its counters hold, 31 and 255.
    """
    if len(sps_nals) > _MAX_SPS or len(pps_nals) > _MAX_PPS:
        raise MediaError(
            f"a track holds {_MAX_SPS} sequence and {_MAX_PPS} picture parameter sets at most"
        )
    record = bytes((1, sps.profile, sps.constraints, sps.level, 0xFC | 3, 0xE0 | len(sps_nals)))
    record += b"".join(_sized(nal) for nal in sps_nals)
    record += bytes((len(pps_nals),)) + b"".join(_sized(nal) for nal in pps_nals)
    if sps.profile in _PROFILES_WITH_FORMAT:
        formats = (0xFC | sps.chroma_format, 0xF8 | sps.luma_bits - 8, 0xF8 | sps.chroma_bits - 8)
        record += bytes((*formats, 0))
    return box(b"avcC", record)


def _sized(nal: bytes) -> bytes:
    return struct.pack(">H", len(nal)) + nal
