"""Two nodes that could each have the show, and an edge behind a line to Redis that can be cut.

Whoever owns the show dies whole; the line between Redis and the edge, or the owner, is cut: viewers
of the edge keep what they have, get all that they missed or the other node's new epoch, and never a
number that goes back.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.cut_line import CutLine
from bench.hls import Follower, HlsClient
from bench.host import DemoHost
from bench.node import Node, free_port
from bench.polling import eventually
from bench.redis_server import RedisServer, installed
from mediaserver.bus import streams

pytestmark = pytest.mark.media

KEY = "host-key-of-the-show"
SECRET = "a-secret-of-the-cluster"
SHOW = "show1"
LEASE_S = 2.0
TIMEOUT_S = 40.0
DESPITE = (aiohttp.ClientError, LookupError, TimeoutError)


class House:
    """A Redis, lines to it, two owners to be and an edge."""

    def __init__(self, folder: Path, redis: RedisServer, stack: ExitStack) -> None:
        self.redis = redis
        self._folder = folder
        redis_port = int(redis.url.rpartition(":")[2])
        self.lines = {
            name: stack.enter_context(CutLine(redis_port)) for name in ("one", "two", "edge")
        }
        self.doors = {name: f"127.0.0.1:{free_port()}" for name in ("one", "two")}
        self.nodes = {name: self._owner(name) for name in ("one", "two")}
        self.edge = Node(
            folder=self._room("edge"),
            shows={},
            settings={
                "roles": ["gateway"],
                "gateway": {"workers": 2},
                "cluster": self._cluster("edge") | {"main": list(self.doors.values())},
            },
        )

    def _cluster(self, name: str) -> dict[str, Any]:
        url = f"redis://127.0.0.1:{self.lines[name].port}"
        return {"redis": url, "node": name, "secret": SECRET, "lease_s": LEASE_S}

    def _owner(self, name: str) -> Node:
        return Node(
            folder=self._room(name),
            shows={SHOW: KEY},
            settings={"cluster": self._cluster(name) | {"listen": self.doors[name]}},
        )

    def _room(self, name: str) -> Path:
        room = self._folder / name
        room.mkdir()
        return room

    def host(self, name: str) -> DemoHost:
        """A publish that comes in at the edge."""
        return DemoHost(
            whip_url=self.edge.whip_url(SHOW), key=KEY,
            log_path=self._folder / f"{name}.log", size="320x180",
        )  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if not installed():
        missing = "redis-server is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("house")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(folder))
        house = House(folder, redis, stack)
        nodes = (*house.nodes.values(), house.edge)
        with ThreadPoolExecutor() as together:
            list(together.map(Node.start, nodes))
        for node in nodes:
            stack.callback(node.stop)
        yield house
        for node in nodes:
            assert "Traceback" not in node.log()
            assert SECRET not in node.log()


class Viewer:
    """Follows the show at the edge through all its epochs."""

    def __init__(self, hls: HlsClient, edge: Node) -> None:
        self._hls, self._index = hls, f"{edge.url}/live/{SHOW}/index.m3u8"
        self.epochs: dict[str, Follower] = {}
        self.edges: dict[str, list[tuple[int, int]]] = {}
        self.task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            try:
                await self._once()
            except DESPITE:
                await asyncio.sleep(0)

    async def _once(self) -> None:
        playlist = (await self._hls.variants(self._index))[-1]
        epoch = playlist.split("/")[-3]
        follower = self.epochs.setdefault(epoch, Follower(self._hls, playlist))
        await follower.reload()
        self.edges.setdefault(epoch, []).append(follower.edge)

    def numbers(self, epoch: str) -> list[int]:
        """The parts' numbers in the order listed."""
        return [int(n) for n in re.findall(r"part-(\d+)", "\n".join(self.epochs[epoch].parts))]

    @property
    def epoch(self) -> str:
        """The one that is on air; "" while there is none."""
        live = [epoch for epoch, follower in self.epochs.items() if not follower.ended]
        return live[-1] if live else ""

    async def further(self, count: int = 6) -> None:
        """Wait until the last epoch has so many more parts."""
        epoch = self.epoch
        seen = len(self.numbers(epoch)) if epoch else 0

        async def more() -> bool:
            return bool(self.epoch) and len(self.numbers(self.epoch)) >= (
                seen + count if self.epoch == epoch else count
            )

        await eventually(more, TIMEOUT_S, "the show goes on at the edge")

    def check(self) -> None:
        for epoch, edges in self.edges.items():
            assert edges == sorted(edges), "the media sequence number never goes back"
            numbers = self.numbers(epoch)
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.fixture
async def viewer(hls: HlsClient, house: House) -> AsyncIterator[Viewer]:
    watching = Viewer(hls, house.edge)
    yield watching
    watching.task.cancel()
    await asyncio.wait({watching.task})
    watching.check()


async def owner_of(http: aiohttp.ClientSession, house: House) -> str:
    """Which node a publish would go to: the one that has the lease."""

    async def claimed() -> str:
        value = house.redis.call("GET", streams.key(SHOW, "owner"))
        text = value.decode() if isinstance(value, bytes) else ""
        return next((name for name in house.nodes if name in text), "")

    return await eventually(claimed, TIMEOUT_S, "a node has the show")


@pytest.mark.soak
async def test_the_edge_is_cut_off_and_gets_what_it_missed(house: House, viewer: Viewer) -> None:
    with house.host("cut-edge"):
        await viewer.further()
        epoch = viewer.epoch
        house.lines["edge"].cut()
        await asyncio.sleep(2 * LEASE_S)  # the length of the partition is the stimulus
        house.lines["edge"].mend()
        await viewer.further(9)
        assert viewer.epoch == epoch


async def test_the_owner_is_cut_off_and_the_other_takes_the_show(
    http: aiohttp.ClientSession, house: House, viewer: Viewer
) -> None:
    first = await owner_of(http, house)
    with house.host("before-the-cut"):
        await viewer.further()
        epoch = viewer.epoch
        house.lines[first].cut()

        async def taken() -> bool:
            return await owner_of(http, house) not in ("", first)

        await eventually(taken, TIMEOUT_S, "the other node has the show")
    try:
        with house.host("after-the-cut"):
            await viewer.further()
            assert viewer.epoch != epoch
            house.lines[first].mend()
            await viewer.further(9)
    finally:
        house.lines[first].mend()
    assert await owner_of(http, house) != first


async def test_the_owner_dies_whole_and_the_other_takes_the_show(
    http: aiohttp.ClientSession, house: House, viewer: Viewer
) -> None:
    first = await owner_of(http, house)
    with house.host("before-the-death"):
        await viewer.further()
        epoch = viewer.epoch
        house.nodes[first].kill()
    with house.host("after-the-death"):
        await viewer.further()
        assert viewer.epoch != epoch
    house.nodes[first].start()


@pytest.mark.soak
async def test_redis_is_away_for_half_a_minute(house: House, viewer: Viewer) -> None:
    with house.host("no-redis"):
        await viewer.further()
        epoch = viewer.epoch
        house.redis.stop()
        await asyncio.sleep(30)  # as above
        await asyncio.to_thread(house.redis.start)
        await viewer.further(9)
        assert viewer.epoch == epoch
