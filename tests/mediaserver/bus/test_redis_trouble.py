"""Redis goes away, forgets, is cut off; owners die, return, are stale. Playlists never go back."""

import asyncio
import contextlib
import itertools
import os
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from bench.redis_server import RedisServer
from mediaserver.bus import redis_outlet, streams
from mediaserver.bus.redis_lease import Lease
from mediaserver.bus.redis_link import RedisLink
from mediaserver.errors import BusError

SHOW = "demo"
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
    """What is said from now on arrives, and nothing has gone back on the way."""
    engine.main.step()
    engine.main.event()
    edge, log = engine.main.number - 1, ("log1", engine.main.log.offset)
    await until(lambda: gateway.edge(engine.main) == edge and gateway.log == log)
    assert gateway.edges == sorted(gateway.edges)
    assert gateway.shows.refused == 0


async def test_thumbnails_of_an_epoch_that_is_over_leave_with_the_first_of_the_next(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until
) -> None:
    engine, gateway = on_air
    for second in (0, 5, 10):
        engine.main.still(second, "thumbnail")
    await until(lambda: gateway.stills[1] == [0, 5, 10])
    engine.main.epoch, engine.main.shelf = "e2", type(engine.main.shelf)(10**9)
    engine.main.still(0, "thumbnail")
    engine.main.still(5, "thumbnail")
    engine.main.event()
    await until(lambda: gateway.log == ("log1", 3))
    await engine.settled()
    assert redis_server.call("XLEN", streams.key(SHOW, "thumbs")) == 2


async def test_after_flushall_the_owner_writes_all_of_it_again(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until
) -> None:
    engine, gateway = on_air
    generation = engine.outlet._lease.generation
    redis_server.call("FLUSHALL")
    await _goes_on(engine, gateway, until)
    assert engine.outlet._lease.generation > generation
    late = await engine.gateway()
    await until(lambda: late.edge(engine.main) >= 0)
    assert late.edges[-1] == engine.main.number - 1
    assert late.part(engine.main, 0) is not None


async def test_a_redis_that_was_away_is_told_what_it_missed(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until
) -> None:
    engine, gateway = on_air
    redis_server.stop()
    engine.main.step(6)
    engine.main.event(3)
    assert gateway.edge(engine.main) == 12, "what is in memory stays"
    await until(lambda: engine.outlet.connected is False)
    engine.main.step(2)
    redis_server.start()
    await _goes_on(engine, gateway, until)
    assert engine.owned == [True], "the show stayed where it was"


async def test_a_partition_costs_nothing_but_its_own_time(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until
) -> None:
    engine, gateway = on_air
    resyncs = _count(gateway, "resyncs")
    redis_server.freeze()
    engine.main.step(6)
    engine.main.event(3)
    await until(lambda: engine.outlet.connected is False)
    redis_server.thaw()
    await _goes_on(engine, gateway, until)
    assert engine.owned == [True]
    assert _count(gateway, "resyncs") == resyncs, "the events themselves came, no snapshot"
    assert b'comptoir_gateway_bus_lag_seconds_count{engine="redis"}' in gateway.metrics.text()


async def test_a_log_that_left_the_stream_is_begun_anew(
    over_redis: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_outlet, "SNAPSHOT_EVERY", 2)
    monkeypatch.setattr(streams, "LOG_ENTRIES", 4)
    engine = over_redis("a")
    await engine.open()
    gateway = await engine.gateway()
    engine.main.begin()
    engine.main.event()
    await until(lambda: gateway.log == ("log1", 1))
    (reading,) = gateway.tasks
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    engine.main.event(9)
    await engine.settled()
    gateway.tasks = [asyncio.create_task(gateway.reader.run())]
    await until(lambda: gateway.log == ("log1", 10))
    assert _count(gateway, "resyncs") == 1


async def test_a_stale_owners_append_fails(
    on_air: tuple[Any, Any], redis_server: RedisServer, over_redis: Make, until: Until
) -> None:
    engine, _ = on_air
    stale = engine.outlet._lease.generation
    link = RedisLink(redis_server.url)
    newer = Lease(SHOW, link=link, node="a", lease_s=2.0)
    assert await newer.stand_by(), "a new process takes its own node's lease at once"
    assert newer.generation is not None
    assert newer.generation > stale
    keys = (streams.key(SHOW, "head"), streams.key(SHOW, "media"))
    answer = await link.run(streams.APPEND, keys, stale, 10, f"{stale}-99999", "m", "x")
    assert answer == b"taken"
    await link.call("XADD", keys[1], f"{newer.generation}-1", "m", "new")
    with pytest.raises(BusError, match="equal or smaller"):
        await link.call("XADD", keys[1], f"{stale}-99999", "m", "x")
    engine.main.step()
    await until(lambda: engine.owned == [True, False])
    await link.close()


async def test_who_stands_by_takes_over_from_the_dead(
    on_air: tuple[Any, Any], over_redis: Make, until: Until
) -> None:
    engine, gateway = on_air
    standby = over_redis("b", lease_s=1.0)
    standby.start()
    await until(lambda: standby.outlet.connected)
    assert not standby.outlet.owns
    await engine.close()
    standby.main.epoch = "e2"
    await until(lambda: standby.outlet.owns)
    standby.main.begin()
    standby.main.step(7)
    await until(lambda: gateway.edge(standby.main) == 7)
    await until(lambda: gateway.feed.owner_of(SHOW) == "b:1")
    await until(lambda: gateway.shows.publication(SHOW, "e1").epoch.ended)


async def test_an_owner_who_hears_of_another_gives_up(
    on_air: tuple[Any, Any], redis_server: RedisServer, until: Until
) -> None:
    engine, _ = on_air
    redis_server.call("SET", streams.key(SHOW, "owner"), "somebody-else")
    await until(lambda: engine.owned == [True, False])
    assert not engine.outlet.owns


def _count(gateway: Any, what: str) -> float:
    for line in gateway.metrics.text().decode().splitlines():
        if line.startswith(f'comptoir_gateway_bus_{what}_total{{engine="redis"}}'):
            return float(line.rpartition(" ")[2])
    return 0.0


def test_a_peer_that_hangs_up_at_any_moment_is_a_redis_that_does_not_answer() -> None:
    """On the loop that the server runs on: its transports have an error of their own."""
    failures: list[str] = []

    async def ask(port: int) -> None:
        link = RedisLink(f"redis://127.0.0.1:{port}")
        for _ in range(1500):
            with pytest.raises(BusError) as caught:
                await link.call("GET", "x")
            failures.append(str(caught.value))
        await link.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging_up = threading.Thread(target=_hang_up, args=(server,))
        hanging_up.start()
        try:
            uvloop.run(ask(server.getsockname()[1]))
        finally:
            server.shutdown(socket.SHUT_RDWR)
            hanging_up.join()
    assert len(failures) == 1500


def _hang_up(server: socket.socket) -> None:
    reset = struct.pack("ii", 1, 0)
    for count in itertools.count():
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, contextlib.suppress(OSError):
            for _ in range(count % 40 * 20):  # at any moment: the client's work goes on meanwhile
                os.sched_yield()
            if count % 3 == 1:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            if count % 3 == 2:
                client.recv(1)
            if count % 5 == 0:
                client.sendall(b"+OK\r\n" * (count % 4))
