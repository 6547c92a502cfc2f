"""Gateways get everything, once and in order, however slowly they catch up."""

import asyncio

import pytest

from mediaserver.broadcast import feed as feed_module
from mediaserver.broadcast.feed import GatewayFeed
from mediaserver.bus.messages import Replay
from mediaserver.errors import BusError
from transcoder.wire import frame

BEGIN, DONE = frame(Replay(done=False)), frame(Replay(done=True))


class SlowGateway:
    """Takes what it is sent only when the test lets it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.may_go_on = asyncio.Semaphore(0)
        self.aborted = False

    def send_framed(self, data: bytes) -> None:
        self.received.append(data)

    async def drain(self) -> None:
        await self.may_go_on.acquire()
        if self.aborted:
            raise BusError("the connection was cut")

    def abort(self) -> None:
        self.aborted = True
        self.may_go_on.release()


def _frames(first: int, count: int) -> list[bytes]:
    return [bytes([n]) * 400_000 for n in range(first, first + count)]


async def test_what_is_published_during_the_catch_up_comes_after_it() -> None:
    feed = GatewayFeed(replay=lambda: _frames(0, 10))
    gateway = SlowGateway()
    attaching = asyncio.ensure_future(feed.attach(gateway))
    await asyncio.sleep(0)
    assert feed.count == 0
    for data in _frames(10, 5):
        feed.publish(data)
        gateway.may_go_on.release()
        await asyncio.sleep(0)
    for _ in range(20):
        gateway.may_go_on.release()
    await attaching
    feed.publish(b"last")
    assert gateway.received == [BEGIN, *_frames(0, 15), DONE, b"last"]
    assert feed.count == 1


async def test_the_catch_up_waits_for_the_gateway() -> None:
    feed = GatewayFeed(replay=lambda: _frames(0, 100))
    gateway = SlowGateway()
    attaching = asyncio.ensure_future(feed.attach(gateway))
    await asyncio.sleep(0)
    assert sum(map(len, gateway.received)) < 2 * feed_module.CATCH_UP_BYTES
    attaching.cancel()
    await asyncio.gather(attaching, return_exceptions=True)
    feed.publish(b"unheard")
    assert b"unheard" not in gateway.received


async def test_a_gateway_that_never_catches_up_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MAX_BUFFER_BYTES", 1000)
    feed = GatewayFeed(replay=lambda: [b"replay"])
    gateway = SlowGateway()
    attaching = asyncio.ensure_future(feed.attach(gateway))
    await asyncio.sleep(0)
    feed.publish(b"x" * 1001)
    with pytest.raises(BusError, match="was cut"):
        await attaching
    assert b"x" * 1001 not in gateway.received


async def test_a_gateway_that_is_gone_costs_the_others_nothing() -> None:
    class GoneGateway(SlowGateway):
        def send_framed(self, data: bytes) -> None:
            if data not in (BEGIN, DONE):
                raise BusError("gone")

    feed = GatewayFeed(replay=list)
    gone, there = GoneGateway(), SlowGateway()
    await feed.attach(gone)
    await feed.attach(there)
    feed.publish(b"part")
    assert there.received == [BEGIN, DONE, b"part"]
    assert feed.count == 1
