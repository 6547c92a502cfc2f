"""Products, cues and orders through the API: what is kept, told and refused."""

import asyncio
from typing import Any

import pytest

HOST, OPERATOR = "the-host-key-of-show-one", "the-key-of-the-operator"
OTHER_HOST = "the-host-key-of-show-two"
NOW_TICK = 9_000_000


async def _order(api: Any, key: str, *items: tuple[str, int]) -> tuple[int, Any]:
    plain = {"items": [{"product": product, "quantity": count} for product, count in items]}
    result: tuple[int, Any] = await api.call(
        "POST /shows/one/orders", json=plain, **{"Idempotency-Key": key}
    )
    return result


async def test_a_product_is_created_changed_listed_and_gone(api: Any) -> None:
    made = await api.stock()
    assert made["available"] == 3
    assert not made["sold_out"]
    changed = await api.stock(stock=5, name="<b>Old</b> wine")
    assert (changed["available"], changed["name"]) == (5, "<b>Old</b> wine")
    status, listed = await api.call("GET /shows/one/products")
    assert (status, listed) == (200, {"products": [changed]})
    assert (await api.call("GET /shows/two/products"))[1] == {"products": []}
    assert await api.call("DELETE /shows/one/products/wine", key=HOST) == (204, None)
    status, gone = await api.call("DELETE /shows/one/products/wine", key=HOST)
    assert (status, gone["error"]["code"], gone["error"]["field"]) == (404, "unknown_product", "id")
    assert [event.type for event in api.listener.events] == ["product", "product", "product_gone"]
    assert [event.offset for event in api.listener.events] == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "x" * 1_000}, "name"),
        ({"name": ""}, "name"),
        ({"name": 3}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"facts": ["a"] * 6}, "facts"),
        ({"facts": ["a", "b" * 121]}, "facts.1"),
        ({"price_minor": -1}, "price_minor"),
        ({"price_minor": 1.5}, "price_minor"),
        ({"currency": "euro"}, "currency"),
        ({"picture": "javascript:alert(1)"}, "picture"),
        ({"picture": "//evil.example/x.png"}, "picture"),
        ({"stock": None}, "stock"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_product_is_refused_with_the_field(
    api: Any, change: dict[str, object], field: str
) -> None:
    from_host: dict[str, object] = {"name": "Wine", "price_minor": 1, "currency": "EUR"}
    form = {**from_host, "stock": 1, "seller": "", "returns": "", **change}
    status, plain = await api.call("PUT /shows/one/products/wine", key=HOST, json=form)
    assert (status, plain["error"]["code"], plain["error"]["field"]) == (400, "invalid", field)
    assert api.listener.events == []


async def test_a_name_of_a_million_characters_is_too_large(api: Any) -> None:
    status, plain = await api.call(
        "PUT /shows/one/products/wine", key=HOST, json={"name": "x" * 1_000_000}
    )
    assert (status, plain["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 60_000, b'{"items":'])
async def test_what_is_not_json_is_refused(api: Any, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {HOST}", "Content-Type": "application/json"}
    async with api.client.post("/api/v1/shows/one/cues", data=body, headers=headers) as response:
        assert response.status == 400


async def test_a_pin_now_is_stamped_with_its_arrival(api: Any) -> None:
    await api.stock()
    status, cue = await api.call(
        "POST /shows/one/cues", key=HOST, json={"type": "pin", "product": "wine", "id": "c1"}
    )
    assert status == 201
    assert (cue["id"], cue["pts"], cue["media_epoch"]) == ("c1", NOW_TICK, "e1")
    event = api.listener.events[-1]
    assert (event.type, event.pts, event.data) == ("cue", NOW_TICK, cue)
    again = await api.call(
        "POST /shows/one/cues", key=HOST, json={"type": "pin", "product": "wine", "id": "c1"}
    )
    assert again == (200, cue)
    assert api.listener.events[-1] is event
    other = {"type": "pin", "product": "wine", "id": "c1", "duration_ms": 700}
    status, plain = await api.call("POST /shows/one/cues", key=HOST, json=other)
    assert (status, plain["error"]["code"]) == (409, "cue_conflict")


async def test_an_unpin_ends_a_pin_and_nothing_else(api: Any) -> None:
    await api.stock()
    pin = {"type": "pin", "product": "wine", "id": "c1"}
    await api.call("POST /shows/one/cues", key=OPERATOR, json=pin)
    unpin = {"type": "unpin", "ends": "c1"}
    status, cue = await api.call("POST /shows/one/cues", key=HOST, json=unpin)
    assert (status, cue["ends"]) == (201, "c1")
    status, cues = await api.call("GET /shows/one/cues", key=HOST)
    assert [known["type"] for known in cues["cues"]] == ["pin", "unpin"]
    status, plain = await api.call(
        "POST /shows/one/cues", key=HOST, json={"type": "unpin", "ends": "c9"}
    )
    assert (status, plain["error"]["code"], plain["error"]["field"]) == (422, "cue_refused", "ends")


async def test_a_media_time_or_a_date_is_taken_as_given(api: Any) -> None:
    await api.stock()
    pin = {"type": "pin", "product": "wine"}
    _, cue = await api.call("POST /shows/one/cues", key=HOST, json={**pin, "pts": 9_000_123})
    assert cue["pts"] == 9_000_123
    date = "2023-11-14T22:14:50.500Z"  # 90.5 s after the anchor
    _, cue = await api.call(
        "POST /shows/one/cues", key=HOST, json={**pin, "program_date_time": date}
    )
    assert cue["pts"] == 90 * 90_000 + 45_000


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"type": "pin", "product": "none"}, 404, "unknown_product"),
        ({"type": "pin"}, 400, "invalid"),
        ({"type": "poll", "product": "wine"}, 400, "invalid"),
        ({"type": "pin", "product": "wine", "pts": 1}, 422, "cue_refused"),
        ({"type": "pin", "product": "wine", "pts": 10**12}, 422, "cue_refused"),
        ({"type": "pin", "product": "wine", "pts": 10**30}, 400, "invalid"),
        ({"type": "pin", "product": "wine", "duration_ms": 1}, 400, "invalid"),
        ({"type": "pin", "product": "wine", "pts": 9_000_000, "clicked_at_ms": 1}, 400, "invalid"),
        (
            {"type": "pin", "product": "wine", "program_date_time": "0001-01-01T00:00:00+23:59"},
            422,
            "cue_refused",
        ),
        (
            {"type": "pin", "product": "wine", "program_date_time": "2023-11-14 22:14:50"},
            400,
            "invalid",
        ),
        ({"type": "pin", "product": "wine", "clicked_at_ms": -1}, 400, "invalid"),
        ({"type": "pin", "product": "wine", "clicked_at_ms": 1e300}, 400, "invalid"),
        ({"type": "pin", "product": "<script>"}, 400, "invalid"),
    ],
)
async def test_an_impossible_cue_is_refused(
    api: Any, form: dict[str, object], status: int, code: str
) -> None:
    await api.stock()
    given, plain = await api.call("POST /shows/one/cues", key=HOST, json=form)
    assert (given, plain["error"]["code"]) == (status, code), plain
    assert [event.type for event in api.listener.events] == ["product"]


