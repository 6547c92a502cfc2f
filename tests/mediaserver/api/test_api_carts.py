"""Carts through the API: the viewer's side, the merchant's, and what either hears of the other."""

from typing import Any

import pytest

HOST, OPERATOR = "the-host-key-of-show-one", "the-key-of-the-operator"
OWN = "/shows/one/cart"


def form(quantity: int = 1, **more: object) -> dict[str, object]:
    return {"items": [{"product": "wine", "quantity": quantity}], **more}


async def test_a_cart_is_kept_by_the_server(api: Any) -> None:
    await api.stock(policy="hold")
    await api.become_viewer()
    _, empty = await api.call(f"GET {OWN}")
    assert empty == {
        "cart": {"version": 0, "items": [], "total_minor": 0, "currency": None},
        "checkout": "form",
    }
    status, put = await api.call(f"PUT {OWN}", json=form(2, version=0))
    assert status == 200
    (line,) = put["cart"]["items"]
    assert (line["name"], line["line_minor"], line["available"]) == ("Wine", 2500, 1)
    assert line["held_until_us"] is not None
    assert (await api.call(f"GET {OWN}"))[1] == put
    api.client.session.cookie_jar.clear()
    await api.become_viewer()
    assert (await api.call(f"GET {OWN}"))[1]["cart"]["items"] == []


async def test_a_cart_that_has_changed_comes_back_as_it_is(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    await api.call(f"PUT {OWN}", json=form(1, version=0))
    status, plain = await api.call(f"PUT {OWN}", json=form(2, version=0))
    assert (status, plain["error"]["code"]) == (409, "cart_changed")
    assert plain["cart"] == (await api.call(f"GET {OWN}"))[1]["cart"]
    assert plain["cart"]["version"] == 1


async def test_the_merchants_change_reaches_the_viewer_alone(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    await api.call(f"PUT {OWN}", json=form(1))
    ((show, viewer, message),) = api.said
    assert (show, message["type"], message["cart"]["version"]) == ("one", "cart", 1)
    theirs = f"/shows/one/carts/{viewer}"
    assert (await api.call(f"GET {theirs}", key=OPERATOR))[1]["cart"] == message["cart"]
    status, put = await api.call(f"PUT {theirs}", key=OPERATOR, json=form(3, version=1))
    assert status == 200
    assert api.said[1] == ("one", viewer, {"type": "cart", "cart": put["cart"]})
    assert (await api.call(f"GET {OWN}"))[1] == put
    await api.call(f"PUT {theirs}", key=OPERATOR, json=form(3, version=2))
    assert len(api.said) == 2, "nothing has changed"


async def test_more_than_is_left_is_refused(api: Any) -> None:
    await api.stock(policy="hold")
    await api.become_viewer()
    status, plain = await api.call(f"PUT {OWN}", json=form(4))
    assert (status, plain["error"]["code"], plain["error"]["field"]) == (409, "sold_out", "wine")
    assert api.said == []


@pytest.mark.parametrize(
    ("json", "status", "field"),
    [
        ({}, 400, "items"),
        (form(0), 400, "items.0.quantity"),
        (form(10**9), 400, "items.0.quantity"),
        ({"items": [{"product": "wine", "quantity": 1, "price_minor": 1}]}, 400, None),
        ({"items": [{"product": "none", "quantity": 1}]}, 404, "items"),
        (form(1, version=-1), 400, "version"),
        (form(1, version=7), 409, "version"),
    ],
)
async def test_what_is_no_cart(api: Any, json: object, status: int, field: str | None) -> None:
    await api.stock()
    await api.become_viewer()
    found, plain = await api.call(f"PUT {OWN}", json=json)
    assert found == status
    assert field is None or plain["error"]["field"] == field


async def test_a_host_has_no_business_in_carts(api: Any) -> None:
    assert (await api.call("GET /shows/one/carts/anna", key=HOST))[0] == 403


async def test_changing_without_end_is_refused_for_a_while(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    for _ in range(60):
        assert (await api.call(f"PUT {OWN}", json=form()))[0] == 200
    assert (await api.call(f"PUT {OWN}", json=form()))[1]["error"]["code"] == "too_many_changes"
