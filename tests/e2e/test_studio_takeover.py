"""Two studios want one show: the one that lost it stops, says so, and may take it back."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from bench.chromium import chromium, go_live, host_page
from bench.node import Node

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.usefixtures("chromium_here")]

SHOW, KEY = "show1", "host-key-of-the-tests"
SETTLED_MS = 20_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server whose operator lets the newcomer win."""
    settings = {"webrtc": {"second_publisher": "take_over"}}
    folder = tmp_path_factory.mktemp("node")
    with Node(folder=folder, shows={SHOW: KEY}, settings=settings) as node:
        yield node


async def expect_on_air(page: Page) -> None:
    """Wait until this page's picture arrives."""
    await expect(page.locator(".advice.fine")).to_be_visible(timeout=SETTLED_MS)


async def expect_overtaken(page: Page) -> None:
    """Wait until this page has stopped and offers the way back."""
    back = page.get_by_role("button", name="Take the show back")
    await expect(back).to_be_visible(timeout=SETTLED_MS)
    await expect(page.locator(".panel.air .problem")).to_contain_text("gone live in this show")


async def test_two_studios_do_not_fight(server: Node) -> None:
    async with chromium() as browser:
        first, second = [await host_page(browser, monitor=False) for _ in range(2)]
        await go_live(first, url=server.url, show=SHOW, key=KEY)
        await expect_on_air(first)
        await go_live(second, url=server.url, show=SHOW, key=KEY)
        await expect_on_air(second)
        await expect_overtaken(first)
        await first.get_by_role("button", name="Take the show back").click()
        await expect_on_air(first)
        await expect_overtaken(second)
        await expect_on_air(first)
