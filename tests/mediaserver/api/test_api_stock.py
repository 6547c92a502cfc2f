"""The stock in the host's hands, over HTTP."""

from typing import Any

import pytest

HOST, OPERATOR = "the-host-key-of-show-one", "the-key-of-the-operator"
WINE = "PUT /shows/one/products/wine/stock"


@pytest.mark.parametrize("key", [HOST, OPERATOR])
async def test_stock_is_set_and_everyone_is_told(api: Any, key: str) -> None:
    await api.stock("wine", stock=3)
    told = len(api.listener.events)
    status, plain = await api.call(WINE, key=key, json={"stock": 10})
    assert (status, plain) == (
        200,
        {
            "product": "wine",
            "variant": "default",
            "stock": 10,
            "available": 10,
            "held": 0,
            "sold": 0,
        },
    )
    (event,) = api.listener.events[told:]
    assert (event.type, event.data["available"]) == ("stock", 10)
    assert (await api.call("GET /shows/one/products"))[1]["products"][0]["available"] == 10
    assert await api.call("GET /shows/one/stock", key=key) == (200, {"stock": [plain]})
    assert (await api.call(WINE, key=key, json={"stock": 10}))[0] == 200
    assert len(api.listener.events) == told + 1, "the same again changes nothing"


async def test_what_is_sold_stays_sold(api: Any) -> None:
    await api.stock("wine", stock=3)
    await api.become_viewer()
    items = [{"product": "wine", "quantity": 2}]
    order = {"items": items}
    key = {"Idempotency-Key": "k1"}
    assert (await api.call("POST /shows/one/orders", json=order, **key))[0] == 201
    status, plain = await api.call(WINE, key=HOST, json={"stock": 1})
    assert (status, plain["error"]["field"]) == (400, "stock")
    assert "at least 2" in plain["error"]["message"]
    status, plain = await api.call(WINE, key=HOST, json={"stock": 2})
    assert (status, plain["available"], plain["sold"] + plain["held"]) == (200, 0, 2)
    key = {"Idempotency-Key": "k2"}
    one = {"items": [{"product": "wine", "quantity": 1}]}
    assert (await api.call("POST /shows/one/orders", json=one, **key))[0] == 409


@pytest.mark.parametrize(
    ("path", "form", "status", "field"),
    [
        ("wine", {"stock": -1}, 400, "stock"),
        ("wine", {"stock": 10_000_001}, 400, "stock"),
        ("wine", {"stock": "3"}, 400, "stock"),
        ("wine", {}, 400, "stock"),
        ("wine", {"stock": 3, "more": 1}, 400, "more"),
        ("wine", {"stock": 3, "variant": "none"}, 404, "variant"),
        ("none", {"stock": 3}, 404, "id"),
    ],
)
async def test_what_cannot_be_is_refused(
    api: Any, path: str, form: dict[str, Any], status: int, field: str
) -> None:
    await api.stock("wine", stock=3)
    answer = await api.call(f"PUT /shows/one/products/{path}/stock", key=HOST, json=form)
    assert (answer[0], answer[1]["error"].get("field")) == (status, field)
    assert (await api.call("GET /shows/one/products"))[1]["products"][0]["available"] == 3
