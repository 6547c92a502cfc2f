"""Event messages in band: the `emsg` box, version 1 (ISO/IEC 23009-1 §5.10.3.3).

Version 0 counts from the segment's start and is neither written nor read here: players disagree
on where a segment of parts starts.
"""

import struct
from dataclasses import dataclass, field

from transcoder.cmaf.boxes import full_box
from transcoder.cmaf.reader import Box, read_boxes
from transcoder.errors import MediaError

ID3_SCHEME = "https://aomedia.org/emsg/ID3"
"""The message is one whole ID3v2.4 tag (AOM, *Carriage of ID3 Timed Metadata in CMAF*, §2.2)."""

ID3_BRAND = b"aid3"
"""In `ftyp`: the media may carry such messages (ibid. §2.3)."""

_FIELDS = struct.Struct(">IQII")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """One `emsg` box. It stands before the `moof` of the fragment in which it begins."""

    scheme: str
    value: str
    timescale: int
    presentation_time: int
    """On the media timeline, in `timescale`."""
    duration: int
    """In `timescale`; 0xFFFFFFFF is unknown."""
    id: int
    """32 bits, one for each message of the same scheme and value."""
    message: bytes = field(repr=False)


def emsg_box(event: EventMessage) -> bytes:
    """The bytes of `event`. Raises `MediaError` when a number or a text does not fit."""
    if "\0" in event.scheme or "\0" in event.value:
        raise MediaError("an event message's scheme or value holds a zero")
    try:
        numbers = _FIELDS.pack(event.timescale, event.presentation_time, event.duration, event.id)
    except struct.error:
        raise MediaError("a number of an event message does not fit its field") from None
    texts = f"{event.scheme}\0{event.value}\0".encode()
    return full_box(b"emsg", 1, 0, numbers, texts, event.message)


def read_events(data: bytes) -> tuple[EventMessage, ...]:
    """The event messages of a part or segment, in order. Raises `MediaError`."""
    return tuple(read_emsg(box) for box in read_boxes(data) if box.kind == "emsg")


def read_emsg(box: Box) -> EventMessage:
    """What an `emsg` box says. Raises `MediaError`, also for another version than 1."""
    body = box.payload
    if body[:4] != b"\x01\0\0\0":
        raise MediaError("an event message is not of version 1 with flags 0")
    timescale, presentation_time, duration, number = box.unpack(_FIELDS, 4)
    scheme, value, message = _texts(body[4 + _FIELDS.size :])
    return EventMessage(
        scheme=scheme,
        value=value,
        timescale=timescale,
        presentation_time=presentation_time,
        duration=duration,
        id=number,
        message=message,
    )


def _texts(body: bytes) -> tuple[str, str, bytes]:
    """Scheme and value, each ended by a zero, and the rest."""
    scheme, first, rest = body.partition(b"\0")
    value, second, message = rest.partition(b"\0")
    if not first or not second:
        raise MediaError("an event message ends within its scheme or value")
    try:
        return scheme.decode(), value.decode(), message
    except UnicodeDecodeError:
        raise MediaError("an event message's scheme or value is not UTF-8") from None
