"""H.264 RTP payloads to Annex B access units (RFC 6184, packetization modes 0 and 1).

Single NAL units, STAP-A and FU-A. Parameter sets are remembered, because some senders put them in
packets of their own or send them once: an IDR picture always leaves with its SPS and PPS.
"""

import struct
from collections.abc import Iterator, Sequence

from mediaserver.ingest.codec import CodedFrame
from transcoder.cmaf.sps import parse_sps
from transcoder.errors import MediaError

_START_CODE = b"\x00\x00\x00\x01"

_SLICE, _IDR, _SEI, _SPS, _PPS, _AUD, _FILLER = 1, 5, 6, 7, 8, 9, 12
_STAP_A, _FU_A = 24, 28

_MAX_SET_BYTES = 1024
"""A longer SPS or PPS is no encoder's; it is passed on but not remembered."""
_MAX_SETS = 16


class H264Depacketiser:
    """The payload format of one H.264 stream. Remembers at most `_MAX_SETS` parameter sets."""

    def __init__(self) -> None:
        self._sets: dict[tuple[int, int], bytes] = {}
        self._size: tuple[int, int] | None = None

    def starts_frame(self, payload: bytes) -> bool:
        """True for parameter sets, SEI, a delimiter, or a slice with macroblock 0."""
        head = _first_nal_bytes(payload)
        if len(head) < 2:
            return False
        kind = head[0] & 0x1F
        if kind in (_SLICE, _IDR):
            # first_mb_in_slice is ue(v): 0 is the single bit 1 (ITU-T H.264 §7.3.3).
            return bool(head[1] & 0x80)
        return kind in (_SEI, _SPS, _PPS, _AUD)

    def begins_keyframe(self, payload: bytes) -> bool:
        """True for parameter sets and slices of an IDR picture."""
        head = _first_nal_bytes(payload)
        return bool(head) and head[0] & 0x1F in (_IDR, _SPS, _PPS)

    def frame(self, payloads: Sequence[bytes]) -> CodedFrame | None:
        """The Annex B access unit in `payloads`; None without a slice. Raises `ValueError`."""
        nals = [nal for nal in _nal_units(payloads) if nal[0] & 0x1F != _FILLER]
        kinds = {nal[0] & 0x1F for nal in nals}
        for nal in nals:
            self._remember(nal)
        if not kinds & {_SLICE, 2, 3, 4, _IDR}:
            return None
        keyframe = _IDR in kinds
        if keyframe:
            nals = [*self._absent_sets(kinds), *nals]
        data = b"".join(part for nal in nals for part in (_START_CODE, nal))
        return CodedFrame(data=data, keyframe=keyframe, size=self._size if keyframe else None)

    def _remember(self, nal: bytes) -> None:
        kind = nal[0] & 0x1F
        if kind not in (_SPS, _PPS) or len(nal) > _MAX_SET_BYTES:
            return
        # An SPS has its id after profile, constraints and level; a PPS begins with its own.
        key = (kind, _exp_golomb(nal[4:9] if kind == _SPS else nal[1:6]))
        if key not in self._sets and len(self._sets) >= _MAX_SETS:
            self._sets.clear()
        if kind == _SPS and self._sets.get(key) != nal:
            self._size = _picture_size(nal) or self._size
        self._sets[key] = nal

    def _absent_sets(self, kinds: set[int]) -> list[bytes]:
        ordered = sorted(self._sets.items())
        return [nal for (kind, _id), nal in ordered if kind not in kinds]


def _nal_units(payloads: Sequence[bytes]) -> Iterator[bytes]:
    fragments: list[bytes] = []
    for payload in payloads:
        if not payload:
            continue
        kind = payload[0] & 0x1F
        if fragments and kind != _FU_A:
            raise ValueError("a fragmented NAL unit is broken off")
        if 1 <= kind <= 23:
            yield payload
        elif kind == _STAP_A:
            yield from _aggregated(payload)
        elif kind == _FU_A:
            if _collect_fragment(fragments, payload):
                yield b"".join(fragments)
                fragments.clear()
        else:
            raise ValueError(f"NAL unit type {kind} is not of packetization mode 0 or 1")
    if fragments:
        raise ValueError("a fragmented NAL unit has no end")


def _aggregated(payload: bytes) -> Iterator[bytes]:
    """The NAL units of a STAP-A (RFC 6184 §5.7.1)."""
    position = 1
    while position < len(payload):
        if position + 2 > len(payload):
            raise ValueError("a STAP-A ends within a length")
        (size,) = struct.unpack_from("!H", payload, position)
        position += 2
        if position + size > len(payload):
            raise ValueError("a STAP-A ends within a NAL unit")
        if size:
            yield payload[position : position + size]
        position += size


def _collect_fragment(fragments: list[bytes], payload: bytes) -> bool:
    """Add one FU-A (RFC 6184 §5.8); True when it completes its NAL unit."""
    if len(payload) < 2:
        raise ValueError("an FU-A has no header")
    start, end = payload[1] & 0x80, payload[1] & 0x40
    if start:
        if fragments:
            raise ValueError("a fragmented NAL unit begins within another")
        fragments.append(bytes([payload[0] & 0xE0 | payload[1] & 0x1F]))
    elif not fragments:
        raise ValueError("a fragmented NAL unit has no beginning")
    fragments.append(payload[2:])
    return bool(end)


def _first_nal_bytes(payload: bytes) -> bytes:
    """The header and first byte of the NAL unit that begins in `payload`, or nothing."""
    if len(payload) < 2:
        return b""
    kind = payload[0] & 0x1F
    if kind == _STAP_A:
        return payload[3:5]
    if kind == _FU_A:
        if not payload[1] & 0x80:
            return b""
        return bytes([payload[1] & 0x1F]) + payload[2:3]
    return payload[:2]


def _picture_size(sps: bytes) -> tuple[int, int] | None:
    try:
        read = parse_sps(sps)
    except MediaError:
        return None
    return read.width, read.height


def _exp_golomb(data: bytes) -> int:
    """ue(v) at the start of `data` (ITU-T H.264 §9.1); 0 where there is none."""
    bits = int.from_bytes(data, "big")
    length = len(data) * 8
    zeros = length - bits.bit_length()
    if bits == 0 or 2 * zeros + 1 > length:
        return 0
    return (bits >> (length - 2 * zeros - 1)) - 1
