"""Redis keeps nothing for ever: what nobody speaks for ends its life, all of it together, and who
comes back goes on where it was."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bench.redis_server import RedisServer
from mediaserver.bus import streams
from mediaserver.bus.messages import ViewerCounts
from mediaserver.bus.redis_link import RedisLink
from mediaserver.bus.redis_up import Upstream

SHOW = "demo"
LIFE_MS = round(streams.LIFE_S * 1000)
Until = Callable[..., Any]
Make = Callable[..., Any]


async def _on_air(engine: Any, until: Until, **options: Any) -> Any:
    """A gateway that has what a main on air has said, of every kind."""
    await engine.open()
    gateway = await engine.gateway(**options)
    engine.main.begin()
    engine.main.event(2)
    engine.main.step(12)
    engine.main.still(0, "poster")
    engine.main.still(0, "thumbnail")
    wanted = (12, ("log1", 2), (b"0", [0]))
    await until(lambda: (gateway.edge(engine.main), gateway.log, gateway.stills) == wanted)
    return gateway


async def _goes_on(engine: Any, gateway: Any, until: Until) -> None:
    engine.main.step()
    engine.main.event()
    edge, log = engine.main.number - 1, ("log1", engine.main.log.offset)
    await until(lambda: gateway.edge(engine.main) == edge and gateway.log == log)
    assert gateway.edges == sorted(gateway.edges)
    assert gateway.shows.refused == 0


def _lives(redis_server: RedisServer) -> dict[str, int]:
    """All keys, and how long each has to live; -1 is for ever."""
    names: Any = redis_server.call("KEYS", "*")
    lives: dict[str, Any] = {name.decode(): redis_server.call("PTTL", name) for name in names}
    return lives


def _now_ms(redis_server: RedisServer) -> int:
    time: Any = redis_server.call("TIME")
    return int(time[0]) * 1000


async def test_every_key_has_an_end(
    over_redis: Make, redis_server: RedisServer, until: Until
) -> None:
    engine = over_redis("a")
    await _on_air(engine, until)
    link = RedisLink(redis_server.url)
    upstream = Upstream(link, owned=list, heard=lambda *_: None)
    upstream.say(SHOW, ViewerCounts(gateway="g", counts=()))
    telling = asyncio.create_task(upstream.run())
    keys = {streams.key(SHOW, stream) for stream in streams.ALL}
    keys |= {streams.key(SHOW, "owner"), streams.key(SHOW, "head"), streams.KNOWN}
    await until(lambda: _lives(redis_server).keys() == keys)
    assert upstream.dropped == 0
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    await link.close()
    for name, life_ms in _lives(redis_server).items():
        assert 0 < life_ms <= LIFE_MS, name


async def test_what_the_owner_says_nothing_new_of_lives_on_all_the_same(
    over_redis: Make, redis_server: RedisServer, until: Until
) -> None:
    engine = over_redis("a")
    gateway = await _on_air(engine, until)
    generation = engine.outlet._lease.generation
    names = [name for name in _lives(redis_server) if not name.endswith(":owner")]
    for name in names:
        redis_server.call("PEXPIRE", name, str(LIFE_MS // 2))
    poster = streams.key(SHOW, "poster")
    link = RedisLink(redis_server.url)
    async with asyncio.timeout(20):
        while await link.call("PTTL", poster) <= LIFE_MS // 2:
            pass
    await link.close()
    lives = _lives(redis_server)
    assert min(lives[name] for name in names) > LIFE_MS // 2
    assert engine.outlet._lease.generation == generation, "by a renewal, no new claim"
    await _goes_on(engine, gateway, until)


async def test_of_an_owner_that_died_nothing_is_left(
    over_redis: Make, redis_server: RedisServer, until: Until
) -> None:
    engine = over_redis("a", lease_s=0.5, life_s=2.0)
    gateway = await _on_air(engine, until)
    await engine.close()
    await until(lambda: _lives(redis_server) == {})
    assert gateway.edge(engine.main) == 12, "what is in memory stays"
    late = await engine.gateway()
    await until(lambda: late.reader.connected)
    assert late.log is None


@pytest.mark.parametrize("gone_after_s", [0.0, 600.0])
async def test_an_owner_that_comes_back_after_that_goes_on(
    over_redis: Make, redis_server: RedisServer, until: Until, gone_after_s: float
) -> None:
    """Whether the gateway has left the show meanwhile, or not yet."""
    engine = over_redis("a", lease_s=0.5)
    gateway = await _on_air(engine, until, gone_after_s=gone_after_s)
    generation = engine.outlet._lease.generation
    await engine.close()
    for name in _lives(redis_server):
        redis_server.call("PEXPIRE", name, "1")
    left = gone_after_s == 0
    await until(lambda: (gateway.reader._cursors == {}) is left and _lives(redis_server) == {})
    await until(lambda: _now_ms(redis_server) // 1000 > generation)
    engine.main.step(3)
    await engine.open()
    assert engine.outlet._lease.generation > generation, "tokens grow without what was there"
    await _goes_on(engine, gateway, until)
    late = await engine.gateway()
    await until(lambda: late.edge(engine.main) == engine.main.number - 1)


async def test_an_owner_strikes_out_who_ended_its_life_and_nobody_else(
    over_redis: Make, redis_server: RedisServer, until: Until
) -> None:
    now_ms = _now_ms(redis_server)
    redis_server.call("ZADD", streams.KNOWN, str(now_ms - LIFE_MS - 60_000), "gone")
    redis_server.call("ZADD", streams.KNOWN, str(now_ms - LIFE_MS // 2), "silent")
    redis_server.call("ZADD", streams.KNOWN, str(now_ms + 60_000), "of-a-clock-that-went-back")
    await over_redis("a").open()
    await until(lambda: redis_server.call("ZCARD", streams.KNOWN) == 2)
    assert redis_server.call("ZRANGE", streams.KNOWN, "0", "-1") == [b"silent", SHOW.encode()]


async def test_silent_shows_make_room_for_one_that_is_new(
    over_redis: Make, redis_server: RedisServer, until: Until
) -> None:
    engine = over_redis("a", lease_s=0.5)
    for name in ("aa", "ab", "ac"):
        redis_server.call("ZADD", streams.KNOWN, "1", name)
        redis_server.call("HSET", streams.key(name, "head"), "status", "")
    with capture_logs() as logs:
        gateway = await engine.gateway(max_shows=2)
        await until(lambda: len(gateway.reader._cursors) == 2)
        # ANNOUNCE strikes out names so old: these are kept, and silent all the same.
        silent_ms = _now_ms(redis_server) - LIFE_MS // 2
        for name in ("aa", "ab", "ac"):
            redis_server.call("ZADD", streams.KNOWN, str(silent_ms), name)
        await engine.open()
        engine.main.begin()
        engine.main.step(5)
        await until(lambda: gateway.edge(engine.main) == 5)
        assert len(gateway.reader._cursors) == 2
        told = [line for line in logs if line["event"] == "too_many_shows"]
    assert len(told) == 1
    assert told[0]["followed"] == 2
