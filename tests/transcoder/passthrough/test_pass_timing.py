"""When keyframes are asked for, how segments follow them, and how long a source must wait."""

from transcoder.grid import make_grid
from transcoder.passthrough.backoff import FORGIVEN_TICKS, LONGEST_TICKS, TRIAL_TICKS, Backoff
from transcoder.passthrough.keyframe_timer import AGAIN_TICKS, FIRST_LEAD_TICKS, KeyframeTimer
from transcoder.passthrough.segments import SegmentWatch

MS = 90
SECOND = 90_000
GRID = make_grid(frames_per_second=30, latency="low")


def timer() -> KeyframeTimer:
    return KeyframeTimer(longest_lead_ticks=500 * MS)


def asked(one: KeyframeTimer, since_ms: int, until_ms: int, *, wanted_ms: int | None) -> list[int]:
    wanted_tick = None if wanted_ms is None else wanted_ms * MS
    return [ms for ms in range(since_ms, until_ms) if one.due(ms * MS, wanted_tick=wanted_tick)]


def test_it_asks_ahead_of_the_time_and_again_where_there_is_no_answer() -> None:
    first = 2000 - FIRST_LEAD_TICKS // MS
    again = first + AGAIN_TICKS // MS
    assert asked(timer(), 0, again + 1, wanted_ms=2000) == [first, again]


def test_without_a_time_it_asks_at_once() -> None:
    assert asked(timer(), 7, 400, wanted_ms=None) == [7]


def test_the_lead_follows_the_answers_within_bounds() -> None:
    one = timer()
    for second in range(2, 60, 2):
        at = asked(one, second * 1000 - 600, second * 1000, wanted_ms=second * 1000)[0]
        one.came((at + 300) * MS)
    assert abs(one.lead_ticks - 300 * MS) < 10 * MS
    for second in range(60, 160, 2):
        at = asked(one, second * 1000 - 600, second * 1000, wanted_ms=second * 1000)[0]
        one.came((at + 5000) * MS)
    assert 490 * MS < one.lead_ticks <= 500 * MS


def test_a_keyframe_that_was_not_asked_for_teaches_nothing() -> None:
    one = timer()
    one.came(17 * SECOND)
    assert one.lead_ticks == FIRST_LEAD_TICKS


def test_the_lead_is_never_longer_than_segments_allow() -> None:
    assert KeyframeTimer(longest_lead_ticks=1000).lead_ticks == 1000


def test_segments_begin_with_the_first_keyframe_past_three_quarters() -> None:
    watch = SegmentWatch(GRID)
    assert watch.follow(0, keyframe=True)
    assert watch.due_slot == 60
    assert not watch.follow(44, keyframe=True)
    assert watch.follow(45, keyframe=True)
    assert watch.due_slot == 105


def test_a_segment_rounds_to_its_target() -> None:
    watch = SegmentWatch(GRID)
    watch.begin(0)
    assert watch.longest_slots == 71
    assert not watch.is_overdue(70)
    assert watch.is_overdue(71)
    watch.stop()
    assert not watch.is_overdue(1000)


def test_the_first_keyframe_is_waited_for_as_long() -> None:
    watch = SegmentWatch(GRID)
    assert not watch.follow(100, keyframe=False)
    assert watch.due_slot is None
    assert watch.is_overdue(171)
    assert watch.follow(110, keyframe=True)
    assert not watch.is_overdue(171)


def test_nothing_against_it_no_waiting() -> None:
    wait = Backoff()
    assert wait.is_ready(0)
    assert wait.on_trial(0)


def test_after_a_fault_it_is_watched_for_a_while() -> None:
    wait = Backoff()
    wait.fault(SECOND, failure=False)
    assert [wait.on_trial(SECOND * s) for s in (1, 2)] == [False, True]
    assert [wait.is_ready(SECOND * s) for s in (10, 11)] == [False, True]


def waited_s(wait: Backoff, now_tick: int) -> int:
    return next(s for s in range(1000) if wait.is_ready(now_tick + s * SECOND))


def test_failures_double_the_wait_up_to_a_bound() -> None:
    wait = Backoff()
    waits = []
    for index in range(1, 10):
        wait.fault(index, failure=True)
        waits.append(waited_s(wait, index))
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert LONGEST_TICKS == 600 * SECOND
    assert not wait.on_trial(LONGEST_TICKS - TRIAL_TICKS)
    assert wait.on_trial(LONGEST_TICKS - TRIAL_TICKS + 9)


def test_a_long_stretch_on_air_makes_up_for_failures() -> None:
    wait = Backoff()
    for _ in range(4):
        wait.fault(0, failure=True)
    wait.began(SECOND)
    wait.fault(SECOND + FORGIVEN_TICKS, failure=True)
    assert waited_s(wait, SECOND + FORGIVEN_TICKS) == 10


def test_another_source_is_watched_but_not_blamed() -> None:
    wait = Backoff()
    for _ in range(4):
        wait.fault(0, failure=True)
    wait.another_source(7)
    assert waited_s(wait, 7) == 10
