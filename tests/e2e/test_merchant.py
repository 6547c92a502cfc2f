"""The merchant beside a running server: a cart with two sides, and webhooks that outlive `-9`."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from bench.node import Node
from bench.polling import eventually
from bench.shop import Buyer, ShopClient
from mediaserver.demo.stock import GOODS

pytestmark = pytest.mark.media

SHOW, HOST, OPERATOR = "show1", "host-key-of-the-tests", "operator-key-of-the-tests"
SETTINGS = {
    "operator_key": OPERATOR,
    "outgoing": {"allow_private": True, "allow_http": True, "ports": []},
}


@pytest.fixture
def server(tmp_path: Any) -> Iterator[Node]:
    with Node(folder=tmp_path, shows={SHOW: HOST}, settings=SETTINGS) as node:
        yield node


@pytest.fixture
async def plain_http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def shop(server: Node, plain_http: aiohttp.ClientSession) -> ShopClient:
    host = ShopClient(http=plain_http, url=server.url, show=SHOW, key=HOST)
    product = {**GOODS[0].to_plain(), "stock": 9}
    assert (await host.call("PUT", "products/jam", product)).status == 200
    return ShopClient(http=plain_http, url=server.url, show=SHOW, key=OPERATOR)


async def test_the_merchants_cart_reaches_the_viewers_page(
    server: Node, shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    anna, bert = [await Buyer.come(plain_http, shop) for _ in range(2)]
    viewer = anna.cookie.split(".")[1]
    sockets = [
        await plain_http.ws_connect(
            f"{server.url}/live/{SHOW}/events", headers={"Cookie": who.cookie}
        )
        for who in (anna, bert)
    ]
    async with asyncio.timeout(20):
        for ws in sockets:
            assert json.loads((await ws.receive()).data)["type"] == "hello"
        cart = {"items": [{"product": "jam", "quantity": 2}], "version": 0}
        put = await shop.call("PUT", f"carts/{viewer}", cart)
        assert put.status == 200, put
        assert json.loads((await sockets[0].receive()).data) == {
            "type": "cart",
            "cart": put.body["cart"],
        }
        url = f"{shop.show_url}/cart"
        async with plain_http.get(url, headers={"Cookie": anna.cookie}) as response:
            assert (await response.json())["cart"] == put.body["cart"]
        assert (await shop.call("DELETE", "products/jam")).status == 204
        assert json.loads((await sockets[1].receive()).data)["event"] == "product_gone", (
            "nothing came between"
        )
    for ws in sockets:
        await ws.close()


async def test_what_happened_before_a_kill_is_told_after_it(
    server: Node, shop: ShopClient, plain_http: aiohttp.ClientSession
) -> None:
    told: list[dict[str, Any]] = []
    held, secret = asyncio.Event(), ""
    inside = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        plain = Webhook(secret).verify(await request.read(), dict(request.headers))
        inside.set()
        await held.wait()
        told.append({**plain, "id": request.headers["webhook-id"]})
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/in", take)])
    async with TestServer(app) as merchant:
        url = f"http://127.0.0.1:{merchant.port}/in"
        async with plain_http.post(
            f"{server.url}/api/v1/webhooks",
            json={"url": url, "events": ["order.confirmed"]},
            headers={"Authorization": f"Bearer {OPERATOR}"},
        ) as response:
            made = await response.json()
            assert response.status == 201, made
        secret = made["secret"]
        buyer = await Buyer.come(plain_http, shop)
        placed = [await buyer.order(f"key-{n}", {"jam": 1}) for n in range(3)]
        numbers = {reply.body["order"]["number"] for reply in placed}
        async with asyncio.timeout(20):
            await inside.wait()
        await asyncio.to_thread(server.kill)
        held.set()
        await asyncio.to_thread(server.start)

        async def all_told() -> bool:
            return {each["data"]["order"]["number"] for each in told} == numbers

        await eventually(all_told, 30, "every order is told")
        assert len({each["id"] for each in told}) == 3, "again, and with the same ids"
