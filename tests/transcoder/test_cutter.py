"""Where parts and segments are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.grid import make_grid
from transcoder.packager import Cutter, PartPlan
from transcoder.profiles import LEGAL_RATES

GRID = make_grid(frames_per_second=30, latency="low")


def cutter(*, first_slot: int = 0) -> Cutter:
    return Cutter(grid=GRID, first_slot=first_slot, next_number=7, next_msn=3)


def test_two_segments_of_a_run() -> None:
    cuts = cutter(first_slot=100)
    plans = [cuts.advance() for _ in range(7)]
    assert [plan.number for plan in plans] == [7, 8, 9, 10, 11, 12, 13]
    assert [(plan.msn, plan.index) for plan in plans] == [
        *((3, index) for index in range(6)),
        (4, 0),
    ]
    assert [plan.first_slot for plan in plans] == [100, 110, 120, 130, 140, 150, 160]
    assert [plan.independent for plan in plans] == [True, False, False] * 2 + [True]
    assert [plan.last for plan in plans] == [False] * 5 + [True, False]
    assert all(plan.slots == 10 for plan in plans)


def test_idr_frames_are_wanted_each_second_from_the_first_slot() -> None:
    cuts = cutter(first_slot=100)
    assert [slot for slot in range(100, 200) if cuts.wants_idr(slot)] == [100, 130, 160, 190]


def test_current_is_what_advance_returns() -> None:
    cuts = cutter()
    for _ in range(20):
        plan = cuts.current
        assert cuts.advance() == plan
        assert cuts.current.number == plan.number + 1


@pytest.mark.parametrize(("end_slot", "slots"), [(9, None), (10, None), (11, 1), (19, 9), (20, 10)])
def test_a_run_that_ends(end_slot: int, slots: int | None) -> None:
    cuts = cutter()
    cuts.advance()
    expected = slots and PartPlan(
        number=8, msn=3, index=1, first_slot=10, slots=slots, independent=False, last=True
    )
    assert cuts.cut_short(end_slot) == expected


def test_a_part_that_ought_to_have_been_advanced_is_not_cut_short() -> None:
    with pytest.raises(ValueError, match="slot 11 lies past the part that begins at 0"):
        cutter().cut_short(11)


@given(
    rate=st.sampled_from(LEGAL_RATES),
    latency=st.sampled_from(["ultra", "low", "relaxed"]),
    first_slot=st.integers(0, 10**6),
    extra=st.integers(0, 400),
)
def test_parts_tile_the_run_and_idrs_begin_them(
    rate: int, latency: str, first_slot: int, extra: int
) -> None:
    grid = make_grid(frames_per_second=rate, latency=latency)  # type: ignore[arg-type]
    cuts = Cutter(grid=grid, first_slot=first_slot, next_number=0, next_msn=0)
    end = first_slot + extra
    plans = []
    while cuts.current.first_slot + cuts.current.slots <= end:
        plans.append(cuts.advance())
    rest = cuts.cut_short(end)
    plans += [rest] if rest else []
    slots = [s for plan in plans for s in range(plan.first_slot, plan.first_slot + plan.slots)]
    assert slots == list(range(first_slot, end))
    starts = {plan.first_slot for plan in plans if plan.independent}
    assert starts == {slot for slot in slots if cuts.wants_idr(slot)}
    assert [plan.number for plan in plans] == list(range(len(plans)))
    for before, after in itertools.pairwise(plans):
        step = (after.msn - before.msn, after.index - before.index)
        assert step == ((1, -before.index) if before.last else (0, 1))
