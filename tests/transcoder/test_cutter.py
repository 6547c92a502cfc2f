"""Where parts and segments are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cutter import Cutter, PartPlan
from transcoder.grid import make_grid
from transcoder.profiles import LEGAL_RATES
from transcoder.values import STRETCH_TICKS

GRID = make_grid(frames_per_second=30, latency="low")


def cutter(*, first_slot: int = 0, follows_source: bool = False) -> Cutter:
    return Cutter(
        grid=GRID, first_slot=first_slot, next_number=7, next_msn=3, follows_source=follows_source
    )


def taken(cuts: Cutter) -> list[PartPlan]:
    plans = []
    while cuts.peek() is not None:
        plans.append(cuts.take())
    return plans


def place(cuts: Cutter, slots: int, keyframes: tuple[int, ...] = ()) -> list[int]:
    """Place so many slots; which of them every encoder makes a keyframe of."""
    idrs = []
    for _ in range(slots):
        slot = cuts.next_slot
        if cuts.place(keyframe=slot in keyframes).idr:
            idrs.append(slot)
    return idrs


def test_two_segments_of_a_run() -> None:
    cuts = cutter(first_slot=100)
    assert place(cuts, 75) == [100, 130, 160]
    plans = taken(cuts)
    assert [plan.number for plan in plans] == [7, 8, 9, 10, 11, 12, 13]
    assert [(plan.msn, plan.index) for plan in plans] == [
        *((3, index) for index in range(6)),
        (4, 0),
    ]
    assert [plan.first_slot for plan in plans] == [100, 110, 120, 130, 140, 150, 160]
    assert [plan.last for plan in plans] == [False] * 5 + [True, False]
    assert all(plan.slots == 10 for plan in plans)
    assert cuts.ended_slot == 170


def test_a_part_is_cut_when_its_last_slot_is_placed() -> None:
    cuts = cutter()
    place(cuts, 9)
    assert cuts.peek() is None
    assert cuts.place().offset == 9
    assert cuts.peek() == PartPlan(number=7, msn=3, index=0, first_slot=0, slots=10, last=False)
    assert cuts.place().part


@pytest.mark.parametrize(
    ("end_slot", "slots", "next_part"),
    [(9, [9], (8, 4)), (10, [10], (8, 4)), (11, [10, 1], (9, 4)), (27, [10, 10, 7], (10, 4))],
)
def test_a_run_that_ends_before_what_was_placed_last(
    end_slot: int, slots: list[int], next_part: tuple[int, int]
) -> None:
    cuts = cutter()
    place(cuts, 27)
    cuts.end(end_slot)
    assert (cuts.next_number, cuts.next_msn) == next_part
    assert cuts.next_slot == end_slot
    plans = taken(cuts)
    assert [plan.slots for plan in plans] == slots
    assert [plan.last for plan in plans] == [False] * (len(slots) - 1) + [True]


def test_a_run_that_ends_at_a_part_that_was_taken_leaves_its_segment_open() -> None:
    cuts = cutter()
    place(cuts, 15)
    assert cuts.take().last is False
    cuts.end(10)
    assert cuts.peek() is None
    assert (cuts.next_number, cuts.next_msn) == (8, 4)


def test_a_run_without_a_slot_uses_no_number() -> None:
    cuts = cutter()
    place(cuts, 4)
    cuts.end(0)
    assert taken(cuts) == []
    assert (cuts.next_number, cuts.next_msn) == (7, 3)


def test_a_segment_is_cut_at_the_sources_keyframe_and_the_part_before_it_is_shorter() -> None:
    cuts = cutter(follows_source=True)
    idrs = place(cuts, 130, keyframes=(0, 20, 44, 57, 90, 119))
    plans = taken(cuts)
    assert [(p.first_slot, p.slots, p.msn, p.index, p.last) for p in plans] == [
        *((slot, 10, 3, slot // 10, False) for slot in range(0, 50, 10)),
        (50, 7, 3, 5, True),
        *((57 + slot, 10, 4, slot // 10, False) for slot in range(0, 60, 10)),
        (117, 2, 4, 6, True),
        (119, 10, 5, 0, False),
    ]
    assert idrs == [0, 30, 57, 87, 117, 119], "and one a second within"


def test_a_whole_part_that_turns_out_to_be_the_last_says_so_while_it_is_here() -> None:
    cuts = cutter(follows_source=True)
    place(cuts, 61, keyframes=(0, 60))
    assert [plan.last for plan in taken(cuts)] == [False] * 5 + [True]
    cuts = cutter(follows_source=True)
    place(cuts, 60, keyframes=(0,))
    assert [plan.last for plan in taken(cuts)] == [False] * 6
    place(cuts, 10, keyframes=(60,))
    (plan,) = taken(cuts)
    assert (plan.msn, plan.index, plan.first_slot) == (4, 0, 60)


def test_a_segment_without_a_keyframe_is_overdue_before_its_duration_rounds_up() -> None:
    cuts = cutter(follows_source=True)
    overdue = []
    for _ in range(80):
        overdue.append(cuts.is_overdue(keyframe=False))
        assert not cuts.is_overdue(keyframe=True)
        cuts.place()
    longest = overdue.index(True)
    assert longest * GRID.slot_ticks < GRID.segment_ticks + STRETCH_TICKS
    assert (longest + 1) * GRID.slot_ticks >= GRID.segment_ticks + STRETCH_TICKS
    assert not any(cutter().is_overdue(keyframe=False) for _ in range(2))


@given(
    rate=st.sampled_from(LEGAL_RATES),
    latency=st.sampled_from(["ultra", "low", "relaxed"]),
    first_slot=st.integers(0, 10**6),
    extra=st.integers(0, 400),
    keyframes=st.none() | st.sets(st.integers(0, 400)),
    take_early=st.booleans(),
)
def test_parts_tile_the_run_and_segments_begin_with_keyframes(
    rate: int,
    latency: str,
    first_slot: int,
    extra: int,
    keyframes: set[int] | None,
    take_early: bool,
) -> None:
    grid = make_grid(frames_per_second=rate, latency=latency)  # type: ignore[arg-type]
    follows = keyframes is not None
    cuts = Cutter(
        grid=grid, first_slot=first_slot, next_number=0, next_msn=0, follows_source=follows
    )
    keys = {first_slot} | {first_slot + key for key in keyframes or ()}
    plans, idrs = [], set()
    end = first_slot
    while end < first_slot + extra and not cuts.is_overdue(keyframe=end in keys):
        if cuts.place(keyframe=end in keys).idr:
            idrs.add(end)
        end += 1
        if take_early:
            plans += taken(cuts)
    cuts.end(end)
    plans += taken(cuts)
    slots = [s for plan in plans for s in range(plan.first_slot, plan.end_slot)]
    assert slots == list(range(first_slot, end))
    assert [plan.number for plan in plans] == list(range(len(plans)))
    for before, after in itertools.pairwise(plans):
        begins = after.index == 0
        assert after.msn - before.msn == begins
        assert begins or after.index == before.index + 1
        assert begins >= before.last
        assert before.slots == grid.part_slots or before.last
    for plan in plans:
        assert plan.index or plan.first_slot in idrs
        assert not follows or plan.index or plan.first_slot in keys
    starts = [plan.first_slot for plan in plans if plan.index == 0]
    for start, following in itertools.pairwise(starts):
        ticks = (following - start) * grid.slot_ticks
        assert ticks == grid.segment_ticks or follows
        assert ticks < grid.segment_ticks + STRETCH_TICKS
