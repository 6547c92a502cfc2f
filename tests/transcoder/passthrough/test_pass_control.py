"""Sources on air: what is passed, when it is encoded instead, and when it comes back."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcoder.cmaf.video_config import avc_config
from transcoder.passthrough.fitness import PassTarget
from transcoder.values import AccessUnit

Make = Callable[..., Any]
Encode = Callable[..., list[bytes]]
AtRate = Callable[..., list[AccessUnit]]
SECOND = 90_000
TARGET = PassTarget(
    rung="96p", width=128, height=96, max_bitrate_bps=400_000, buffer_bits=160_000, segment_s=2
)


def test_a_source_that_answers_is_passed_from_the_first_slot(run: Make, camera: Make) -> None:
    show = run()
    show.film(camera(), 20)
    (only,) = show.generations
    assert only.sets is not None
    assert only.first_slot == 0
    lengths = [b - a for a, b in itertools.pairwise([0, *only.segments])]
    assert len(lengths) >= 9
    assert set(lengths) <= {58, 59, 60, 61}
    assert all(len(samples.pictures) == 1 for samples in only.samples)
    assert show.passing.unfit is None


@pytest.mark.parametrize("answers_ms", [0, 80, 250, 600])
def test_the_lead_is_learnt(run: Make, camera: Make, answers_ms: int) -> None:
    """However long the answer takes keyframes come when they are due: one request for each."""
    show = run()
    show.film(camera(answers_ticks=answers_ms * 90), 30)
    (only,) = show.generations
    lengths = [b - a for a, b in itertools.pairwise(only.segments)]
    assert all(45 <= length <= 71 for length in lengths)
    assert lengths[-1] in range(57, 66)
    assert len(show.asked) <= len(lengths) + 6


def test_another_keyframe_is_asked_for_when_one_is_lost(run: Make, camera: Make) -> None:
    show, host = run(), camera(answers_ticks=3000)
    show.film(host, 4.5)
    before = len(show.generations[0].segments)
    while not host.asked:
        show.film(host, 1 / 30)
    host.asked.clear()
    show.film(host, 1)
    assert len(show.asked) >= 3
    assert show.roles in ("p", "pe")
    assert before == 2


@pytest.mark.parametrize(("gop", "segment"), [(30, 60), (60, 60), (20, 60), (50, 50), (70, 70)])
def test_a_source_with_a_short_gop_of_its_own_needs_no_answers(
    run: Make, camera: Make, gop: int, segment: int
) -> None:
    show = run()
    show.film(camera(gop=gop, answers_ticks=None), 20)
    (only,) = show.generations
    assert {b - a for a, b in itertools.pairwise([0, *only.segments])} == {segment}


@pytest.mark.parametrize("gop", [300, 43, 73])
def test_a_gop_that_meets_no_segment_is_encoded(run: Make, camera: Make, gop: int) -> None:
    """A failure each time, but ever more seldom."""
    show = run()
    show.film(camera(gop=gop, answers_ticks=None), 120)
    assert show.roles == "pe"
    assert show.reasons == ["keyframes"]
    assert show.passing.unfit.code == "keyframes"
    assert len(show.generations[0].samples) <= 72


@pytest.mark.parametrize(
    ("rate", "counts"), [(60, {2}), (Fraction(30000, 1001), {0, 1}), (15, {0, 1}), (25, {0, 1})]
)
def test_other_frame_rates(run: Make, camera: Make, rate: Any, counts: set[int]) -> None:
    show, host = run(), camera(rate=Fraction(rate))
    show.film(host, 12)
    (only,) = show.generations
    assert {len(samples.pictures) for samples in only.samples[1:-1]} <= counts
    shown = sum(len(samples.pictures) for samples in only.samples)
    assert abs(shown - 12 * rate) <= 3


def test_no_picture_is_lost_or_overtaken(run: Make, h264: Encode, at_rate: AtRate) -> None:
    units = at_rate(h264(200, "slices=2:sliced-threads=0", gop=30), rate=Fraction(30))
    late = [
        replace(unit, pts=unit.pts + (2500 if index % 7 == 3 else 0))
        for index, unit in enumerate(units)
    ]
    show = run()
    show.feed(late)
    while show.slot < 205 and show.passing.passing:
        show.fill()
    sent = [unit.data for unit in units]
    passed = [picture.data for one in show.generations[0].samples for picture in one.pictures]
    assert len(passed) == len(sent)
    assert all(sample[-20:] in data for sample, data in zip(passed, sent, strict=True))


def test_the_parameter_sets_make_an_init_section(run: Make, camera: Make) -> None:
    show = run()
    show.film(camera(), 1)
    sets = show.generations[0].sets
    config = avc_config(sets.sps, sets.pps)
    assert (config.width, config.height, sets.width, sets.height) == (128, 96, 128, 96)


def damaged(unit: AccessUnit) -> AccessUnit:
    return replace(unit, damaged=True)


def torn(unit: AccessUnit) -> AccessUnit:
    return replace(unit, data=unit.data[:5])


def vp8(unit: AccessUnit) -> AccessUnit:
    return replace(unit, codec="vp8")


@pytest.mark.parametrize(
    ("fault", "code"), [(damaged, "damaged"), (torn, "malformed"), (vp8, "codec")]
)
def test_a_fault_is_encoded_and_passed_again_after_ten_seconds(
    run: Make, camera: Make, fault: Callable[[AccessUnit], AccessUnit], code: str
) -> None:
    show, host = run(), camera()
    show.film(host, 3)
    (unit, *_) = list(host.until(show.now_tick + 6000))
    show.passing.take(fault(unit), show.now_tick)
    show.fill()
    assert show.roles == "pe"
    assert show.passing.unfit.code == code
    at_slot = show.slot
    show.film(host, 14)
    assert show.roles == "pep"
    waited_slots = show.generations[2].first_slot - at_slot
    assert 295 <= waited_slots <= 300 + 75


@pytest.mark.parametrize("seconds", [2, 3600])
def test_a_time_far_ahead_spoils_nothing_for_good(run: Make, camera: Make, seconds: int) -> None:
    show, host = run(), camera()
    show.film(host, 3)
    (unit, *_) = list(host.until(show.now_tick + 6000))
    ahead = replace(unit, pts=unit.pts + seconds * SECOND)
    show.passing.take(ahead, show.now_tick)
    show.film(host, 1)
    assert show.reasons == ["ahead"]
    show.film(host, 14)
    assert show.roles == "pep"


def test_what_the_container_adds_to_a_crowd_of_pictures_counts(run: Make, camera: Make) -> None:
    """Two hundred of them a second take 19 kbit/s more than their bytes."""
    rates = {}
    for spare_bps in (5_000, 30_000):
        host = camera(rate=Fraction(200), gop=200, answers_ticks=None)
        bits_per_second = 8 * (len(host.idr) + 199 * len(host.p))
        target = replace(TARGET, max_bitrate_bps=bits_per_second + spare_bps, buffer_bits=100_000)
        show = run(target=target)
        show.film(host, 12)
        rates[spare_bps] = show.reasons
    assert rates == {5_000: ["bitrate"], 30_000: []}


def test_each_failure_doubles_the_wait(run: Make, camera: Make) -> None:
    show, host = run(), camera()
    waits = []
    for _ in range(3):
        while not show.passing.passing:
            show.film(host, 0.1)
        show.film(host, 1)
        show.passing.undecodable(show.now_tick)
        show.fill()
        began = show.slot
        while not show.passing.passing:
            show.film(host, 0.1)
        waits.append((show.slot - began) / 30)
    assert [round(wait / 10) for wait in waits] == [1, 2, 4]


def test_damage_while_encoded_only_starts_the_wait_again(run: Make, camera: Make) -> None:
    show, host = run(), camera()
    show.passing.undecodable(show.now_tick)
    for _ in range(5):
        show.film(host, 5)
        show.passing.undecodable(show.now_tick)
    assert show.roles == "e"
    show.film(host, 13)
    assert show.roles == "ep"


def test_b_frames_are_encoded(run: Make, h264: Encode, at_rate: AtRate) -> None:
    show = run()
    show.feed(at_rate(h264(90, bframes=2, gop=30)))
    assert "p" not in show.roles[1:]
    assert show.passing.unfit.code == "reordered"


def test_a_size_change_is_encoded_at_once(run: Make, h264: Encode, at_rate: AtRate) -> None:
    show = run()
    show.feed(at_rate(h264(60, gop=30)))
    show.feed(at_rate(h264(60, size=(64, 48), gop=30), first_pts=60 * 3000))
    assert show.roles == "pe"
    assert show.passing.unfit.sentence == (
        "The source's pictures are 64x48, those of 96p are 128x96."
    )
    assert len(show.generations[0].samples) in range(56, 61)


def test_new_parameter_sets_of_the_same_size_are_a_new_passed_generation(
    run: Make, h264: Encode, at_rate: AtRate
) -> None:
    show = run()
    show.feed(at_rate(h264(150, gop=30)))
    show.feed(at_rate(h264(60, "ref=2", profile="main", gop=30), first_pts=150 * 3000))
    assert show.roles == "pp"
    first, second = show.generations
    assert second.first_slot == 150
    assert first.sets.sps != second.sets.sps
    assert second.samples[0].pictures[0].keyframe


def test_parameter_sets_that_change_all_the_time_are_encoded(
    run: Make, h264: Encode, at_rate: AtRate
) -> None:
    show = run()
    for index in range(6):
        packets = h264(30, "" if index % 2 else "ref=2", profile="main", gop=30)
        show.feed(at_rate(packets, first_pts=index * 90_000))
    assert show.roles == "pe"
    assert show.reasons == ["sets"]


def test_parameter_sets_that_change_between_keyframes_are_encoded(
    run: Make, h264: Encode, at_rate: AtRate
) -> None:
    units = at_rate(h264(60, gop=60))
    other = h264(1, "ref=2", profile="main")[0]
    sets = other[: other.index(b"\x00\x00\x01\x65")]
    units[30] = replace(units[30], data=sets + units[30].data)
    show = run()
    show.feed(units)
    assert show.reasons == ["sets"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"params": "interlaced=1", "profile": "main"}, "is interlaced"),
        ({"params": "sar=4/3"}, "not square"),
        ({"profile": "high422", "pix_fmt": "yuv422p"}, "of profile 122"),
        ({"profile": "high10", "pix_fmt": "yuv420p10le"}, "of profile 110"),
    ],
)
def test_what_not_every_player_takes_is_encoded(
    run: Make, h264: Encode, at_rate: AtRate, settings: dict[str, str], words: str
) -> None:
    show = run()
    show.feed(at_rate(h264(30, **settings)))
    assert show.roles[-1] == "e"
    assert len(show.generations) <= 2
    assert show.passing.unfit.code == "format"
    assert words in show.passing.unfit.sentence


@pytest.mark.parametrize("mode", ["auto", "always"])
@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc", "primaries 9"),
        ("colorprim=smpte432:transfer=bt709:colormatrix=bt709", "primaries 12"),
        ("colorprim=bt709:transfer=smpte2084:colormatrix=bt709", "transfer 16"),
        ("colorprim=bt709:transfer=bt709:colormatrix=bt2020nc", "matrix 9"),
    ],
)
def test_colours_unlike_those_of_the_other_rungs_are_encoded(
    run: Make, h264: Encode, at_rate: AtRate, mode: str, params: str, words: str
) -> None:
    show = run(mode=mode)
    show.feed(at_rate(h264(30, params)))
    assert show.roles == "e"
    assert show.passing.unfit.code == "colour"
    assert words in show.passing.unfit.sentence


@pytest.mark.parametrize(
    "params",
    [
        "",
        "fullrange=off",
        "colorprim=bt709:transfer=bt709:colormatrix=bt709",
        "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m",
        "colorprim=bt470bg:transfer=smpte170m:colormatrix=bt470bg",
        "colorprim=bt709:transfer=bt709:colormatrix=smpte170m",
        "colorprim=bt709:transfer=iec61966-2-1:colormatrix=bt709:fullrange=on",
        "fullrange=on",
    ],
)
def test_colours_of_cameras_and_browsers_are_passed(
    run: Make, h264: Encode, at_rate: AtRate, params: str
) -> None:
    show = run()
    show.feed(at_rate(h264(30, params)))
    assert show.roles == "p"


def test_a_source_that_stops_is_encoded(run: Make, camera: Make) -> None:
    show = run()
    show.film(camera(), 3)
    for _ in range(11):
        show.fill()
    assert show.roles == "pe"
    assert show.reasons == ["stopped"]


def test_the_end_of_a_source_is_the_end_of_passing(run: Make, camera: Make) -> None:
    show = run()
    show.film(camera(), 3)
    show.passing.source_ended()
    show.fill()
    assert show.roles == "pe"
    show.passing.source_started()
    asked = len(show.asked)
    another = camera()
    list(another.until(show.now_tick))
    show.film(another, 9)
    assert show.roles == "pe"
    show.film(another, 5)
    assert show.roles == "pep"
    assert len(show.asked) > asked


def test_a_fat_source_is_encoded_unless_always(run: Make, h264: Encode, at_rate: AtRate) -> None:
    packets = h264(400, gop=60, noise=True, bitrate_bps=800_000)
    assert 8 * sum(map(len, packets)) / (400 / 30) > 700_000
    show = run()
    show.feed(at_rate(packets))
    assert show.roles == "pe"
    assert show.reasons == ["bitrate"]
    always = run(mode="always")
    always.feed(at_rate(packets))
    assert always.roles == "pp", "at its first keyframe after it was found out more is declared"
    assert always.passing.measured_bps > 700_000
    assert always.passing.declared_bps >= 2 * TARGET.peak_bps


def test_parameter_sets_may_change_soon_after_more_was_declared(
    run: Make, h264: Encode, at_rate: AtRate
) -> None:
    fat = h264(120, gop=30, noise=True, bitrate_bps=800_000)
    other = h264(90, "ref=2", gop=30)
    show = run(mode="always")
    show.feed(at_rate([*fat, *other]))
    assert show.roles == "ppp"
    assert show.reasons == []


def test_never_does_nothing(run: Make, camera: Make) -> None:
    show = run(mode="never")
    show.film(camera(), 5)
    assert show.roles == "e"
    assert show.asked == []
    assert show.passing.unfit.code == "off"


def test_leaving_is_no_failure(run: Make, camera: Make) -> None:
    show, host = run(), camera()
    show.film(host, 3)
    show.passing.leave()
    show.film(host, 3)
    assert show.roles == "pep"


def test_a_run_that_begins_between_keyframes_is_passed_from_the_next(
    run: Make, h264: Encode, at_rate: AtRate
) -> None:
    show = run()
    show.feed(at_rate(h264(90, gop=40))[10:])
    assert show.roles == "ep"
    assert show.generations[1].first_slot == 40


@settings(max_examples=60)
@given(st.data())
def test_whatever_a_stranger_sends_ends_in_encoding(
    canned: tuple[bytes, bytes], run: Make, data: st.DataObject
) -> None:
    show = run(mode=data.draw(st.sampled_from(["auto", "always"])))
    for index in range(data.draw(st.integers(1, 40))):
        keyframe = data.draw(st.integers(0, 5)) == 0 or index == 0
        packet = bytearray(canned[0 if keyframe else 1])
        mutations = data.draw(st.sampled_from([0, 0, 0, 1, 4]))
        for _ in range(mutations):
            at = data.draw(st.integers(0, min(len(packet), 60) - 1))
            packet[at] = data.draw(st.integers(0, 255))
        pts = max(0, index * 3000 + data.draw(st.sampled_from([0, 0, 0, -9000, 400_000])))
        unit = AccessUnit(
            kind="video",
            codec="h264",
            source=1,
            pts=pts,
            keyframe=keyframe,
            damaged=False,
            data=bytes(packet),
        )
        show.passing.take(unit, show.now_tick)
        show.fill()
    for _ in range(200):
        show.fill()
    assert not show.passing.passing
    assert show.passing.unfit.sentence.endswith(".")
    assert len(show.passing.unfit.sentence) < 200


def test_a_slot_may_be_looked_at_twice(run: Make, camera: Make) -> None:
    show, host = run(), camera()
    show.film(host, 3)
    for unit in host.until(show.now_tick):
        show.passing.take(unit, show.now_tick)
    first = show.passing.look(show.slot, part_start=True)
    assert show.passing.look(show.slot, part_start=True) == first
    show.film(host, 20)
    assert show.roles == "p"


def test_silence_is_no_failure_and_no_trial(run: Make, camera: Make) -> None:
    """A host whose camera is off for a minute is passed ten seconds after it is on again."""
    show, host = run(), camera()
    show.film(host, 3)
    asked = len(show.asked)
    for _ in range(60 * 30):
        show.asked += [0] * show.passing.wants_keyframe(show.now_tick)
        show.fill()
    assert show.reasons == ["stopped"]
    assert len(show.asked) <= asked + 3
    list(host.until(show.now_tick))
    at_slot = show.slot
    show.film(host, 14)
    assert show.roles == "pep"
    assert 295 <= show.generations[-1].first_slot - at_slot <= 300 + 75


def test_an_old_keyframe_is_no_beginning(run: Make, h264: Encode, at_rate: AtRate) -> None:
    """A show that looked at its source for a second begins with the next keyframe."""
    show = run()
    for unit in at_rate(h264(90, gop=40)):
        show.passing.take(unit, unit.pts)
        show.slot = max(show.slot, 30)
        while unit.pts > show.now_tick:
            show.fill()
    assert show.roles == "ep"
    assert show.generations[1].first_slot == 40


def test_what_is_not_passed_is_to_be_encoded(run: Make, camera: Make) -> None:
    show = run()
    show.film(camera(), 1)
    show.passing.leave()
    assert show.passing.look(show.slot, part_start=False).kind == "encode"
