"""Webhooks through the API: the operator's hands on who is told."""

from typing import Any

import pytest

HOST, OPERATOR = "the-host-key-of-show-one", "the-key-of-the-operator"
URL = "http://127.0.0.1:9/in"


async def register(api: Any, **more: object) -> Any:
    status, made = await api.call(
        "POST /webhooks", key=OPERATOR, json={"url": URL, "show": "one", **more}
    )
    assert status == 201, made
    return made


async def test_a_secret_is_shown_once(api: Any) -> None:
    made = await register(api, events=["order.confirmed"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert (await api.call(f"GET /webhooks/{made['id']}", key=OPERATOR)) == (200, made)
    assert (await api.call("GET /webhooks", key=OPERATOR))[1] == {"webhooks": [made]}
    status, turned = await api.call(f"POST /webhooks/{made['id']}/rotate", key=OPERATOR)
    assert status == 200
    assert turned.pop("secret") != secret
    assert turned == made


async def test_changed_and_taken_away(api: Any) -> None:
    made = await register(api)
    path = f"/webhooks/{made['id']}"
    change = {"state": "off", "events": ["cue.pinned"]}
    status, changed = await api.call(f"PATCH {path}", key=OPERATOR, json=change)
    assert (status, changed["state"], changed["events"]) == (200, "off", ["cue.pinned"])
    assert changed["url"] == URL
    assert (await api.call(f"DELETE {path}", key=OPERATOR))[0] == 204
    for row in ("GET", "DELETE"):
        assert (await api.call(f"{row} {path}", key=OPERATOR))[1]["error"]["code"] == (
            "unknown_webhook"
        )


async def test_what_was_told_is_listed_and_told_again(api: Any) -> None:
    made = await register(api, events=["order.confirmed"])
    await api.stock()
    await api.become_viewer()
    form = {"items": [{"product": "wine", "quantity": 1}]}
    for key in "ab":
        await api.call("POST /shows/one/orders", json=form, **{"Idempotency-Key": key})
    path = f"/webhooks/{made['id']}/deliveries"
    status, first = await api.call(f"GET {path}?limit=1", key=OPERATOR)
    assert status == 200
    _, second = await api.call(f"GET {path}?cursor={first['cursor']}", key=OPERATOR)
    assert (len(first["deliveries"]), len(second["deliveries"]), second["cursor"]) == (1, 1, None)
    message = second["deliveries"][0]["message"]
    assert message != first["deliveries"][0]["message"]
    status, again = await api.call(f"POST {path}/{message}/redeliver", key=OPERATOR)
    assert (status, again["message"], again["state"]) == (200, message, "waiting")
    status, plain = await api.call(f"POST {path}/none/redeliver", key=OPERATOR)
    assert (status, plain["error"]["code"]) == (404, "unknown_message")


@pytest.mark.parametrize(
    ("form", "status", "field"),
    [
        ({}, 400, "url"),
        ({"url": ""}, 400, "url"),
        ({"url": "ftp://a.example/"}, 422, None),
        ({"url": "https://a.example/"}, 422, None),
        ({"url": "https://user@a.example/"}, 422, None),
        ({"url": URL, "show": "none"}, 404, "show"),
        ({"url": URL, "events": ["order.lost"]}, 400, "events.0"),
        ({"url": URL, "secret": "mine"}, 400, "secret"),
    ],
)
async def test_what_cannot_be_registered(
    api: Any, form: object, status: int, field: str | None
) -> None:
    found, plain = await api.call("POST /webhooks", key=OPERATOR, json=form)
    assert (found, plain["error"].get("field")) == (status, field)
    assert (await api.call("GET /webhooks", key=OPERATOR))[1] == {"webhooks": []}


async def test_a_change_to_a_bad_address_is_refused(api: Any) -> None:
    made = await register(api)
    path = f"PATCH /webhooks/{made['id']}"
    status, plain = await api.call(path, key=OPERATOR, json={"url": "https://a.example/"})
    assert (status, plain["error"]["code"]) == (422, "outgoing_failed")
    assert (await api.call(path, key=OPERATOR, json={"state": "gone"}))[0] == 400


async def test_hosts_do_not_see_them(api: Any) -> None:
    assert (await api.call("GET /webhooks", key=HOST))[0] == 403
