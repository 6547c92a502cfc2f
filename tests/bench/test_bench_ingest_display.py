"""The peer's display: a constant rate, a bound on lateness, the newest picture that is due."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ingest.clip import FPS
from bench.ingest.display import HOLD_S, Decoded, displayed, zero_s

START_S = 1_000.0


def frames(count: int, *, late_s: dict[int, float] | None = None) -> list[Decoded]:
    """So many frames, some of them later than the others, in the order in which they come."""
    late = late_s or {}
    made = [
        Decoded(came_s=START_S + n / FPS + late.get(n, 0.0), label_s=n / FPS, counter=n)
        for n in range(count)
    ]
    return sorted(made, key=lambda each: each.came_s)


def counters(decoded: list[Decoded]) -> list[int]:
    return [seen.counter for seen in displayed(decoded)]


def test_every_frame_in_time_is_shown_in_its_slot() -> None:
    late = dict(enumerate([0.0, HOLD_S - 0.001, 0.05, 0.1, 0.02]))
    seen = displayed(frames(5, late_s=late))
    assert [each.counter for each in seen] == [0, 1, 2, 3, 4]
    assert [each.at_s for each in seen] == pytest.approx([START_S + n / FPS for n in range(5)])


def test_a_frame_that_comes_too_late_is_not_shown_and_the_one_before_stands() -> None:
    assert counters(frames(6, late_s={2: HOLD_S + 0.05})) == [0, 1, 1, 3, 4, 5]


def test_a_burst_after_a_silence_is_a_freeze_and_only_its_newest_is_seen() -> None:
    """What was queued for a second and then comes at once was not seen meanwhile."""
    late = {n: 2.0 - n / FPS for n in range(30, 60)}
    shown = [seen.counter for seen in displayed(frames(90, late_s=late), hold_s=0.12)]
    assert shown[:30] == list(range(30))
    awake = 57  # the first slot that allows for a frame of 2.0 s
    assert set(shown[30:awake]) == {29}
    assert shown[awake:] == list(range(awake, 90))


def test_nothing_decoded_is_nothing_shown() -> None:
    assert displayed([]) == []
    assert zero_s([]) is None


@given(st.lists(st.floats(0, 2), min_size=1, max_size=80), st.randoms())
def test_the_screen_never_goes_back(lateness: list[float], luck: random.Random) -> None:
    decoded = frames(len(lateness), late_s=dict(enumerate(lateness)))
    seen = displayed(decoded)
    shown = [each.counter for each in seen]
    assert shown == sorted(shown)
    assert all(after.at_s > before.at_s for before, after in itertools.pairwise(seen))
