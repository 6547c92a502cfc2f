"""Fan-out: everyone gets everything, in order, a chunk at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mediaserver.gateway import event_audience
from mediaserver.gateway.event_audience import CUE_CHUNK, MAX_PENDING, Audience
from mediaserver.gateway.event_frames import Encoding, Frames
from mediaserver.gateway.turns import Turns

Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self, encoding: Encoding = "json") -> None:
        self.encoding: Encoding = encoding
        self.heard = b""
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.heard += data


class Tally:
    def __init__(self) -> None:
        self.messages = 0
        self.passes: list[float] = []
        self.cues: list[float] = []

    def sent(self, messages: int) -> None:
        self.messages += messages

    def fanned_out(self, seconds: float) -> None:
        self.passes.append(seconds)

    def cue_delivered(self, seconds: float) -> None:
        self.cues.append(seconds)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def audience(tally: Tally, clock: Any) -> Audience:
    return Audience(turns=Turns(), meter=tally, clock_ns=clock)


def said(number: int) -> Frames:
    return Frames(json=b"%d;" % number, msgpack=b"<%d>" % number)


async def test_a_message_goes_out_in_chunks(
    audience: Audience, tally: Tally, clock: Any, until: Until
) -> None:
    ears = [Ear() for _ in range(3 * CUE_CHUNK)]
    for ear in ears:
        audience.join(ear)
    audience.say(said(1))
    assert not any(ear.heard for ear in ears)
    await asyncio.sleep(0)
    assert sum(bool(ear.heard) for ear in ears) == CUE_CHUNK
    clock.advance(0.25)
    await until(lambda: bool(tally.passes))
    assert {ear.heard for ear in ears} == {b"1;"}
    assert (tally.messages, tally.passes) == (3 * CUE_CHUNK, [0.25])


async def test_a_cues_age_is_counted_with_what_the_pass_took(
    audience: Audience, tally: Tally, clock: Any, until: Until
) -> None:
    audience.say(said(0), cue_age_s=9.0)
    audience.join(Ear())
    audience.say(said(1), cue_age_s=0.25)
    audience.say(said(2))
    clock.advance(0.5)
    await until(lambda: len(tally.passes) == 2)
    assert tally.cues == [0.75]


async def test_what_is_said_during_a_pass_keeps_its_order(
    audience: Audience, tally: Tally, until: Until
) -> None:
    ears = [Ear("msgpack" if n % 2 else "json") for n in range(5 * CUE_CHUNK)]
    for ear in ears:
        audience.join(ear)
    for number in range(40):
        audience.say(said(number))
        await asyncio.sleep(0)
    await until(lambda: len(tally.passes) == 40)
    assert {ear.heard for ear in ears[::2]} == {b"".join(b"%d;" % n for n in range(40))}
    assert {ear.heard for ear in ears[1::2]} == {b"".join(b"<%d>" % n for n in range(40))}
    assert tally.messages == 40 * len(ears)
    assert len(ears[-1].writes) < 40  # joined while they waited


async def test_the_same_bytes_for_all(audience: Audience, tally: Tally, until: Until) -> None:
    ears = [Ear() for _ in range(3)]
    for ear in ears:
        audience.join(ear)
    audience.say(said(1))
    audience.say(said(2))
    await until(lambda: len(tally.passes) == 2)
    assert len({id(ear.writes[0]) for ear in ears}) == 1


async def test_who_joins_gets_only_what_follows(
    audience: Audience, tally: Tally, until: Until
) -> None:
    early, late, gone = Ear(), Ear(), Ear()
    audience.join(early)
    audience.join(gone)
    audience.say(said(1))
    audience.join(late)
    audience.leave(gone)
    audience.leave(gone)
    audience.say(said(2))
    await until(lambda: len(tally.passes) == 2)
    audience.say(said(3))
    await until(lambda: len(tally.passes) == 3)
    assert (early.heard, late.heard, gone.heard) == (b"1;2;3;", b"2;3;", b"")


async def test_nobody_listens(audience: Audience, tally: Tally) -> None:
    audience.say(said(1))
    await asyncio.sleep(0)
    assert (tally.messages, tally.passes, len(audience)) == (0, [], 0)


async def test_a_full_queue_serves_all_at_once(
    audience: Audience, tally: Tally, until: Until
) -> None:
    ears = [Ear() for _ in range(2 * CUE_CHUNK)]
    for ear in ears:
        audience.join(ear)
    for number in range(MAX_PENDING + 1):
        audience.say(said(number))
    expected = b"".join(b"%d;" % n for n in range(MAX_PENDING + 1))
    assert {ear.heard for ear in ears} == {expected}
    audience.say(said(7))
    await until(lambda: len(tally.passes) == MAX_PENDING + 2)
    assert {ear.heard for ear in ears} == {expected + b"7;"}


async def test_the_queue_stays_bounded_while_listeners_come(
    audience: Audience, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(event_audience, "MAX_PENDING", 8)
    ears: list[Ear] = []
    for number in range(200):
        ears.append(Ear())
        audience.join(ears[-1])
        audience.say(said(number))
        assert audience.pending <= 8
    audience.say(said(200))
    await until(lambda: audience.pending == 0)
    for first, ear in enumerate(ears):
        assert ear.heard == b"".join(b"%d;" % n for n in range(first, 201))


async def test_who_catches_up_is_not_told_twice(
    audience: Audience, tally: Tally, until: Until
) -> None:
    hurried, calm = Ear(), Ear()
    for ear in (hurried, calm):
        audience.join(ear)
    audience.say(said(1))
    audience.say(said(2))
    audience.catch_up(hurried)
    audience.catch_up(Ear())
    assert (hurried.heard, calm.heard, tally.messages) == (b"1;2;", b"", 2)
    audience.say(said(3))
    await until(lambda: audience.pending == 0)
    assert (hurried.heard, calm.heard, tally.messages) == (b"1;2;3;", b"1;2;3;", 6)


async def test_what_is_said_goes_before_other_turns(tally: Tally, clock: Any, until: Until) -> None:
    turns, order = Turns(), list[str]()
    audience = Audience(turns=turns, meter=tally, clock_ns=clock)
    ears = [Ear() for _ in range(2 * CUE_CHUNK)]
    for ear in ears:
        audience.join(ear)

    def media() -> bool:
        order.append(f"{sum(bool(ear.heard) for ear in ears)} have heard")
        return False

    turns.add(media, urgent=False)
    audience.say(said(1))
    await until(lambda: bool(order))
    assert order == [f"{2 * CUE_CHUNK} have heard"]
