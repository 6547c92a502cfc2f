"""How slowly a child that keeps dying is started again."""

import itertools

from mediaserver.workers.supervisor import MAX_BACKOFF_S, Backoff


def _waits(*lives_s: float) -> list[float]:
    states = itertools.accumulate(
        lives_s, lambda backoff, lived_s: backoff.after_death(lived_s=lived_s), initial=Backoff()
    )
    return [backoff.wait_s for backoff in states][1:]


def test_the_first_death_is_forgiven_at_once() -> None:
    assert _waits(0.1) == [0.0]


def test_dying_young_again_and_again_waits_ever_longer_up_to_a_limit() -> None:
    waits = _waits(*[0.1] * 10)
    assert waits == sorted(waits)
    assert waits[1] > 0
    assert waits[-1] == MAX_BACKOFF_S


def test_a_long_life_is_a_new_beginning() -> None:
    assert _waits(0.1, 0.1, 0.1, 3600.0)[-1] == 0.0
