"""The demo's shopkeeper: fills the shelf and shows one thing after the other, by the API.

A client of the REST API like any other: it gets an address and the host key, nothing else. Where
the server is away, busy or not on air it tries again, for ever; any other refusal ends it with the
server's sentence.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import structlog
from yarl import URL

from mediaserver.demo.stock import GOODS, Good
from mediaserver.errors import ComptoirError

log = structlog.get_logger()

SHOWN_S, PAUSE_S = 8.0, 3.0
AGAIN_S = 1.0
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_NOT_YET = "not_on_air"

Sleep = Callable[[float], Awaitable[object]]
ClockMs = Callable[[], int]


class ApiRefused(ComptoirError):
    """The API refused what the shopkeeper asked for, and will again; the message is its own."""

    code = "api_refused"


def api_url(whip_url: str) -> URL:
    """The API address of the show that a WHIP endpoint belongs to: same origin, same name.

    Raises `ValueError` where `whip_url` is not ``…/live/{show}/whip``.
    """
    match URL(whip_url).path.split("/"):
        case ["", "live", show, "whip"] if show:
            return URL(whip_url).with_path(f"/api/v1/shows/{show}").with_query(None)
    raise ValueError(f"{whip_url!r} is no WHIP endpoint such as http://…/live/demo/whip")


class Shopkeeper:
    """Sells `goods` in one show. The HTTP session is the caller's."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        show_url: URL,
        key: str,
        goods: Sequence[Good] = GOODS,
        sleep: Sleep = asyncio.sleep,
        now_ms: ClockMs = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._http, self._show_url = http, show_url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._goods = goods
        self._sleep, self._now_ms = sleep, now_ms

    async def run(self) -> None:
        """Fill the shelf, then show the goods in turn until cancelled. Raises `ApiRefused`."""
        await self.fill()
        for good in itertools.cycle(self._goods):
            await self._until_taken("POST", "cues", lambda good=good: self._pin(good))  # type: ignore[misc]
            await self._sleep(SHOWN_S + PAUSE_S)

    async def fill(self) -> None:
        """Put every good on the shelf. Raises `ApiRefused`."""
        for good in self._goods:
            await self._until_taken("PUT", f"products/{good.id}", good.to_plain)
        log.info("demo_shelf_filled", products=len(self._goods))

    def _pin(self, good: Good) -> dict[str, Any]:
        return {
            "type": "pin",
            "product": good.id,
            "duration_ms": round(SHOWN_S * 1000),
            "clicked_at_ms": self._now_ms(),
        }

    async def _until_taken(
        self, method: str, path: str, body: Callable[[], dict[str, Any]]
    ) -> None:
        """Send `body`, made anew for each attempt. Raises `ApiRefused` where that is pointless."""
        while True:
            try:
                if await self._sent(method, path, body()):
                    return
            except (aiohttp.ClientError, TimeoutError) as exc:
                log.debug("demo_api_away", reason=str(exc) or type(exc).__name__)
            await self._sleep(AGAIN_S)

    async def _sent(self, method: str, path: str, body: dict[str, Any]) -> bool:
        async with self._http.request(
            method, self._show_url / path, json=body, headers=self._headers, timeout=_TIMEOUT,
            allow_redirects=False,
        ) as response:  # fmt: skip
            if response.status < 300:
                return True
            code, message = await _error(response)
            if response.status >= 500 or response.status == 429 or code == _NOT_YET:
                return False
            raise ApiRefused(f"The server refused {method} {path}: {response.status} {message}")


async def _error(response: aiohttp.ClientResponse) -> tuple[str, str]:
    """The code and the sentence of an API error; the HTTP reason where it is none."""
    try:
        error = (await response.json())["error"]
        return str(error["code"]), str(error["message"])
    except (aiohttp.ContentTypeError, ValueError, LookupError, TypeError):
        return "", str(response.reason)
