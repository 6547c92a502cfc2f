"""The scheduler of a gateway's writes: order, fairness, and steps that fail."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from mediaserver.gateway.hot.crowd import Crowd
from mediaserver.gateway.turns import CHUNK, MAX_URGENT_RUN, Turns
from mediaserver.gateway.waiters import Waiters


def steps(name: str, count: int, ran: list[str]) -> Callable[[], bool]:
    """A step that has `count` chunks."""
    left = [count]

    def step() -> bool:
        ran.append(name)
        left[0] -= 1
        return left[0] > 0

    return step


async def idle(turns: Turns) -> None:
    """Until all has been served; each turn of the loop serves one chunk."""
    for _ in range(1000):
        if not turns:
            return
        await asyncio.sleep(0)
    raise AssertionError("the turns never end")


async def test_nothing_runs_inside_add() -> None:
    ran: list[str] = []
    turns = Turns()
    turns.add(steps("media", 1, ran), urgent=False)
    assert ran == []
    await idle(turns)
    assert ran == ["media"]


async def test_one_chunk_a_turn_of_the_loop() -> None:
    ran: list[str] = []
    turns = Turns()
    turns.add(steps("media", 3, ran), urgent=False)
    between: list[int] = []
    while turns:
        between.append(len(ran))
        await asyncio.sleep(0)
    assert between == [0, 1, 2]


async def test_an_urgent_step_overtakes_the_media_that_is_under_way() -> None:
    ran: list[str] = []
    turns = Turns()
    turns.add(steps("media", 5, ran), urgent=False)
    await asyncio.sleep(0)
    turns.add(steps("cue", 3, ran), urgent=True)
    await idle(turns)
    assert ran == ["media", "cue", "cue", "cue", "media", "media", "media", "media"]


async def test_steps_of_a_class_take_turns() -> None:
    ran: list[str] = []
    turns = Turns()
    turns.add(steps("a", 3, ran), urgent=False)
    turns.add(steps("b", 1, ran), urgent=False)
    await idle(turns)
    assert ran == ["a", "b", "a", "a"]


async def test_a_room_that_never_pauses_does_not_stop_the_media() -> None:
    ran: list[str] = []
    turns = Turns()
    turns.add(steps("cue", 3 * MAX_URGENT_RUN, ran), urgent=True)
    turns.add(steps("media", 2, ran), urgent=False)
    await idle(turns)
    assert ran.index("media") == MAX_URGENT_RUN
    assert ran.count("media") == 2


async def test_a_step_that_raises_is_dropped_and_the_others_go_on() -> None:
    ran: list[str] = []

    def broken() -> bool:
        raise RuntimeError("a bug")

    turns = Turns()
    turns.add(broken, urgent=True)
    turns.add(steps("media", 2, ran), urgent=False)
    await idle(turns)
    assert ran == ["media", "media"]


async def test_a_step_may_add_another() -> None:
    ran: list[str] = []
    turns = Turns()

    def first() -> bool:
        turns.add(steps("second", 1, ran), urgent=True)
        return False

    turns.add(first, urgent=False)
    await idle(turns)
    assert ran == ["second"]


async def test_after_close_nothing_runs() -> None:
    ran: list[str] = []
    turns = Turns()
    turns.add(steps("media", 2, ran), urgent=False)
    turns.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ran == []


async def test_waiters_take_their_turns_where_all_do() -> None:
    turns = Turns()
    waiters: Waiters[str, int] = Waiters(turns)
    got: list[int] = []
    waiters.at("part").join(got.append)
    waiters.resolve(lambda _: 7)
    assert len(turns) == 1
    turns.close()


def failing(_: int) -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("before", [0, CHUNK, 3 * CHUNK])
async def test_a_waiter_that_raises_costs_nobody_else_anything(before: int) -> None:
    turns, got = Turns(), []
    waiters: Waiters[str, int] = Waiters(turns)

    def member(name: int) -> Callable[[int], None]:
        return lambda value: got.append((name, value))

    place = waiters.at("part")
    for name in range(before):
        place.join(member(name))
    place.join(failing)
    place.join(lambda value: failing(value))
    place.join(member(before))
    with capture_logs() as logs:
        waiters.resolve(lambda _: 7)
        await idle(turns)
    assert got == [(name, 7) for name in range(before + 1)]
    assert [entry["event"] for entry in logs] == ["waiter_failed"]  # one for a chunk
    waiters.at("next").join(member(-1))
    waiters.resolve(lambda _: 8)
    await idle(turns)
    assert got[-1] == (-1, 8)
    assert len(waiters) == 0


async def test_who_is_turned_away_is_although_one_before_raises() -> None:
    waiters: Waiters[str, int] = Waiters(Turns())
    got: list[int] = []
    waiters.at("part").join(failing)
    waiters.at("part").join(got.append)
    with capture_logs():
        waiters.turn_away(9)
    assert got == [9]


async def test_a_request_of_a_crowd_that_fails_does_not_stop_the_others() -> None:
    class Connection:
        def __init__(self, fails: bool) -> None:
            self.fails, self.served = fails, 0

        def serve_queued(self) -> None:
            self.served += 1
            if self.fails:
                raise RuntimeError("a bug")

    turns = Turns()
    crowd = Crowd(turns)
    crowd.left = 0
    connections = [Connection(fails=n in (0, CHUNK - 1, CHUNK)) for n in range(2 * CHUNK)]
    for each in connections:
        crowd.queue(each)
    with capture_logs() as logs:
        await idle(turns)
    assert [each.served for each in connections] == [1] * 2 * CHUNK
    assert [entry["event"] for entry in logs] == ["request_failed"] * 2
    assert crowd.left == CHUNK
    last = Connection(fails=False)
    crowd.queue(last)
    await idle(turns)
    assert last.served == 1
