from hypothesis import given
from hypothesis import strategies as st

from transcoder.patience import LONGEST_TICKS, Patience
from transcoder.values import TICKS_PER_SECOND

SHORTEST, SPARE = 9000, 900


def patience() -> Patience:
    return Patience(shortest_ticks=SHORTEST, spare_ticks=SPARE)


def test_it_grows_at_once_with_what_came_late() -> None:
    waits = patience()
    assert waits.ticks == SHORTEST
    waits.came(20_000, 0)
    assert waits.ticks == 20_000 + SPARE
    waits.came(100, 10)
    assert waits.ticks == 20_000 + SPARE


def test_it_forgets_after_ten_seconds() -> None:
    waits = patience()
    waits.came(20_000, 0)
    for second in range(1, 10):
        waits.came(0, second * TICKS_PER_SECOND)
        assert waits.ticks == 20_000 + SPARE
    waits.came(0, 10 * TICKS_PER_SECOND)
    assert waits.ticks == SHORTEST


def test_what_no_patience_would_have_helped_teaches_nothing() -> None:
    waits = patience()
    waits.came(LONGEST_TICKS + 1, 0)
    assert waits.ticks == SHORTEST


def test_a_shortest_past_the_longest_stays() -> None:
    waits = Patience(shortest_ticks=2 * LONGEST_TICKS, spare_ticks=SPARE)
    waits.came(LONGEST_TICKS, 0)
    assert waits.ticks == 2 * LONGEST_TICKS


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 10**6)), max_size=50))
def test_it_covers_all_of_late_that_it_may_and_stays_in_bounds(came: list[tuple[int, int]]) -> None:
    waits, now_tick, recent = patience(), 0, []
    for late_ticks, step in came:
        now_tick += step
        waits.came(late_ticks, now_tick)
        recent.append((now_tick, late_ticks))
        assert SHORTEST <= waits.ticks <= LONGEST_TICKS
        for at_tick, late in recent:
            if at_tick > now_tick - 9 * TICKS_PER_SECOND and late <= LONGEST_TICKS:
                assert waits.ticks >= min(late + SPARE, LONGEST_TICKS)
