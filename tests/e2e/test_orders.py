"""The first sale: one unit and two buyers, a repeated key, a dead server, and what is refused."""

import asyncio
import contextlib
import json
import os
import random
import secrets
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from bench.hls import Follower, HlsClient
from bench.host import DemoHost
from bench.node import Node
from bench.polling import POLL_S, eventually
from bench.shop import Buyer, Reply, ShopClient
from mediaserver.demo.stock import GOODS

pytestmark = pytest.mark.media

LEAST_KILLS, MOST_KILLS = 5, 25
RECOVERY_S = 25.0
PRODUCT = GOODS[0].to_plain()
HOUR_TICKS = 90_000 * 3600


class NotYet(Exception):
    """The server is not back yet."""


AWAY = (aiohttp.ClientError, TimeoutError, OSError, NotYet)


@pytest.fixture(scope="module")
def host(server: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHost]:
    """The show is on air during all of this file."""
    (show, key), *_ = server.keys.items()
    log_path = tmp_path_factory.mktemp("host") / "host.log"
    with DemoHost(whip_url=server.whip_url(show), key=key, log_path=log_path) as running:
        yield running


@pytest.fixture
async def plain_http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a cookie jar: each buyer brings their own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def shop(server: Node, host: DemoHost, plain_http: aiohttp.ClientSession) -> ShopClient:
    (show, key), *_ = server.keys.items()
    on_air = HlsClient(plain_http)
    await eventually(
        lambda: on_air.variants(f"{server.url}/live/{show}/index.m3u8"),
        20, "the show is on air", despite=(aiohttp.ClientError,),
    )  # fmt: skip
    return ShopClient(http=plain_http, url=server.url, show=show, key=key)


@pytest.fixture
async def stranger(server: Node, plain_http: aiohttp.ClientSession) -> ShopClient:
    """A client without a key."""
    return ShopClient(http=plain_http, url=server.url, show=next(iter(server.keys)), key="")


async def shelve(shop: ShopClient, name: str, stock: int) -> None:
    reply = await shop.call("PUT", f"products/{name}", {**PRODUCT, "stock": stock})
    assert reply.status == 200, reply


def refused(reply: Reply, status: int, code: str | None = None) -> dict[str, Any]:
    """The error of a clear refusal: a status, a code, a sentence."""
    assert reply.status == status, reply
    assert code is None or reply.error["code"] == code
    assert reply.error["message"].endswith(".")
    return reply.error


