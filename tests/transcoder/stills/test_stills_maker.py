"""When stills are made, and that their making holds nobody up."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.decode import Picture
from transcoder.profiles import PicturesProfile
from transcoder.scale import solid
from transcoder.stills.maker import Schedule, StillMaker
from transcoder.stills.values import Still
from transcoder.values import TICKS_PER_SECOND

S = TICKS_PER_SECOND


def picture(tick: int) -> Picture:
    return Picture(pts=tick, frame=solid(64, 48, (tick // S % 200 + 20, 128, 128)))


class Bench:
    """A maker, and what it made; `gate` holds it up."""

    def __init__(self, profile: PicturesProfile) -> None:
        self.made: list[Still] = []
        self.spent: list[float] = []
        self.nice: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.maker = StillMaker(
            profile, show="s", epoch="e", made=self._made, spent=self.spent.append
        )

    def offer(self, tick: int, now_tick: int | None = None) -> None:
        self.maker.offer(picture(tick), tick if now_tick is None else now_tick)

    def _made(self, still: Still) -> None:
        self.gate.wait(20)
        self.nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        self.made.append(still)

    def ticks(self, kind: str) -> list[int]:
        assert self.maker.wait_idle(20)
        return [still.tick for still in self.made if still.kind == kind]


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(**keys: int) -> Bench:
        benches.append(Bench(PicturesProfile(**keys)))
        return benches[-1]

    yield make
    for each in benches:
        each.gate.set()
        each.maker.close()
        each.maker.close()


@given(st.integers(1, 20), st.lists(st.integers(0, 100 * S), min_size=1))
def test_each_period_has_one_still_at_most_and_the_first_picture_has_one(
    every_s: int, ticks: list[int]
) -> None:
    schedule, made = Schedule(every_s), []
    for tick in sorted(ticks):
        if schedule.due(tick):
            schedule.made(tick)
            made.append(tick)
    periods = [tick // (every_s * S) for tick in made]
    assert len(set(periods)) == len(periods)
    assert set(periods) == {tick // (every_s * S) for tick in ticks}
    assert made[0] == min(ticks)


def test_poster_and_thumbnail_each_in_their_own_time(bench: Callable[..., Bench]) -> None:
    made = bench(poster_every_s=2, thumbnail_every_s=3)
    for second in range(8):
        made.offer(second * S)
        assert made.maker.wait_idle(20)
    assert made.ticks("poster") == [0, 2 * S, 4 * S, 6 * S]
    assert made.ticks("thumbnail") == [0, 3 * S, 6 * S]
    assert len(made.spent) == 5, "once for both where both are due"
    assert {still.show for still in made.made} == {"s"}


def test_nought_switches_a_kind_off(bench: Callable[..., Bench]) -> None:
    made = bench(poster_every_s=0)
    made.offer(0)
    assert (made.ticks("poster"), made.ticks("thumbnail")) == ([], [0])
    silent = bench(poster_every_s=0, thumbnail_every_s=0)
    silent.offer(0)
    assert silent.ticks("thumbnail") == []


def test_who_offers_never_waits_and_what_comes_meanwhile_is_passed_over(
    bench: Callable[..., Bench],
) -> None:
    made = bench(poster_every_s=1, thumbnail_every_s=0)
    made.gate.clear()
    for second in range(5):
        made.offer(second * S)
    made.gate.set()
    assert made.ticks("poster") == [0]
    made.offer(5 * S)
    assert made.ticks("poster") == [0, 5 * S]


def test_the_thread_is_not_put_last_with_the_lock_in_its_hand(bench: Callable[..., Bench]) -> None:
    made = bench(thumbnail_every_s=0)
    made.offer(0)
    assert made.ticks("poster") == [0]
    assert made.nice == [os.getpriority(os.PRIO_PROCESS, threading.get_native_id())]


def test_a_picture_of_the_future_stops_nothing(bench: Callable[..., Bench]) -> None:
    made = bench(thumbnail_every_s=0)
    made.offer(3600 * S, now_tick=0)
    made.offer(0)
    assert made.ticks("poster") == [0]


def test_a_picture_that_cannot_be_made_a_still_costs_that_still_alone(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench(thumbnail_every_s=0)
    with monkeypatch.context() as broken:
        broken.setattr("transcoder.stills.render.MAX_BYTES", {"poster": 10})
        made.offer(0)
        assert made.ticks("poster") == []
    made.offer(5 * S)
    assert made.ticks("poster") == [5 * S]
