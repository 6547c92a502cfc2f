"""The host's hands: run of show, several pins at once, marks, undo; and rehearsals that leave
nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from overlay.catalog.products import ProductDraft
from overlay.errors import InvalidInput, NothingToUndo, OfferSettled, UnknownProduct
from overlay.orders import ops
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.show.cues import CueDraft, CueMoment
from overlay.show.fold import ShowState
from overlay.store.schema import claims, holds, movements, offer_uses, order_items, orders, replies
from overlay.verify import rows
from overlay.verify.report import checked

MakeDraft = Callable[..., ProductDraft]
MakeMoment = Callable[..., CueMoment]


@pytest.fixture(autouse=True)
def _proven(shop: Shop, draft: MakeDraft) -> Iterator[None]:
    for name in ("wine", "jam", "tea"):
        shop.put_product("demo", name, draft(name=name, stock=9, policy="hold"))
    yield
    shop.recover("demo", shop.snapshot("demo"))
    assert [f for c in checked(rows.read(shop._store, "demo")) for f in c.findings] == []


def step(name: str, *products: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "products": list(products), **more}


def left(shop: Shop, product: str = "wine") -> int:
    return int(shop.snapshot("demo").products[product]["available"])


def one(shop: Shop, op: Any) -> Any:
    (outcome,) = shop.settle([op]).outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def test_a_step_pins_its_products_on_one_frame_and_is_done(shop: Shop, moment: MakeMoment) -> None:
    shop.put_run("demo", [step("a", "wine", "jam", title="Two"), step("b", "tea")])
    now = moment()
    ran = shop.pin_run("demo", "a", now, request="r1")
    assert [(cue.product, cue.pts) for cue in ran.cues] == [("wine", now.pts), ("jam", now.pts)]
    assert ran.item.done
    again = shop.pin_run("demo", "a", now, request="r1")
    assert (again.cues, again.events) == (ran.cues, ())
    undone = shop.undo("demo", moment(pts=now.pts + 90_000, now_tick=now.now_tick + 90_000))
    assert undone.what == "pin"
    assert [event.data["ends"] for event in undone.events] == [cue.id for cue in ran.cues]
    assert not shop.run_of_show("demo")[0].done
    shop.undo("demo", None)
    assert shop.run_of_show("demo") == ()
    with pytest.raises(NothingToUndo):
        shop.undo("demo", None)


def test_a_queue_is_reordered_and_that_is_undone(shop: Shop) -> None:
    shop.put_run("demo", [step("a", "wine"), step("b", note="Say hello\nto all")])
    shop.put_run("demo", [step("b"), step("a", "wine")])
    assert [item.id for item in shop.run_of_show("demo")] == ["b", "a"]
    assert shop.undo("demo", None).what == "run"
    assert [item.id for item in shop.run_of_show("demo")] == ["a", "b"]


@pytest.mark.parametrize(
    ("items", "field"),
    [
        (5, "items"),
        ([5], "items.0"),
        ([step("a", "w", "x", "y", "z")], "items.0.products"),
        ([step("a", "w", "w")], "items.0.products"),
        ([step("a"), step("a")], "items"),
        ([step("ä")], "items.0.id"),
        ([step("a", title="\u202e")], "items.0.title"),
        ([step("a", done=3)], "items.0.done"),
    ],
)
def test_a_senseless_queue_is_refused(shop: Shop, items: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.put_run("demo", items)
    assert refused.value.field == field


def test_a_step_with_a_product_that_is_gone_pins_nothing(shop: Shop, moment: MakeMoment) -> None:
    shop.put_run("demo", [step("a", "wine", "none")])
    with pytest.raises(UnknownProduct):
        shop.pin_run("demo", "a", moment())
    assert shop.cues("demo") == ()
    with pytest.raises(InvalidInput):
        shop.pin_run("demo", "none", moment())


def test_a_sold_out_mark_takes_what_is_left_and_gives_it_back(shop: Shop, draft: MakeDraft) -> None:
    one(shop, ops.reserving("demo", viewer="v", hold="h", product="wine", quantity=2))
    (told,) = shop.mark_sold_out("demo", "wine")
    assert told.data == {
        "product": "wine", "variant": "default", "available": 0, "sold_out": True,
    }  # fmt: skip
    assert shop.mark_sold_out("demo", "wine") == ()
    shop.lift_sold_out("demo", "wine")
    assert left(shop) == 7
    shop.undo("demo", None)
    assert left(shop) == 0
    shop.undo("demo", None)
    assert left(shop) == 7
    with pytest.raises(UnknownProduct):
        shop.mark_sold_out("demo", "none")


def test_stock_that_is_set_anew_stands_whatever_the_mark_remembers(
    shop: Shop, draft: MakeDraft
) -> None:
    shop.mark_sold_out("demo", "wine")
    shop.put_product("demo", "wine", draft(name="wine", stock=3, policy="hold"))
    shop.lift_sold_out("demo", "wine")
    assert left(shop) == 3


def count(shop: Shop, *tables: Any) -> list[int]:
    with shop._store.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        ]


PLAY = (orders, order_items, replies, holds, claims, offer_uses)


def test_nothing_of_a_rehearsal_stays(shop: Shop, moment: MakeMoment) -> None:
    shop.put_run("demo", [step("a", "wine"), step("b", "jam")])
    shop.put_offer(
        "demo", "f",
        {"kind": "flash", "product": "wine", "price_minor": 1, "currency": "EUR", "quota": 9},
    )  # fmt: skip
    shop.put_offer("demo", "c", {"kind": "coupon", "percent_off": 5, "currency": "EUR"})
    line = [OrderLine(product="wine", quantity=1)]
    one(shop, ops.placing("demo", viewer="real", key="k", lines=line))
    shop.pin("demo", CueDraft(type="pin", product="tea"), moment())
    shop.tell()
    before, rows_before = shop.snapshot("demo"), count(shop, *PLAY, movements)
    shop.rehearse("demo", on=True)
    assert shop.snapshot("demo").rehearsal
    shop.pin_run("demo", "a", moment())
    shop.start_offer("demo", "f")
    shop.start_offer("demo", "c")
    code = one(shop, ops.claiming("demo", viewer="v", offer="c")).claim.code
    order = one(
        shop, ops.placing("demo", viewer="v", key="k", lines=line, checkout="handoff")
    ).order
    one(shop, ops.confirming("demo", number=order.number, reference="p"))
    jam = [OrderLine(product="jam", quantity=2)]
    one(shop, ops.placing("demo", viewer="v", key="k2", lines=jam, coupon=code))
    one(shop, ops.reserving("demo", viewer="v", hold="h", product="tea", quantity=2))
    shop.mark_sold_out("demo", "jam")
    assert shop.rehearse("demo", on=True) == ()
    shop.rehearse("demo", on=False)
    after = shop.snapshot("demo")
    assert not after.rehearsal
    assert (after.products, after.cues, after.totals) == (
        before.products, before.cues, before.totals,
    )  # fmt: skip
    assert after.offers == before.offers == {}
    assert {offer.state for offer in shop.offers("demo")} == {"draft"}
    assert [item.done for item in shop.run_of_show("demo")] == [False, False]
    assert count(shop, *PLAY) == rows_before[:-1]
    assert shop.tell() == ()
    with pytest.raises(NothingToUndo):
        shop.undo("demo", None) and shop.undo("demo", None)


def test_a_rehearsals_cards_end_in_the_stream_too(shop: Shop, moment: MakeMoment) -> None:
    before = shop.pin("demo", CueDraft(type="pin", product="wine"), moment()).cue
    shop.rehearse("demo", on=True)
    standing = shop.pin("demo", CueDraft(type="pin", product="wine"), moment()).cue
    taken = shop.pin("demo", CueDraft(type="pin", product="wine"), moment()).cue
    shop.pin("demo", CueDraft(type="unpin", ends=taken.id), moment())
    told = shop.rehearse("demo", on=False, moment=moment())
    ended = [event.data["ends"] for event in told if event.type == "cue"]
    assert ended == [standing.id]
    assert shop.snapshot("demo").cues == (before,)


def test_a_rehearsal_does_not_begin_while_an_offer_is_open(shop: Shop) -> None:
    terms = {"kind": "flash", "product": "wine", "price_minor": 1, "currency": "EUR"}
    shop.put_offer("demo", "f", terms)
    shop.start_offer("demo", "f")
    with pytest.raises(OfferSettled):
        shop.rehearse("demo", on=True)
    shop.end_offer("demo", "f")
    shop.rehearse("demo", on=True)
    shop.rehearse("demo", on=False)
    assert shop.snapshot("demo").offers["f"]["state"] == "ended"


def test_the_whole_log_folds_to_the_state_of_who_was_there(shop: Shop) -> None:
    shop.rehearse("demo", on=True)
    shop.mark_sold_out("demo", "wine")
    shop.rehearse("demo", on=False)
    state = ShowState.empty(shop.epoch)
    for event in shop.events_since("demo", 0):
        state = state.apply(event)
    assert state == shop.snapshot("demo")
