"""Two nodes on one machine over one Redis: viewers of a node that only serves see the other's show,
byte for byte, with its cues, and notice neither main's nor Redis' death but by its length."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from bench.cut_line import CutLine
from bench.hls import Follower, HlsClient
from bench.host import DemoHost
from bench.node import Node, free_port
from bench.polling import eventually
from bench.push import PushFollower
from bench.redis_server import RedisServer, installed

pytestmark = pytest.mark.media

KEY = "host-key-of-the-cluster"
OPERATOR = "operator-key-of-the-cluster"
SECRET = "a-secret-of-the-cluster"
OPERATED = {"Authorization": f"Bearer {OPERATOR}"}
JAM: dict[str, Any] = {
    "name": "Jam", "price_minor": 500, "currency": "EUR", "stock": 5,
    "seller": "Jam Ltd.", "returns": "14 days",
}  # fmt: skip
SHOW = "show1"
TIMEOUT_S = 40.0
LONGEST_GAP_PARTS = 15
"""Without media push beyond the outage itself: 5 s, where a part is a third of a second."""
DESPITE = (aiohttp.ClientError, LookupError, TimeoutError)
Get = Callable[[], Awaitable[bool]]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if not installed():
        missing = "redis-server is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def owner(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The node with the show."""
    listen = f"127.0.0.1:{free_port()}"
    node = Node(
        folder=tmp_path_factory.mktemp("owner"),
        shows={SHOW: KEY},
        settings={
            "operator_key": OPERATOR,
            "cluster": {
                "redis": redis_server.url, "node": "owner", "listen": listen, "secret": SECRET,
                "lease_s": 5.0,
            },
        },
    )  # fmt: skip
    with node:
        yield node


@pytest.fixture(scope="module")
def line(redis_server: RedisServer) -> Iterator[CutLine]:
    """Between the edge and Redis."""
    with CutLine(int(redis_server.url.rpartition(":")[2])) as line:
        yield line


