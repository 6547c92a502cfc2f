"""A reader of CMAF parts that shares nothing with our writer: boxes, decode times, emsg and ID3."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mutagen.id3 import ID3

EMSG_V1 = struct.Struct(">IQII")
_CONTAINERS = {b"moof", b"traf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """One `emsg` box of version 1 (ISO/IEC 23009-1 §5.10.3.3)."""

    scheme: str
    value: str
    timescale: int
    presentation_time: int
    duration: int
    id: int
    message: bytes

    def private(self) -> dict[str, bytes]:
        """The PRIV frames of the ID3 tag that it carries, by owner (read by mutagen)."""
        tag = ID3(io.BytesIO(self.message))  # type: ignore[no-untyped-call]
        return {str(frame.owner): bytes(frame.data) for frame in tag.getall("PRIV")}  # type: ignore[no-untyped-call]


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each box in `data` (ISO/IEC 14496-12 §4.2); 32-bit sizes only."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise ValueError(f"box {kind!r} at {at} says {size} bytes")
        yield kind, data[at + 8 : at + size]
        at += size


def decode_times(part: bytes) -> list[int]:
    """The `tfdt` of each track fragment, in file order."""
    times = []
    for kind, content in boxes(part):
        if kind in _CONTAINERS:
            times += decode_times(content)
        elif kind == b"tfdt":
            times.append(struct.unpack_from(">Q" if content[0] else ">I", content, 4)[0])
    return times


def event_messages(part: bytes) -> list[EventMessage]:
    """Every `emsg` of a part. Raises `ValueError` for one behind `moof` or of another version."""
    found = []
    kinds: list[bytes] = []
    for kind, content in boxes(part):
        if kind == b"emsg":
            if b"moof" in kinds:
                raise ValueError("an emsg box lies behind its moof")
            found.append(_event_message(content))
        kinds.append(kind)
    return found


def _event_message(content: bytes) -> EventMessage:
    if content[:4] != b"\x01\0\0\0":
        raise ValueError(f"version and flags of an emsg box are {content[:4].hex()}")
    timescale, presentation_time, duration, number = EMSG_V1.unpack_from(content, 4)
    scheme, value, message = content[4 + EMSG_V1.size :].split(b"\0", 2)
    return EventMessage(
        scheme=scheme.decode(),
        value=value.decode(),
        timescale=timescale,
        presentation_time=presentation_time,
        duration=duration,
        id=number,
        message=message,
    )
