"""The pictures of a show in a real browser: on the front door, before the first frame, and over the
seek bar, with the cards that were up when one goes back."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page

from bench.card_to_frame import UNPIN_KEY, Stage, on_stage
from bench.chromium import CHROMIUM, chromium
from bench.node import Node
from bench.polling import eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.usefixtures("chromium_here"),
    pytest.mark.asyncio(loop_scope="module"),
]

SOON_MS = 20_000
BACK_S = 8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(server: Node) -> AsyncIterator[Stage]:
    """The show on air from the studio, during all of this file."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    (show, key), *_ = server.keys.items()
    async with chromium() as browser, on_stage(browser, server, show, key) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        yield await a_page(browser)


async def a_page(browser: Browser) -> Page:
    return await browser.new_page(locale="en-US", viewport={"width": 1000, "height": 640})


async def is_painted(picture: Locator) -> bool:
    return bool(await picture.evaluate("img => img.complete && img.naturalWidth > 0"))


async def test_the_front_door_shows_what_is_on_air(server: Node, stage: Stage, page: Page) -> None:
    await page.goto(server.url)
    show, idle = server.keys
    card = page.get_by_role("link", name=f"Watch {show}")
    await card.wait_for(timeout=SOON_MS)
    assert await page.get_by_role("link", name=f"Watch {idle}").count() == 0

    async def painted() -> bool:
        pictures = page.locator(".on-air img[src*='poster.jpg']")
        return await pictures.count() == 1 and await is_painted(pictures)

    await eventually(painted, SOON_MS / 1000, "the poster is on the front door")
    await card.click()
    await page.locator("comptoir-player[data-state=live]").wait_for(timeout=SOON_MS)


async def test_the_poster_is_there_before_the_picture(
    server: Node, stage: Stage, page: Page
) -> None:
    await page.route_web_socket("**/events*", lambda _: None)
    await page.route("**/index.m3u8", lambda _: None)
    await page.goto(f"{server.url}/watch/{next(iter(server.keys))}")
    poster = page.locator("comptoir-player img.poster")
    await poster.wait_for(timeout=SOON_MS)

    async def painted() -> bool:
        return await is_painted(poster)

    await eventually(painted, 10, "the poster is painted")
    async with aiohttp.ClientSession() as http, http.get(page.url) as response:
        said = await response.text()
    assert f'og:image" content="/live/{next(iter(server.keys))}/poster.jpg"' in said


async def test_going_back_shows_where_to_and_the_cards_of_then(
    server: Node, stage: Stage, page: Page
) -> None:
    await page.goto(f"{server.url}/watch/{next(iter(server.keys))}")
    player = page.locator("comptoir-player")
    card = page.locator("comptoir-card .product-card").first
    await page.locator("comptoir-player[data-state=live]").wait_for(timeout=SOON_MS)
    bar = page.get_by_role("slider", name="Go back in the show")
    await stage.host.keyboard.press("1")
    await card.wait_for(timeout=SOON_MS)
    pinned_s = float(await page.locator("video").evaluate("v => v.currentTime"))
    await stage.host.keyboard.press(UNPIN_KEY)
    await card.wait_for(state="hidden", timeout=SOON_MS)

    async def far_enough() -> bool:
        return float(await page.locator("video").evaluate("v => v.currentTime")) > pinned_s + BACK_S

    await eventually(far_enough, 30, "the pin lies some seconds back")
    assert await bar.get_attribute("aria-valuetext") == "Live"
    box = await bar.bounding_box()
    assert box is not None
    await page.mouse.move(300, 200)  # the controls come
    await page.mouse.move(box["x"] + box["width"] * (1 - BACK_S / 60), box["y"] + 14, steps=8)
    preview = page.locator("comptoir-seek-bar .preview img")
    await preview.wait_for(timeout=SOON_MS)

    async def painted() -> bool:
        return await is_painted(preview)

    await eventually(painted, 10, "the preview is painted")
    await bar.focus()
    for _ in range(3):
        await page.keyboard.press("ArrowLeft")
    assert int(await bar.input_value()) in (-3, -4), "a second each"
    await page.keyboard.press("Home")  # to where this page began to watch, before the pin
    await card.wait_for(timeout=SOON_MS)
    assert "behind live" in (await bar.get_attribute("aria-valuetext") or "")
    assert int(await player.get_attribute("data-delay-ms") or 0) > 3000
    await page.keyboard.press("End")

    async def live() -> bool:
        return await bar.get_attribute("aria-valuetext") == "Live"

    await eventually(live, 10, "the page is live again")
    await card.wait_for(state="hidden", timeout=SOON_MS)
