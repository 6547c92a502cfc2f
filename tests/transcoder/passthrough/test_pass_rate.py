"""The bound that keeps BANDWIDTH true while a source is passed on."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transcoder.grid import make_grid
from transcoder.passthrough.fitness import PassTarget
from transcoder.passthrough.rate import RateBound

GRID = make_grid(frames_per_second=5, latency="low")
TARGET = PassTarget(
    rung="a", width=16, height=16, max_bitrate_bps=80_000, buffer_bits=32_000, segment_s=2
)
SLOT_BYTES = 80_000 // 8 // 5


def bound() -> RateBound:
    return RateBound(TARGET, GRID)


def played(rate: RateBound, sizes: list[int], segment: int = 10) -> int:
    """How many slots of these sizes are within the bounds."""
    for index, size in enumerate(sizes):
        if index % segment == 0:
            rate.cut()
        if not rate.allows(size):
            return index
        rate.add(size)
    return len(sizes)


def test_the_peak_is_the_pictures_share_of_bandwidth() -> None:
    assert TARGET.peak_bps == 80_000 + 32_000


def test_at_its_maximum_a_source_goes_on_for_good() -> None:
    assert played(bound(), [SLOT_BYTES] * 500) == 500


def test_above_its_maximum_it_is_found_out_before_a_trial_is_over() -> None:
    assert played(bound(), [SLOT_BYTES * 11 // 10] * 500) <= 9 * GRID.frames_per_second


def test_a_large_keyframe_is_no_fault() -> None:
    segment = [SLOT_BYTES * 4] + [SLOT_BYTES * 2 // 3] * 9
    assert played(bound(), segment * 30) == 300


def test_a_burst_is() -> None:
    assert played(bound(), [SLOT_BYTES] * 23 + [SLOT_BYTES * 20]) == 23


def test_after_a_restart_nothing_is_held_against_it() -> None:
    rate = bound()
    assert played(rate, [SLOT_BYTES] * 23 + [SLOT_BYTES * 20]) == 23
    rate.restart()
    assert played(rate, [SLOT_BYTES] * 23) == 23


@given(
    segments=st.lists(
        st.lists(st.integers(0, 3 * SLOT_BYTES), min_size=8, max_size=11), min_size=1, max_size=12
    )
)
def test_every_run_of_segments_is_within_bandwidth(segments: list[list[int]]) -> None:
    """rfc8216bis §4.4.6.2, reckoned anew: runs of half to one and a half target durations."""
    rate = bound()
    passed: list[list[int]] = []
    for segment in segments:
        rate.cut()
        passed.append([])
        for size in segment:
            if not rate.allows(size):
                break
            rate.add(size)
            passed[-1].append(size)
        else:
            continue
        break
    for first, last in itertools.combinations(range(len(passed) + 1), 2):
        run = [size for segment in passed[first:last] for size in segment]
        duration_s = len(run) / GRID.frames_per_second
        if 1 <= duration_s <= 3:
            assert 8 * sum(run) / duration_s <= TARGET.peak_bps
