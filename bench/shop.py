"""A client of the REST API for benches and end-to-end tests; it hides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from mediaserver.demo.stock import GOODS, Good

TIMEOUT = aiohttp.ClientTimeout(total=10)
VIEWER_COOKIE = "comptoir_viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the API."""

    status: int
    body: Any
    """The JSON, or None where there is none."""

    @property
    def error(self) -> dict[str, Any]:
        """The error's code, message and perhaps field. Raises where it is none."""
        error = self.body["error"]
        assert isinstance(error, dict), self.body
        return error


class ShopClient:
    """One show's API, as its host. The HTTP session is the caller's and keeps no cookies."""

    def __init__(self, *, http: aiohttp.ClientSession, url: str, show: str, key: str) -> None:
        self._http = http
        self.api_url = f"{url}/api/v1"
        self.show_url = f"{self.api_url}/shows/{show}"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Any request below the show's address."""
        return await _call(
            self._http,
            method,
            f"{self.show_url}/{path}",
            body,
            {**self._headers, **(headers or {})},
        )

    async def fill(self, goods: Sequence[Good] = GOODS) -> None:
        """Put `goods` on the shelf. Raises `AssertionError` unless all are taken."""
        for good in goods:
            reply = await self.call("PUT", f"products/{good.id}", good.to_plain())
            assert reply.status == 200, reply

    async def cue(self, **body: Any) -> Reply:
        """Ask for a cue: `type` and whatever else its body may have."""
        return await self.call("POST", "cues", body)

    async def cues(self) -> list[dict[str, Any]]:
        """Every cue that the API lists, in order."""
        reply = await self.call("GET", "cues")
        assert reply.status == 200, reply
        cues = reply.body["cues"]
        assert isinstance(cues, list)
        return cues

    async def product(self, name: str) -> dict[str, Any]:
        """One product as everyone sees it."""
        reply = await self.call("GET", "products")
        found = [each for each in reply.body["products"] if each["id"] == name]
        assert len(found) == 1, reply
        return dict(found[0])

    async def orders(self) -> list[dict[str, Any]]:
        """Every order of the show."""
        reply = await self.call("GET", "orders")
        assert reply.status == 200, reply
        return list(reply.body["orders"])


class Buyer:
    """An anonymous viewer with a session of its own."""

    def __init__(self, *, http: aiohttp.ClientSession, show_url: str, token: str) -> None:
        self._http, self._show_url, self._token = http, show_url, token

    @classmethod
    async def come(cls, http: aiohttp.ClientSession, shop: ShopClient) -> Self:
        """Get a session."""
        async with http.post(
            f"{shop.api_url}/viewer", json={}, timeout=TIMEOUT, raise_for_status=True
        ) as response:
            token = response.cookies[VIEWER_COOKIE].value
        return cls(http=http, show_url=shop.show_url, token=token)

    @property
    def cookie(self) -> str:
        """The `Cookie` header that is the session."""
        return f"{VIEWER_COOKIE}={self._token}"

    async def order(self, key: str, items: Mapping[str, int]) -> Reply:
        """Order so many of each product, under an idempotency key."""
        body = {"items": [{"product": name, "quantity": count} for name, count in items.items()]}
        headers = {"Idempotency-Key": key, "Cookie": self.cookie}
        return await _call(self._http, "POST", f"{self._show_url}/orders", body, headers)


async def _call(
    http: aiohttp.ClientSession, method: str, url: str, body: Any, headers: Mapping[str, str]
) -> Reply:
    async with http.request(
        method, url, json=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
    ) as response:
        is_json = response.content_type == "application/json"
        return Reply(status=response.status, body=await response.json() if is_json else None)
