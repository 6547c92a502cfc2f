"""A browser hosts, another watches: the painted timecode goes from canvas to screen."""

import itertools
import re
from collections.abc import Iterator

import aiohttp
import pytest
from playwright.async_api import ConsoleMessage, Error, Page, Request

from bench.chromium import (
    PAINTED_FPS,
    SeenFrame,
    chromium,
    go_live,
    host_page,
    seen_frames,
    viewer_page,
)
from bench.hls import HlsClient
from bench.latency import NO_PUSH
from bench.node import Node
from bench.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.usefixtures("chromium_here")]

FRAMES = 300
SETTLED_FRAMES = 90
"""What a viewer sees before it counts: joining, and the first move up the ladder."""
FRAME_MS = 1000 / PAINTED_FPS
COUNTED = re.compile(
    r'comptoir_gateway_requests_total\{.*kind="(?P<kind>\w+)",layer="(?P<layer>\w+)".*\} '
    r"(?P<count>\S+)"
)


class Complaints:
    """Everything a page complains of."""

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", self._error)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"{message.text} ({message.location.get('url', '')})")

    def _error(self, error: Error) -> None:
        self.found.append(str(error))


def gaps_ms(frames: list[SeenFrame]) -> Iterator[float]:
    """The painted time between each frame and the one presented before it."""
    for before, after in itertools.pairwise(frames):
        assert before.painted_ms is not None
        assert after.painted_ms is not None
        yield (after.painted_ms - before.painted_ms + 2**31) % 2**32 - 2**31


@pytest.mark.parametrize("engine", ["push", "hls"])
async def test_what_the_host_paints_is_what_the_viewer_sees(
    server: Node, http: aiohttp.ClientSession, hls: HlsClient, engine: str
) -> None:
    (show, key), *_ = server.keys.items()
    async with chromium() as host_browser, chromium() as viewer_browser:
        host = await host_page(host_browser)
        host_complaints = Complaints(host)
        await go_live(host, url=server.url, show=show, key=key)
        await eventually(
            lambda: hls.variants(f"{server.url}/live/{show}/index.m3u8"),
            20, "the show is on air", despite=(aiohttp.ClientError,),
        )  # fmt: skip

        viewer = await viewer_page(viewer_browser)
        if engine == "hls":
            await viewer.add_init_script(NO_PUSH)
        viewer_complaints, requests = Complaints(viewer), list[str]()
        await viewer.goto(f"{server.url}/watch/{show}")
        await collect(viewer, SETTLED_FRAMES)
        viewer.on("request", lambda request: requests.append(media_name(request)))
        frames = await collect(viewer, FRAMES)
        plays = await viewer.locator("comptoir-player").get_attribute("data-engine")
        await viewer.close()
        await host.close()

    assert [frame for frame in frames if frame.painted_ms is None] == []
    gaps = list(gaps_ms(frames))
    assert min(gaps) >= 0, "no step backward"
    late = [gap for gap in gaps if gap > 4 * FRAME_MS]
    assert len(late) <= 0.02 * len(gaps), f"uneven: {late}"
    assert plays == engine
    hot, cold = await media_requests(http, server)
    assert cold < 0.05 * (hot + cold), "a browser's connection comes back from the cold layer"
    kinds = {name.split("-")[0] for name in requests}
    assert ("part" in kinds) == (engine == "hls"), "pushed media is not asked for"
    assert "seg" not in kinds, "a low-latency player in step loads parts only"
    assert viewer_complaints.found == []
    assert host_complaints.found == []


async def media_requests(http: aiohttp.ClientSession, server: Node) -> tuple[int, int]:
    """How many responses of live media the hot layer gave, and how many the cold one."""
    counts = {"hot": 0.0, "cold": 0.0}
    async with http.get(f"http://127.0.0.1:{server.admin_port}/metrics") as response:
        for line in (await response.text()).splitlines():
            found = COUNTED.match(line)
            if found and found["kind"] in ("playlist", "part", "segment", "init"):
                counts[found["layer"]] += float(found["count"])
    return int(counts["hot"]), int(counts["cold"])


async def collect(viewer: Page, count: int) -> list[SeenFrame]:
    """The next `count` frames that the page presents."""
    frames: list[SeenFrame] = []

    async def enough() -> bool:
        frames.extend(await seen_frames(viewer))
        return len(frames) >= count

    await eventually(enough, count / PAINTED_FPS + 25, f"{count} frames were presented")
    return frames


def media_name(request: Request) -> str:
    """The last step of the address: `part-12.m4s`, `seg-3.m4s`, `media.m3u8` …"""
    return request.url.split("?")[0].rsplit("/", 1)[-1]
