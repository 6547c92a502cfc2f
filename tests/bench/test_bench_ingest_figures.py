"""The judgement of what was watched, on pictures and beeps made up."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.faults.profiles import PROFILES
from bench.ingest.clip import FPS, FRAMES, unwrapped
from bench.ingest.figures import BeepFinder, Outcome, Seen, Span, Watched, skews_ms
from bench.ingest.run import judge
from mediaserver.demo import tone

START_S = 1_000.0
RUN = Span(start_s=START_S, end_s=START_S + 40)
TROUBLE = Span(start_s=START_S + 10, end_s=START_S + 15)


def pictures(*, seconds: int = 40, late_s: float = 0.0, without: Span | None = None) -> list[Seen]:
    """A perfect show, whose frames within `without` are missing."""
    times = [(START_S + n / FPS, n % FRAMES) for n in range(seconds * FPS)]
    return [
        Seen(at_s=at + late_s, counter=counter)
        for at, counter in times
        if without is None or not without.holds(at)
    ]


def beeps(*, seconds: int = 40, late_s: float = 0.0) -> list[float]:
    return [START_S + second + late_s for second in range(seconds)]


def judged(watched: Watched, *, endless: bool = False) -> Outcome:
    return Outcome.of(watched, run=RUN, trouble=TROUBLE, endless=endless)


def test_a_perfect_show_is_perfect() -> None:
    outcome = judged(Watched(pictures=pictures(), beeps_s=beeps()))
    assert outcome.share == 1
    assert outcome.freezes == ()
    assert outcome.skew_p95_ms() == pytest.approx(0, abs=0.01)
    assert outcome.recover_s == pytest.approx(0, abs=1 / FPS)


def test_a_hole_is_a_freeze_and_its_frames_are_missing() -> None:
    hole = Span(start_s=START_S + 11, end_s=START_S + 11.6)
    outcome = judged(Watched(pictures=pictures(without=hole), beeps_s=beeps()))
    assert outcome.captured - outcome.shown == 18
    assert outcome.freezes_over(0.2) == outcome.freezes_over(0.5) == 1
    assert outcome.freezes[0] == pytest.approx(0.6 + 1 / FPS, abs=0.001)


def test_a_picture_that_is_repeated_is_not_new() -> None:
    seen = pictures()
    stuck = [
        Seen(at_s=each.at_s, counter=330 % FRAMES) if 330 <= n < 340 else each
        for n, each in enumerate(seen)
    ]
    outcome = judged(Watched(pictures=stuck, beeps_s=beeps()))
    assert outcome.captured - outcome.shown == 9
    assert outcome.freezes_over(0.2) == 1


def test_a_late_picture_is_a_positive_skew_and_late_sound_a_negative_one() -> None:
    late = Watched(pictures=pictures(late_s=0.05), beeps_s=beeps())
    assert [skew for _, skew in skews_ms(late)] == pytest.approx([50] * 40, abs=0.1)
    early = Watched(pictures=pictures(), beeps_s=beeps(late_s=0.05))
    assert [skew for _, skew in skews_ms(early)] == pytest.approx([-50] * 40, abs=0.1)


def test_only_what_comes_ten_seconds_after_the_trouble_is_held_against_lip_sync() -> None:
    sound = [at + (0.2 if 10 <= at - START_S < 24 else 0.0) for at in beeps()]
    outcome = judged(Watched(pictures=pictures(), beeps_s=sound))
    assert outcome.skew_p95_ms() == pytest.approx(0, abs=0.1)
    assert max(map(abs, outcome.skews_before_ms)) == pytest.approx(0, abs=0.1)
    endless = judged(Watched(pictures=pictures(), beeps_s=sound), endless=True)
    assert endless.skew_p95_ms() == pytest.approx(200, abs=1)


def test_recovery_is_when_the_picture_goes_on_for_good() -> None:
    dark = Span(start_s=START_S + 10, end_s=START_S + 15.5)
    again = Span(start_s=START_S + 16, end_s=START_S + 16.5)
    seen = [each for each in pictures(without=dark) if not again.holds(each.at_s)]
    assert judged(Watched(pictures=seen, beeps_s=[])).recover_s == pytest.approx(1.5, abs=0.05)
    gone = [each for each in pictures() if each.at_s < TROUBLE.start_s]
    assert judged(Watched(pictures=gone, beeps_s=[])).recover_s is None


def test_freezes_are_counted_on_the_screen_where_that_is_another_clock() -> None:
    hole = Span(start_s=START_S + 20, end_s=START_S + 21)
    watched = Watched(pictures=pictures(), shown=pictures(without=hole), beeps_s=beeps())
    assert judged(watched).freezes_over(0.5) == 1


@given(st.lists(st.integers(1, 140), min_size=1, max_size=60), st.integers(0, FRAMES - 1))
def test_numbers_that_repeat_are_told_apart_by_time(steps: list[int], first: int) -> None:
    numbers = list(itertools.accumulate(steps, initial=first))
    seen = [(number / FPS, number % FRAMES) for number in numbers]
    assert unwrapped(seen) == numbers


@given(st.integers(tone.BEEP_MS, 900), st.integers(1, 1_500))
def test_a_beep_is_found_however_the_sound_is_cut(lead: int, piece_ms: int) -> None:
    samples = tone.samples(start=lead * 48, count=3 * tone.SAMPLE_RATE).astype(np.float32) / 32768
    finder = BeepFinder()
    size = piece_ms * 48
    for at in range(0, len(samples), size):
        finder.take(at / tone.SAMPLE_RATE, samples[at : at + size], tone.SAMPLE_RATE)
    expected = [second - lead / 1000 for second in (1, 2, 3)]
    assert finder.onsets_s == pytest.approx(expected, abs=0.003)


def test_a_hole_in_a_beep_does_not_make_two_of_it() -> None:
    samples = tone.samples(start=24_000, count=48_000).astype(np.float32) / 32768
    samples[24_960:25_920] = 0
    finder = BeepFinder()
    finder.take(0.0, samples, tone.SAMPLE_RATE)
    assert finder.onsets_s == pytest.approx([0.5], abs=0.003)


@pytest.mark.parametrize(("from_ms", "until_ms", "torn"), [(-10, 30, 1), (50, 90, 1), (-10, 5, 0)])
def test_a_beep_without_its_beginning_or_end_says_nothing(
    from_ms: int, until_ms: int, torn: int
) -> None:
    """Its rest begins later than it did, though the sound is where it should be."""
    samples = tone.samples(start=24_000, count=96_000).astype(np.float32) / 32768
    samples[24_000 + from_ms * 48 : 24_000 + until_ms * 48] = 0
    finder = BeepFinder()
    finder.take(0.0, samples, tone.SAMPLE_RATE)
    assert finder.torn == torn
    assert finder.onsets_s == pytest.approx([0.5, 1.5][torn:], abs=0.006)


def test_a_numbered_run_is_judged_by_its_numbers() -> None:
    """A camera that was not read for half the time has captured half as much."""
    half = Watched(pictures=pictures(seconds=20), beeps_s=beeps(seconds=20))
    profile = PROFILES["clean"]
    assert judge(half, profile, RUN).captured == 40 * FPS
    assert judge(half, profile, RUN, numbered=True).captured == 20 * FPS
