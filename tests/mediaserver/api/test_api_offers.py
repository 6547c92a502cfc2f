"""Offers, the run of show, marks and rehearsals over HTTP."""

from typing import Any

import pytest

from mediaserver.bus.messages import PlayheadReport
from mediaserver.offer_clock import OfferClock
from mediaserver.viewers import COOKIE
from overlay.show.log import MediaTime

HOST = "the-host-key-of-show-one"
FLASH = {"kind": "flash", "product": "wine", "price_minor": 700, "currency": "EUR"}
OFFERS = "/shows/one/offers"
EDGE = 9_000_000
S = 90_000


async def offer(api: Any, name: str, terms: dict[str, Any], **start: Any) -> Any:
    status, plain = await api.call(f"PUT {OFFERS}/{name}", key=HOST, json=terms)
    assert (status, plain["state"]) == (200, "draft")
    status, plain = await api.call(f"POST {OFFERS}/{name}/start", key=HOST, json=start)
    assert status == 200, plain
    return plain


async def order(api: Any, key: str, **form: Any) -> tuple[int, Any]:
    given = {"items": [{"product": "wine", "quantity": 1}], **form}
    status, plain = await api.call("POST /shows/one/orders", json=given, **{"Idempotency-Key": key})
    return status, plain


def move_edge(api: Any, monkeypatch: pytest.MonkeyPatch, tick: int) -> None:
    monkeypatch.setattr(api.air, "air_time", lambda: MediaTime(media_epoch="e1", pts=tick))


