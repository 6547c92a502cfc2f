"""Overload made real: the worker gets half the processor that its ladder needs.

The rungs drop and come back; whoever watches, by push or with hls.js, watches on.
"""

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from playwright.async_api import Browser, Page

from bench.chromium import chromium, viewer_page
from bench.hls import Follower, HlsClient
from bench.host import DemoHost
from bench.latency import NO_PUSH
from bench.node import Node
from bench.polling import eventually
from bench.slowdown import CpuUse, Slowdown

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.usefixtures("chromium_here")]

SHOW, KEY = "show1", "host-key-of-the-tests"
NEEDED = 0.5
"""Of what its ladder takes, the worker gets so much."""
SHED_S = 5.0
"""Within so much of the overload's beginning a rung is shed."""
PROFILE = {
    "name": "steep",
    "rungs": [
        {
            "name": "top",
            "height": 360,
            "bitrate_bps": 900_000,
            "max_bitrate_bps": 1_000_000,
            "preset": "fast",
        },
        {
            "name": "low",
            "height": 144,
            "bitrate_bps": 200_000,
            "max_bitrate_bps": 250_000,
            "preset": "ultrafast",
        },
    ],
}
"""Most of the work is the top rung's, so that half of it is enough once that is shed."""


@pytest.fixture(params=[5, pytest.param(30, marks=pytest.mark.soak)])
def restore_after_s(request: pytest.FixtureRequest) -> int:
    """How long the profile has the encoders keep up before a rung comes back."""
    return int(request.param)


@pytest.fixture
def server(tmp_path: Path, restore_after_s: int) -> Iterator[Node]:
    """`comptoir serve` with a profile of two rungs."""
    path = tmp_path / "steep.yaml"
    overload = {"shed": ["top_rung"], "restore_after_s": restore_after_s}
    path.write_text(yaml.safe_dump({**PROFILE, "overload": overload}), encoding="utf-8")
    with Node(folder=tmp_path, shows={SHOW: KEY}, settings={"profile": str(path)}) as node:
        yield node
    assert "Traceback" not in node.log()


class Ladder:
    """What the operator is told of the show's ladder, and what viewers are."""

    def __init__(self, http: aiohttp.ClientSession, hls: HlsClient, server: Node) -> None:
        self._http, self._hls, self._server = http, hls, server

    @property
    def index_url(self) -> str:
        return f"{self._server.url}/live/{SHOW}/index.m3u8"

    async def told(self) -> dict[str, Any]:
        """The health's `ladder`. Raises `LookupError` while there is none."""
        url = f"{self._server.url}/api/v1/shows/{SHOW}/health"
        async with self._http.get(url, headers={"Authorization": f"Bearer {KEY}"}) as response:
            ladder = (await response.json()).get("ladder")
        if ladder is None:
            raise LookupError("no ladder is told")
        return dict(ladder)

    async def until_step(self, step: int, timeout_s: float) -> None:
        """Wait until so many steps are in force."""

        async def there() -> bool:
            return bool((await self.told())["step"] == step)

        await eventually(there, timeout_s, f"step {step} is in force", despite=(LookupError,))

    async def until_sizes(self, *sizes: str) -> None:
        """Wait until the renditions have these sizes, the best first."""

        async def there() -> bool:
            lines = (await self._hls.text(self.index_url)).splitlines()
            told = [line for line in lines if line.startswith("#EXT-X-STREAM-INF")]
            return [line.split("RESOLUTION=")[1].split(",")[0] for line in told] == list(sizes)

        await eventually(there, 10, f"the renditions are {sizes}", despite=(aiohttp.ClientError,))

    async def metrics(self) -> str:
        """The page of metrics."""
        url = f"http://127.0.0.1:{self._server.admin_port}/metrics"
        async with self._http.get(url) as response:
            return await response.text()


@asynccontextmanager
async def watching(browser: Browser, server: Node, engine: str) -> AsyncIterator[Page]:
    """A page that plays by `engine`."""
    page = await viewer_page(browser)
    if engine == "hls":
        await page.add_init_script(NO_PUSH)
    await page.goto(f"{server.url}/watch/{SHOW}")
    await plays_on(page, 1)
    player = page.locator("comptoir-player")
    assert await player.get_attribute("data-engine") == engine
    yield page
    await page.close()


async def plays_on(page: Page, seconds: float) -> None:
    """Wait until the page has played so much more."""
    read = "document.querySelector('comptoir-player')?.shadowRoot?.querySelector('video')"
    video = f"({read} ?? document.querySelector('video'))?.currentTime ?? 0"
    begin = float(await page.evaluate(video))

    async def later() -> bool:
        return float(await page.evaluate(video)) - begin > seconds

    await eventually(later, 20, f"the page plays {seconds} s more")


async def needed_share(ladder: Ladder, page: Page, pid: int) -> float:
    """Of one core what the worker takes for the whole ladder."""
    while True:
        await ladder.until_step(0, 60)
        await ladder.until_sizes("640x360", "256x144")
        use = CpuUse(pid)
        await plays_on(page, 2)
        if (await ladder.told())["step"] == 0:
            return use.share


async def test_rungs_drop_and_come_back_and_players_play_on(
    server: Node,
    http: aiohttp.ClientSession,
    hls: HlsClient,
    tmp_path: Path,
    restore_after_s: int,
) -> None:
    ladder = Ladder(http, hls, server)
    host = DemoHost(whip_url=server.whip_url(SHOW), key=KEY, log_path=tmp_path / "host.log")
    with host:
        await ladder.until_step(0, 20)
        await ladder.until_sizes("640x360", "256x144")
        worker = server.worker_of(SHOW)
        async with (
            chromium() as browser,
            watching(browser, server, "push") as pushed,
            watching(browser, server, "hls") as pulled,
        ):
            follower = Follower(hls, (await hls.variants(ladder.index_url))[0])
            share = await needed_share(ladder, pushed, worker)
            with Slowdown(worker, share * NEEDED):
                began_s = time.monotonic()
                await ladder.until_step(1, 3 * SHED_S)
                took_s = time.monotonic() - began_s
                await ladder.until_sizes("256x144", "256x144")
                told = await ladder.told()
                await plays_on(pushed, 2)
                await plays_on(pulled, 2)
            assert told["rungs"][0]["mirrors"] == "low"
            assert told["sentence"] == "top is shown as low until this computer keeps up."
            assert f'comptoir_ladder_step{{process="main",show="{SHOW}"}} 1' in (
                await ladder.metrics()
            )
            await ladder.until_step(0, restore_after_s + 20)
            await ladder.until_sizes("640x360", "256x144")
            await plays_on(pushed, 2)
            await plays_on(pulled, 2)
            await follower.reload()
    assert server.worker_of(SHOW) == worker, "no encoder was lost"
    assert took_s < SHED_S
    lengths = [
        float(line.split(":")[1].rstrip(","))
        for line in follower.text.splitlines()
        if line.startswith("#EXTINF")
    ]
    assert max(lengths) <= 2
    for before, after in itertools.pairwise(follower.parts.values()):
        assert (after.msn, after.index) > (before.msn, before.index)
