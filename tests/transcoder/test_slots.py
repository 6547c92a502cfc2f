from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.grid import Grid
from transcoder.patience import LONGEST_TICKS
from transcoder.slots import AHEAD_TICKS, STARVED_TICKS, Filled, SlotFiller

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
SLOT = GRID.slot_ticks
HOLD = 10_800
SLATE = 225_000
QUARTER = SLOT // 4
OFF = SLOT // 3
"""Past a slot's beginning by so much a picture waits for the next one."""


def filler(first_slot: int = 0) -> SlotFiller[str]:
    return SlotFiller(grid=GRID, first_slot=first_slot, hold_ticks=HOLD, slate_after_ticks=SLATE)


def shown(slots: SlotFiller[str], now_tick: int) -> list[tuple[int, str | None, str]]:
    return [(filled.slot, filled.picture, filled.kind) for filled in slots.due(now_tick)]


@pytest.mark.parametrize("offset", [-QUARTER, 0, QUARTER])
def test_a_picture_that_lies_on_a_slot_fills_it_at_once(offset: int) -> None:
    slots = filler(1)
    slots.push(SLOT + offset, "a", SLOT)
    assert shown(slots, SLOT) == [(1, "a", "fresh")]
    assert shown(slots, SLOT) == []


@pytest.mark.parametrize("offset", [-QUARTER - 1, QUARTER + 1])
def test_a_slot_waits_for_a_later_picture(offset: int) -> None:
    slots = filler(1)
    slots.push(SLOT + offset, "a", SLOT)
    assert shown(slots, SLOT) == []
    slots.push(2 * SLOT + offset, "b", 2 * SLOT)
    assert shown(slots, 2 * SLOT) == [(1, "a", "fresh")]


def test_a_slot_is_filled_when_the_hold_is_over() -> None:
    slots = filler()
    slots.push(OFF, "a", 0)
    assert slots.due_tick == HOLD + 1
    assert shown(slots, HOLD) == []
    assert shown(slots, HOLD + 1) == [(0, "a", "fresh")]
    assert shown(slots, SLOT + HOLD + 1) == [(1, "a", "repeat")]


def test_an_empty_slot_between_pictures_repeats_the_one_before() -> None:
    slots = filler()
    slots.push(OFF, "a", 0)
    slots.push(3 * SLOT + OFF, "d", 3 * SLOT)
    assert shown(slots, 3 * SLOT) == [(0, "a", "fresh"), (1, "a", "repeat"), (2, "a", "repeat")]


def test_the_second_of_a_slot_that_is_filled_goes_to_the_next_where_that_is_near() -> None:
    slots = filler()
    slots.push(0, "a", 0)
    assert shown(slots, 0) == [(0, "a", "fresh")]
    assert slots.push(QUARTER - 1, "b", SLOT) == "late"
    assert slots.push(QUARTER, "c", SLOT) == "taken"
    assert slots.push(QUARTER + 1, "d", SLOT) == "replaced"
    slots.push(2 * SLOT, "e", 2 * SLOT)
    assert shown(slots, 2 * SLOT) == [(1, "d", "fresh"), (2, "e", "fresh")]


def test_the_next_slots_own_picture_comes_before_the_second_of_another() -> None:
    slots = filler()
    slots.push(0, "a", 0)
    list(slots.due(0))
    slots.push(OFF, "b", OFF)
    assert shown(slots, OFF) == []
    assert slots.push(SLOT, "c", SLOT) == "replaced"
    assert shown(slots, SLOT) == [(1, "c", "fresh")]


def test_an_older_second_picture_never_takes_the_screen_back() -> None:
    slots = filler()
    slots.push(QUARTER, "b", QUARTER)
    list(slots.due(QUARTER))
    assert slots.push(QUARTER - 1, "a", QUARTER) == "late"
    assert shown(slots, SLOT + HOLD + 1) == [(1, "b", "repeat")]


