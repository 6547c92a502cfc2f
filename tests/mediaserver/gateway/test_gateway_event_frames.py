"""Messages as frames, and what clients may send."""

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.gateway import event_frames
from mediaserver.gateway.event_frames import BadMessage, Encoding
from overlay.values import ShowEvent

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


def unframed(data: bytes) -> tuple[int, bytes]:
    """Opcode and payload of exactly one unmasked, final frame."""
    assert data[0] & 0xF0 == 0x80
    length, at = data[1], 2
    if length == 126:
        length, at = int.from_bytes(data[2:4], "big"), 4
        assert length >= 126
    elif length == 127:
        length, at = int.from_bytes(data[2:10], "big"), 10
        assert length >= 65_536
    assert len(data) == at + length
    return data[0] & 0xF, data[at:]


@given(st.dictionaries(st.text(max_size=8), PLAIN, max_size=6))
def test_both_encodings_say_the_same(message: dict[str, Any]) -> None:
    frames = event_frames.framed(message)
    opcode, text = unframed(frames.of("json"))
    assert (opcode, json.loads(text)) == (1, message)
    opcode, packed = unframed(frames.of("msgpack"))
    assert (opcode, msgpack.unpackb(packed)) == (2, message)


@pytest.mark.parametrize("size", [0, 100, 125, 126, 65_535, 65_536, 70_000])
def test_lengths(size: int) -> None:
    assert unframed(event_frames.frame({"x": "a" * size}, "json"))[0] == 1
    assert unframed(event_frames.pong(b"a" * size)) == (10, b"a" * size)


def test_control_frames() -> None:
    assert unframed(event_frames.PING) == (9, b"")
    opcode, payload = unframed(event_frames.GOING_AWAY)
    assert (opcode, payload[:2]) == (8, b"\x03\xe9")
    assert len(payload) <= 125


def test_an_event_names_its_place() -> None:
    line = ShowEvent(
        show="demo",
        epoch="log1",
        offset=7,
        media_epoch="e1",
        pts=90_000,
        utc_us=5,
        type="stock",
        data={"product": "jam"},
    )
    assert event_frames.event(line) == {
        "type": "event",
        "epoch": "log1",
        "offset": 7,
        "media_epoch": "e1",
        "pts": 90_000,
        "utc_us": 5,
        "event": "stock",
        "data": {"product": "jam"},
    }


@given(PLAIN)
def test_the_clock_echoes_anything(value: Any) -> None:
    asked = event_frames.said(json.dumps({"type": "clock", "t": value}), "json")
    reply = event_frames.clock(asked, "json", 42)
    assert json.loads(unframed(reply)[1]) == {"type": "clock", "t": value, "server_ms": 42}
    asked = event_frames.said(msgpack.packb({"type": "clock", "t": value}), "msgpack")
    reply = event_frames.clock(asked, "msgpack", 42)
    assert msgpack.unpackb(unframed(reply)[1]) == {"type": "clock", "t": value, "server_ms": 42}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "1",
        '{"type":',
        '{"type":"clock","t":NaN}',
        '{"type":"clock","t":"\\ud800"}',
        "[" * 4096,
        '{"t":' * 800,
    ],
)
def test_what_is_no_message(text: str) -> None:
    with pytest.raises(BadMessage):
        event_frames.clock(event_frames.said(text, "json"), "json", 0)


@given(st.binary(max_size=200), st.sampled_from(["json", "msgpack"]))
def test_any_bytes_are_answered_or_refused(data: bytes, encoding: Encoding) -> None:
    for prefix in (b"", b'{"type":"clock","t":', b"\x82\xa4type\xa5clock\xa1t"):
        try:
            asked = event_frames.said(prefix + data, encoding)
            reply = event_frames.clock(asked, encoding, 0)
        except BadMessage:
            continue
        assert unframed(reply)[0] in (1, 2)
