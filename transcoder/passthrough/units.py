"""A source's access unit, read as far as passing it on needs (ITU-T H.264 §7.3)."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transcoder.cmaf.avc import split_annexb
from transcoder.cmaf.bits import BitReader
from transcoder.errors import MediaError

MAX_NALS = 1024
"""Of one access unit; encoders make a handful."""
MAX_SETS = 64
"""Of its parameter sets, which cost most to read."""
_SLICE, _PARTITIONS, _IDR, _SEI, _SPS, _PPS = 1, (2, 3, 4), 5, 6, 7, 8
_LENGTH = struct.Struct(">I")
_HEADER_BYTES = 24
"""The first three fields of a slice header fit, each 63 bits at most."""
_SEI_BYTES = 16 * 1024
"""So much SEI of one access unit is looked into; more is passed on unread."""
_ORIENTATION = 47
_B = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUnit:
    """One picture of the source."""

    keyframe: bool
    """It is an IDR picture."""
    bidirectional: bool
    """A slice of it is a B slice."""
    pps_ids: frozenset[int]
    """The picture parameter sets that its slices use."""
    sps: tuple[bytes, ...]
    """Sequence parameter sets that came with it, bare NAL units."""
    pps: tuple[bytes, ...]
    turned: bool | None
    """Whether it is to be shown turned or flipped; None where it does not say."""
    sample: bytes
    """Its slices and SEI behind 4-byte lengths (ISO/IEC 14496-15 §5.3)."""


def read_unit(data: bytes) -> SourceUnit:
    """Read an access unit in Annex B form.

    Delimiters, filler and what only scalable or stereo decoders use are left out of the sample;
    slices and SEI (closed captions lie there) are kept byte for byte. Raises `MediaError` for what
    is no whole picture, and for data partitioning, which players do not take.
    """
    nals = _split(data)
    slices = [nal for nal in nals if nal[0] & 0x1F in (_SLICE, _IDR)]
    if any(nal[0] & 0x1F in _PARTITIONS for nal in nals):
        raise MediaError("it partitions its data")
    keyframe = _is_idr(slices)
    heads = [_slice_head(nal) for nal in slices]
    if [first for first, _, _ in heads].count(0) != 1 or heads[0][0]:
        raise MediaError("an access unit is not one whole picture")
    kept = [nal for nal in nals if nal[0] & 0x1F in (_SLICE, _IDR, _SEI)]
    return SourceUnit(
        keyframe=keyframe,
        bidirectional=any(kind % 5 == _B for _, kind, _ in heads),
        pps_ids=frozenset(pps_id for _, _, pps_id in heads),
        sps=tuple(nal for nal in nals if nal[0] & 0x1F == _SPS),
        pps=tuple(nal for nal in nals if nal[0] & 0x1F == _PPS),
        turned=_turned(nals),
        sample=b"".join(part for nal in kept for part in (_LENGTH.pack(len(nal)), nal)),
    )


def unescaped(nal: bytes) -> bytes:
    """What follows a NAL unit's header byte, without the emulation prevention bytes (§7.4.1)."""
    return nal[1:].replace(b"\x00\x00\x03", b"\x00\x00")


def _split(data: bytes) -> list[bytes]:
    nals: list[bytes] = []
    for nal in split_annexb(data):
        if len(nals) == MAX_NALS:
            raise MediaError(f"an access unit has more than {MAX_NALS} NAL units")
        nals.append(nal)
    if sum(nal[0] & 0x1F in (_SPS, _PPS) for nal in nals) > MAX_SETS:
        raise MediaError(f"an access unit has more than {MAX_SETS} parameter sets")
    return nals


def _is_idr(slices: Sequence[bytes]) -> bool:
    kinds = {nal[0] & 0x1F for nal in slices}
    if not kinds:
        raise MediaError("an access unit holds no slice")
    if len(kinds) > 1:
        raise MediaError("an access unit mixes IDR and other slices")
    return kinds == {_IDR}


def _slice_head(nal: bytes) -> tuple[int, int, int]:
    """first_mb_in_slice, slice_type and pic_parameter_set_id (§7.3.3)."""
    reader = BitReader(unescaped(nal[:_HEADER_BYTES]))
    first, kind, pps_id = reader.ue(), reader.ue(), reader.ue()
    if kind > 9 or pps_id > 255:
        raise MediaError("a slice header is not one of H.264")
    return first, kind, pps_id


def _turned(nals: Sequence[bytes]) -> bool | None:
    """What the display orientation SEI message says (§D.1.27), if there is one."""
    turned: bool | None = None
    left = _SEI_BYTES
    for nal in nals:
        if nal[0] & 0x1F != _SEI:
            continue
        read, left = nal[:left], max(0, left - len(nal))
        for kind, payload in _messages(unescaped(read)):
            if kind == _ORIENTATION and payload:
                reader = BitReader(payload)
                cancelled = reader.flag()
                turned = not cancelled and reader.bits(min(18, len(payload) * 8 - 1)) != 0
    return turned


def _messages(sei: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages of an SEI (§7.3.2.3.1) that are whole; a torn one ends it."""
    at = 0
    while at + 2 <= len(sei):
        numbers = [0, 0]
        for index in range(2):
            while at < len(sei) and sei[at] == 0xFF:
                numbers[index] += 255
                at += 1
            if at >= len(sei):
                return
            numbers[index] += sei[at]
            at += 1
        kind, size = numbers
        if at + size > len(sei):
            return
        yield kind, sei[at : at + size]
        at += size
