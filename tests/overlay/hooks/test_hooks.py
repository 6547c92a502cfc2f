"""The outbox: what is written with what happened, who gets it, and how attempts fare."""

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from overlay.errors import InvalidInput, SoldOut, UnknownEndpoint, UnknownMessage
from overlay.hooks import deliveries
from overlay.hooks.endpoints import MAX_ENDPOINTS, OVERLAP_US
from overlay.hooks.room import KEEP_US
from overlay.hooks.schedule import CEILING_S, LEAST_S, MAX_ATTEMPTS, wait_s
from overlay.hooks.values import Attempt, Due, Endpoint
from overlay.orders.ops import ExpireDue, cancelling, confirming, placing, reserving
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.show.cues import CueDraft
from overlay.store.schema import messages

URL = "https://hooks.example/in"


def register(shop: Shop, **more: Any) -> Endpoint:
    return shop.add_endpoint(**{"show": None, "url": URL, "events": (), **more})


def due(shop: Shop, **more: Any) -> tuple[Due, ...]:
    return shop.due_deliveries(**{"most": 100, "most_each": 100, "busy": (), **more})


def told(shop: Shop) -> list[tuple[str, dict[str, Any]]]:
    bodies = [json.loads(each.body) for each in due(shop)]
    return [(body["type"], body["data"]) for body in bodies]


def place(shop: Shop, key: str = "k", checkout: str = "form", quantity: int = 1) -> str:
    lines = [OrderLine(product="cremant", quantity=quantity)]
    op = placing("demo", viewer="anna", key=key, lines=lines, checkout=checkout)
    outcome: Any = shop.settle([op]).outcomes[0]
    if isinstance(outcome, Exception):
        raise outcome
    number: str = outcome.order.number
    return number


@pytest.fixture
def goods(shop: Shop, draft: Any) -> Shop:
    shop.put_product("demo", "cremant", draft(policy="hold", stock=9))
    return shop


def test_nobody_registered_costs_no_row(goods: Shop) -> None:
    place(goods)
    with goods._store.read() as connection:
        assert connection.execute(select(func.count()).select_from(messages)).scalar_one() == 0
    assert due(goods) == ()


def test_an_order_is_told_as_it_is_stored(goods: Shop) -> None:
    register(goods)
    number = place(goods)
    ((event, data),) = told(goods)
    record = goods.order("demo", number)
    assert event == "order.confirmed"
    assert data == {
        "show": "demo", "viewer": "anna", "reference": None, "order": record.order.to_plain(),
    }  # fmt: skip


def test_the_life_of_orders_and_holds_is_told(goods: Shop, hands: Any) -> None:
    register(goods)
    paid, late, gone = (place(goods, key, "handoff") for key in "abc")
    goods.settle([confirming("demo", number=paid, reference="r1")])
    goods.settle([cancelling("demo", number=paid), cancelling("demo", number=gone)])
    goods.settle([reserving("demo", viewer="bert", hold="h", product="cremant", quantity=1)])
    hands.turn_s(3600)
    goods.settle([ExpireDue()])
    goods.settle([confirming("demo", number=late, reference="r2")])
    seen = sorted((event, data.get("order", data).get("number", "")) for event, data in told(goods))
    assert seen == sorted(
        [
            *(("order.held", number) for number in (paid, late, gone)),
            ("order.confirmed", paid),
            ("order.cancelled", paid),
            ("order.released", gone),
            ("reservation.held", ""),
            ("reservation.expired", ""),
            ("order.expired", late),
            ("order.paid_late", late),
        ]
    )


def test_what_did_not_happen_is_not_told(goods: Shop) -> None:
    register(goods)
    with pytest.raises(SoldOut):
        place(goods, quantity=99)
    assert told(goods) == []


