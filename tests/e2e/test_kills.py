"""`kill -9` of one process after the other: it costs that one thing for seconds, and no more.

A second show is on air all the while, and nothing of it is missing, whatever dies.
"""

import asyncio
import itertools
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from bench.hls import Follower, HlsClient, newest_picture
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually
from mediaserver.demo import timecode

pytestmark = pytest.mark.media

WIDTH = 640
RECOVERY_S = 25.0
SEGMENT_S = 2.0
DESPITE = (aiohttp.ClientError, LookupError, TimeoutError)


class Show:
    """A show on air, as a viewer finds it, and its host."""

    def __init__(self, server: Node, name: str, log_path: Path, size: str = "640x360") -> None:
        self.name, self._key = name, server.keys[name]
        self._server = server
        self._log_path = log_path
        self._size = size
        self.host = self.new_host()

    @property
    def index_url(self) -> str:
        return f"{self._server.url}/live/{self.name}/index.m3u8"

    @property
    def state_url(self) -> str:
        return f"{self._server.url}/live/{self.name}/state"

    def new_host(self) -> DemoHost:
        url = self._server.whip_url(self.name)
        self.host = DemoHost(whip_url=url, key=self._key, log_path=self._log_path, size=self._size)
        return self.host


class Watch:
    """Follows the smallest rendition through everything, and keeps where its edge has been."""

    def __init__(self, hls: HlsClient, show: Show) -> None:
        self._hls, self._show = hls, show
        self.edges: list[tuple[int, int]] = []
        self.text = ""
        self.playlists: list[str] = []

    async def look(self) -> tuple[int, int]:
        """Where the newest playlist ends; raises what an HTTP client raises."""
        url = (await self._hls.variants(self._show.index_url))[-1]
        follower = Follower(self._hls, url)
        await follower.reload()
        self.playlists.append(url)
        self.edges.append(follower.edge)
        self.text = follower.text
        return follower.edge

    async def painted_since(self, since_ms: int) -> None:
        """Wait until a picture is on air that was painted after `since_ms` (Unix time)."""

        async def fresh() -> bool:
            picture = await newest_picture(self._hls, self._show.index_url)
            await self.look()  # after it: `text` lists what it came from
            code = timecode.read(timecode.luma_of(picture), painted_width=WIDTH)
            return code is not None and (code.unix_ms - since_ms) % 2**32 < 2**31

        await eventually(fresh, RECOVERY_S, "a new picture is on air", despite=DESPITE)

    def check(self) -> None:
        """One epoch, and an edge that never went back."""
        assert len(set(self.playlists)) == 1, "the epoch went on"
        assert self.edges == sorted(self.edges), "the media sequence number never goes back"


def require_whole(follower: Follower) -> None:
    """Every part was listed, in order. Of a pause past three target durations the playlist lists
    no parts any more (rfc8216bis §4.4.4.9): there its segments stand for them, each of full length.
    How long main takes to be back is the machine's business."""
    parts = list(follower.parts.values())
    numbers = [int(number) for number in re.findall(r"part-(\d+)", "\n".join(follower.parts))]
    assert numbers == sorted(set(numbers))
    steps = itertools.pairwise(zip(numbers, parts, strict=True))
    holes = [before.msn for (first, before), (second, _) in steps if second != first + 1]
    lengths = {float(length) for length in re.findall(r"#EXTINF:([\d.]+)", follower.text)}
    assert all(msn >= int(follower.playlist.media_sequence or 0) for msn in holes)
    assert lengths == {SEGMENT_S}


class Neighbour:
    """A viewer of the other show, who notes every part that is listed and asks again when a
    connection breaks."""

    def __init__(self, hls: HlsClient, show: Show) -> None:
        self._hls, self._show = hls, show
        self._follower: Follower | None = None
        self.texts: list[str] = []
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                if self._follower is None:
                    url = (await self._hls.variants(self._show.index_url))[-1]
                    self._follower = Follower(self._hls, url)
                await self._follower.reload()
                self.texts.append(self._follower.text)
            except DESPITE:
                await asyncio.sleep(0)

    @property
    def numbers(self) -> list[int]:
        """The number of each part, in the order listed."""
        parts = self._follower.parts if self._follower is not None else {}
        return [int(number) for number in re.findall(r"part-(\d+)", "\n".join(parts))]

    async def check(self) -> None:
        """Five more parts come, and of all of them none was missing, ended or out of place."""
        seen = len(self.numbers)

        async def more() -> bool:
            return len(self.numbers) >= seen + 5

        await eventually(more, RECOVERY_S, "the other show goes on")
        self.task.cancel()
        await asyncio.wait({self.task})
        assert self._follower is not None
        require_whole(self._follower)
        for text in self.texts:
            for mark in ("#EXT-X-DISCONTINUITY\n", "GAP", "#EXT-X-ENDLIST"):
                assert mark not in text


