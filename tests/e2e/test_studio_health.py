"""The studio says how the connection fares, and mends what the browser has not noticed yet."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from playwright.async_api import Page, Route, expect

from bench.chromium import chromium, go_live, host_page
from bench.faults.front import served_port, through
from bench.faults.link import Impairment, RandomLoss
from bench.faults.profiles import Profile
from bench.faults.relay import Relay
from bench.node import Node
from bench.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.usefixtures("chromium_here")]

HINT_MS = 45_000
"""A browser that has given way climbs slowly when the line is good again."""
CALM = Profile(name="calm")
LOSSY = Profile(name="lossy", trouble=Impairment(loss=RandomLoss(share=0.08)))
SLOW = Profile(name="slow", trouble=Impairment(rate_bps=300_000), one_way=True)
DARK = Profile(name="dark", trouble=Impairment(blackout=True))


@dataclass(kw_only=True)
class Host:
    """A studio whose media, and nothing else, goes through a relay."""

    page: Page
    relay: Relay
    resumed: list[str | None] = field(default_factory=list)
    """`Comptoir-Resume` of each publish."""
    resource: str = ""
    """The WHIP resource of the last one."""

    def line(self, profile: Profile) -> None:
        """The line is like this from now on."""
        self.relay.profile = profile
        self.relay.arm()

    async def has_resumed(self) -> bool:
        """Whether it has published more than once."""
        return len(self.resumed) > 1

    async def expect_hint(self, hint: str) -> None:
        """Wait until the host is given this hint."""
        await expect(self.page.locator(f'[data-hint="{hint}"]')).to_be_visible(timeout=HINT_MS)

    async def expect_no_hint(self, hint: str) -> None:
        """Wait until this hint is taken back, whatever else the machine has to complain of."""
        await expect(self.page.locator(f'[data-hint="{hint}"]')).to_be_hidden(timeout=HINT_MS)

    async def expect_fine(self) -> None:
        """Wait until the host is told that all is well."""
        await expect(self.page.locator(".advice.fine")).to_be_visible(timeout=HINT_MS)


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    """A calm line that leads nowhere yet."""
    relay = Relay(CALM, target_port=None, seed=4)
    try:
        yield relay
    finally:
        await relay.close()


@pytest.fixture
async def host(server: Node, relay: Relay, http: aiohttp.ClientSession) -> AsyncIterator[Host]:
    """On air, on a calm line. At the end the show is off air, so that the next host may begin."""
    (show, key), *_ = server.keys.items()
    port = await relay.open()
    async with chromium() as browser:
        page = await host_page(browser, monitor=False)
        host = Host(page=page, relay=relay)

        async def publish(route: Route) -> None:
            host.resumed.append(await route.request.header_value("Comptoir-Resume"))
            response = await route.fetch()
            body = await response.text()
            if response.status == 201:
                host.resource = response.headers["location"]
                relay.aim(served_port(body))
                body = through(body, port)
            await route.fulfill(response=response, body=body)

        await page.route("**/whip", publish)
        await go_live(page, url=server.url, show=show, key=key)
        await host.expect_fine()
        yield host
    bearer = {"Authorization": f"Bearer {key}"}
    async with http.delete(host.resource, headers=bearer) as ended:
        assert ended.status == 200


@pytest.mark.parametrize(("line", "hint"), [(LOSSY, "uplink_loss"), (SLOW, "uplink_slow")])
async def test_the_host_is_told_of_a_bad_line_and_of_its_end(
    host: Host, line: Profile, hint: str
) -> None:
    assert "Mb/s" in await host.page.locator(".connection").inner_text()
    host.line(line)
    await host.expect_hint(hint)
    host.line(CALM)
    await host.expect_no_hint(hint)
    assert host.resumed == [None], "nothing was published anew"


async def test_media_that_the_server_lost_is_published_anew_by_itself(host: Host) -> None:
    host.line(DARK)
    await eventually(host.has_resumed, 20, "the studio publishes again")
    host.line(CALM)
    await host.expect_fine()
    first, *again = host.resumed
    assert first is None
    assert all(again), "each names the session that it goes on from"
