"""A viewer's page on a line that dies without a word: it plays on by push, and loses no card."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page

from bench.card_to_frame import Audience, Stage, on_stage
from bench.chromium import CHROMIUM, chromium, presses, viewer_page
from bench.cues import Tally, card_moments, skipped
from bench.node import Node
from bench.slow_line import SlowRelay

pytestmark = [
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.usefixtures("chromium_here"),
    pytest.mark.asyncio(loop_scope="module"),
]

ENGINES = """() => {
  const player = document.querySelector("comptoir-player");
  window.engines = [player.dataset.engine];
  const note = () => window.engines.push(player.dataset.engine);
  const how = { attributes: true, attributeFilter: ["data-engine"] };
  new MutationObserver(note).observe(player, how);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(server: Node) -> AsyncIterator[Stage]:
    """The show on air from the studio, whose own line is good."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    (show, key), *_ = server.keys.items()
    async with chromium() as browser, on_stage(browser, server, show, key) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def relay(server: Node) -> AsyncIterator[SlowRelay]:
    async with SlowRelay(server.http_port, seed=1) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        yield await viewer_page(browser)


async def watch(page: Page, server: Node, relay: SlowRelay) -> Audience:
    """The page plays the show over `relay`."""
    await page.goto(f"http://localhost:{relay.port}/watch/{next(iter(server.keys))}")
    watching = Audience(page)
    await watching.settle()
    await page.evaluate(ENGINES)
    return watching


async def test_the_page_plays_on_by_push_when_its_connection_dies_unnoticed(
    server: Node, stage: Stage, relay: SlowRelay, page: Page
) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    watching = await watch(page, server, relay)
    pressed = await stage.press(1, luck=random.Random(1))
    relay.fall_silent()
    await stage.host.keyboard.press("3")
    pressed += await presses(stage.host)
    await watching.watch_past(pressed[-1])
    pressed += await stage.press(1, luck=random.Random(2))
    await watching.watch_past(pressed[-1])

    first, again = sockets
    assert "since" not in first
    assert "since=" in again
    assert set(await page.evaluate("engines")) == {"push"}
    cues = await stage.shop.cues()
    moments = card_moments(pressed, cues, watching.frames)
    tally = Tally(moments=moments, skipped=skipped(watching.frames))
    assert (tally.lost, tally.doubled) == (0, 0), moments