@pytest.fixture(scope="module")
def edge(owner: Node, line: CutLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with two gateway processes and nothing else."""
    listen = re.search(r"listen: (\S+)", owner.config_path.read_text())
    assert listen is not None
    node = Node(
        folder=tmp_path_factory.mktemp("edge"),
        shows={},
        settings={
            "roles": ["gateway"],
            "gateway": {"workers": 2},
            "cluster": {
                "redis": f"redis://127.0.0.1:{line.port}", "node": "edge",
                "main": [listen.group(1)], "secret": SECRET,
            },
        },
    )  # fmt: skip
    with node:
        yield node
    for log in (owner.log(), node.log()):
        assert "Traceback" not in log
        assert SECRET not in log


@pytest.fixture(scope="module")
def host(edge: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHost]:
    """Publishes at the edge: its WHIP request is handed on, its media goes to the owner."""
    log = tmp_path_factory.mktemp("host") / "host.log"
    with DemoHost(whip_url=edge.whip_url(SHOW), key=KEY, log_path=log, size="320x180") as host:
        yield host


class Watch:
    """Follows the smallest rendition on a node, whatever happens."""

    def __init__(self, hls: HlsClient, node: Node) -> None:
        self._hls, self._node = hls, node
        self.follower: Follower | None = None
        self.edges: list[tuple[int, int]] = []
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                if self.follower is None:
                    index = f"{self._node.url}/live/{SHOW}/index.m3u8"
                    self.follower = Follower(self._hls, (await self._hls.variants(index))[-1])
                await self.follower.reload()
                self.edges.append(self.follower.edge)
            except DESPITE:
                await asyncio.sleep(0)

    @property
    def numbers(self) -> list[int]:
        """The parts' numbers in the order listed."""
        parts = [] if self.follower is None else list(self.follower.parts)
        return [int(number) for number in re.findall(r"part-(\d+)", "\n".join(parts))]

    async def further(self, count: int = 6) -> None:
        seen = len(self.numbers)

        async def more() -> bool:
            return len(self.numbers) >= seen + count

        await eventually(more, TIMEOUT_S, "the show goes on")

    def check(self) -> None:
        assert self.edges == sorted(self.edges), "the media sequence number never goes back"
        assert self.numbers == sorted(self.numbers)

    def check_whole(self) -> None:
        numbers = self.numbers
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.fixture
async def watch(hls: HlsClient, edge: Node, host: DemoHost) -> AsyncIterator[Watch]:
    watching = Watch(hls, edge)
    await watching.further(3)
    yield watching
    watching.task.cancel()
    await asyncio.wait({watching.task})
    watching.check()


@pytest.fixture
async def elsewhere(hls: HlsClient, owner: Node, host: DemoHost) -> AsyncIterator[Watch]:
    """A viewer of the owner's own node."""
    watching = Watch(hls, owner)
    yield watching
    watching.task.cancel()
    await asyncio.wait({watching.task})
    watching.check_whole()


class Push:
    """A viewer of the edge by media push, and a shopkeeper who gives it events to count."""

    def __init__(self, http: aiohttp.ClientSession, edge: Node) -> None:
        self._http, self._edge = http, edge
        self.viewer = PushFollower(http, f"{edge.url}/live/{SHOW}/events")
        self.task = asyncio.create_task(self.viewer.run())
        self._named = 0

    @contextlib.asynccontextmanager
    async def through(self, trouble: str) -> AsyncIterator[None]:
        """Through what the block does, and undoes if it lasts: then media and events go on, whole,
        and media was missing for hardly longer."""
        viewer = self.viewer
        first, began_s = len(viewer.numbers), time.monotonic()
        yield
        outage_s = time.monotonic() - began_s
        await self.further(9)
        await self.event()
        gap_s, dials = viewer.longest_gap_s(first), viewer.dials
        told = (
            f"media push, {trouble}, which lasted {outage_s:.2f} s: no part for {gap_s:.2f} s "
            f"({gap_s / viewer.part_s:.1f} parts), skipped {viewer.skipped}, sockets {dials}"
        )
        print(told)
        assert gap_s <= outage_s + LONGEST_GAP_PARTS * viewer.part_s, told
        assert viewer.faults == [], told

    async def further(self, count: int) -> None:
        seen = len(self.viewer.numbers)

        async def more() -> bool:
            return len(self.viewer.numbers) >= seen + count

        await eventually(more, TIMEOUT_S, "media push goes on")

    async def event(self) -> None:
        """One more event, and the viewer hears of it."""
        self._named += 1
        jam = JAM | {"name": f"Jam {self._named}"}
        before = len(self.viewer.offsets)

        async def put() -> bool:
            url = f"{self._edge.url}/api/v1/shows/{SHOW}/products/jam"
            async with self._http.put(url, json=jam, headers=OPERATED) as response:
                return response.status in (200, 201)

        async def heard() -> bool:
            return len(self.viewer.offsets) > before

        await eventually(put, TIMEOUT_S, "main takes a product", despite=DESPITE)
        await eventually(heard, TIMEOUT_S, "the viewer hears of the product")


@pytest.fixture
async def push(http: aiohttp.ClientSession, edge: Node, host: DemoHost) -> AsyncIterator[Push]:
    pushed = Push(http, edge)
    await pushed.further(3)
    await pushed.event()
    yield pushed
    pushed.task.cancel()
    await asyncio.wait({pushed.task})


async def test_viewers_of_both_nodes_get_the_same_bytes(
    watch: Watch, hls: HlsClient, owner: Node, edge: Node
) -> None:
    assert watch.follower is not None
    await watch.further()
    for uri in list(watch.follower.parts)[-3:]:
        there = uri.replace(edge.url, owner.url)
        assert await hls.media(uri) == await hls.media(there)


async def test_a_cue_reaches_a_socket_of_the_other_node(
    watch: Watch, http: aiohttp.ClientSession, edge: Node
) -> None:
    api = f"{edge.url}/api/v1/shows/{SHOW}"
    async with http.put(f"{api}/products/jam", json=JAM, headers=OPERATED) as response:
        assert response.status in (200, 201), await response.text()
    async with http.ws_connect(
        f"{edge.url}/live/{SHOW}/events", protocols=("comptoir.v1.json",)
    ) as socket:
        assert (await socket.receive_json(timeout=10))["type"] == "hello"
        cue = {"type": "pin", "product": "jam"}
        async with http.post(f"{api}/cues", json=cue, headers=OPERATED) as response:
            assert response.status in (200, 201), await response.text()
        async with asyncio.timeout(10):
            while True:
                message = await socket.receive_json()
                if message["type"] == "event" and message["event"] == "cue":
                    assert message["data"]["product"] == "jam"
                    return


async def test_viewers_are_added_up(
    watch: Watch, http: aiohttp.ClientSession, owner: Node, edge: Node
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for node in (owner, edge, edge):
            await stack.enter_async_context(
                http.ws_connect(f"{node.url}/live/{SHOW}/events", protocols=("comptoir.v1.json",))
            )

        async def told() -> bool:
            states = []
            for node in (owner, edge):
                async with http.get(f"{node.url}/live/{SHOW}/state") as response:
                    states.append((await response.json())["viewers"])
            return bool(min(states) >= 3)

        await eventually(told, TIMEOUT_S, "both nodes tell three viewers")


async def test_a_gateway_process_dies(watch: Watch, push: Push, edge: Node) -> None:
    """One after the other: one of them has the socket."""
    for pid in edge.pids("gateway"):
        async with push.through("a gateway's death"):
            os.kill(pid, signal.SIGKILL)
        await watch.further()
    assert push.viewer.dials > 1


async def test_the_owners_main_dies(watch: Watch, push: Push, owner: Node) -> None:
    """How long a main takes to start is the machine's: it is counted to the outage."""
    async with push.through("main's death"):
        os.kill(min(owner.pids("main")), signal.SIGKILL)
        await push.event()
    await watch.further(12)
    watch.check_whole()


async def test_redis_forgets_everything(
    watch: Watch, push: Push, redis_server: RedisServer
) -> None:
    async with push.through("a FLUSHALL"):
        redis_server.call("FLUSHALL")
    await watch.further(9)


async def test_redis_is_away(
    watch: Watch, push: Push, elsewhere: Watch, redis_server: RedisServer
) -> None:
    await elsewhere.further(3)
    async with push.through("Redis away"):
        redis_server.stop()
        await elsewhere.further(6)
        await asyncio.to_thread(redis_server.start)
    await watch.further(9)
    watch.check_whole()


async def test_the_edge_is_cut_off(
    watch: Watch, push: Push, elsewhere: Watch, line: CutLine
) -> None:
    await elsewhere.further(3)
    async with push.through("a partition"):
        line.cut()
        try:
            await elsewhere.further(6)
        finally:
            line.mend()
    await watch.further(9)
    watch.check_whole()
