from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transcoder.decode import HOLD_NS, KEYFRAME_EVERY_NS, KeyframeAsker, ShowGate, SourceDecoder
from transcoder.values import AccessUnit

KEY, DELTA, HURT, HURT_KEY = (True, False), (False, False), (False, True), (True, True)


def verdicts(gate: ShowGate, units: list[tuple[tuple[bool, bool], int]]) -> list[str]:
    return [
        gate.admit(keyframe=keyframe, damaged=damaged, now_ns=now_ns)
        for (keyframe, damaged), now_ns in units
    ]


def test_nothing_is_decoded_before_a_keyframe() -> None:
    gate = ShowGate()
    assert verdicts(gate, [(DELTA, 0), (HURT, 1)]) == ["skip", "skip"]
    assert gate.needs_keyframe
    assert verdicts(gate, [(HURT_KEY, 2), (DELTA, 3)]) == ["show", "show"]
    assert not gate.needs_keyframe


def test_damage_is_hidden_until_a_keyframe() -> None:
    gate = ShowGate()
    assert verdicts(gate, [(KEY, 0), (HURT, 1), (DELTA, 2)]) == ["show", "hide", "hide"]
    assert gate.needs_keyframe
    assert verdicts(gate, [(KEY, 3), (DELTA, 4)]) == ["show", "show"]


def test_without_a_keyframe_smeared_pictures_are_shown_in_the_end() -> None:
    gate = ShowGate()
    units = [(KEY, 0), (HURT, 10), (HURT, HOLD_NS), (DELTA, HOLD_NS + 9), (DELTA, HOLD_NS + 10)]
    assert verdicts(gate, units) == ["show", "hide", "hide", "hide", "show"]
    assert gate.needs_keyframe
    assert verdicts(gate, [(HURT, HOLD_NS + 11), (DELTA, 3 * HOLD_NS)]) == ["show", "show"]
    assert verdicts(gate, [(KEY, 4 * HOLD_NS), (HURT, 4 * HOLD_NS + 1)]) == ["show", "hide"]


def test_keyframes_are_asked_for_at_most_twice_a_second() -> None:
    asker = KeyframeAsker()
    asked = [ms for ms in range(0, 1501, 10) if asker.ask(needed=True, now_ns=ms * 1_000_000)]
    assert asked == [0, 500, 1000, 1500]
    assert not asker.ask(needed=False, now_ns=10 * KEYFRAME_EVERY_NS)
    assert asker.ask(needed=True, now_ns=10 * KEYFRAME_EVERY_NS)


@pytest.fixture
def decoder() -> SourceDecoder:
    return SourceDecoder(1, on_error=lambda: None)


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_pictures_come_out_at_once_with_their_times(
    decoder: SourceDecoder,
    make_source: Callable[..., Any],
    luma_at: Callable[..., int],
    codec: str,
) -> None:
    units = make_source(codec=codec).units([40, 90, 140, 190], first_pts=7000)
    for unit, luma in zip(units, [40, 90, 140, 190], strict=True):
        (picture,) = decoder.decode(unit, 0)
        assert picture.pts == unit.pts
        assert abs(luma_at(picture.frame) - luma) <= 3


def test_a_stream_is_entered_at_a_keyframe(
    decoder: SourceDecoder, make_source: Callable[..., Any]
) -> None:
    source = make_source()
    source.unit(50, 0)
    assert decoder.decode(source.unit(60, 3000), 0) == []
    assert decoder.wants_keyframe(0)
    assert len(decoder.decode(source.unit(70, 6000, keyframe=True), 0)) == 1
    assert not decoder.wants_keyframe(KEYFRAME_EVERY_NS)


def test_after_damage_decoding_goes_on_unseen(
    decoder: SourceDecoder, make_source: Callable[..., Any], luma_at: Callable[..., int]
) -> None:
    source = make_source()
    decoder.decode(source.unit(50, 0), 0)
    source.unit(60, 3000)
    assert decoder.decode(source.unit(70, 6000, damaged=True), 0) == []
    assert decoder.wants_keyframe(0)
    (picture,) = decoder.decode(source.unit(80, 9000), HOLD_NS)
    assert picture.pts == 9000
    (picture,) = decoder.decode(source.unit(90, 12000, keyframe=True), HOLD_NS)
    assert abs(luma_at(picture.frame) - 90) <= 3


def test_the_size_may_change_in_the_middle(
    decoder: SourceDecoder, make_source: Callable[..., Any]
) -> None:
    small, large = make_source(width=64, height=48), make_source(width=320, height=240)
    sizes = []
    for unit in [*small.units([50, 60]), *large.units([50, 60], 6000)]:
        sizes += [(p.frame.width, p.frame.height) for p in decoder.decode(unit, 0)]
    assert sizes == [(64, 48)] * 2 + [(320, 240)] * 2


def test_the_codec_may_change_in_the_middle(
    decoder: SourceDecoder, make_source: Callable[..., Any]
) -> None:
    first, second = make_source(), make_source(codec="vp8")
    decoder.decode(first.unit(50, 0), 0)
    assert [p.pts for p in decoder.decode(second.unit(60, 3000), 0)] == [3000]
    assert decoder.decode(first.unit(70, 6000), 0) == []


def test_a_refused_unit_is_counted_and_the_next_keyframe_repairs(
    make_source: Callable[..., Any],
) -> None:
    errors: list[int] = []
    decoder = SourceDecoder(1, on_error=lambda: errors.append(1))
    source = make_source()
    decoder.decode(source.unit(50, 0), 0)
    garbage = AccessUnit(
        kind="video",
        codec="h264",
        source=1,
        pts=3000,
        keyframe=False,
        damaged=False,
        data=b"\x00\x00\x00\x01\x41" + b"\xff" * 40,
    )
    assert decoder.decode(garbage, 0) == []
    assert errors == [1]
    assert decoder.wants_keyframe(0)
    assert len(decoder.decode(source.unit(60, 6000, keyframe=True), 0)) == 1


def test_tiny_pictures_are_refused(make_source: Callable[..., Any]) -> None:
    errors: list[int] = []
    decoder = SourceDecoder(1, on_error=lambda: errors.append(1))
    assert decoder.decode(make_source(width=8, height=8, codec="vp8").unit(50, 0), 0) == []
    assert errors == [1]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    codec=st.sampled_from(["h264", "vp8"]),
    chunks=st.lists(st.tuples(st.binary(max_size=200), st.booleans()), max_size=6),
)
def test_no_bytes_make_the_decoder_raise(codec: Any, chunks: list[tuple[bytes, bool]]) -> None:
    decoder = SourceDecoder(1, on_error=lambda: None)
    for index, (data, start_code) in enumerate(chunks):
        unit = AccessUnit(
            kind="video",
            codec=codec,
            source=1,
            pts=index * 3000,
            keyframe=True,
            damaged=False,
            data=(b"\x00\x00\x00\x01" if start_code else b"") + data,
        )
        decoder.decode(unit, 0)
