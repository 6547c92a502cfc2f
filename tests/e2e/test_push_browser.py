"""Media push in a real browser: what plays when, and cards on their frames through a switch."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, WebSocketRoute

from bench.card_to_frame import Audience, Stage, on_stage, switch_rendition
from bench.chromium import CHROMIUM, chromium, viewer_page
from bench.cues import Tally, card_moments, skipped
from bench.node import Node
from bench.polling import eventually
from bench.report import percentile

pytestmark = [
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.usefixtures("chromium_here"),
    pytest.mark.asyncio(loop_scope="module"),
]

PINS = 4
ATTEMPTS = 3
CHANGE_S = 15.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(server: Node) -> AsyncIterator[Stage]:
    """The show on air from the studio, during all of this file."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    (show, key), *_ = server.keys.items()
    async with chromium() as browser, on_stage(browser, server, show, key) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def viewers() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


def watch_url(server: Node) -> str:
    return f"{server.url}/watch/{next(iter(server.keys))}"


async def noted(page: Page, name: str) -> str | None:
    return await page.locator("comptoir-player").get_attribute(f"data-{name}")


async def test_a_page_whose_socket_is_refused_plays_by_hls(
    server: Node, stage: Stage, viewers: Browser
) -> None:
    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close(code=1011)

    page = await viewer_page(viewers)
    await page.route_web_socket("**/events*", refuse)
    await page.goto(watch_url(server))
    watching = Audience(page)
    await watching.settle(30)
    assert await noted(page, "engine") == "hls"
    await page.close()


async def test_a_page_pauses_and_goes_live_again_by_push(
    server: Node, stage: Stage, viewers: Browser
) -> None:
    page = await viewer_page(viewers)
    await page.goto(watch_url(server))
    watching = Audience(page)
    await watching.settle()
    assert await noted(page, "engine") == "push"
    video = page.locator("video")
    await page.keyboard.press("ArrowLeft")
    live = page.get_by_role("button", name="Go to live")
    await live.wait_for(timeout=CHANGE_S * 1000)
    behind_s = await video.evaluate("v => v.buffered.end(v.buffered.length - 1) - v.currentTime")
    assert behind_s > 1
    await live.click()

    async def near() -> bool:
        return int(await noted(page, "delay-ms") or 1e6) < 1500

    await eventually(near, CHANGE_S, "the page is live again")
    await page.close()


async def test_a_card_stays_on_its_frame_through_a_switch_of_the_rendition(
    server: Node, stage: Stage, viewers: Browser
) -> None:
    steady = 0
    for attempt in range(ATTEMPTS):
        watching = Audience(await viewer_page(viewers))
        await watching.page.goto(watch_url(server))
        await watching.settle()
        before = len(await stage.shop.cues())
        pressed = await stage.press(PINS, luck=random.Random(attempt))
        await switch_rendition(watching)
        pressed += await stage.press(PINS, luck=random.Random(-attempt - 1))
        await watching.watch_past(pressed[-1], frames=40)
        assert await noted(watching.page, "engine") == "push"
        await watching.page.close()
        cues = (await stage.shop.cues())[before:]
        moments = card_moments(pressed, cues, watching.frames)
        tally = Tally(moments=moments, skipped=skipped(watching.frames))
        assert (tally.lost, tally.doubled) == (0, 0), [each.error for each in moments]
        errors = tally.steady.errors
        assert not errors or percentile(errors, 0.95) <= 1, errors
        steady += len(errors)
        if steady >= PINS:
            return
    pytest.fail(f"the picture was steady around {steady} moments only: the machine is too busy")
