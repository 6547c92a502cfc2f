"""A source passed on as the top rung, and what happens when it cannot be."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transcoder.cmaf.avc import annexb_to_avcc
from transcoder.profiles import OnPinProfile, Rung
from transcoder.values import AccessUnit, TimedMetadata

ENCODED, PASSED = ("encoded",) * 3, ("passed", "encoded", "encoded")
RUNG = (Rung(name="96p", height=96, bitrate_bps=300_000, max_bitrate_bps=2_000_000),)


def test_a_fit_source_is_passed_from_the_first_frame_on(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="auto")
    air.publish()
    sent: list[AccessUnit] = []

    def keep(unit: AccessUnit) -> AccessUnit:
        sent.append(unit)
        return unit

    air.play(make_source(), 300, mangle=keep)
    out = air.finish()
    out.check()
    assert out.roles() == [PASSED]
    samples = [
        part.data[sample.offset : sample.offset + sample.size]
        for part, run in out.video("96p")
        for sample in run.samples
    ]
    assert [slices(sample) for sample in samples] == [annexb_to_avcc(unit.data) for unit in sent]
    starts = [part.decode_time for part in out.of("96p") if part.index == 0]
    lengths = [after - before for before, after in itertools.pairwise(starts)]
    assert all(135_000 <= length <= 216_000 for length in lengths)
    assert abs(sum(lengths) / len(lengths) - 180_000) < 15_000, "asked for in time"
    assert len(out.frames("48p")) == len(out.frames("96p")) == 300


def slices(sample: bytes) -> bytes:
    """A sample without its SEI."""
    kept, at = b"", 0
    while at < len(sample):
        end = at + 4 + int.from_bytes(sample[at : at + 4], "big")
        if sample[at + 4] & 0x1F in (1, 5):
            kept += sample[at:end]
        at = end
    return kept


def lost(unit: AccessUnit) -> AccessUnit:
    return replace(unit, damaged=True)


def nothing(unit: AccessUnit) -> None:
    return None


@pytest.mark.parametrize("mangle", [lost, nothing])
def test_a_damaged_or_lost_source_is_encoded_and_passed_again_after_ten_seconds(
    on_air: Callable[..., Any],
    make_source: Callable[..., Any],
    opus_tone: Callable[..., list[AccessUnit]],
    mangle: Callable[[AccessUnit], AccessUnit | None],
) -> None:
    air = on_air(passthrough="auto")
    air.publish()
    host = make_source()
    sound = opus_tone(50 * 20)
    air.play(host, 100, sound=sound)
    air.play(host, 30 if mangle is nothing else 1, sound=sound, mangle=mangle)
    air.play(host, 160, sound=sound)
    assert air.out.roles() == [PASSED, ENCODED]
    air.play(host, 240, sound=sound)
    out = air.finish()
    out.check()
    assert out.roles() == [PASSED, ENCODED, PASSED]
    assert out.states[1].unfit in ("damaged", "stopped")
    ticks = sum(part.duration for part in out.of("32p"))
    assert ticks == out.of("32p")[-1].decode_time + out.of("32p")[-1].duration
    for name in ("96p", "48p"):
        assert min(out.loudness(name)[5:-5]) > 0.1, "the sound goes on through every change"


def test_another_size_is_fitted_into_the_rung(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="auto")
    air.publish()
    air.play(make_source(), 70)
    air.play(make_source(width=64, height=48), 70, gop=70)
    out = air.finish()
    out.check()
    assert out.roles() == [PASSED, ENCODED]
    assert out.states[-1].unfit == "size"
    assert [(s.width, s.height) for s in out.inits if s.rendition == "96p"] == [(128, 96)] * 2
    shown = [frame.pts // 3000 for frame in out.frames("96p")]
    assert shown == list(range(140))


def test_a_source_that_sends_no_keyframe_in_time_is_encoded_before_the_segment_is_too_long(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="auto")
    air.publish()
    host = make_source()
    air.play(host, 1)
    for _ in range(150):
        air._answered = air.out.requests  # this host is deaf
        air.play(host, 1)
    out = air.finish()
    out.check()
    assert out.roles() == [PASSED, ENCODED]
    assert out.states[-1].unfit == "keyframes"


def test_parameter_sets_that_change_are_a_new_generation_that_is_passed_too(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="auto")
    air.publish()
    air.play(make_source(), 200)
    air.play(make_source(preset="superfast"), 70)
    out = air.finish()
    out.check()
    assert out.roles() == [PASSED]
    codecs = [s.codecs for s in out.inits if s.rendition == "96p"]
    assert len(codecs) == 2
    assert codecs[0] != codecs[1]
    assert len(out.frames("96p")) == 270


def test_what_is_larger_than_the_rung_is_passed_where_the_profile_says_always(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="always")
    air.publish()
    air.play(make_source(width=192, height=144), 90)
    out = air.finish()
    out.check()
    assert out.roles() == [PASSED]
    assert [(s.rendition, s.width, s.height) for s in out.inits] == [
        ("96p", 192, 144),
        ("48p", 64, 48),
        ("32p", 42, 32),
    ]


def test_what_is_always_passed_is_watched_for_a_second_before_its_rate_is_declared(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    sizes: list[int] = []
    filler = b"\x00\x00\x00\x01\x0c" + b"\xff" * 20_000 + b"\x80"

    def heavy(unit: AccessUnit) -> AccessUnit:
        unit = replace(unit, data=unit.data + (filler if sizes else b""))
        sizes.append(len(unit.data))
        return unit

    air = on_air(passthrough="always")
    air.publish()
    air.play(make_source(), 90, mangle=heavy)
    out = air.finish()
    out.check()
    assert out.roles() == [PASSED], "with a keyframe that was asked for in time"
    (top,) = [s for s in out.inits if s.rendition == "96p"]
    assert top.bandwidth_bps >= 8 * sum(sizes[:30])


@pytest.mark.parametrize(
    "kilobytes",
    [
        [2] * 30 + [min(2 + n // 20, 16) for n in range(420)],
        [2] * 45 + [3 + n // 10 % 15 for n in range(405)],
    ],
    ids=["rising", "to and fro"],
)
def test_what_is_declared_of_a_source_that_is_always_passed_follows_its_rate(
    on_air: Callable[..., Any], make_source: Callable[..., Any], kilobytes: list[int]
) -> None:
    """From half a megabit to four: no run of segments of 0.5 to 1.5 targets takes more than the
    BANDWIDTH of the newest generation in it (rfc8216bis §4.4.6.2), and generations are few."""
    sizes = iter(kilobytes)

    def heavier(unit: AccessUnit) -> AccessUnit:
        blocks = 4 * next(sizes)
        message = b"\x05" + b"\xff" * blocks + b"\x00" + b"\x55" * (255 * blocks)
        return replace(unit, data=b"\x00\x00\x00\x01\x06" + message + b"\x80" + unit.data)

    # Its own peak is far below what comes.
    rung = RUNG[0].model_copy(update={"max_bitrate_bps": 400_000})
    air = on_air(passthrough="always", rungs=(rung,))
    air.publish()
    air.play(make_source(), len(kilobytes), mangle=heavier)
    out = air.finish()
    out.check()
    assert out.roles() == [("passed",)]
    declared = {section.generation: section.bandwidth_bps for section in out.inits}
    raises = list(itertools.pairwise(declared.values()))
    assert 1 <= len(raises) <= 4
    assert all(4 * after >= 5 * before for before, after in raises)
    segments = [list(parts) for _, parts in itertools.groupby(out.of("96p"), key=lambda p: p.msn)]
    for first, last in itertools.combinations(range(len(segments) + 1), 2):
        run = [part for segment in segments[first:last] for part in segment]
        duration_s = sum(part.duration for part in run) / 90_000
        if 1 <= duration_s <= 3:
            bits = 8 * sum(len(part.data) for part in run)
            assert bits / duration_s <= declared[run[-1].generation]


def test_requests_for_a_keyframe_are_spaced_and_none_is_forgotten(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="auto", on_pin=OnPinProfile(keyframe=True))
    air.publish()
    host = make_source()
    air.play(host, 65)
    asked = air.out.requests
    for number in range(8):
        cue = TimedMetadata(
            id=f"c{number}",
            revision=0,
            pts=air.slot * 3000,
            duration=90_000,
            payload=b"{}",
            sharp=True,
        )
        air.run.cue(cue)
        air.play(host, 1)
    assert air.out.requests == asked + 3, "one each 100 ms"
    air.play(host, 4)
    assert air.out.requests == asked + 4, "the last pins' too"


def test_a_run_that_passes_all_it_makes_needs_no_encoder(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="auto", rungs=RUNG)
    air.publish()
    air.play(make_source(), 90)
    air.leave()
    air.idle(120)
    out = air.finish()
    out.check()
    assert out.roles() == [("passed",), ("encoded",)]
    assert sum(part.duration for part in out.of("96p")) >= 200 * 3000


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    story=st.lists(
        st.tuples(st.sampled_from(["good", "lost", "none", "small", "gone"]), st.integers(1, 50)),
        min_size=2,
        max_size=7,
    )
)
def test_whatever_the_source_does_no_time_is_lost(
    air_of: Callable[..., Any],
    make_source: Callable[..., Any],
    story: list[tuple[str, int]],
) -> None:
    with air_of(passthrough="auto") as air:
        air.publish()
        host, small = make_source(), make_source(width=64, height=48)
        air.play(host, 20)
        for what, slots in story:
            if what in ("good", "lost", "none"):
                mangle = {"good": lambda unit: unit, "lost": lost, "none": nothing}[what]
                air.play(host, slots, mangle=mangle)
            elif what == "small":
                air.play(small, slots, gop=10)
            else:
                air.leave()
                air.idle(slots)
                air.publish()
        out = air.finish()
    out.check()
    last = out.of("96p")[-1]
    ends = air.slot * 3000
    assert ends - 2 * 45_000 <= last.decode_time + last.duration <= ends
    for name in ("96p", "32p"):
        assert len(out.frames(name)) == sum(len(run.samples) for _, run in out.video(name))