def test_a_commit_that_fails_tells_nothing(goods: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    register(goods)

    def fail(*_: object) -> None:
        raise RuntimeError("after the outbox was written")

    monkeypatch.setattr(goods, "_told", fail)
    with pytest.raises(RuntimeError):
        place(goods)
    assert told(goods) == []


def test_pins_and_shows_are_told(goods: Shop, moment: Any) -> None:
    register(goods)
    pinned = goods.pin("demo", CueDraft(type="pin", product="cremant"), moment())
    goods.pin("demo", CueDraft(type="unpin", ends=pinned.cue.id), moment())
    goods.tell_show("demo", "show.ended", "e-1")
    (cue, data), ended = told(goods)
    assert (cue, data["product"], data["media_epoch"]) == ("cue.pinned", "cremant", "e-1")
    assert ended == ("show.ended", {"show": "demo", "media_epoch": "e-1"})


def test_a_rehearsal_makes_no_news(goods: Shop, moment: Any) -> None:
    register(goods)
    goods.rehearse("demo", on=True)
    place(goods)
    goods.pin("demo", CueDraft(type="pin", product="cremant"), moment())
    assert told(goods) == []
    goods.rehearse("demo", on=False)
    assert told(goods) == []
    number = place(goods, "real")
    ((event, data),) = told(goods)
    assert (event, data["order"]["number"]) == ("order.confirmed", number)


def test_an_endpoint_gets_what_it_asked_for(goods: Shop) -> None:
    register(goods, events=["order.cancelled"])
    register(goods, show="other")
    both = register(goods, show="demo", events=["order.confirmed", "order.cancelled"])
    off = register(goods)
    goods.change_endpoint(off.id, state="off")
    place(goods)
    assert [each.endpoint.id for each in due(goods)] == [both.id]
    goods.change_endpoint(off.id, state="on")
    assert [each.endpoint.id for each in due(goods)] == [both.id], "it was off when it happened"


def test_secrets_are_turned_over(goods: Shop, hands: Any) -> None:
    made = register(goods)
    (old,) = made.valid_secrets(hands())
    turned = goods.rotate_endpoint(made.id)
    new, also = turned.valid_secrets(hands())
    assert also == old != new
    assert turned.valid_secrets(hands() + OVERLAP_US) == (new,)
    for _ in range(5):
        turned = goods.rotate_endpoint(made.id)
    assert len(turned.valid_secrets(hands())) == 3
    assert old not in repr(turned)
    assert old not in str(turned.to_plain())


def test_attempts_back_off_and_end(goods: Shop, hands: Any) -> None:
    endpoint = register(goods)
    place(goods)
    for made in range(1, MAX_ATTEMPTS + 1):
        (each,) = due(goods)
        assert each.attempts == made - 1
        goods.settle_deliveries([Attempt(message=each.message, endpoint=endpoint.id, status=500)])
        assert due(goods) == (), "not before its time"
        hands.turn_s(CEILING_S)
    (seen,), _ = goods.deliveries(endpoint.id)
    assert (seen.state, seen.attempts, seen.status) == ("failed", MAX_ATTEMPTS, 500)
    assert due(goods) == ()


def test_what_arrived_is_not_sent_again_but_on_request(goods: Shop) -> None:
    endpoint = register(goods)
    place(goods)
    (each,) = due(goods)
    goods.settle_deliveries([Attempt(message=each.message, endpoint=endpoint.id, status=204)])
    assert due(goods) == ()
    assert goods.redeliver(endpoint.id, each.message).state == "waiting"
    assert due(goods) == (each,)
    with pytest.raises(UnknownMessage):
        goods.redeliver(endpoint.id, "msg_none")


def test_gone_ends_it_until_it_is_turned_on(goods: Shop, hands: Any) -> None:
    endpoint = register(goods)
    place(goods, "a")
    place(goods, "b")
    first, second = due(goods)
    goods.settle_deliveries([Attempt(message=first.message, endpoint=endpoint.id, status=410)])
    assert goods.endpoint(endpoint.id).state == "gone"
    place(goods, "c")
    hands.turn_s(CEILING_S)
    assert due(goods) == ()
    goods.change_endpoint(endpoint.id, state="on")
    assert [each.message for each in due(goods)] == [second.message]


def test_no_endpoint_takes_all_the_room(goods: Shop) -> None:
    slow, other = register(goods), register(goods)
    for n in range(5):
        place(goods, f"k{n}")
    first = due(goods, most_each=2)
    assert [each.endpoint.id for each in first] == [slow.id] * 2 + [other.id] * 2
    busy = [(each.message, slow.id) for each in first if each.endpoint.id == slow.id]
    assert {each.endpoint.id for each in due(goods, most_each=2, busy=busy)} == {other.id}
    more = due(goods, most_each=3, busy=busy)
    assert len({each.message for each in more if each.endpoint.id == slow.id} - {busy[0][0]}) == 1


def test_who_does_not_empty_their_box_is_turned_off(
    goods: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overlay.hooks.outbox.MAX_WAITING", 3)
    dead, alive = register(goods), register(goods)
    for n in range(6):
        place(goods, f"k{n}")
        for each in due(goods):
            if each.endpoint.id == alive.id:
                done = Attempt(message=each.message, endpoint=alive.id, status=200)
                goods.settle_deliveries([done])
    assert (goods.endpoint(dead.id).state, goods.endpoint(alive.id).state) == ("off", "on")
    assert len(goods.deliveries(dead.id)[0]) == 3
    assert len(goods.deliveries(alive.id)[0]) == 6


def test_a_shop_that_is_opened_again_goes_on(goods: Shop, database: Any) -> None:
    register(goods)
    place(goods)
    (before,) = due(goods)
    goods.close()
    again = Shop.open(database)
    try:
        with again._store.read() as connection:
            again._outbox.listening(connection)
        assert [(each.message, each.body) for each in due(again)] == [(before.message, before.body)]
    finally:
        again.close()


def test_pages_and_forgetting(goods: Shop, hands: Any) -> None:
    endpoint = register(goods)
    for n in range(5):
        place(goods, f"k{n}")
    first, cursor = goods.deliveries(endpoint.id, limit=3)
    second, end = goods.deliveries(endpoint.id, limit=3, before=cursor)
    assert (len(first), len(second), end) == (3, 2, None)
    assert len({each.message for each in (*first, *second)}) == 5
    hands.turn_s(KEEP_US / 1e6)
    assert goods.prune_deliveries() == 5
    assert goods.deliveries(endpoint.id) == ((), None)


def test_what_is_taken_away_is_gone(goods: Shop) -> None:
    endpoint = register(goods)
    place(goods)
    goods.delete_endpoint(endpoint.id)
    assert due(goods) == ()
    for call in (goods.endpoint, goods.delete_endpoint, goods.rotate_endpoint, goods.deliveries):
        with pytest.raises(UnknownEndpoint):
            call(endpoint.id)


@pytest.mark.parametrize(
    "more", [{"url": "https://a b"}, {"url": "x" * 2001}, {"events": "x"}, {"events": ["order.x"]}]
)
def test_what_cannot_be_registered(shop: Shop, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        register(shop, **more)
    assert shop.endpoints() == ()


def test_there_is_an_end_to_endpoints(shop: Shop) -> None:
    for _ in range(MAX_ENDPOINTS):
        register(shop)
    with pytest.raises(InvalidInput):
        register(shop)


def test_waits_are_random_below_a_ceiling_that_grows() -> None:
    ceilings = [wait_s(n, 1.0) for n in range(1, MAX_ATTEMPTS)]
    assert ceilings[:4] == [5.0, 20.0, 80.0, 320.0]
    assert ceilings[-1] == CEILING_S
    assert {wait_s(n, 0.0) for n in range(1, MAX_ATTEMPTS)} == {LEAST_S}
    assert wait_s(MAX_ATTEMPTS, 0.5) is None
    assert deliveries.MAX_PAGE == 100
