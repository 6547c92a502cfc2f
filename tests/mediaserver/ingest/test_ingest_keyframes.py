"""When keyframes are asked for, on a virtual clock."""

import itertools

from mediaserver.ingest.keyframes import KeyframeWish

MS = 1_000_000


def asked(wish: KeyframeWish, until_ms: int, *, since_ms: int = 0) -> list[int]:
    return [ms for ms in range(since_ms, until_ms) if wish.due(ms * MS)]


def test_without_a_stream_nothing_is_asked_for() -> None:
    wish = KeyframeWish()
    wish.wish()
    assert wish.deadline_ns is None
    assert asked(wish, 5000) == []


def test_unanswered_requests_become_rare_and_rest() -> None:
    wish = KeyframeWish()
    wish.begin(0)
    times = asked(wish, 60_000)
    assert times == [200, 700, 1700, 3700, 7700, 11_700]


def test_however_often_it_is_wished_for_it_is_asked_at_most_twice_a_second() -> None:
    wish = KeyframeWish()
    wish.begin(0)
    times = []
    for ms in range(30_000):
        wish.wish()
        if ms % 1100 == 0:
            wish.fulfilled(ms * MS)
            wish.wish()
        times += [ms] if wish.due(ms * MS) else []
    assert len(times) > 20
    assert min(b - a for a, b in itertools.pairwise(times)) >= 500


def test_a_keyframe_ends_the_wish_and_the_next_is_fresh() -> None:
    wish = KeyframeWish()
    wish.begin(0)
    assert asked(wish, 3000) == [200, 700, 1700]
    wish.fulfilled(3000 * MS)
    assert asked(wish, 9000, since_ms=3000) == []
    wish.wish()
    assert asked(wish, 11_000, since_ms=9000) == [9000, 9500, 10_500]


def test_a_keyframe_on_its_way_postpones_the_next_request() -> None:
    wish = KeyframeWish()
    wish.begin(0)
    assert asked(wish, 300) == [200]
    wish.postpone(650 * MS)
    assert asked(wish, 1000, since_ms=650) == [850]


def test_a_timer_that_nobody_answers_rests_for_its_interval() -> None:
    wish = KeyframeWish(interval_ns=10_000 * MS)
    wish.begin(0)
    wish.fulfilled(0)
    times = asked(wish, 36_000)
    assert times == [10_000, 10_500, 11_500, 13_500, 17_500, 21_500, 31_500, 35_500]


def test_a_timer_asks_a_stream_too_that_never_had_a_keyframe() -> None:
    wish = KeyframeWish(interval_ns=10_000 * MS)
    wish.begin(0)
    assert asked(wish, 25_000) == [200, 700, 1700, 3700, 7700, 11_700, 21_700]


def test_a_timer_asks_after_each_keyframe() -> None:
    wish = KeyframeWish(interval_ns=2000 * MS)
    wish.begin(0)
    wish.fulfilled(100 * MS)
    assert asked(wish, 2300, since_ms=100) == [2100]
    wish.fulfilled(2300 * MS)
    assert asked(wish, 6000, since_ms=2300) == [4300, 4700, 5700]


def test_a_request_each_two_seconds_goes_out_at_once() -> None:
    wish = KeyframeWish(interval_ns=10_000 * MS)
    wish.begin(0)
    wish.fulfilled(0)
    for second in range(2, 60, 2):
        wish.wish()
        assert wish.due(second * 1000 * MS)
        wish.fulfilled((second * 1000 + 80) * MS)
        assert asked(wish, second * 1000 + 1990, since_ms=second * 1000 + 80) == []


def test_a_lost_request_is_repeated_sooner_where_answers_were_quick() -> None:
    wish = KeyframeWish()
    wish.begin(0)
    assert asked(wish, 280) == [200]
    wish.fulfilled(280 * MS)
    wish.wish()
    assert asked(wish, 4500, since_ms=2000) == [2000, 2250, 3250]


def test_where_answers_are_slow_a_request_is_not_taken_for_lost() -> None:
    wish = KeyframeWish()
    wish.begin(0)
    assert asked(wish, 650) == [200]
    wish.fulfilled(650 * MS)
    wish.wish()
    assert asked(wish, 2900, since_ms=2000) == [2000, 2500]
