"""Products fetched from another shop's API through the one safe client, page by page.

Keys are used for the requests and nothing else: they are in no message, log or table. All answers
of one shop together are bounded in bytes, in rows and in values (`_Intake`), and decoded and read
in threads, so that no shop holds up the loop; the caller bounds the time.
"""

import asyncio
import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from overlay.catalog.imports import rows, shopify_api, woo_api
from overlay.catalog.imports.rows import MAX_FILE_BYTES, NoImport, Parsed, Terms
from overlay.errors import InvalidInput
from overlay.outgoing import Outgoing, OutgoingReply

MAX_PAGE_BYTES = 4 * 1024 * 1024
MAX_VALUES = 1_500_000
"""In all answers together: a value takes a few bytes of JSON, and a hundred when it is decoded."""
_WOO = "/wp-json/wc/v3"
_WOO_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopify:
    """An Admin API."""

    address: str
    """``https://NAME.myshopify.com``."""
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Woo:
    """A WooCommerce REST API."""

    address: str
    """Of the WordPress site, its path included."""
    key: str = field(repr=False)
    secret: str = field(repr=False)


async def fetch_file(outgoing: Outgoing, url: str) -> bytes:
    """A feed or an export at an address. Raises `NoImport`, `OutgoingFailed`."""
    return _good(await outgoing.request("GET", url, max_bytes=MAX_FILE_BYTES)).body


async def fetch_shopify(outgoing: Outgoing, shop: Shopify, terms: Terms) -> Parsed:
    """Every product of the shop. Raises `NoImport`, `OutgoingFailed`."""
    url, intake = _base(shop.address) + shopify_api.PATH, _Intake(outgoing)
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Access-Token": _secret(shop.token, "token"),
    }

    async def ask(query: str, connection: str) -> tuple[list[Any], Any]:
        found: list[Any] = []
        after: str | None = None
        first: Any = None
        while True:
            body = json.dumps({"query": query, "variables": {"after": after}}).encode()
            answer = await intake.json("POST", url, headers, body)
            first = first or answer
            nodes, after = shopify_api.page(answer, connection)
            intake.count_rows(len(nodes))
            found += nodes
            if after is None:
                return found, first
            if not nodes:
                raise NoImport(f"Shopify names another page of {connection} after an empty one.")

    products, first = await ask(shopify_api.PRODUCTS, "products")
    variants, _ = await ask(shopify_api.VARIANTS, "productVariants")
    currency = shopify_api.currency_of(first)
    return await asyncio.to_thread(shopify_api.parse, products, variants, currency, terms)


async def fetch_woo(outgoing: Outgoing, shop: Woo, terms: Terms) -> Parsed:
    """Every published product of the shop. Raises `NoImport`, `OutgoingFailed`."""
    base, intake = _base(shop.address) + _WOO, _Intake(outgoing)
    pair = f"{_secret(shop.key, 'key')}:{_secret(shop.secret, 'secret')}"
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async def pages(path: str) -> list[Any]:
        found: list[Any] = []
        for page in itertools.count(1):
            url = f"{base}{path}?per_page={_WOO_PER_PAGE}&page={page}&status=publish"
            answer = await intake.json("GET", url, headers)
            if not isinstance(answer, list):
                raise NoImport("WooCommerce's answer is no list.")
            intake.count_rows(len(answer))
            found += answer
            if len(answer) < _WOO_PER_PAGE:
                break
        return found

    products = await pages("/products")
    variable = [product["id"] for product in products if woo_api.is_variable(product)]
    variations: dict[int, list[Any]] = {}
    for number in variable:
        if isinstance(number, int):
            variations[number] = await pages(f"/products/{number:d}/variations")
    currency = terms.currency
    if currency is None:
        url = f"{base}/settings/general/woocommerce_currency"
        setting = await intake.json("GET", url, headers)
        currency = setting.get("value") if isinstance(setting, Mapping) else None
        if not isinstance(currency, str):
            raise NoImport("WooCommerce names no currency: say which, as in currency=EUR.")
    return await asyncio.to_thread(woo_api.parse, products, variations, currency, terms)


class _Intake:
    """What one import takes from a shop: no more than a file may hold."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._bytes_left = MAX_FILE_BYTES
        self._values_left = MAX_VALUES
        self._rows = 0

    async def json(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Any:
        """One more answer. Raises `NoImport`, `OutgoingFailed`."""
        most = min(MAX_PAGE_BYTES, self._bytes_left)
        reply = await self._outgoing.request(
            method, url, headers=headers, body=body, max_bytes=most
        )
        content = _good(reply).body
        self._bytes_left -= len(content)
        self._values_left -= sum(map(content.count, (b",", b"[", b"{")))
        if self._bytes_left <= 0 or self._values_left < 0:
            raise NoImport(
                "The shop's answers hold too much: "
                f"{MAX_FILE_BYTES} bytes, or {MAX_VALUES} values, are the most."
            )
        return await asyncio.to_thread(_decoded, content)

    def count_rows(self, more: int) -> None:
        """Raise `NoImport` when there are too many, before the next page is asked for."""
        self._rows += more
        rows.refuse_many(self._rows)


def _base(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = None
    if parts is None or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise InvalidInput(
            "address must be the shop's own, such as https://name.example.", field="address"
        )
    return address.rstrip("/")


def _secret(value: str, name: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or len(value) > 500:
        raise InvalidInput(f"{name} must be a key of printable ASCII characters.", field=name)
    return value


def _good(reply: OutgoingReply) -> OutgoingReply:
    if reply.status in (401, 403):
        raise NoImport(f"The shop does not accept the key ({reply.status}).")
    if reply.status == 429:
        raise NoImport("The shop asks for patience (429). Try again in a minute.")
    if reply.status != 200:
        raise NoImport(f"The shop answered with status {reply.status}.")
    return reply


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise NoImport("The shop's answer is not JSON.") from None
