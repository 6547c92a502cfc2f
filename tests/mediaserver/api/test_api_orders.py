"""Orders through the API: their buyers' view and the staff's, what staff may do, and how often."""

import csv
import io
from typing import Any

import pytest

from mediaserver.limits import RateLimiter
from overlay.checkout.terms import CheckoutTerms

HOST, OTHER_HOST = "the-host-key-of-show-one", "the-host-key-of-show-two"


async def _place(api: Any, key: str, **more: object) -> Any:
    form = {"items": [{"product": "wine", "quantity": 1}], **more}
    status, plain = await api.call("POST /shows/one/orders", json=form, **{"Idempotency-Key": key})
    assert status == 201, plain
    return plain["order"]


async def test_an_order_that_awaits_its_payment(api: Any) -> None:
    await api.stock(stock=3)
    await api.become_viewer()
    api.checkouts["one"] = CheckoutTerms(
        kind="handoff", url="https://shop.example/pay", secret="s" * 16
    )
    order = await _place(api, "k", checkout="handoff")
    assert order.pop("checkout_url").startswith("https://shop.example/pay?payload=")
    assert order["state"] == "held"
    assert order["expires_us"] - order["utc_us"] == 1800 * 1_000_000
    number = order["number"]
    assert (await api.call(f"GET /shows/one/my-orders/{number}")) == (200, order)
    payment = {"reference": "pay-1"}
    path = f"POST /shows/one/orders/{number}/payment"
    for _ in range(2):
        status, paid = await api.call(path, key=HOST, json=payment)
        assert (status, paid["state"], paid["reference"]) == (200, "confirmed", "pay-1")
    status, plain = await api.call(path, key=HOST, json={"reference": "pay-2"})
    assert (status, plain["error"]["code"]) == (409, "order_settled")
    _, own = await api.call("GET /shows/one/my-orders")
    assert [each["state"] for each in own["orders"]] == ["confirmed"]
    assert "reference" not in own["orders"][0]


async def test_a_cancelled_orders_units_are_available_again(api: Any) -> None:
    await api.stock(stock=1)
    await api.become_viewer()
    number = (await _place(api, "k"))["number"]
    cancel = f"POST /shows/one/orders/{number}/cancel"
    status, cancelled = await api.call(cancel, key=HOST, json={"note": "changed their mind"})
    assert (status, cancelled["state"], cancelled["note"]) == (
        200, "cancelled", "changed their mind",
    )  # fmt: skip
    assert (await _place(api, "k2"))["number"] != number
    note = f"PUT /shows/one/orders/{number}/note"
    status, noted = await api.call(note, key=HOST, json={"note": "refunded"})
    assert (status, noted["note"]) == (200, "refunded")
    status, plain = await api.call(
        note.replace("/one/", "/two/"), key=OTHER_HOST, json={"note": ""}
    )
    assert (status, plain["error"]["code"]) == (404, "unknown_order")


async def test_another_viewers_order_is_not_shown(api: Any) -> None:
    await api.stock(stock=3)
    await api.become_viewer()
    number = (await _place(api, "k"))["number"]
    api.client.session.cookie_jar.clear()
    await api.become_viewer()
    status, plain = await api.call(f"GET /shows/one/my-orders/{number}")
    assert (status, plain["error"]["code"]) == (404, "unknown_order")
    assert (await api.call("GET /shows/one/my-orders"))[1] == {"orders": []}


async def test_staff_finds_orders(api: Any) -> None:
    await api.stock(stock=9)
    await api.become_viewer()
    people = ["Anna <anna@example.org>", "Bert 100%", "Zoë"]
    placed = [
        await _place(api, f"k{n}", contact={"name": name, "email": f"{n}@example.org"})
        for n, name in enumerate(people)
    ]
    numbers = [order["number"] for order in placed]

    async def found(query: str) -> list[str]:
        status, plain = await api.call(f"GET /shows/one/orders?{query}", key=HOST)
        assert status == 200, plain
        return [order["number"] for order in plain["orders"]]

    assert await found("limit=200") == numbers[::-1]
    assert await found("query=anna") == [numbers[0]]
    assert await found("query=0%25") == [numbers[1]]
    assert await found("query=2@EXAMPLE") == [numbers[2]]
    assert await found(f"query={numbers[1][:6].lower()}") == [numbers[1]]
    assert await found("state=held") == []
    _, first = await api.call("GET /shows/one/orders?limit=2", key=HOST)
    assert [order["number"] for order in first["orders"]] == numbers[:0:-1]
    assert await found(f"limit=2&cursor={first['cursor']}") == [numbers[0]]
    for query, field in (("state=odd", "state"), ("cursor=x", "cursor"), ("limit=0", "limit")):
        status, plain = await api.call(f"GET /shows/one/orders?{query}", key=HOST)
        assert (status, plain["error"]["field"]) == (400, field)


