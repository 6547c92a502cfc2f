"""A Redis that is full, slow, lying or somebody else's: it ends nobody, and nothing is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bench.redis_server import RedisServer
from mediaserver.bus import redis_up, streams
from mediaserver.bus.messages import ShowOwner, ViewerCount, ViewerCounts
from mediaserver.bus.redis_lease import Lease
from mediaserver.bus.redis_link import RedisLink
from mediaserver.bus.redis_outlet import ShowOutlet
from mediaserver.bus.redis_reader import RedisReader
from mediaserver.bus.redis_up import Upstream
from mediaserver.errors import BusError
from transcoder.wire import frame

SHOW = "demo"
LEASE_S = 10.0
Until = Callable[..., Any]
Make = Callable[..., Any]


@pytest.fixture
async def on_air(over_redis: Make, until: Until) -> tuple[Any, Any]:
    """A main on air, and a gateway that has what it said."""
    engine = over_redis("a")
    await engine.open()
    gateway = await engine.gateway()
    engine.main.begin()
    engine.main.event(2)
    engine.main.step(12)
    await until(lambda: gateway.edge(engine.main) == 12 and gateway.log == ("log1", 2))
    return engine, gateway


async def _goes_on(engine: Any, gateway: Any, until: Until) -> None:
    engine.main.step()
    engine.main.event()
    edge, log = engine.main.number - 1, ("log1", engine.main.log.offset)
    await until(lambda: gateway.edge(engine.main) == edge and gateway.log == log)
    assert not gateway.tasks[0].done()


async def test_a_full_redis_is_told_what_it_missed_once_it_has_room(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until
) -> None:
    engine, gateway = on_air
    generation = engine.outlet._lease.generation
    redis_server.call("CONFIG", "SET", "maxmemory", "1")
    engine.main.step(3)
    engine.main.event(2)
    await until(lambda: engine.outlet.connected is False)
    redis_server.call("CONFIG", "SET", "maxmemory", "0")
    await _goes_on(engine, gateway, until)
    assert engine.owned == [True]
    assert engine.outlet._lease.generation == generation, "nobody else wrote: no new one is due"


async def test_a_claim_that_is_half_done_is_finished(
    over_redis: Make, redis_server: RedisServer, until: Until
) -> None:
    redis_server.call("SET", streams.KNOWN, "no set")
    engine = over_redis("a")
    outlet = engine.start()
    await until(lambda: outlet.connected is False)
    redis_server.call("DEL", streams.KNOWN)
    await until(lambda: outlet.refills > 0)
    assert outlet.owns
    assert engine.owned == [True]
    assert redis_server.call("ZRANGE", streams.KNOWN, "0", "-1") == [SHOW.encode()]


class SlowLink(RedisLink):
    """Each script takes a second of its own clock, and main has more to say each time."""

    def __init__(self, url: str, main: Any) -> None:
        super().__init__(url)
        self.now_ns = 0
        self.scripts = 0
        self.renewed_ns = [0]
        self._main = main

    async def run(self, script: str, keys: Any, *arguments: Any) -> Any:
        self.now_ns += 1_000_000_000
        self.scripts += 1
        if script is streams.RENEW:
            self.renewed_ns.append(self.now_ns)
        if script is streams.APPEND:
            self._main.step()
        return await super().run(script, keys, *arguments)


async def test_a_slow_redis_costs_no_lease(
    over_redis: Make, redis_server: RedisServer, until: Until
) -> None:
    main = over_redis("a").main
    link = SlowLink(redis_server.url, main)
    outlet = ShowOutlet(
        lease=Lease(SHOW, link=link, node="a", lease_s=LEASE_S, clock_ns=lambda: link.now_ns),
        link=link,
        owner=ShowOwner(show=SHOW, node="a", address=""),
        base=main.base,
        owned=lambda *_: None,
    )
    main.begin()
    main.step(40)
    main.say = outlet.say
    running = asyncio.create_task(outlet.run())
    await until(lambda: outlet.refills > 0 and link.scripts > 150)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await link.close()
    gaps_s = [(b - a) / 1e9 for a, b in zip(link.renewed_ns, link.renewed_ns[1:], strict=False)]
    assert link.now_ns - link.renewed_ns[-1] < LEASE_S * 1e9
    assert max(gaps_s) < LEASE_S, gaps_s


NOW_MS = b"%d" % (time.time_ns() // 1_000_000)
LONG_AGO = b"-1" + b"0" * 400


@pytest.mark.parametrize(
    "fields",
    [
        (b"t", LONG_AGO, b"e", b"", b"n", b"1", b"m", b""),
        (b"t", NOW_MS, b"e", b"\xff", b"n", b"1", b"m", b"x"),
        (b"t", NOW_MS, b"e", b"", b"n", b"1", b"m", b"\0\0\0\3xyz"),
        (b"x", b"y"),
    ],
)
@pytest.mark.parametrize("stream", ["log", "media", "news"])
async def test_an_entry_of_somebody_else_ends_no_gateway(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until, fields: Any, stream: Any
) -> None:
    engine, gateway = on_air
    number = 3 if stream == "log" else 500_000
    place = f"{engine.outlet._lease.generation}-{number}"
    redis_server.call("XADD", streams.key(SHOW, stream), place, *fields)
    await _goes_on(engine, gateway, until)
    assert _lag_s(gateway) < 1_000_000, "what has no time of ours has no lag"


def _lag_s(gateway: Any) -> float:
    name = 'comptoir_gateway_bus_lag_seconds_sum{engine="redis"} '
    lines: list[str] = gateway.metrics.text().decode().splitlines()
    return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))


@pytest.mark.parametrize(
    "log",
    [
        frame(ViewerCounts(gateway="g", counts=())),
        frame(ShowOwner(show=SHOW, node="x", address="x")),
        b"\xff" * 40,
    ],
)
async def test_a_head_of_somebody_else_ends_no_gateway(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until, log: bytes
) -> None:
    engine, _ = on_air
    redis_server.call("ZADD", streams.KNOWN, "1", b"\xff\xfe", "inf", "liar", "-inf", "other")
    redis_server.call("HSET", streams.key("liar", "head"), "status", "x", "log_at", b"\xff")
    redis_server.call("HSET", streams.key("other", "head"), "status", "x", "log_at", "no-id")
    redis_server.call("HSET", streams.key("third", "head"), "status", "x", "log", log)
    redis_server.call("ZADD", streams.KNOWN, "1e300", "third")
    late = await engine.gateway()
    await until(lambda: late.edge(engine.main) >= 0)
    await _goes_on(engine, late, until)


async def test_a_message_that_cannot_be_applied_is_passed_over(
    on_air: tuple[Any, Any], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, gateway = on_air
    take, failed = gateway.feed.take_remote, asyncio.Event()

    def failing_once(message: object) -> None:
        if not failed.is_set():
            failed.set()
            raise OverflowError("of another version")
        take(message)

    monkeypatch.setattr(gateway.feed, "take_remote", failing_once)
    engine.main.say(engine.main.status)
    await until(failed.is_set)
    await _goes_on(engine, gateway, until)


@pytest.fixture(
    params=[
        b"+OK\r\n",
        b":7\r\n",
        b"$-1\r\n",
        b"*1\r\n:7\r\n",
        b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
        b"?",
    ]
)
async def liar(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, list[int]]]:
    """The URL of something that gives the same answer to every command, and how many it has had."""
    asked: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            asked.append(len(data))
            writer.write(request.param)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    server.close()


async def test_a_peer_that_is_no_redis_ends_nobody(
    liar: tuple[str, list[int]], over_redis: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = liar
    for module in ("outlet", "reader", "up"):
        monkeypatch.setattr(f"mediaserver.bus.redis_{module}.RETRY_S", 0)
    monkeypatch.setattr("mediaserver.bus.redis_reader.BLOCK_MS", 1)
    link = RedisLink(url, timeout_s=0.05)
    main = over_redis("a").main
    gateway = await over_redis("b").gateway()
    await gateway.stop()
    outlet = ShowOutlet(
        lease=Lease(SHOW, link=link, node="a", lease_s=0.5),
        link=link,
        owner=ShowOwner(show=SHOW, node="a", address=""),
        base=main.base,
        owned=lambda *_: None,
    )
    upstream = Upstream(link, owned=lambda: [SHOW], heard=lambda *_: None)
    reader = RedisReader(link, gateway.feed, meter=gateway.metrics)
    running = [asyncio.create_task(each.run()) for each in (outlet, upstream, reader)]
    await until(lambda: len(asked) > 30 or any(task.done() for task in running))
    assert not any(task.done() for task in running)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await link.close()


async def test_a_failure_never_tells_the_password() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    link = RedisLink(f"redis://:hunter2@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(BusError, match="unknown command 'AUTH'") as caught:
        await link.call("GET", "x")
    assert "hunter2" not in str(caught.value)
    await link.close()
    server.close()


async def test_gateways_are_heard_though_the_clock_of_redis_went_back(
    redis_server: RedisServer, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_up, "LOOK_AGAIN_S", 0)
    monkeypatch.setattr(redis_up, "BLOCK_MS", 1)
    key, heard = streams.key(SHOW, "up"), []
    redis_server.call("XADD", key, "9999999999999-0", "m", "x")
    link = RedisLink(redis_server.url)
    upstream = Upstream(link, owned=lambda: [SHOW], heard=lambda _, report: heard.append(report))
    running = asyncio.create_task(upstream.run())
    await until(lambda: upstream._at.get(SHOW) == "9999999999999-0")
    redis_server.call("DEL", key)
    said = ViewerCounts(gateway="g", counts=(ViewerCount(show=SHOW, viewers=3),))
    upstream.say(SHOW, said)
    await until(lambda: heard == [said])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await link.close()
