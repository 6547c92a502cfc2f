"""The independent reader of parts: what it reads, and that it does not read nonsense."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.id3 import ID3, PRIV

from bench.boxes import EMSG_V1, boxes, decode_times, event_messages


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def emsg(message: bytes, *, version: int = 1) -> bytes:
    head = bytes([version, 0, 0, 0]) + EMSG_V1.pack(90_000, 2**33 + 5, 45_000, 7)
    return box(b"emsg", head + b"urn:x\0v\0" + message)


def moof(time: int) -> bytes:
    tfdt = box(b"tfdt", b"\x01\0\0\0" + struct.pack(">Q", time))
    return box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", tfdt))


def tag(data: bytes) -> bytes:
    written = io.BytesIO()
    made = ID3()  # type: ignore[no-untyped-call]
    made.add(PRIV(owner="comptoir.cue", data=data))  # type: ignore[no-untyped-call]
    made.save(written)
    return written.getvalue()


def test_a_message_is_read_with_what_it_carries() -> None:
    (message,) = event_messages(emsg(tag(b"{}")) + moof(3) + box(b"mdat", b"x"))
    assert (message.scheme, message.value, message.id) == ("urn:x", "v", 7)
    assert (message.timescale, message.duration) == (90_000, 45_000)
    assert message.presentation_time == 2**33 + 5
    assert message.private() == {"comptoir.cue": b"{}"}


def test_decode_times_are_found_within() -> None:
    assert decode_times(emsg(b"") + moof(2**40)) == [2**40]


@pytest.mark.parametrize("part", [moof(0) + emsg(b""), emsg(b"", version=0)])
def test_what_players_would_not_read_is_refused(part: bytes) -> None:
    with pytest.raises(ValueError, match="emsg"):
        event_messages(part)


@given(st.binary(max_size=64))
def test_nonsense_is_no_box(data: bytes) -> None:
    try:
        read = list(boxes(data))
    except (ValueError, struct.error):
        return
    assert b"".join(box(kind, content) for kind, content in read) == data
