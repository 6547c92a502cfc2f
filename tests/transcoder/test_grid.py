"""The grid: what the presets make of a frame rate, and slots to ticks and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.control import LatencyPreset
from transcoder.errors import ProfileError
from transcoder.grid import Grid, make_grid
from transcoder.profiles import LEGAL_RATES


@pytest.mark.parametrize(
    ("rate", "latency", "part_slots"),
    [
        (30, "ultra", 6),
        (30, "low", 10),
        (30, "relaxed", 30),
        (60, "ultra", 12),
        (60, "low", 20),
        (25, "ultra", 5),
        (25, "low", 5),
        (24, "low", 8),
        (5, "low", 1),
        (5, "relaxed", 5),
    ],
)
def test_a_part_is_the_divisor_nearest_the_preset(
    rate: int, latency: LatencyPreset, part_slots: int
) -> None:
    grid = make_grid(frames_per_second=rate, latency=latency)
    assert grid.part_slots == part_slots
    assert grid.part_ticks == part_slots * 90_000 // rate
    assert (grid.idr_slots, grid.segment_slots) == (rate, 2 * rate)
    assert grid.segment_ticks == 180_000


@pytest.mark.parametrize("rate", LEGAL_RATES)
@pytest.mark.parametrize("interval_s", [1, 2, 3])
def test_every_legal_rate_makes_a_grid_for_every_preset(rate: int, interval_s: int) -> None:
    for latency in ("ultra", "low", "relaxed"):
        grid = make_grid(
            frames_per_second=rate, latency=latency, idr_interval_s=interval_s, segment_s=6
        )
        assert grid.segment_slots % grid.idr_slots == grid.idr_slots % grid.part_slots == 0
        assert grid.slot_ticks * rate == 90_000


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((29, 1, 29, 58), "29 frames per second"),
        ((30, 7, 30, 60), "a part must divide"),
        ((30, 10, 30, 45), "a part must divide"),
        ((30, 0, 30, 60), "1 or more"),
        ((-30, 10, 30, 60), "1 or more"),
    ],
)
def test_what_does_not_divide_is_refused(values: tuple[int, int, int, int], words: str) -> None:
    rate, part, idr, segment = values
    with pytest.raises(ProfileError, match=words):
        Grid(frames_per_second=rate, part_slots=part, idr_slots=idr, segment_slots=segment)


@given(rate=st.sampled_from(LEGAL_RATES), tick=st.integers(0, 10**12))
def test_a_tick_belongs_to_the_nearest_slot(rate: int, tick: int) -> None:
    grid = make_grid(frames_per_second=rate, latency="low")
    slot = grid.slot_of(tick)
    distance = abs(grid.tick_of(slot) - tick)
    assert distance <= abs(grid.tick_of(slot - 1) - tick)
    assert distance < abs(grid.tick_of(slot + 1) - tick)
    assert grid.slot_of(grid.tick_of(slot)) == slot