@pytest.fixture(scope="module")
def show(server: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    made = Show(server, "show1", tmp_path_factory.mktemp("host") / "host.log")
    yield made
    made.host.stop()


@pytest.fixture(scope="module")
def other_show(server: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """Small: two ladders must fit the machine."""
    path = tmp_path_factory.mktemp("other") / "host.log"
    made = Show(server, "show2", path, size="320x180")
    yield made
    made.host.stop()


@pytest.fixture
async def neighbour(hls: HlsClient, other_show: Show) -> AsyncIterator[Neighbour]:
    """The other show on air, and its viewer; checked at the end."""
    following = Neighbour(hls, other_show)

    async def on_air() -> bool:
        return bool(following.numbers)

    try:
        await eventually(on_air, RECOVERY_S, "the other show is on air")
        yield following
        await following.check()
    finally:
        following.task.cancel()
        await asyncio.wait({following.task})


@pytest.fixture
async def watch(hls: HlsClient, show: Show, neighbour: Neighbour) -> AsyncIterator[Watch]:
    """A viewer of the show, which is on air beside another; what it saw is checked at the end."""
    watching = Watch(hls, show)
    await watching.painted_since(now_ms() - 2_000)
    yield watching
    watching.check()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def kill(server: Node, role: str, show: str = "show1") -> None:
    """`kill -9` of the one process of a role, of the workers the show's own."""
    pid = server.worker_of(show) if role == "worker" else min(server.pids(role))
    assert pid in server.pids(role), f"no {role} runs"
    os.kill(pid, signal.SIGKILL)


async def test_the_death_of_the_worker_on_air_costs_one_discontinuity(
    server: Node, show: Show, watch: Watch
) -> None:
    assert "#EXT-X-DISCONTINUITY\n" not in watch.text
    kill(server, "worker")
    await watch.painted_since(now_ms())
    assert watch.text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert watch.text.count("#EXT-X-MAP:") == 2
    assert show.host.log().count("demo_on_air") == 1, "the host noticed nothing"


@pytest.mark.parametrize("role", ["ingest", "main", "gateway"])
async def test_the_show_goes_on_without(role: str, server: Node, show: Show, watch: Watch) -> None:
    before = server.pids(role)
    kill(server, role)
    await watch.painted_since(now_ms())
    await eventually(
        lambda: asyncio.to_thread(lambda: server.pids(role) - before),
        RECOVERY_S, f"the {role} is there again",
    )  # fmt: skip
    assert server.ready()
    assert show.host.alive


async def test_a_viewer_notices_nothing_of_the_death_of_main(
    server: Node, hls: HlsClient, show: Show, watch: Watch
) -> None:
    """A reload that is blocked for six seconds is let go with a 503 (rfc8216bis §6.2.5.2), which is
    right while there is nobody who could hand a part on, and never once main is back."""
    follower = Follower(hls, (await hls.variants(show.index_url))[-1])
    await follower.reload()
    killed = server.pids("main")
    kill(server, "main")
    async with asyncio.timeout(RECOVERY_S):
        while len(follower.parts) < 30:
            back = bool(server.pids("main") - killed) and await asyncio.to_thread(server.ready)
            try:
                await follower.reload()
            except aiohttp.ClientResponseError as exc:
                assert exc.status == 503
                assert not back
    require_whole(follower)


async def test_the_host_dies_and_another_takes_its_place(
    http: aiohttp.ClientSession, show: Show, watch: Watch
) -> None:
    show.host.kill()

    async def away() -> bool:
        async with http.get(show.state_url) as response:
            return bool((await response.json())["state"] == "away")

    await eventually(away, 10, "the loss was noticed")
    edge = await watch.look()
    await eventually(
        lambda: further_than(watch, edge), RECOVERY_S, "the show goes on without a host",
        despite=DESPITE,
    )  # fmt: skip
    show.new_host()
    await watch.painted_since(now_ms())


async def further_than(watch: Watch, edge: tuple[int, int]) -> bool:
    return await watch.look() > (edge[0] + 1, edge[1])
