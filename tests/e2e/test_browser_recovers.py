"""A viewer's page and a host's page come back by themselves, whatever process is killed."""

import os
import signal
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from playwright.async_api import Page

from bench.chromium import chromium, go_live, host_page, seen_frames, viewer_page
from bench.hls import HlsClient
from bench.node import Node
from bench.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.usefixtures("chromium_here")]

RECOVERY_S = 40.0
"""The longest is ingest: the studio learns from the server within seconds that its session is gone;
Chromium itself would take about ten to call its connection lost."""


@pytest.fixture
async def viewer(server: Node, http: aiohttp.ClientSession, hls: HlsClient) -> AsyncIterator[Page]:
    """A viewer's page that plays what a host's page publishes."""
    (show, key), *_ = server.keys.items()
    async with chromium() as host_browser, chromium() as viewer_browser:
        host = await host_page(host_browser)
        await go_live(host, url=server.url, show=show, key=key)
        await eventually(
            lambda: hls.variants(f"{server.url}/live/{show}/index.m3u8"),
            20, "the show is on air", despite=(aiohttp.ClientError,),
        )  # fmt: skip
        page = await viewer_page(viewer_browser)
        await page.goto(f"{server.url}/watch/{show}")
        await shown_since(page, now_ms() - 5_000)
        yield page


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def shown_since(page: Page, since_ms: int) -> None:
    """Wait until the page presents a frame that was painted after `since_ms`."""

    async def fresh() -> bool:
        painted = [frame.painted_ms for frame in await seen_frames(page)]
        return any(ms is not None and (ms - since_ms) % 2**32 < 2**31 for ms in painted)

    await eventually(fresh, RECOVERY_S, "the page shows a new picture")


async def test_nobody_has_to_reload_anything(server: Node, viewer: Page) -> None:
    for role in ("gateway", "worker", "main", "ingest"):
        pids = server.pids(role)
        assert pids, f"no {role} runs"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await shown_since(viewer, now_ms())
    await eventually(lambda: is_live(viewer), RECOVERY_S, "the page says that it is live")


async def is_live(page: Page) -> bool:
    return await page.locator("comptoir-player").get_attribute("data-state") == "live"