async def test_two_buyers_want_the_last_unit(
    shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    await shelve(shop, "last-one", 1)
    buyers = [await Buyer.come(plain_http, shop) for _ in range(2)]
    replies = await asyncio.gather(
        *(buyer.order(secrets.token_hex(8), {"last-one": 1}) for buyer in buyers)
    )
    won, lost = sorted(replies, key=lambda reply: reply.status)
    assert won.status == 201
    assert won.body["order"]["total_minor"] == PRODUCT["price_minor"]
    assert refused(lost, 409, "sold_out")["field"] == "last-one"
    product = await shop.product("last-one")
    assert (product["available"], product["sold_out"]) == (0, True)


async def test_a_key_that_is_sent_again_is_one_order(
    shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    await shelve(shop, "once", 9)
    buyer, key = await Buyer.come(plain_http, shop), secrets.token_hex(8)
    replies = await asyncio.gather(*(buyer.order(key, {"once": 2}) for _ in range(6)))
    replies.append(await buyer.order(key, {"once": 2}))
    assert all(reply.status in (200, 201) for reply in replies), replies
    assert len({reply.body["order"]["number"] for reply in replies}) == 1
    assert (await shop.product("once"))["available"] == 7
    refused(await buyer.order(key, {"once": 1}), 422, "idempotency_mismatch")
    other = await (await Buyer.come(plain_http, shop)).order(key, {"once": 2})
    assert other.status == 201, "a key is its viewer's own"
    assert other.body["order"]["number"] != replies[0].body["order"]["number"]


@pytest.mark.timeout(300)
async def test_main_dies_between_an_order_and_its_reply(
    server: Node, shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    """`kill -9` at a random moment around the commit, until one came after it and before the reply;
    the buyer tries on with the same key until there is one. Viewers watch on meanwhile."""
    await shelve(shop, "through-it-all", 99)
    luck = random.Random(11)
    hls = HlsClient(plain_http)
    follower = Follower(hls, (await hls.variants(server.url + "/live/show1/index.m3u8"))[-1])
    watching = asyncio.ensure_future(watch(follower))
    numbers: list[str] = []
    unanswered = 0
    while len(numbers) < LEAST_KILLS or (unanswered == 0 and len(numbers) < MOST_KILLS):
        buyer, key = await Buyer.come(plain_http, shop), secrets.token_hex(8)
        (main,) = server.pids("main")
        stored = orders_in_file(server)
        order = asyncio.ensure_future(buyer.order(key, {"through-it-all": 1}))
        await asyncio.sleep(luck.uniform(0.002, 0.016))
        os.kill(main, signal.SIGKILL)
        first = (await asyncio.gather(order, return_exceptions=True))[0]
        answered = isinstance(first, Reply) and first.status == 201
        unanswered += not answered and orders_in_file(server) > stored
        reply = await eventually(
            lambda buyer=buyer, key=key: taken(buyer, key),  # type: ignore[misc]
            RECOVERY_S, "the order has its reply", despite=AWAY,
        )  # fmt: skip
        numbers.append(reply.body["order"]["number"])
        if isinstance(first, Reply) and answered:
            assert first.body == reply.body, "what was said once is said again"
    assert unanswered, "no kill hit the moment between the commit and the reply"
    edge = follower.edge
    await eventually(lambda: further_than(follower, edge), RECOVERY_S, "the show goes on")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert len(set(numbers)) == len(numbers)
    known = [
        each["number"] for each in await shop.orders()
        if each["items"][0]["product"] == "through-it-all"
    ]  # fmt: skip
    assert sorted(known) == sorted(numbers), "one order each, and no other"
    assert (await shop.product("through-it-all"))["available"] == 99 - len(numbers)
    places = [(part.msn, part.index) for part in follower.parts.values()]
    assert len(places) > 3 * len(numbers)
    assert places == sorted(places)
    assert "#EXT-X-DISCONTINUITY\n" not in follower.text


def orders_in_file(server: Node) -> int:
    """How many orders the database holds, read past the server."""
    file = server.folder / "data" / "shop.sqlite3"
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM orders").fetchone()[0])


async def taken(buyer: Buyer, key: str) -> Reply:
    reply = await buyer.order(key, {"through-it-all": 1})
    if reply.status >= 500:
        raise NotYet(reply)
    assert reply.status in (200, 201), reply
    return reply


async def watch(follower: Follower) -> None:
    """What a player does: asks again where a blocked reload had to be let go."""
    while True:
        try:
            await follower.reload()
        except AWAY:
            await asyncio.sleep(POLL_S)


async def further_than(follower: Follower, edge: tuple[int, int]) -> bool:
    return follower.edge > (edge[0] + 1, edge[1])


async def test_what_is_not_on_the_shelf_cannot_be_ordered_or_pinned(
    shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    buyer = await Buyer.come(plain_http, shop)
    reply = await buyer.order(secrets.token_hex(8), {"nowhere": 1})
    assert reply.status in (404, 409, 422), reply
    assert reply.error["code"] == "unknown_product"
    reply = await shop.cue(type="pin", product="nowhere")
    assert reply.status in (404, 409, 422), reply
    assert reply.error["code"] == "unknown_product"


@pytest.mark.parametrize("quantity", [0, -1, 100, 10**30, 1.5, "1", None])
async def test_quantities_that_are_none(
    quantity: Any, shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    await shelve(shop, "counted", 500)
    buyer = await Buyer.come(plain_http, shop)
    reply = await buyer.order(secrets.token_hex(8), {"counted": quantity})
    assert reply.status in (400, 422), reply
    assert reply.error["message"].endswith(".")
    assert (await shop.product("counted"))["available"] == 500


@pytest.mark.parametrize("off_ms", [-(10**12), -3_600_000, -5_000, 5_000, 3_600_000, 10**13])
async def test_a_host_with_an_absurd_clock_pins_at_the_time_of_arrival(
    off_ms: int, shop: ShopClient
) -> None:
    await shelve(shop, "timely", 5)
    before = (await shop.cue(type="pin", product="timely")).body["pts"]
    claimed = time.time_ns() // 1_000_000 + off_ms
    reply = await shop.cue(type="pin", product="timely", clicked_at_ms=claimed)
    after = (await shop.cue(type="pin", product="timely")).body["pts"]
    assert reply.status == 201, reply
    assert before <= reply.body["pts"] <= after


@pytest.mark.parametrize("clicked_at_ms", [-1, 10**30, "now", True])
async def test_a_clock_that_is_none(clicked_at_ms: Any, shop: ShopClient) -> None:
    await shelve(shop, "timely", 5)
    before = len(await shop.cues())
    refused(await shop.cue(type="pin", product="timely", clicked_at_ms=clicked_at_ms), 400)
    assert len(await shop.cues()) == before


@pytest.mark.parametrize("pts", [10 * HOUR_TICKS, 2**63, -1])
async def test_a_cue_in_the_far_past_or_future(pts: int, shop: ShopClient) -> None:
    await shelve(shop, "timely", 5)
    before = len(await shop.cues())
    reply = await shop.cue(type="pin", product="timely", pts=pts)
    assert reply.status in (400, 409, 422), reply
    assert reply.error["message"].endswith(".")
    assert len(await shop.cues()) == before


async def test_a_date_of_long_ago_is_refused(shop: ShopClient) -> None:
    await shelve(shop, "timely", 5)
    for date in ("1999-12-31T23:59:59.000Z", "2999-01-01T00:00:00Z", "yesterday"):
        reply = await shop.cue(type="pin", product="timely", program_date_time=date)
        assert reply.status in (400, 409, 422), (date, reply)
        assert reply.error["message"].endswith(".")


@pytest.mark.parametrize("length", [201, 10_000, 10**6])
async def test_names_without_end(length: int, shop: ShopClient) -> None:
    reply = await shop.call("PUT", "products/long", {**PRODUCT, "name": "x" * length})
    assert reply.status in (400, 413, 422), reply.status
    assert len(json.dumps(reply.body)) < 2_000, "the name does not come back"
    assert len((await shop.call("GET", "products/long")).body or "") < 2_000


async def test_html_is_text_and_comes_back_as_it_was(shop: ShopClient) -> None:
    text = "<img src=x onerror=alert(1)> & <b>bold</b>"
    body = {**PRODUCT, "name": text, "facts": [text], "seller": text, "returns": text}
    assert (await shop.call("PUT", "products/html", body)).status == 200
    product = await shop.product("html")
    assert (product["name"], product["facts"]) == (text, [text])


@pytest.mark.parametrize("picture", ["javascript:alert(1)", "data:text/html,x", "//evil.example/x"])
async def test_pictures_that_are_no_picture(picture: str, shop: ShopClient) -> None:
    reply = await shop.call("PUT", "products/pictured", {**PRODUCT, "picture": picture})
    assert reply.status in (400, 422), reply


async def test_viewers_cannot_do_what_hosts_do(
    shop: ShopClient, stranger: ShopClient, plain_http: aiohttp.ClientSession, server: Node
) -> None:
    await shelve(shop, "mine", 5)
    buyer = await Buyer.come(plain_http, shop)
    cookie = {"Cookie": buyer.cookie}
    pin = {"type": "pin", "product": "mine"}
    for headers in ({}, cookie, {"Authorization": "Bearer not-the-key-of-this-show"}):
        for method, path, body in (
            ("POST", "cues", pin),
            ("GET", "cues", None),
            ("PUT", "products/mine", PRODUCT),
            ("DELETE", "products/mine", None),
            ("GET", "orders", None),
        ):
            reply = await stranger.call(method, path, body, headers)
            assert reply.status in (401, 403), (method, path, headers, reply)
    other_key = list(server.keys.values())[-1]
    reply = await stranger.call("POST", "cues", pin, {"Authorization": f"Bearer {other_key}"})
    assert reply.status in (401, 403), "a host key opens its own show only"


async def test_nobody_orders_without_a_session(
    shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    await shelve(shop, "mine", 5)
    for token in ("", "v1.someone.c2lnbmF0dXJl", "x" * 5_000):
        buyer = Buyer(http=plain_http, show_url=shop.show_url, token=token)
        reply = await buyer.order(secrets.token_hex(8), {"mine": 1})
        assert reply.status in (401, 403), reply
    assert (await shop.product("mine"))["available"] == 5


async def test_an_order_needs_a_key_of_its_own(
    shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    await shelve(shop, "mine", 5)
    buyer = await Buyer.come(plain_http, shop)
    for key in ("", "x" * 5_000):
        reply = await buyer.order(key, {"mine": 1})
        assert reply.status in (400, 422), reply
    assert (await shop.product("mine"))["available"] == 5


async def test_foreign_pages_get_no_socket_and_place_no_order(
    server: Node, shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    events = f"{server.url}/live/{next(iter(server.keys))}/events"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await plain_http.ws_connect(events, origin="https://evil.example")
    assert refusal.value.status == 403
    async with plain_http.ws_connect(events, origin=server.url) as socket:
        assert (await socket.receive_json(timeout=5))["type"] == "hello"
    buyer = await Buyer.come(plain_http, shop)
    reply = await shop.call(
        "POST", "orders", {"items": []},
        {"Cookie": buyer.cookie, "Origin": "https://evil.example", "Idempotency-Key": "k"},
    )  # fmt: skip
    assert reply.status == 403, reply


async def test_stock_and_orders_reach_every_socket_in_order(
    server: Node, shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    await shelve(shop, "watched", 3)
    events = f"{server.url}/live/{next(iter(server.keys))}/events"
    async with plain_http.ws_connect(events, origin=server.url) as socket:
        hello = await socket.receive_json(timeout=5)
        assert hello["state"]["products"]["watched"]["available"] == 3
        buyer = await Buyer.come(plain_http, shop)
        for _ in range(3):
            assert (await buyer.order(secrets.token_hex(8), {"watched": 1})).status == 201
        told: list[dict[str, Any]] = []
        while sum(data["quantity"] for data in of_watched(told, "order")) < 3:
            message = await socket.receive_json(timeout=5)
            if message["type"] == "event":
                told.append(message)
    offsets = [event["offset"] for event in told]
    assert offsets == list(range(hello["offset"] + 1, hello["offset"] + 1 + len(told)))
    stock, orders = of_watched(told, "stock"), of_watched(told, "order")
    left = [each["available"] for each in stock]
    assert left == sorted(left, reverse=True)
    assert (left[-1], stock[-1]["sold_out"], stock[-1]["variant"]) == (0, True, "default")
    assert sum(each["orders"] for each in orders) == 3


def of_watched(told: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """What was told of one product: that of others may still come from the tests before."""
    data = [event["data"] for event in told if event["event"] == kind]
    return [each for each in data if each["product"] == "watched"]