@given(
    interval=st.integers(SLOT * 3 // 10, SLOT * 2),
    phase=st.integers(0, SLOT),
    wobble=st.lists(st.integers(-SLOT // 4, SLOT // 4), min_size=100, max_size=100),
)
def test_no_slot_that_has_a_picture_repeats_another(
    interval: int, phase: int, wobble: list[int]
) -> None:
    """Whatever the source's rate, phase and unrest, also where they lie on the border of slots."""
    slots: SlotFiller[int] = SlotFiller(
        grid=GRID, first_slot=0, hold_ticks=HOLD, slate_after_ticks=SLATE
    )
    times = sorted(phase + n * interval + off for n, off in enumerate(wobble, 1))
    filled = []
    for pts in times:
        slots.push(pts, pts, pts)
        filled += list(slots.due(pts))
    own = {GRID.slot_of(pts) for pts in times}
    assert {one.slot for one in filled if one.kind == "repeat"}.isdisjoint(own)
    for one in filled:
        if one.kind == "fresh" and one.picture is not None:
            assert 4 * abs(one.picture - GRID.tick_of(one.slot)) <= 3 * SLOT


def test_a_time_goes_to_the_nearest_slot() -> None:
    slots = filler()
    slots.push(SLOT // 2 - 1, "a", 0)
    slots.push(SLOT // 2, "b", 0)
    slots.push(2 * SLOT + OFF, "c", 0)
    assert shown(slots, 0) == [(0, "a", "fresh"), (1, "b", "fresh")]


def test_of_two_pictures_in_a_slot_the_later_time_wins() -> None:
    slots = filler()
    assert slots.push(OFF + 100, "late", 200) == "taken"
    assert slots.push(OFF + 50, "early", 200) == "replaced"
    assert slots.push(OFF + 200, "latest", 200) == "replaced"
    slots.push(SLOT + OFF, "next", SLOT)
    assert shown(slots, SLOT) == [(0, "latest", "fresh")]


def test_a_late_picture_is_not_shown_when_its_successor_is_there() -> None:
    slots = filler()
    slots.push(0, "a", 0)
    list(slots.due(SLOT + HOLD + 1))
    assert slots.push(SLOT, "b", SLOT + HOLD + 2) == "late"
    slots.push(2 * SLOT, "c", SLOT + HOLD + 2)
    slots.push(3 * SLOT + OFF, "d", SLOT + HOLD + 2)
    assert shown(slots, SLOT + HOLD + 2) == [(2, "c", "fresh")]


def played(late_ticks: Callable[[int], int]) -> list[Filled[int]]:
    """Ten seconds of pictures, each named after its slot; the grid is asked a thousand times each
    second, as far as the last of them."""
    slots: SlotFiller[int] = SlotFiller(
        grid=GRID, first_slot=0, hold_ticks=HOLD, slate_after_ticks=SLATE
    )
    arrivals = deque(sorted((GRID.tick_of(n) + late_ticks(n), n) for n in range(300)))
    filled = []
    for now_tick in range(0, arrivals[-1][0], 90):
        while arrivals and arrivals[0][0] <= now_tick:
            at_tick, slot = arrivals.popleft()
            slots.push(GRID.tick_of(slot), slot, at_tick)
        filled += list(slots.due(now_tick))
    return filled


def worst_staleness(filled: list[Filled[int]]) -> int:
    """How many slots after its own a picture first came on, at most."""
    return max(one.slot - one.picture for one in filled if one.kind == "fresh" and one.picture)


@pytest.mark.parametrize("late_ms", [130, 200, 360])
def test_what_is_always_late_is_waited_for_and_keeps_its_place(late_ms: int) -> None:
    filled = played(lambda slot: late_ms * 90)
    assert worst_staleness(filled) == 0
    fresh = [one.slot for one in filled if one.kind == "fresh"]
    assert fresh == list(range(fresh[0], fresh[-1] + 1))
    assert fresh[-1] >= 297
    assert GRID.tick_of(fresh[0]) <= HOLD + (late_ms + 34) * 90


def test_pictures_after_a_stall_are_never_shown_beside_the_wrong_sound() -> None:
    """Everything stalls for 300 ms each second: a process that gets no time."""

    def late(slot: int) -> int:
        into_stall = slot % 30 - 10
        return (9 - into_stall) * SLOT if 0 <= into_stall < 9 else 0

    filled = played(late)
    assert worst_staleness(filled) == 0
    missed = [one.slot for one in filled if one.kind == "repeat"]
    assert all(slot < 30 for slot in missed), "the first stall teaches patience"


def test_calm_makes_impatient_again() -> None:
    slots = filler()
    slots.push(0, "a", 3 * HOLD // 2)
    assert slots.due_tick > HOLD + 1
    list(slots.due(GRID.tick_of(360)))
    slots.push(GRID.tick_of(361), "b", GRID.tick_of(361))
    assert slots.due_tick - GRID.tick_of(slots.next_slot) == HOLD + 1


def test_a_source_later_than_any_patience_does_not_freeze() -> None:
    filled = played(lambda slot: LONGEST_TICKS + 9000)
    fresh = [one.slot for one in filled if one.kind == "fresh"]
    assert fresh == list(range(GRID.slot_of(STARVED_TICKS), filled[-1].slot + 1))


def test_the_last_picture_of_a_source_is_shown_in_the_end_however_late() -> None:
    slots = filler()
    slots.push(0, "a", 0)
    list(slots.due(SLOT + LONGEST_TICKS + 1))
    assert slots.push(SLOT, "b", SLOT + LONGEST_TICKS + 1) == "late"
    kinds = shown(slots, STARVED_TICKS + SLOT + HOLD + 1)
    assert kinds[-1][1:] == ("b", "fresh")
    assert {picture for _, picture, _ in kinds[:-1]} <= {"a"}


def test_an_older_late_picture_never_takes_the_screen_back() -> None:
    slots = filler()
    slots.push(2 * SLOT, "c", 0)
    list(slots.due(2 * SLOT + HOLD + 1))
    assert slots.push(SLOT, "b", 2 * SLOT + HOLD + 2) == "late"
    end = 2 * SLOT + STARVED_TICKS + LONGEST_TICKS
    pictures = [picture for _, picture, _ in shown(slots, end)]
    assert len(pictures) >= GRID.slot_of(STARVED_TICKS)
    assert set(pictures) == {"c"}


def test_the_slate_comes_when_the_picture_is_old_and_goes_with_the_next() -> None:
    slots = filler()
    slots.push(0, "a", 0)
    end = SLATE + 2 * SLOT + HOLD + 1
    kinds = [kind for _, _, kind in shown(slots, end)]
    assert kinds == ["fresh", *["repeat"] * 75, "slate", "slate"]
    slots.push(78 * SLOT, "b", end)
    assert shown(slots, slots.due_tick) == [(78, "b", "fresh")]


def test_without_any_picture_the_slate_runs_from_the_first_slot() -> None:
    assert shown(filler(7), 8 * SLOT + HOLD + 1) == [(7, None, "slate"), (8, None, "slate")]


def test_a_picture_far_ahead_is_refused() -> None:
    slots = filler()
    assert slots.push(AHEAD_TICKS + 1, "x", 0) == "ahead"
    assert slots.push(AHEAD_TICKS, "y", 0) == "taken"
    assert shown(slots, 0)[-1] == (GRID.slot_of(AHEAD_TICKS), "y", "fresh")


def test_flush_ends_with_the_newest_picture() -> None:
    slots = filler()
    slots.push(0, "a", 0)
    slots.push(2 * SLOT + OFF, "c", 0)
    assert [f.slot for f in slots.due(0)] == [0, 1]
    assert [(f.slot, f.picture) for f in slots.flush()] == [(2, "c")]
    assert list(slots.flush()) == []


@given(
    first_slot=st.integers(0, 50),
    events=st.lists(
        st.tuples(st.integers(0, 400_000), st.integers(0, 40_000), st.booleans()), max_size=60
    ),
)
def test_each_slot_comes_once_in_order_whatever_arrives(
    first_slot: int, events: list[tuple[int, int, bool]]
) -> None:
    slots: SlotFiller[int] = SlotFiller(
        grid=GRID, first_slot=first_slot, hold_ticks=HOLD, slate_after_ticks=SLATE
    )
    now_tick, filled, pushed = 0, [], []
    for pts, step, asks in events:
        now_tick += step
        if slots.push(pts, pts, now_tick) != "ahead":
            pushed.append(pts)
        if asks:
            filled += list(slots.due(now_tick))
    filled += list(slots.due(now_tick))
    assert [one.slot for one in filled] == list(range(first_slot, first_slot + len(filled)))
    assert slots.next_slot == first_slot + len(filled)
    assert GRID.tick_of(slots.next_slot) + LONGEST_TICKS >= now_tick
    newest = -1
    for one in filled:
        if one.picture is not None:
            assert one.picture in pushed
            assert GRID.slot_of(one.picture) <= one.slot
            assert one.picture >= newest
            newest = one.picture
