"""A viewer's page whose line dies without a word or narrows, or whose server has no room for it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, WebSocketRoute

from bench.card_to_frame import Audience, Stage, on_stage
from bench.chromium import CHROMIUM, chromium, viewer_page
from bench.cues import by_card, onsets
from bench.node import Node
from bench.polling import eventually
from bench.slow_line import SlowRelay, Trouble

pytestmark = [
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.usefixtures("chromium_here"),
    pytest.mark.asyncio(loop_scope="module"),
]

SETTLE_FRAMES = 60
CHANGE_S = 60.0
HOPEFUL = """Object.defineProperty(navigator, "connection", { value: { downlink: 10 } });"""
"""The browser says that the line is fast, so the page begins with the best."""
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
    await watching.settle(SETTLE_FRAMES)
    await page.evaluate(ENGINES)
    return watching


async def test_the_page_plays_on_by_push_when_its_connection_dies_unnoticed(
    server: Node, stage: Stage, relay: SlowRelay, page: Page
) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    watching = await watch(page, server, relay)
    pins = [await pin(stage, "1")]
    await shows(watching, pins[-1])
    relay.fall_silent()
    pins.append(await pin(stage, "3"))
    await shows(watching, pins[-1])
    pins.append(await pin(stage, "2"))
    await shows(watching, pins[-1])

    first, again = sockets
    assert "since" not in first
    assert "since=" in again
    assert set(await page.evaluate("engines")) == {"push"}
    seen = onsets(watching.frames, by_card)
    assert [len(seen[each]) for each in pins] == [1, 1, 1]


async def pin(stage: Stage, key: str) -> str:
    """Press that key of the studio: the id of the cue that came of it."""
    before = len(await stage.shop.cues())
    await stage.host.keyboard.press(key)

    async def come() -> str:
        cues = await stage.shop.cues()
        return str(cues[before]["id"]) if len(cues) > before else ""

    return await eventually(come, CHANGE_S, "the pin is in the log")


async def shows(watching: Audience, cue: str) -> None:
    """Watch until its card is on screen."""
    await watching.until(lambda: cue in watching.frames[-1].cards, "the card is on screen")


async def test_a_full_server_is_said_to_be_full_and_plays_when_it_has_room(
    server: Node, stage: Stage, page: Page
) -> None:
    show = next(iter(server.keys))
    asked: list[str] = []

    async def refuse(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=503, headers={"Retry-After": "2"}, body="{}")

    async def hang_up(socket: WebSocketRoute) -> None:
        await socket.close(code=1011)

    await page.route_web_socket("**/events*", hang_up)
    await page.route(f"**/live/{show}/index.m3u8", refuse)
    await page.goto(f"{server.url}/watch/{show}")
    words = page.get_by_text("Many are watching; trying again")
    await words.first.wait_for(timeout=30_000)
    assert len(asked) == 1
    await page.unroute(f"**/live/{show}/index.m3u8")
    watching = Audience(page)
    await watching.settle(30)
    assert await words.count() == 0


async def test_the_rendition_goes_down_while_the_line_is_narrow_and_up_after_it(
    server: Node, stage: Stage, relay: SlowRelay, page: Page
) -> None:
    await page.add_init_script(HOPEFUL)
    relay.trouble = wide = Trouble(rtt_s=0.03, loss=0, bps=3_000_000)
    await watch(page, server, relay)
    await plays(page, "480p")
    relay.trouble = replace(wide, bps=600_000)
    await plays(page, "360p")
    relay.trouble = wide
    await plays(page, "480p")
    assert set(await page.evaluate("engines")) == {"push"}


async def plays(page: Page, rendition: str) -> None:
    """Wait until that is on screen."""

    async def does() -> bool:
        noted = await page.locator("comptoir-player").get_attribute("data-rendition")
        return noted == rendition

    await eventually(does, CHANGE_S, f"{rendition} is on screen")
