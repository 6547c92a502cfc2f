"""Webhooks on real sockets: signed, tried again, never to where no request may go."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook, WebhookVerificationError

from mediaserver.bus.messages import ShowSnapshot, ShowStatus
from mediaserver.config import OutgoingConfig
from mediaserver.outgoing import SafeClient
from mediaserver.shop_desk import ShopDesk
from mediaserver.webhooks import MAX_EACH, WebhookDesk
from overlay.catalog.products import ProductDraft
from overlay.errors import StoreUnavailable
from overlay.hooks.schedule import CEILING_S
from overlay.hooks.values import Delivery, Endpoint
from overlay.orders.values import OrderLine
from overlay.outgoing import OutgoingFailed
from overlay.shop import Shop
from overlay.store.engine import Store
from overlay.values import ShowEvent

DRAFT = ProductDraft(
    name="Wine", facts=(), picture=None, price_minor=1, currency="EUR", stock=999, seller="",
    returns="",
)  # fmt: skip
OPEN = OutgoingConfig(allow_private=True, allow_http=True, ports=())


@dataclass
class Hands:
    """A clock that only the test turns, from now on."""

    us: int = field(default_factory=lambda: time.time_ns() // 1000)

    def __call__(self) -> int:
        self.us += 1
        return self.us

    def turn_s(self, seconds: float) -> None:
        self.us += round(seconds * 1e6)


class Nobody:
    def snapshot(self, snapshot: ShowSnapshot) -> None: ...

    def event(self, event: ShowEvent) -> None: ...


@dataclass
class Receiver:
    """Takes webhooks as a merchant would, and answers as it is told."""

    secret: str = ""
    status: int = 200
    body: bytes = b""
    taken: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    inside: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = dict(request.headers)
        plain = Webhook(self.secret).verify(body, headers)
        self.headers.append({**headers, "body": body.decode()})
        self.ids.append(headers["webhook-id"])
        self.inside += 1
        self.news.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.inside -= 1
        self.taken.append(plain)
        self.news.set()
        return web.Response(status=self.status, body=self.body)


@dataclass
class World:
    """A shop with its desks; receivers come and go."""

    desk: ShopDesk
    hands: Hands
    client: SafeClient
    names: dict[str, list[str]]
    servers: list[TestServer] = field(default_factory=list)
    hooks: WebhookDesk | None = None

    async def receiver(self, **more: Any) -> tuple[Receiver, Endpoint]:
        """Somebody who is registered, on a port of their own."""
        receiver = Receiver(**more)
        app = web.Application()
        app.add_routes([web.post("/in", receiver.take)])
        server = TestServer(app)
        await server.start_server()
        self.servers.append(server)
        self.names["shop.example"] = ["127.0.0.1"]
        url = f"http://shop.example:{server.port}/in"
        hook = await self.desk.read(lambda shop: shop.add_endpoint(show=None, url=url, events=()))
        receiver.secret = hook.secrets[0].secret
        return receiver, hook

    async def order(self, key: str) -> None:
        """Somebody orders."""
        await self.desk.change(
            lambda shop: (
                done := shop.place_order(
                    "one", viewer="anna", key=key, lines=[OrderLine(product="wine", quantity=1)]
                ),
                done.events,
            )
        )

    async def deliveries(self, hook: Endpoint) -> tuple[Delivery, ...]:
        found, _ = await self.desk.read(lambda shop: shop.deliveries(hook.id))
        return found

    async def until(self, hook: Endpoint, **wanted: object) -> Delivery:
        """The newest delivery, once it is so."""
        async with asyncio.timeout(20):
            while True:
                found = await self.deliveries(hook)
                if found and all(getattr(found[0], n) == value for n, value in wanted.items()):
                    return found[0]

    def start(self) -> WebhookDesk:
        """Begin to send."""
        self.hooks = WebhookDesk(desk=self.desk, client=self.client, look_every_s=0.005)
        self.hooks.start()
        return self.hooks


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    hands, names = Hands(), dict[str, list[str]]()

    async def resolve(host: str) -> list[str]:
        return names.get(host, [])

    desk = ShopDesk(
        lambda: Shop(Store.open(tmp_path / "s"), utc_us=hands), shows=("one",), audience=Nobody()
    )
    await desk.start()
    await desk.change(lambda shop: (None, shop.put_product("one", "wine", DRAFT).events))
    async with SafeClient(OPEN, resolve=resolve) as client:
        made = World(desk=desk, hands=hands, client=client, names=names)
        yield made
        if made.hooks is not None:
            await made.hooks.close()
    for server in made.servers:
        await server.close()
    await desk.close()


async def happens(receiver: Receiver, holds: Callable[[], object]) -> None:
    """Wait until what the receiver has seen is so."""
    async with asyncio.timeout(20):
        while not holds():
            receiver.news.clear()
            await receiver.news.wait()


async def test_an_order_is_told_signed(world: World) -> None:
    receiver, hook = await world.receiver()
    world.start()
    await world.order("k")
    await world.until(hook, state="sent", status=200, attempts=1)
    plain, headers = receiver.taken[0], receiver.headers[0]
    assert (plain["type"], plain["data"]["order"]["total_minor"]) == ("order.confirmed", 1)
    assert headers["Content-Type"] == "application/json"
    other = "whsec_" + "A" * 32
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(headers["body"], headers)


async def test_both_secrets_hold_while_they_are_turned_over(world: World) -> None:
    receiver, hook = await world.receiver()
    turned = await world.desk.read(lambda shop: shop.rotate_endpoint(hook.id))
    world.start()
    await world.order("k")
    await world.until(hook, state="sent")
    assert receiver.taken, "verified by the old secret"
    headers = receiver.headers[0]
    assert Webhook(turned.secrets[0].secret).verify(headers["body"], headers)


async def test_who_fails_is_asked_again_with_the_same_id(world: World) -> None:
    receiver, hook = await world.receiver(status=500)
    world.start()
    await world.order("k")
    first = await world.until(hook, state="waiting", status=500, attempts=1)
    assert first.due_us > world.hands.us
    world.hands.turn_s(CEILING_S)
    await world.until(hook, state="waiting", attempts=2)
    receiver.status = 204
    world.hands.turn_s(CEILING_S)
    await world.until(hook, state="sent", status=204, attempts=3)
    assert receiver.ids == [first.message] * 3


async def test_who_is_dead_is_told_when_they_are_back(world: World, unused_tcp_port: int) -> None:
    world.names["shop.example"] = ["127.0.0.1"]
    url = f"http://shop.example:{unused_tcp_port}/in"
    hook = await world.desk.read(lambda shop: shop.add_endpoint(show=None, url=url, events=()))
    world.start()
    await world.order("k")
    dead = await world.until(hook, attempts=1, status=None)
    assert dead.error is not None
    assert dead.error.startswith("shop.example cannot be asked")
    receiver = Receiver(secret=hook.secrets[0].secret)
    app = web.Application()
    app.add_routes([web.post("/in", receiver.take)])
    server = TestServer(app, port=unused_tcp_port)
    await server.start_server()
    world.servers.append(server)
    world.hands.turn_s(CEILING_S)
    await world.until(hook, state="sent", attempts=2)


async def test_gone_is_taken_at_its_word(world: World) -> None:
    receiver, hook = await world.receiver(status=410)
    world.start()
    await world.order("k")
    await world.until(hook, state="failed", status=410, attempts=1)
    assert (await world.desk.read(lambda shop: shop.endpoint(hook.id))).state == "gone"
    await world.order("k2")
    assert len(await world.deliveries(hook)) == 1
    assert len(receiver.ids) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 404, 429, 503])
async def test_what_is_no_success_is_tried_again(world: World, status: int) -> None:
    _, hook = await world.receiver(status=status)
    world.start()
    await world.order("k")
    await world.until(hook, state="waiting", attempts=1)


async def test_a_long_answer_is_a_good_one(world: World) -> None:
    _, hook = await world.receiver(body=b"x" * 5_000_000)
    world.start()
    await world.order("k")
    await world.until(hook, state="sent", attempts=1)


async def test_a_slow_one_holds_up_nobody_else(world: World) -> None:
    slow, _ = await world.receiver(gate=asyncio.Event())
    quick, _ = await world.receiver()
    world.start()
    for n in range(MAX_EACH + 3):
        await world.order(f"k{n}")
    await happens(quick, lambda: len(quick.taken) == MAX_EACH + 3)
    await happens(slow, lambda: slow.inside == MAX_EACH)
    assert len(set(quick.ids)) == MAX_EACH + 3
    assert slow.gate is not None
    slow.gate.set()
    await happens(slow, lambda: len(slow.taken) == MAX_EACH + 3)


async def test_what_was_under_way_at_the_end_is_told_by_the_next(world: World) -> None:
    receiver, hook = await world.receiver(gate=asyncio.Event())
    first = world.start()
    await world.order("k")
    await happens(receiver, lambda: receiver.inside)
    await first.close()
    receiver.gate = None
    world.start()
    await world.until(hook, state="sent")
    assert len(receiver.ids) >= 2
    assert len(set(receiver.ids)) == 1


async def test_an_address_that_turns_private_is_not_asked(world: World) -> None:
    """The name server is asked anew for each attempt."""
    names = {"shop.example": ["93.184.215.14"]}

    async def resolve(host: str) -> list[str]:
        return names.get(host, [])

    async with SafeClient(OutgoingConfig(), resolve=resolve) as client:
        await client.check("https://shop.example/in")
        names["shop.example"] = ["169.254.169.254"]
        world.client = client
        hook = await world.desk.read(
            lambda shop: shop.add_endpoint(show=None, url="https://shop.example/in", events=())
        )
        world.start()
        await world.order("k")
        refused = await world.until(hook, attempts=1, status=None)
        assert refused.error == "shop.example leads to an address that is not public."
        assert world.hooks is not None
        await world.hooks.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/", "https://0x7f.1/",
        "http://public.example/", "https://public.example:22/", "https://user@public.example/",
        "https://intranet.example/", "https://nowhere.example/", "file:///etc/passwd", "x",
    ],
)  # fmt: skip
async def test_what_cannot_be_registered(url: str) -> None:
    async def resolve(host: str) -> list[str]:
        return {"public.example": ["93.184.215.14"], "intranet.example": ["10.0.0.1"]}.get(host, [])

    async with SafeClient(OutgoingConfig(), resolve=resolve) as client:
        await client.check("https://public.example/in")
        await client.check("https://93.184.215.14/in")
        with pytest.raises(OutgoingFailed):
            await client.check(url)


def status(state: Any, epoch: str | None = "e1") -> ShowStatus:
    return ShowStatus(show="one", title="One", state=state, epoch=epoch)


async def test_a_show_begins_and_ends_once(world: World) -> None:
    receiver, _ = await world.receiver()
    hooks = world.start()
    for state in ("idle", "live", "away", "live", "ended", "ended"):
        hooks.show_told(status(state))
    await happens(receiver, lambda: len(receiver.taken) == 2)
    await hooks.close()
    again = world.start()
    again.show_told(status("live"))
    again.show_told(status("live", "e2"))
    await happens(receiver, lambda: len(set(receiver.ids)) == 3)
    seen = {(each["type"], each["data"]["media_epoch"]) for each in receiver.taken}
    assert seen == {("show.began", "e1"), ("show.began", "e2"), ("show.ended", "e1")}


async def test_without_a_database_it_waits(world: World) -> None:
    receiver, hook = await world.receiver()
    await world.order("k")
    real = world.desk.read
    failures = 3

    async def read(job: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable("The database is away.")
        return await real(job)

    world.desk.read = read  # type: ignore[method-assign]
    world.start()
    await happens(receiver, lambda: receiver.taken)
    assert json.loads(receiver.headers[0]["body"])["type"] == "order.confirmed"
    await world.until(hook, state="sent")
