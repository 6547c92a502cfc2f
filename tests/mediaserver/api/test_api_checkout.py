"""Checkouts through the API; Stripe is a stand-in of its HTTP interface on a real socket."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from overlay.checkout.terms import CheckoutTerms

HOST = "the-host-key-of-show-one"
STRIPE_SECRET = "whsec_of_stripes_events"
TERMS = CheckoutTerms(kind="stripe", success_url="https://a/ok", cancel_url="https://a/no")


@dataclass
class StripeStandIn:
    """Makes sessions as Stripe does: the same idempotency key gives the same one."""

    sessions: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: int = 0
    status: int = 200

    async def session(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer sk_test_of_nobody"
        assert request.content_type == "application/x-www-form-urlencoded"
        self.asked += 1
        if self.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.status)
        form = dict(parse_qsl((await request.read()).decode()))
        key = request.headers["Idempotency-Key"]
        known = self.sessions.setdefault(key, form)
        if known != form:
            return web.json_response({"error": {"type": "idempotency_error"}}, status=400)
        return web.json_response({"id": f"cs_{key}", "url": f"https://checkout.stripe.com/c/{key}"})


@pytest.fixture
async def stripe(api: Any, unused_tcp_port: int) -> AsyncIterator[StripeStandIn]:
    stand_in = StripeStandIn()
    app = web.Application()
    app.add_routes([web.post("/v1/checkout/sessions", stand_in.session)])
    server = TestServer(app, port=unused_tcp_port)
    await server.start_server()
    api.names["stripe.example"] = ["127.0.0.1"]
    api.checkouts["one"] = TERMS
    yield stand_in
    await server.close()


async def place(api: Any, key: str = "k", status: int = 201, **more: object) -> Any:
    form = {"items": [{"product": "wine", "quantity": 2}], **more}
    found, plain = await api.call("POST /shows/one/orders", json=form, **{"Idempotency-Key": key})
    assert found == status, plain
    return plain["order"] if status == 201 else plain["error"]


def event(order: Any, kind: str = "completed", **more: object) -> bytes:
    session = {
        "id": "cs_1",
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "amount_total": order["total_minor"],
        "currency": order["currency"].lower(),
        "metadata": {"comptoir_show": "one", "comptoir_order": order["number"]},
        **more,
    }
    return json.dumps({"type": f"checkout.session.{kind}", "data": {"object": session}}).encode()


async def tell(api: Any, body: bytes, *, secret: str = STRIPE_SECRET, ago_s: int = 0) -> int:
    at_s = int(time.time()) - ago_s
    digest = hmac.new(secret.encode(), b"%d." % at_s + body, hashlib.sha256).hexdigest()
    headers = {
        "Stripe-Signature": f"t={at_s},v1={digest}",
        "Content-Type": "application/json; charset=utf-8",
    }
    async with api.client.post("/api/v1/stripe/webhook", data=body, headers=headers) as response:
        return int(response.status)


async def state(api: Any, order: Any) -> str:
    _, plain = await api.call(f"GET /shows/one/my-orders/{order['number']}")
    return str(plain["state"])


async def test_paid_at_stripe(api: Any, stripe: StripeStandIn) -> None:
    await api.stock()
    await api.become_viewer()
    order = await place(api)
    assert (order["state"], order["checkout"]) == ("held", "stripe")
    assert order["checkout_url"].startswith("https://checkout.stripe.com/c/")
    assert await place(api) == order, "the same order, the same session"
    again = await api.call(f"POST /shows/one/my-orders/{order['number']}/checkout", json={})
    assert again == (200, {"checkout_url": order["checkout_url"]})
    assert (len(stripe.sessions), stripe.asked) == (1, 3)
    for _ in range(2):
        assert await tell(api, event(order)) == 200
    assert await state(api, order) == "confirmed"
    _, seen = await api.call(f"GET /shows/one/orders/{order['number']}", key=HOST)
    assert seen["reference"] == "pi_1"
    status, plain = await api.call(f"POST /shows/one/my-orders/{order['number']}/checkout", json={})
    assert (status, plain["error"]["code"]) == (409, "order_settled")


async def test_over_at_stripe_frees_the_units(api: Any, stripe: StripeStandIn) -> None:
    await api.stock(stock=2)
    await api.become_viewer()
    order = await place(api)
    assert (await place(api, "k2", status=409))["code"] == "sold_out"
    assert await tell(api, event(order, "expired", payment_status="unpaid")) == 200
    assert await state(api, order) == "released"
    assert (await place(api, "k2"))["state"] == "held"
    assert await tell(api, event(order)) == 200
    assert await state(api, order) == "paid_late"


async def test_a_payment_that_is_yet_to_come_confirms_nothing(
    api: Any, stripe: StripeStandIn
) -> None:
    await api.stock()
    await api.become_viewer()
    order = await place(api)
    assert await tell(api, event(order, payment_status="unpaid")) == 200
    assert await state(api, order) == "held"
    assert await tell(api, event(order, "async_payment_succeeded")) == 200
    assert await state(api, order) == "confirmed"


async def test_what_stripe_did_not_say(api: Any, stripe: StripeStandIn) -> None:
    await api.stock()
    await api.become_viewer()
    order = await place(api)
    assert await tell(api, event(order), secret="whsec_of_somebody_else") == 400
    assert await tell(api, event(order), ago_s=301) == 400
    assert await tell(api, event(order, amount_total=1)) == 422
    assert await tell(api, event(order, currency="usd")) == 422
    assert await tell(api, b"\xff") == 200
    assert await tell(api, event({**order, "number": "NONE-NONE"})) == 200
    assert await state(api, order) == "held"


async def test_stripe_away_keeps_the_order(api: Any, stripe: StripeStandIn) -> None:
    await api.stock()
    await api.become_viewer()
    api.names.clear()
    order = await place(api)
    assert (order["state"], order["checkout_url"]) == ("held", None)
    api.names["stripe.example"] = ["127.0.0.1"]
    assert (await place(api))["checkout_url"] is not None


async def test_what_stripe_refuses_is_let_go(api: Any, stripe: StripeStandIn) -> None:
    await api.stock(stock=2)
    await api.become_viewer()
    stripe.status = 402
    for _ in range(2):
        assert (await place(api, status=422))["code"] == "checkout_refused"
    stripe.status = 200
    assert (await place(api, "k2"))["state"] == "held"


async def test_nobody_chooses_how_to_pay(api: Any, stripe: StripeStandIn) -> None:
    await api.stock()
    await api.become_viewer()
    refused = await place(api, status=400, checkout="form")
    assert refused["field"] == "checkout"
    api.checkouts["one"] = CheckoutTerms()
    assert (await place(api, status=400, checkout="stripe"))["field"] == "checkout"
    order = await place(api)
    assert (order["state"], order["checkout_url"]) == ("confirmed", None)


async def test_a_product_that_shopify_does_not_know(api: Any) -> None:
    await api.stock(stock=2)
    await api.become_viewer()
    api.checkouts["one"] = CheckoutTerms(kind="shopify", shop="a.myshopify.com")
    refused = await place(api, status=422)
    assert (refused["code"], refused["field"]) == ("checkout_refused", "wine")
    api.checkouts["one"] = CheckoutTerms()
    assert (await place(api, "k2"))["state"] == "confirmed", "its units are free again"


@pytest.mark.parametrize(
    ("contact", "field"),
    [
        (None, "contact.name"),
        ({"name": "Anna"}, "contact.email"),
        ({"name": "Anna", "email": "anna"}, "contact.email"),
        ({"name": "Anna", "email": "a@b@c"}, "contact.email"),
        ({"name": " ", "email": "a@b.c"}, "contact.name"),
    ],
)
async def test_a_form_that_must_say_who_buys(api: Any, contact: object, field: str) -> None:
    await api.stock()
    await api.become_viewer()
    api.checkouts["one"] = CheckoutTerms(require_contact=True)
    assert (await place(api, status=400, contact=contact))["field"] == field
    await place(api, contact={"name": "Anna", "email": "anna@example.org"})


async def test_a_rehearsal_asks_nobody_for_money(api: Any, stripe: StripeStandIn) -> None:
    await api.stock()
    await api.become_viewer()
    real = await place(api)
    assert (await api.call("POST /shows/one/rehearsal", key=HOST, json={"on": True}))[0] == 200
    _, cart = await api.call("GET /shows/one/cart")
    assert cart["checkout"] == "form"
    one = [{"product": "wine", "quantity": 1}]
    played = await place(api, "k2", checkout="stripe", items=one)
    assert (played["state"], played["checkout"]) == ("confirmed", "form")
    assert played["checkout_url"] is None
    assert stripe.asked == 1
    path = f"POST /shows/one/my-orders/{real['number']}/checkout"
    assert (await api.call(path, json={}))[0] != 200
    assert await state(api, real) == "held", "an order from before is left as it is"
    assert stripe.asked == 1
    assert (await api.call("POST /shows/one/rehearsal", key=HOST, json={"on": False}))[0] == 200
    again = await api.call(path, json={})
    assert again == (200, {"checkout_url": real["checkout_url"]})