async def test_an_absurd_host_clock_means_now(api: Any) -> None:
    await api.stock()
    form = {"type": "pin", "product": "wine", "clicked_at_ms": 1.5}
    status, cue = await api.call("POST /shows/one/cues", key=HOST, json=form)
    assert (status, cue["pts"]) == (201, NOW_TICK)


async def test_off_air_there_is_no_moment_for_a_cue(api: Any) -> None:
    form = {"type": "pin", "product": "wine"}
    status, plain = await api.call("POST /shows/two/cues", key=OTHER_HOST, json=form)
    assert (status, plain["error"]["code"]) == (409, "not_on_air")


async def test_an_order_takes_the_stock_once(api: Any) -> None:
    await api.stock(stock=3)
    await api.become_viewer()
    status, placed = await _order(api, "k1", ("wine", 2))
    assert status == 201
    assert placed["order"]["total_minor"] == 2500
    assert await _order(api, "k1", ("wine", 2)) == (201, placed)
    status, plain = await _order(api, "k1", ("wine", 1))
    assert (status, plain["error"]["code"]) == (422, "idempotency_mismatch")
    status, plain = await _order(api, "k2", ("wine", 2))
    assert (status, plain["error"]["code"], plain["error"]["field"]) == (409, "sold_out", "wine")
    assert placed["order"].pop("checkout_url") is None
    _, orders = await api.call("GET /shows/one/orders", key=HOST)
    staff = {"updated_us": placed["order"]["utc_us"], "reference": None, "contact": None}
    assert orders == {"orders": [{**placed["order"], **staff, "note": ""}], "cursor": None}
    assert [event.type for event in api.listener.events] == ["product", "stock", "order"]
    _, listed = await api.call("GET /shows/one/products")
    assert listed["products"][0]["available"] == 1


async def test_of_two_buyers_one_gets_the_last_unit(api: Any) -> None:
    await api.stock(stock=1)
    await api.become_viewer()
    replies = await asyncio.gather(*(_order(api, f"k{n}", ("wine", 1)) for n in range(8)))
    assert sorted(status for status, _ in replies) == [201] + [409] * 7


@pytest.mark.parametrize(
    ("form", "status", "field"),
    [
        ({"items": []}, 400, "items"),
        ({"items": [{"product": "wine", "quantity": 0}]}, 400, "items.0.quantity"),
        ({"items": [{"product": "wine", "quantity": 100}]}, 400, "items.0.quantity"),
        ({"items": [{"product": "wine", "quantity": True}]}, 400, "items.0.quantity"),
        ({"items": [{"product": "none", "quantity": 1}]}, 404, "items"),
        ({"items": [{"product": "wine", "quantity": 1, "price": 0}]}, 400, "items.0.price"),
        ({}, 400, "items"),
    ],
)
async def test_a_bad_order_is_refused_with_the_field(
    api: Any, form: dict[str, object], status: int, field: str
) -> None:
    await api.stock()
    await api.become_viewer()
    given, plain = await api.call("POST /shows/one/orders", json=form, **{"Idempotency-Key": "k"})
    assert (given, plain["error"]["field"]) == (status, field), plain


async def test_an_order_needs_its_key(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    form = {"items": [{"product": "wine", "quantity": 1}]}
    status, plain = await api.call("POST /shows/one/orders", json=form)
    assert (status, plain["error"]["field"]) == (400, "Idempotency-Key")


async def test_shows_are_told_with_their_air(api: Any) -> None:
    status, shows = await api.call("GET /shows", key=OPERATOR)
    assert status == 200
    assert [(show["show"], show["state"], show["epoch"]) for show in shows] == [
        ("one", "live", "e1"),
        ("two", "idle", None),
    ]
    assert await api.call("GET /shows/one", key=HOST) == (200, shows[0])