async def test_an_exported_order_is_no_formula(api: Any) -> None:
    await api.stock(stock=9, name="=cmd|' /C calc'!A0")
    await api.become_viewer()
    await _place(api, "k", contact={"name": "@SUM(1+1)", "phone": "+33 1"})
    headers = {"Authorization": f"Bearer {HOST}"}
    async with api.client.get("/api/v1/shows/one/orders.csv", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/csv")
        (row,) = csv.DictReader(io.StringIO(await response.text()))
    assert row["item"] == "'=cmd|' /C calc'!A0"
    assert (row["name"], row["phone"]) == ("'@SUM(1+1)", "'+33 1")
    assert (row["unit price"], row["quantity"], row["currency"]) == ("12.50", "1", "EUR")


async def test_an_export_comes_in_parts(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overlay.orders.listing.EXPORT_ORDERS", 2)
    await api.stock(stock=9)
    await api.become_viewer()
    numbers = [(await _place(api, f"k{n}"))["number"] for n in range(5)]
    headers = {"Authorization": f"Bearer {HOST}"}
    async with api.client.get("/api/v1/shows/one/orders.csv", headers=headers) as response:
        rows = list(csv.DictReader(io.StringIO(await response.text())))
    assert [row["number"] for row in rows] == numbers[::-1]


@pytest.mark.parametrize("number", ["%00", "a%20b", "x" * 65, "%ED%A0%80", "%F0%9F%8D%B7"])
async def test_an_odd_number_is_no_order(api: Any, number: str) -> None:
    await api.stock()
    await api.become_viewer()
    order = f"/shows/one/orders/{number}"
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"GET /shows/one/my-orders/{number}", {}),
        (f"GET {order}", {"key": HOST}),
        (f"PUT {order}/note", {"key": HOST, "json": {"note": "x"}}),
        (f"POST {order}/cancel", {"key": HOST, "json": {}}),
        (f"POST {order}/payment", {"key": HOST, "json": {"reference": "r"}}),
    ]
    for call, more in asked:
        status, plain = await api.call(call, **more)
        assert (status, plain["error"]["code"]) in {
            (404, "unknown_order"), (400, "invalid"),
        }, call  # fmt: skip


async def test_a_viewer_who_looks_without_end_is_told_when_to_come_again(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    for path in ("my-orders", "my-orders/ABCD-EFGH"):
        looks, status = 0, 200
        while status != 429:  # a slow machine earns a few more on the way
            status, plain = await api.call(f"GET /shows/one/{path}")
            looks += 1
            assert looks < 1000
        assert plain["error"]["code"] == "too_many_requests"
        assert looks > 120 or path != "my-orders"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"checkout": "gratis"}, "checkout"),
        ({"contact": {"name": "a\u202eb"}}, "contact.name"),
        ({"contact": {"password": "x"}}, "contact.password"),
        ({"contact": {"address": "x" * 501}}, "contact.address"),
        ({"items": [{"product": "wine", "variant": "a b", "quantity": 1}]}, "items.0.variant"),
    ],
)
async def test_what_is_not_legal_is_refused_by_name(
    api: Any, more: dict[str, object], field: str
) -> None:
    await api.stock()
    await api.become_viewer()
    form = {"items": [{"product": "wine", "quantity": 1}], **more}
    status, plain = await api.call("POST /shows/one/orders", json=form, **{"Idempotency-Key": "k"})
    assert (status, plain["error"]["field"]) == (400, field), plain


async def test_a_viewer_who_orders_without_end_is_told_when_to_come_again(api: Any) -> None:
    await api.stock(stock=1000)
    await api.become_viewer()
    for n in range(60):
        await _place(api, f"k{n}")
    form = {"items": [{"product": "wine", "quantity": 1}]}
    async with api.client.post(
        "/api/v1/shows/one/orders", json=form, headers={"Idempotency-Key": "one-more"}
    ) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) >= 1
        assert (await response.json())["error"]["code"] == "too_many_orders"


def test_a_limiter_is_even_and_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediaserver.limits.MAX_KEYS", 2)
    limiter = RateLimiter(3)
    assert [limiter.admit("a", 100.0) for _ in range(3)] == [None] * 3
    assert limiter.admit("a", 100.0) == pytest.approx(20.0)
    assert limiter.admit("a", 119.0) == pytest.approx(1.0)
    assert limiter.admit("a", 120.0) is None
    assert limiter.admit("b", 120.0) is None
    assert limiter.admit("c", 120.0) is None
    assert limiter.admit("a", 120.0) is None, "forgotten, because two others came"
