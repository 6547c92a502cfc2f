import itertools

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fanout import parts
from bench.fanout.air import LADDER, WATCHED, Air, Show, Steps
from transcoder.values import Part


def made(air: Air, count: int) -> list[list[Part]]:
    show = Show(air, begin_ns=0, utc_us=0)
    return [show.step(number) for number in range(count)]


@given(st.integers(0, 2**40), st.integers(5, 3000))
def test_a_part_says_what_it_is(number: int, words: int) -> None:
    head = parts.head(number, words * 8, 77)
    assert parts.HEAD.unpack(head)[:4] == (parts.MAGIC, number, 77, words * 8)
    assert len(head + parts.filler(number, words * 8)) == words * 8
    assert parts.filler(number, 800) != parts.filler(number + 1, 800)


def test_the_filler_is_what_the_generator_expects() -> None:
    # The finaliser of splitmix64 with the seeds of c/common.h, worked out with Python's integers.
    def mixed(x: int) -> int:
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        return x ^ x >> 31

    expected = [mixed((7 * 0x9E3779B97F4A7C15 + place) % 2**64) for place in range(5, 10)]
    found = parts.filler(7, 80)
    assert [int.from_bytes(found[at : at + 8], "little") for at in range(0, 40, 8)] == expected


@pytest.mark.parametrize("ticks", [45_000, 30_000, 18_000])
def test_steps_hang_together(ticks: int) -> None:
    air = Air(part_ticks=ticks, part_bytes=400)
    steps = made(air, 30)
    assert [part.number for part in (step[0] for step in steps)] == list(range(30))
    for step in steps:
        assert [part.rendition for part in step] == list(LADDER)
        assert len({(part.msn, part.index, part.decode_time, part.data) for part in step}) == 1
    for before, after in itertools.pairwise(steps):
        first, second = before[0], after[0]
        assert second.decode_time == first.decode_time + first.duration
        follows = (first.msn + 1, 0) if first.last else (first.msn, first.index + 1)
        assert (second.msn, second.index) == follows


@pytest.mark.parametrize("ticks", [45_000, 30_000, 18_000])
def test_a_peers_playlist_is_one(ticks: int) -> None:
    air = Air(part_ticks=ticks, part_bytes=400)
    steps = Steps(air)
    for step in made(air, 200):
        steps.step(next(part for part in step if part.rendition == WATCHED))
    found = m3u8.loads(steps.playlist())
    assert found.target_duration == 2
    assert 2 * len(found.segments) <= 62
    listed = [part.uri for segment in found.segments for part in segment.parts]
    assert listed[-1] == "part-199.m4s"
    assert found.preload_hint.uri == "part-200.m4s"
    assert len(found.rendition_reports) == 2


def test_a_cue_has_about_300_bytes_and_says_when() -> None:
    show = Show(Air(), begin_ns=0, utc_us=0)
    events = [show.cue(10**12 + number) for number in range(3)]
    assert [event.offset for event in events] == [1, 2, 3]
    assert events[2].data["id"].startswith("stamp-1000000000002-")
    assert show.log.offset == 3
