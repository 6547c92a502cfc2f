"""Puts a bad line between a page that publishes and the server that the page came from."""

from playwright.async_api import Page, Route

from bench.faults.front import through
from bench.faults.process import BadLine


async def publish_through(page: Page, line: BadLine) -> None:
    """From now on the answers to what `page` publishes name `line` alone."""

    async def forward(route: Route) -> None:
        response = await route.fetch()
        if response.status == 201:
            answer = through(await response.text(), line.udp_port)
            await route.fulfill(response=response, body=answer)
        else:
            await route.fulfill(response=response)

    await page.route("**/whip", forward)
