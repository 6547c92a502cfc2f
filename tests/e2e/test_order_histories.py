"""The whole server is killed, twenty times, while buyers order over HTTP: whoever got no answer
asks again with the same key, and what everybody was told agrees with what is in the database."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from bench.histories.checker import check
from bench.histories.final import read_final
from bench.histories.history import Entry, Request
from bench.node import Node
from bench.polling import eventually
from bench.shop import Buyer, ShopClient
from mediaserver.demo.stock import GOODS
from overlay.store.backup import backup

pytestmark = pytest.mark.media

SHOW, KEY = "show1", "host-key-of-the-tests"
STOCK = {"wine": 100_000, "jam": 25}
KILLS = 20
BUYERS = 8
ANSWERED_S = 60.0


class NotYet(Exception):
    """There was no answer that settles it."""


AWAY = (aiohttp.ClientError, TimeoutError, OSError)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """One show, nothing warm: it is to start fast."""
    with Node(folder=tmp_path, shows={SHOW: KEY}, settings={"spare_workers": 0}) as running:
        yield running


class Customer:
    """One viewer who orders one thing after the other."""

    def __init__(self, buyer: Buyer, *, seed: int, keys: Iterator[int], up: asyncio.Event) -> None:
        self._buyer = buyer
        self._up = up
        self._luck = random.Random(seed)
        self._keys = keys
        self._viewer = buyer.cookie.split("=", 1)[1].split(".")[1]

    async def buy(self, history: list[Entry]) -> None:
        """Go on until cancelled; the attempt in hand is then unknown."""
        while True:
            request = Request(
                viewer=self._viewer,
                key=f"key-{next(self._keys)}",
                product=self._luck.choice(list(STOCK)),
                quantity=self._luck.randint(1, 3),
            )
            await self.settle(request, history)

    async def settle(self, request: Request, history: list[Entry]) -> None:
        """Ask until there is an answer."""
        await eventually(
            lambda: self._attempt(request, history), ANSWERED_S, "there is an answer",
            despite=(NotYet,),
        )  # fmt: skip

    async def _attempt(self, request: Request, history: list[Entry]) -> bool:
        await self._up.wait()
        history.append(Entry(kind="invoke", request=request))
        try:
            reply = await self._buyer.order(request.key, {request.product: request.quantity})
        except AWAY:
            history.append(Entry(kind="unknown", request=request))
            raise NotYet from None
        except asyncio.CancelledError:
            history.append(Entry(kind="unknown", request=request))
            raise
        if reply.status in (200, 201):
            number = reply.body["order"]["number"]
            history.append(Entry(kind="ok", request=request, number=number))
        elif reply.status == 409:
            history.append(Entry(kind="fail", request=request, reason=reply.error["code"]))
        else:
            history.append(Entry(kind="unknown", request=request, reason=str(reply.status)))
            raise NotYet
        return True


async def killed_often(node: Node, history: list[Entry], up: asyncio.Event) -> None:
    """Kill every process of the server at a random point of the history, and start it again. Who is
    waiting for an answer then does not know; nobody asks a server that is not there."""
    luck = random.Random(13)
    for _ in range(KILLS):
        further = len(history) + luck.randint(5, 60)
        await eventually(lambda further=further: reached(history, further), 30, "it sells")  # type: ignore[misc]
        await asyncio.to_thread(node.kill)
        up.clear()
        await asyncio.to_thread(node.start)
        up.set()


async def reached(history: list[Entry], length: int) -> bool:
    return len(history) >= length


@pytest.mark.timeout(240)
async def test_twenty_deaths_of_the_whole_server(node: Node, tmp_path: Path) -> None:
    history: list[Entry] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        shop = ShopClient(http=http, url=node.url, show=SHOW, key=KEY)
        for product, stock in STOCK.items():
            body = {**GOODS[0].to_plain(), "stock": stock}
            assert (await shop.call("PUT", f"products/{product}", body)).status == 200
        keys, up = count(), asyncio.Event()
        up.set()
        customers = [
            Customer(await Buyer.come(http, shop), seed=n, keys=keys, up=up) for n in range(BUYERS)
        ]
        buying = [asyncio.ensure_future(each.buy(history)) for each in customers]
        await killed_often(node, history, up)
        for each in buying:
            each.cancel()
        await asyncio.gather(*buying, return_exceptions=True)
    kinds = Counter(entry.kind for entry in history)
    print(f"{KILLS} deaths: {dict(kinds)}")
    assert kinds["ok"] > KILLS
    assert kinds["unknown"] > KILLS
    backup(tmp_path / "data" / "shop.sqlite3", tmp_path / "copy.sqlite3")
    assert check(history, read_final(tmp_path / "copy.sqlite3", SHOW)) == []
