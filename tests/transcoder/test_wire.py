"""The wire form: what is sent comes back, and nothing else gets in."""

import struct
from dataclasses import dataclass

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.bus import messages as _messages  # noqa: F401 - registers its tags
from transcoder import wire
from transcoder.control import StartEpoch
from transcoder.errors import WireError
from transcoder.values import AccessUnit, Anchor, InitSection, Part, TimedMetadata

anchors = st.builds(Anchor, utc_us=st.integers(0, 2**60), monotonic_ns=st.integers(0, 2**60))
access_units = st.builds(
    AccessUnit,
    kind=st.sampled_from(["video", "audio"]),
    codec=st.sampled_from(["h264", "vp8", "opus"]),
    source=st.integers(0, 2**31),
    pts=st.integers(0, 2**50),
    keyframe=st.booleans(),
    damaged=st.booleans(),
    data=st.binary(max_size=200),
)


@given(access_units)
def test_an_access_unit_comes_back_as_it_was_sent(unit: AccessUnit) -> None:
    assert wire.decode(wire.encode(unit)) == unit


@given(anchors, st.lists(st.sampled_from(["720p", "480p", "360p"]), max_size=3))
def test_nested_values_and_tuples_come_back(anchor: Anchor, ladder: list[str]) -> None:
    init = InitSection(
        show="demo",
        epoch="e1",
        rendition="720p",
        generation=0,
        ladder=tuple(ladder),
        anchor=anchor,
        codecs="avc1.42C01F,mp4a.40.2",
        width=1280,
        height=720,
        frames_per_second=30,
        bandwidth_bps=1,
        average_bandwidth_bps=1,
        part_ticks=30000,
        segment_ticks=180000,
        data=b"\0",
    )
    start = StartEpoch(
        show="demo",
        epoch="e1",
        au_socket="/run/au",
        profile={"name": "default", "rungs": [{"height": 720}]},
        latency="low",
        generation=1,
        next_number=2,
        next_msn=3,
        next_tick=4,
        cues=(
            TimedMetadata(id="pin", revision=0, pts=5, duration=90_000, payload=b"{}"),
            TimedMetadata(id="pin", revision=1, pts=6, duration=90_000, payload=b"{}"),
        ),
        previous=(init, init),
    )
    assert wire.decode(wire.encode(start)) == start


@given(st.lists(access_units, max_size=5), st.lists(st.integers(1, 64), min_size=1))
def test_a_stream_may_be_cut_anywhere(units: list[AccessUnit], sizes: list[int]) -> None:
    stream = b"".join(wire.frame(unit) for unit in units)
    received: list[object] = []
    deframer, at, turn = wire.Deframer(), 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        received += deframer.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert received == units


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_a_wire_error(data: bytes) -> None:
    try:
        wire.decode(data)
    except WireError as exc:
        assert str(exc)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(st.sampled_from(["part", "init", "access_unit", "start_epoch", "hello"]), st.lists(plain))
def test_any_fields_are_a_value_or_a_wire_error(tag: str, fields: list[object]) -> None:
    try:
        wire.decode(msgpack.packb([tag, 1, *fields]))
    except WireError as exc:
        assert str(exc)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (["nobody", 1], "not one of ours"),
        (["anchor", 2, 1, 1], "version 2 was sent"),
        (["anchor", 1, 1], "1 fields were sent, 2 are due"),
        (["anchor", 1, 1, "x"], "monotonic_ns: str was sent, int is due"),
        (["anchor", 1, 1, True], "monotonic_ns: bool was sent, int is due"),
        ({"anchor": 1}, "array of tag, version and fields"),
    ],
)
def test_a_refusal_says_what_was_sent_and_what_is_due(message: object, sentence: str) -> None:
    with pytest.raises(WireError, match=sentence):
        wire.decode(msgpack.packb(message))


def test_a_length_beyond_the_limit_is_refused_before_it_is_buffered() -> None:
    with pytest.raises(WireError, match="is over"):
        list(wire.Deframer().feed(struct.pack(">I", wire.MAX_MESSAGE_BYTES + 1)))


def test_a_tag_belongs_to_one_type() -> None:
    with pytest.raises(ValueError, match="is taken by Part"):

        @wire.wire_value("part", version=1)
        @dataclass(frozen=True)
        class Impostor:
            field: int

    assert Part is not None
