"""What clients may ask for, and that nothing else gets through."""

import random
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.gateway import event_frames
from mediaserver.gateway.event_frames import BadMessage
from mediaserver.gateway.push import messages
from mediaserver.gateway.push.messages import Subscribe

GOOD: dict[str, Any] = {
    "type": "subscribe",
    "epoch": "e1",
    "rendition": "720p",
    "max_bps": 2_000_000,
    "buffer_ms": 700,
    "at": 41,
    "whatever": [1, 2],
}


def test_a_subscribe_with_everything() -> None:
    asked = messages.parse_subscribe(GOOD)
    assert asked == Subscribe(epoch="e1", rendition="720p", max_bps=2_000_000, buffer_ms=700, at=41)
    assert asked.buffer_ticks == 63_000


def test_a_subscribe_with_nothing() -> None:
    asked = messages.parse_subscribe({"type": "subscribe"})
    assert asked == Subscribe(epoch=None, rendition=None, buffer_ms=500, at="live")


@pytest.mark.parametrize(("buffer_ms", "ticks"), [(-5, 0), (10_000, 900_000), (2**60, 900_000)])
def test_the_buffer_is_clamped(buffer_ms: int, ticks: int) -> None:
    assert messages.parse_subscribe({"buffer_ms": buffer_ms}).buffer_ticks == ticks


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(list(GOOD)),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    )
)
def test_any_map_is_a_subscribe_or_is_refused(message: dict[str, Any]) -> None:
    try:
        asked = messages.parse_subscribe(message)
    except BadMessage:
        return
    assert 0 <= asked.buffer_ticks <= 900_000
    assert asked.at == "live" or asked.at >= 0
    assert len(asked.epoch or "") <= 64


def test_twenty_thousand_damaged_messages() -> None:
    chance, whole = random.Random(3), msgpack.packb(GOOD)
    taken = 0
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            messages.parse_subscribe(event_frames.said(bytes(data), "msgpack"))
        except BadMessage:
            continue
        taken += 1
    assert 0 < taken < 20_000
