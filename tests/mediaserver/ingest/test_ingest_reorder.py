"""The reorder buffer on a virtual clock: order, gaps, requests and giving up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.reorder import LOST, MAX_HELD, Lost, ReorderBuffer

MS = 1_000_000


def buffer() -> ReorderBuffer[int]:
    return ReorderBuffer(patience_ns=250 * MS)


def pushed(reorder: ReorderBuffer[int], *numbers: int, at_ms: int = 0) -> list[int | Lost]:
    return [
        item for number in numbers for item in reorder.push(number & 0xFFFF, number, at_ms * MS)
    ]


def resent(reorder: ReorderBuffer[int], number: int, *, at_ms: int) -> None:
    reorder.push(number & 0xFFFF, number & 0xFFFF, at_ms * MS, resent=True)


def test_packets_in_order_pass_at_once_over_the_wrap() -> None:
    reorder = buffer()
    numbers = list(range(65_530, 65_545))
    assert pushed(reorder, *numbers) == numbers
    assert reorder.deadline_ns is None


def test_a_gap_holds_back_what_follows_until_it_is_filled() -> None:
    reorder = buffer()
    assert pushed(reorder, 1, 3, 4) == [1]
    assert pushed(reorder, 2) == [2, 3, 4]
    assert reorder.lost == 0


def test_packets_that_come_twice_pass_once() -> None:
    reorder = buffer()
    assert pushed(reorder, 1, 1, 3, 3, 2, 2) == [1, 2, 3]
    assert reorder.late == 3


def test_requests_go_out_at_once_then_each_round_trip_eight_times() -> None:
    reorder = buffer()
    pushed(reorder, 10, 12)
    asked = [ms for ms in range(1200) if reorder.nacks(ms * MS) == [11]]
    assert asked == [2 + 100 * tried for tried in range(8)]


def test_the_measured_round_trip_brings_the_second_request_forward() -> None:
    reorder = buffer()
    number, now_ms = 10, 0
    pushed(reorder, number)
    for _ in range(20):  # each loss is repaired 50, then 20 ms after the request
        pushed(reorder, number + 2, at_ms=now_ms)
        assert reorder.nacks((now_ms + 2) * MS) == [(number + 1) & 0xFFFF]
        repair_ms = 2 + (50 if now_ms == 0 else 20)
        resent(reorder, number + 1, at_ms=now_ms + repair_ms)
        number, now_ms = number + 2, now_ms + 100
    pushed(reorder, number + 2, at_ms=now_ms)
    asked = [ms for ms in range(250) if reorder.nacks((now_ms + ms) * MS)]
    assert asked == [2 + 30 * tried for tried in range(8)]
    assert reorder.recovered == 20


def test_a_round_trip_measured_elsewhere_stretches_patience_and_requests() -> None:
    reorder = ReorderBuffer[int](patience_ns=250 * MS, stretches=True)
    reorder.round_trip(200 * MS)
    pushed(reorder, 10, 12)
    asked = [ms for ms in range(700) if reorder.nacks(ms * MS) == [11]]
    assert asked == [2, 252, 502]
    assert reorder.poll(599 * MS) == []
    assert len(reorder.poll(600 * MS)) == 2


def test_the_reordering_that_a_line_shows_is_waited_for() -> None:
    reorder = buffer()
    pushed(reorder, 1, 3)
    pushed(reorder, 2, at_ms=1)
    assert reorder.nacks(500 * MS) == []
    pushed(reorder, 5, at_ms=1000)
    assert reorder.nacks(1002 * MS) == [4]
    pushed(reorder, 4, at_ms=1020)  # sooner than any answer: it was only late
    pushed(reorder, 7, at_ms=1100)
    assert reorder.nacks(1124 * MS) == []
    assert reorder.nacks(1125 * MS) == [6]
    assert reorder.recovered == 0


def test_with_retransmissions_of_their_own_late_packets_are_never_taken_for_them() -> None:
    reorder = ReorderBuffer[int](patience_ns=250 * MS, rtx=True)
    pushed(reorder, 1, 3)
    assert reorder.nacks(2 * MS) == [2]
    pushed(reorder, 2, at_ms=200)
    assert reorder.recovered == 0
    pushed(reorder, 5, at_ms=300)
    assert reorder.nacks(359 * MS) == []
    assert reorder.nacks(360 * MS) == [4]  # 60 ms are waited for at most


def test_reordering_is_forgotten_in_time() -> None:
    reorder = buffer()
    pushed(reorder, 1, 3)
    pushed(reorder, 2, at_ms=30)
    pushed(reorder, 5, at_ms=4100)
    assert reorder.nacks(4109 * MS) == []
    assert reorder.nacks(4110 * MS) == [4]
    resent(reorder, 4, at_ms=4200)
    pushed(reorder, 7, at_ms=30_000)
    assert reorder.nacks(30_002 * MS) == [6]


def test_a_gap_is_given_up_after_its_patience() -> None:
    reorder = buffer()
    pushed(reorder, 1, 4, 6)
    assert reorder.poll(249 * MS) == []
    assert reorder.deadline_ns == 2 * MS
    assert reorder.poll(250 * MS) == [LOST, 4, LOST, 6]
    assert reorder.lost == 3
    assert pushed(reorder, 2, 7) == [7]
    assert reorder.late == 1


def test_a_later_gap_has_its_own_patience() -> None:
    reorder = buffer()
    pushed(reorder, 1, 3)
    pushed(reorder, 5, at_ms=100)
    assert reorder.poll(250 * MS) == [LOST, 3]
    assert reorder.poll(350 * MS) == [LOST, 5]


def test_an_outage_is_not_waited_for() -> None:
    reorder = buffer()
    assert pushed(reorder, 1, 1000) == [1, LOST, 1000]
    assert reorder.nacks(30 * MS) == []


def test_another_numbering_begins_anew() -> None:
    reorder = buffer()
    assert pushed(reorder, 1, 3, 40_000, 40_001) == [1, LOST, 3, LOST, 40_000, 40_001]


@given(st.lists(st.integers(0, 0xFFFF), max_size=300))
def test_any_numbers_leave_nothing_waiting_and_bounded_memory(numbers: list[int]) -> None:
    reorder = buffer()
    released: list[int | Lost] = []
    for place, number in enumerate(numbers):
        released += reorder.push(number, place, 0)
        assert len(reorder._held) <= MAX_HELD
        assert len(reorder._gaps) <= 256
    released += reorder.poll(10**12)
    assert reorder.deadline_ns is None
    passed = [item for item in released if not isinstance(item, Lost)]
    assert len(set(passed)) == len(passed)
    assert len(passed) + reorder.late == len(numbers)


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.booleans(), st.integers(0, 15)), min_size=1, max_size=200),
)
def test_what_comes_within_patience_leaves_in_order(
    first: int, packets: list[tuple[bool, int]]
) -> None:
    """Packets are dropped or delayed by less than the patience: all others leave in order."""
    arrivals = sorted(
        (place * 10 + delay * 10, place)
        for place, (kept, delay) in enumerate([(True, 0), *packets])
        if kept
    )
    reorder = buffer()
    released: list[int | Lost] = []
    for at_ms, place in arrivals:
        released += reorder.poll(at_ms * MS)
        released += reorder.push((first + place) & 0xFFFF, place, at_ms * MS)
    released += reorder.poll(10**12)
    passed = [item for item in released if not isinstance(item, Lost)]
    assert passed == sorted(place for _, place in arrivals)


@pytest.mark.parametrize("count", [MAX_HELD, MAX_HELD + 1])
def test_a_full_buffer_gives_the_gap_up(count: int) -> None:
    reorder = buffer()
    released = pushed(reorder, 0, *range(2, count + 2))
    assert (released == [0]) == (count == MAX_HELD)


def test_a_very_old_packet_sent_again_begins_nothing() -> None:
    reorder = buffer()
    pushed(reorder, 5000, 5001)
    assert reorder.push(1500, 1500, 0, resent=True) == []
    assert pushed(reorder, 5002) == [5002]
    assert reorder.lost == 0