async def test_a_flash_sale_from_draft_to_order(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    started = await offer(api, "f", {**FLASH, "quota": 1}, duration_ms=60_000)
    assert (started["media_epoch"], started["starts_pts"]) == ("e1", EDGE)
    assert started["ends_pts"] == EDGE + 60 * S
    wanted = [{"product": "wine", "quantity": 1, "offer": "f"}]
    status, plain = await order(api, "k1", items=wanted, expect_total_minor=700)
    assert (status, plain["order"]["items"][0]["offer"]) == (201, "f")
    for form, code in (
        ({"items": wanted}, "quota_reached"),
        ({"expect_total_minor": 700}, "price_changed"),
        ({"coupon": "ABC"}, "code_unknown"),
        ({"bundles": [{"offer": "none", "quantity": 1}]}, "unknown_offer"),
    ):
        status, plain = await order(api, "k-" + code, **form)
        assert plain["error"]["code"] == code
    assert (await order(api, "k1", items=wanted, expect_total_minor=700))[0] == 201
    told = [event.type for event in api.listener.events]
    assert "offer" in told
    assert "offer_left" in told


async def test_the_signed_sessions_lag_decides_at_the_end(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.stock()
    await api.become_viewer()
    (cookie,) = list(api.client.session.cookie_jar)
    assert cookie.key == COOKIE
    await offer(api, "f", FLASH, duration_ms=60_000)
    wanted = [{"product": "wine", "quantity": 1, "offer": "f"}]
    end = EDGE + 60 * S
    move_edge(api, monkeypatch, end - 12 * S)
    report = PlayheadReport(
        show="one", token=cookie.value, media_epoch="e1", pts=end - 16 * S, age_ms=0
    )
    api.sights.take([report])
    move_edge(api, monkeypatch, end + 3 * S)
    assert (await order(api, "k1", items=wanted))[0] == 201
    move_edge(api, monkeypatch, end + 5 * S)
    status, plain = await order(api, "k2", items=wanted)
    assert (status, plain["error"]["code"]) == (409, "offer_over")
    clock = OfferClock(shows={"one": api.air}, desk=api.desk)
    await clock.look()
    assert api.desk.offers("one")[0]["state"] == "running"
    move_edge(api, monkeypatch, end + 11 * S)
    await clock.look()
    assert api.desk.offers("one")[0]["state"] == "ended"


async def test_an_announced_offer_begins_in_time(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.stock()
    await offer(api, "f", FLASH, announce_ms=5000)
    clock = OfferClock(shows={"one": api.air}, desk=api.desk)
    await clock.look()
    assert api.desk.offers("one")[0]["state"] == "announced"
    move_edge(api, monkeypatch, EDGE + 5 * S)
    await clock.look()
    assert api.desk.offers("one")[0]["state"] == "running"


async def test_a_coupon_is_claimed_once_and_used(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    terms = {"kind": "coupon", "percent_off": 10, "currency": "EUR"}
    await api.call(f"PUT {OFFERS}/c", key=HOST, json=terms)
    status, plain = await api.call(f"POST {OFFERS}/c/claim", json={})
    assert plain["error"]["code"] == "offer_not_begun"
    status, plain = await api.call(f"PUT {OFFERS}/c/codes", key=HOST, json={"codes": ["HELLO"]})
    assert (status, plain) == (200, {"count": 1})
    await api.call(f"POST {OFFERS}/c/start", key=HOST, json={})
    for _ in range(2):
        status, plain = await api.call(f"POST {OFFERS}/c/claim", json={"code": "hello"})
        assert (status, plain["claim"]["code"]) == (201, "HELLO")
    status, plain = await order(api, "k1", coupon="HELLO")
    assert (status, plain["order"]["total_minor"]) == (201, 1125)


async def test_the_host_manages_offers(api: Any) -> None:
    await api.stock()
    status, plain = await api.call(f"PUT {OFFERS}/f", key=HOST, json={**FLASH, "minor_off": 3})
    assert (status, plain["error"]["field"]) == (400, "minor_off")
    await offer(api, "f", FLASH)
    status, plain = await api.call(f"DELETE {OFFERS}/f", key=HOST)
    assert (status, plain["error"]["code"]) == (409, "offer_settled")
    status, plain = await api.call(f"POST {OFFERS}/f/end", key=HOST)
    assert (status, plain["ends_pts"], plain["state"]) == (200, EDGE, "running")
    status, plain = await api.call(f"POST {OFFERS}/f/cancel", key=HOST)
    assert (status, plain["state"]) == (200, "cancelled")
    assert (await api.call(f"POST {OFFERS}/g/end", key=HOST))[0] == 404
    await api.call(f"PUT {OFFERS}/g", key=HOST, json=FLASH)
    assert (await api.call(f"DELETE {OFFERS}/g", key=HOST))[0] == 204
    status, plain = await api.call(f"GET {OFFERS}", key=HOST)
    assert [each["id"] for each in plain["offers"]] == ["f"]


async def test_the_run_of_show_is_driven_from_any_device(api: Any) -> None:
    await api.stock()
    await api.stock("jam")
    items = [{"id": "a", "title": "Two", "products": ["wine", "jam"]}]
    status, plain = await api.call("PUT /shows/one/run", key=HOST, json={"items": items})
    assert (status, plain["items"][0]["done"]) == (200, False)
    status, plain = await api.call("POST /shows/one/run/a/pin", key=HOST, json={})
    assert (status, {cue["product"] for cue in plain["cues"]}) == (200, {"wine", "jam"})
    assert len({cue["pts"] for cue in plain["cues"]}) == 1
    status, plain = await api.call("GET /shows/one/run", key=HOST)
    assert plain["items"][0]["done"]
    status, plain = await api.call("POST /shows/one/run/undo", key=HOST)
    assert (status, plain) == (200, {"undone": "pin"})
    await api.call("POST /shows/one/run/undo", key=HOST)
    status, plain = await api.call("POST /shows/one/run/undo", key=HOST)
    assert (status, plain["error"]["code"]) == (409, "nothing_to_undo")


async def test_sold_out_and_back_and_a_rehearsal(api: Any) -> None:
    await api.stock()
    await api.become_viewer()
    sold_out = "/shows/one/products/wine/sold-out"
    assert (await api.call(f"POST {sold_out}", key=HOST, json={}))[0] == 204
    status, plain = await order(api, "k1")
    assert plain["error"]["code"] == "sold_out"
    assert (await api.call(f"DELETE {sold_out}", key=HOST))[0] == 204
    for on in (True, False):
        status, plain = await api.call("POST /shows/one/rehearsal", key=HOST, json={"on": on})
        assert (status, plain) == (200, {"on": on})
        if on:
            assert (await order(api, "k2"))[0] == 201
    status, plain = await api.call("GET /shows/one/orders", key=HOST)
    assert plain["orders"] == []
    assert api.desk.products("one")[0]["available"] == 3
