"""Event messages and ID3 tags: written, read back, read by mutagen; and what strangers may send."""

import contextlib
import io
import struct
from dataclasses import replace
from typing import Any

import mutagen.id3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transcoder.cmaf.boxes import box, full_box
from transcoder.cmaf.emsg import ID3_SCHEME, EventMessage, emsg_box, read_events
from transcoder.cmaf.id3 import Private, private_tag, read_private
from transcoder.errors import MediaError

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
EVENTS = st.builds(
    EventMessage,
    scheme=TEXT,
    value=TEXT,
    timescale=st.integers(0, 2**32 - 1),
    presentation_time=st.integers(0, 2**64 - 1),
    duration=st.integers(0, 2**32 - 1),
    id=st.integers(0, 2**32 - 1),
    message=st.binary(max_size=100),
)
OWNERS = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=30)
EVENT = EventMessage(
    scheme=ID3_SCHEME,
    value="",
    timescale=90_000,
    presentation_time=2**40 + 1,
    duration=2_700_000,
    id=7,
    message=b"tag",
)
TAG = private_tag(Private(owner="comptoir.cue", data=b"{}"))


def test_an_event_message_byte_by_byte() -> None:
    assert emsg_box(EVENT) == bytes.fromhex(
        "00000041 656d7367 01000000 00015f90 0000010000000001 002932e0 00000007"
    ) + (b"https://aomedia.org/emsg/ID3\0\0tag")


@given(events=st.lists(EVENTS, max_size=4))
def test_event_messages_read_back_among_other_boxes(events: list[EventMessage]) -> None:
    data = b"".join(emsg_box(event) + box(b"free", b"..") for event in events)
    assert read_events(data) == tuple(events)


@pytest.mark.parametrize(
    "changes",
    [
        {"scheme": "a\0b"},
        {"value": "\0"},
        {"presentation_time": -1},
        {"duration": 2**32},
        {"id": 2**32},
    ],
)
def test_an_event_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MediaError, match="event message"):
        emsg_box(replace(EVENT, **changes))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (full_box(b"emsg", 0, 0, bytes(40)), "version 1"),
        (full_box(b"emsg", 1, 1, bytes(40)), "version 1"),
        (box(b"emsg"), "version 1"),
        (full_box(b"emsg", 1, 0, bytes(19)), "ends within its fields"),
        (full_box(b"emsg", 1, 0, bytes(20)), "ends within its scheme"),
        (full_box(b"emsg", 1, 0, bytes(20), b"a\0b"), "ends within its scheme"),
        (full_box(b"emsg", 1, 0, bytes(20), b"\xff\0\0"), "not UTF-8"),
    ],
)
def test_a_malformed_event_message_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        read_events(data)


@given(data=st.binary(max_size=80), flags=st.sampled_from([b"", b"\x01\0\0\0"]))
def test_any_bytes_as_an_event_message_raise_nothing_else(data: bytes, flags: bytes) -> None:
    with contextlib.suppress(MediaError):
        read_events(box(b"emsg", flags, data))


def by_mutagen(tag: bytes) -> Any:
    """The tag as mutagen, which has no types, reads it."""
    id3: Any = mutagen.id3
    return id3.ID3(io.BytesIO(tag), translate=False)


@given(owner=OWNERS, data=st.binary(max_size=1200))
@example(owner="comptoir.cue", data=bytes(1024))
@example(owner="", data=bytes(40_000))
def test_mutagen_and_we_read_our_tags(owner: str, data: bytes) -> None:
    """CU-05. Sizes above 127 are where a size that is not syncsafe would differ."""
    tag = private_tag(Private(owner=owner, data=data))
    assert read_private(tag) == (Private(owner=owner, data=data),)
    read = by_mutagen(tag)
    (frame,) = read.getall("PRIV")
    assert (read.version, read.size, len(read)) == ((2, 4, 0), len(tag), 1)
    assert (frame.owner, frame.data) == (owner, data)


@given(datas=st.lists(st.binary(max_size=300), min_size=1, max_size=3), padding=st.integers(0, 20))
def test_we_read_mutagens_tags(datas: list[bytes], padding: int) -> None:
    id3: Any = mutagen.id3
    made = id3.ID3()
    made.add(id3.TIT2(encoding=3, text="a title"))
    for index, data in enumerate(datas):
        made.add(id3.PRIV(owner=f"o{index}", data=data))
    file = io.BytesIO()
    made.save(file, v2_version=4, padding=lambda _: padding)
    meant = {Private(owner=f"o{index}", data=data) for index, data in enumerate(datas)}
    assert set(read_private(file.getvalue())) == meant


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (b"", "ends within its head"),
        (TAG[:9], "ends within its head"),
        (b"ID2" + TAG[3:], "no ID3 tag of version 2.4"),
        (b"ID3\x03" + TAG[4:], "no ID3 tag of version 2.4"),
        (TAG[:5] + b"\x80" + TAG[6:], "unsynchronised"),
        (TAG + b"\0", "does not end where it says"),
        (TAG[:-1], "does not end where it says"),
        (TAG[:6] + b"\x80" + TAG[7:], "not syncsafe"),
        (TAG[:10] + b"priv" + TAG[14:], "malformed"),
        (TAG[:17] + b"\x7f" + TAG[18:], "malformed"),
        (TAG[:19] + b"\x08" + TAG[20:], "malformed"),
        (b"ID3\x04\0\0\0\0\0\0", "holds no frame"),
        (b"ID3\x04\0\0\0\0\0\x06PRIV\0\0", "ends within its head"),
        (b"ID3\x04\0\0\0\0\0\x08\0\0\0\0\0\0\0\x01", "padding is not zero"),
        (b"ID3\x04\0\0\0\0\0\x0bPRIV\0\0\0\x01\0\0a", "names no owner"),
    ],
)
def test_a_malformed_tag_is_refused(tag: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        read_private(tag)


@given(
    data=st.binary(max_size=60),
    cut=st.integers(0, len(TAG)),
    at=st.integers(0, len(TAG) - 1),
    byte=st.integers(0, 255),
)
def test_any_bytes_as_a_tag_raise_nothing_else(data: bytes, cut: int, at: int, byte: int) -> None:
    framed = b"ID3\x04\0\0\0\0\0" + struct.pack(">B", len(data)) + data
    touched = TAG[:at] + bytes((byte,)) + TAG[at + 1 :]
    for tag in (data, framed, TAG[:cut], touched, TAG[:cut] + data):
        with contextlib.suppress(MediaError):
            assert read_private(tag) is not None


@pytest.mark.parametrize("owner", ["é", "a\0b"])
def test_an_owner_that_cannot_be_said_is_refused(owner: str) -> None:
    with pytest.raises(MediaError, match="owner"):
        private_tag(Private(owner=owner, data=b""))
