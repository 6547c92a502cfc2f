"""VP8 RTP payloads to frames (RFC 7741): the descriptor is stripped, the rest joined."""

import struct
from collections.abc import Sequence

from mediaserver.ingest.codec import CodedFrame

_KEYFRAME_START = b"\x9d\x01\x2a"


class Vp8Depacketiser:
    """The payload format of one VP8 stream. It has no state."""

    def starts_frame(self, payload: bytes) -> bool:
        """True where the descriptor says start of partition 0 (S=1, PID=0)."""
        return bool(payload) and payload[0] & 0x1F == 0x10

    def begins_keyframe(self, payload: bytes) -> bool:
        """True where the payload header has the P bit clear (RFC 7741 §4.3)."""
        try:
            place = descriptor_bytes(payload)
        except ValueError:
            return False
        return len(payload) > place and not payload[place] & 0x01

    def frame(self, payloads: Sequence[bytes]) -> CodedFrame | None:
        """The VP8 frame (RFC 6386) in `payloads`. Raises `ValueError`."""
        if not payloads or not self.starts_frame(payloads[0]):
            raise ValueError("a VP8 frame lacks its beginning")
        data = b"".join(payload[descriptor_bytes(payload) :] for payload in payloads)
        if not data:
            raise ValueError("a VP8 frame is empty")
        # The P bit of the payload header is the inverse key frame flag (RFC 7741 §4.3).
        keyframe = not data[0] & 0x01
        if keyframe and data[3:6] != _KEYFRAME_START:
            raise ValueError("a VP8 keyframe lacks its start code")
        return CodedFrame(data=data, keyframe=keyframe, size=_size(data) if keyframe else None)


def _size(keyframe: bytes) -> tuple[int, int] | None:
    """Width and height (RFC 6386 §9.1: 14 bits each, the upper two are a scaling hint)."""
    if len(keyframe) < 10:
        return None
    width, height = struct.unpack_from("<HH", keyframe, 6)
    return width & 0x3FFF, height & 0x3FFF


def descriptor_bytes(payload: bytes) -> int:
    """The length of the payload descriptor (RFC 7741 §4.2). Raises `ValueError`."""
    if not payload:
        raise ValueError("a VP8 payload is empty")
    size = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            raise ValueError("a VP8 descriptor is cut short")
        extensions = payload[1]
        size = 2
        if extensions & 0x80:
            long_id = len(payload) > size and payload[size] & 0x80
            size += 2 if long_id else 1
        size += bool(extensions & 0x40)
        size += bool(extensions & 0x30)
    if size > len(payload):
        raise ValueError("a VP8 descriptor is cut short")
    return size
