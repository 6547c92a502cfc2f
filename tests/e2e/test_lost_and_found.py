"""A host is lost and found, as viewers see it: told, shown the slate, and given the picture back in
the playlist that they have; or the show ends."""

import asyncio
import itertools
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from bench.hls import Follower, HlsClient, newest_picture, video_frames
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually
from mediaserver.demo import timecode

pytestmark = pytest.mark.media

SHOW, KEY = "show1", "host-key-of-the-tests"
GRACE_S = 8.0
WIDTH = 640
WAIT_S = 25.0
DESPITE = (aiohttp.ClientError, LookupError, TimeoutError)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    node = Node(
        folder=tmp_path_factory.mktemp("node"),
        shows={SHOW: KEY},
        settings={"webrtc": {"grace_s": GRACE_S}},
    )
    with node:
        yield node
    assert "Traceback" not in node.log()


class Viewer:
    """Follows the smallest rendition from the first part on, by blocking reload alone."""

    def __init__(self, hls: HlsClient, http: aiohttp.ClientSession, server: Node) -> None:
        self._hls, self._http = hls, http
        self.index_url = f"{server.url}/live/{SHOW}/index.m3u8"
        self._state_url = f"{server.url}/live/{SHOW}/state"
        self.follower: Follower | None = None
        self.task: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Begin to follow as soon as there is something."""

        async def on_air() -> bool:
            self.follower = Follower(self._hls, (await self._hls.variants(self.index_url))[-1])
            await self.follower.reload()
            return True

        await eventually(on_air, WAIT_S, "the show is on air", despite=DESPITE)
        assert self.follower is not None
        self.task = asyncio.create_task(self.follower.until_ended())

    async def state(self) -> str:
        """What the show's state is, as a late joiner is told."""
        async with self._http.get(self._state_url) as response:
            return str((await response.json())["state"])

    async def until_state(self, state: str, timeout_s: float = WAIT_S) -> None:
        async def so() -> bool:
            return await self.state() == state

        await eventually(so, timeout_s, f"the show is {state}", despite=DESPITE)

    async def until_painted(self, since_ms: int) -> None:
        """Wait until a picture is on air that the host painted after `since_ms`."""

        async def fresh() -> bool:
            picture = await newest_picture(self._hls, self.index_url)
            code = timecode.read(timecode.luma_of(picture), painted_width=WIDTH)
            return code is not None and (code.unix_ms - since_ms) % 2**32 < 2**31

        await eventually(fresh, WAIT_S, "a new picture is on air", despite=DESPITE)

    async def until_slate(self) -> None:
        """Wait until the words stand on a dim picture without a timecode."""

        async def slate() -> bool:
            picture = await newest_picture(self._hls, self.index_url)
            luma = picture.to_ndarray(format="yuv420p")[: picture.height]
            middle = luma[picture.height // 3 : picture.height * 2 // 3]
            dim = float((luma < 120).mean()) > 0.9
            words = 0.002 < float((middle > 190).mean()) < 0.2
            return (
                dim
                and words
                and timecode.read(timecode.luma_of(picture), painted_width=WIDTH) is None
            )

        await eventually(slate, WAIT_S, "the slate is on air", despite=DESPITE)

    def check_unbroken(self) -> None:
        """Every part was listed, in order, of one init section, without a discontinuity."""
        assert self.follower is not None
        parts = self.follower.parts
        numbers = [int(number) for number in re.findall(r"part-(\d+)", "\n".join(parts))]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len({part.init_uri for part in parts.values()}) == 1
        assert "DISCONTINUITY\n" not in self.follower.text
        assert "GAP" not in self.follower.text

    async def check_decodes(self) -> None:
        """The last parts decode to a picture a slot: the timeline did not break either."""
        assert self.follower is not None
        last = list(self.follower.parts.values())[-30:]
        first = next(index for index, part in enumerate(last) if part.independent)
        pieces = [await self._hls.media(last[first].init_uri)]
        pieces += [await self._hls.media(part.uri) for part in last[first:]]
        times = [frame.pts for frame in video_frames(pieces) if frame.pts is not None]
        steps = {b - a for a, b in itertools.pairwise(times)}
        assert steps == {3000}


def new_host(server: Node, folder: Path) -> DemoHost:
    return DemoHost(whip_url=server.whip_url(SHOW), key=KEY, log_path=folder / "host.log")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def viewer(
    hls: HlsClient, http: aiohttp.ClientSession, server: Node
) -> AsyncIterator[Viewer]:
    made = Viewer(hls, http, server)
    yield made
    if made.task is not None:
        made.task.cancel()
        await asyncio.wait({made.task})


async def test_a_host_who_falls_silent_and_one_who_dies_come_back_into_the_same_playlist(
    server: Node, viewer: Viewer, tmp_path: Path
) -> None:
    with new_host(server, tmp_path) as host:
        await viewer.join()
        await viewer.until_painted(now_ms() - 2000)
        assert await viewer.state() == "live"

        host.signal(signal.SIGSTOP)
        stopped_s = time.monotonic()
        await viewer.until_state("away", 5)
        await viewer.until_slate()
        assert time.monotonic() - stopped_s > 2, "the picture stands before the slate comes"
        host.signal(signal.SIGCONT)
        await viewer.until_painted(now_ms())
        await viewer.until_state("live")

        host.kill()
        await viewer.until_state("away", 5)
        await viewer.until_slate()
    with new_host(server, tmp_path):
        await viewer.until_painted(now_ms())
        await viewer.until_state("live")
        viewer.check_unbroken()
        await viewer.check_decodes()
    # `stop` ends the publish as its owner would: DELETE, and so the show.
    await viewer.until_state("ended")
    assert viewer.task is not None
    await asyncio.wait_for(viewer.task, WAIT_S)
    viewer.check_unbroken()


async def test_a_host_who_does_not_come_back_ends_the_show(
    server: Node, viewer: Viewer, tmp_path: Path
) -> None:
    host = new_host(server, tmp_path)
    try:
        await viewer.until_state("live")
        await viewer.join()
    finally:
        host.kill()
    await viewer.until_state("away", 5)
    lost_s = time.monotonic()
    await viewer.until_state("ended", GRACE_S + 10)
    assert time.monotonic() - lost_s > GRACE_S - 2
    assert viewer.task is not None
    await asyncio.wait_for(viewer.task, WAIT_S)
    assert viewer.follower is not None
    assert viewer.follower.ended
    viewer.check_unbroken()
