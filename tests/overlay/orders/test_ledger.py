"""Holds, payments, cancellations, caps and the clock: what the ledger does with stock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from overlay.catalog.products import ProductDraft, VariantDraft
from overlay.errors import (
    CapReached,
    HoldGone,
    InvalidInput,
    NotLive,
    OrderSettled,
    ShopError,
    SoldOut,
    StoreUnavailable,
    UnknownOrder,
    UnknownProduct,
)
from overlay.orders import book, ops
from overlay.orders.ops import ExpireDue, Op, Release, ReleaseOrder
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.show.log import MediaTime
from overlay.verify import rows
from overlay.verify.report import checked

MakeDraft = Callable[..., ProductDraft]
HOUR_S = 3600


@pytest.fixture(autouse=True)
def _stocked(shop: Shop, draft: MakeDraft) -> Any:
    shop.put_product("demo", "wine", draft(name="Wine", stock=5, policy="hold", cap=4))
    shop.put_product("demo", "jam", draft(name="Jam", stock=9))
    yield
    shop.recover("demo", shop.snapshot("demo"))
    findings = [f for c in checked(rows.read(shop._store, "demo")) for f in c.findings]
    assert findings == []


def one(shop: Shop, op: Op) -> Any:
    """The op's outcome, or the error that refuses it, raised."""
    (outcome,) = shop.settle([op]).outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def hold(name: str, quantity: int, viewer: str = "anna", product: str = "wine") -> Op:
    return ops.reserving("demo", viewer=viewer, hold=name, product=product, quantity=quantity)


def place(key: str, quantity: int, viewer: str = "anna", **more: Any) -> Op:
    lines = [OrderLine(product=more.pop("product", "wine"), quantity=quantity)]
    return ops.placing("demo", viewer=viewer, key=key, lines=lines, **more)


def pay(number: str, reference: str = "pay-1") -> Op:
    return ops.confirming("demo", number=number, reference=reference)


def stock(shop: Shop, product: str = "wine") -> tuple[int, int, int]:
    (variant,) = next(p for p in shop.products("demo") if p.id == product).variants
    return (variant.available, variant.held, variant.sold)


def test_a_hold_sets_units_aside_and_an_order_takes_its_buyers_own(shop: Shop) -> None:
    held = one(shop, hold("h1", 3)).hold
    assert stock(shop) == (2, 3, 0)
    with pytest.raises(SoldOut, match="Only 2 of Wine left"):
        one(shop, place("k", 3, viewer="bert"))
    assert one(shop, place("k", 4)).created
    assert stock(shop) == (1, 0, 4)
    assert held.expires_us > 0


def test_a_part_of_a_hold_may_be_ordered(shop: Shop) -> None:
    one(shop, hold("h1", 3))
    one(shop, place("k", 1))
    assert stock(shop) == (2, 2, 1)
    one(shop, Release(show="demo", viewer="anna", hold="h1"))
    assert stock(shop) == (4, 0, 1)


def test_a_hold_is_resized_not_renewed_and_a_repetition_changes_nothing(
    shop: Shop, hands: Any
) -> None:
    first = one(shop, hold("h1", 3)).hold
    hands.turn_s(30)
    assert one(shop, hold("h1", 3)).hold == first
    assert one(shop, hold("h1", 1)).hold.expires_us == first.expires_us
    assert stock(shop) == (4, 1, 0)
    with pytest.raises(InvalidInput, match="something else"):
        one(shop, hold("h1", 1, viewer="bert"))
    one(shop, Release(show="demo", viewer="bert", hold="h1"))
    assert stock(shop) == (4, 1, 0), "nobody releases another's"
    for _ in range(2):
        one(shop, Release(show="demo", viewer="anna", hold="h1"))
    with pytest.raises(HoldGone):
        one(shop, hold("h1", 1))
    assert stock(shop) == (5, 0, 0)


def test_a_hold_ends_in_time(shop: Shop, hands: Any) -> None:
    one(shop, hold("h1", 3))
    hands.turn_s(599)
    assert one(shop, ExpireDue()).count == 0
    hands.turn_s(2)
    assert one(shop, ExpireDue()).count == 1
    assert one(shop, ExpireDue()).count == 0
    assert stock(shop) == (5, 0, 0)


def test_a_hold_that_is_over_helps_no_order_though_nobody_has_swept_it(
    shop: Shop, hands: Any
) -> None:
    one(shop, hold("h1", 3))
    hands.turn_s(HOUR_S)
    one(shop, place("k", 4))
    assert stock(shop) == (1, 0, 4)


def test_the_cap_counts_holds_and_orders_and_gives_back(shop: Shop) -> None:
    one(shop, hold("h1", 2))
    one(shop, place("k1", 3))
    with pytest.raises(CapReached, match="4 of Wine for each buyer") as refused:
        one(shop, place("k2", 2))
    assert refused.value.field == "wine"
    number = one(shop, place("k3", 1)).order.number
    one(shop, ops.cancelling("demo", number=number))
    assert one(shop, place("k4", 1)).created
    assert one(shop, place("k5", 1, viewer="bert")).created


def test_a_payment_confirms_once(shop: Shop) -> None:
    order = one(shop, place("k", 2, checkout="stripe")).order
    assert (order.state, stock(shop)) == ("held", (3, 2, 0))
    assert one(shop, pay(order.number)).changed
    assert not one(shop, pay(order.number)).changed
    assert stock(shop) == (3, 0, 2)
    with pytest.raises(OrderSettled, match="one too many"):
        one(shop, pay(order.number, "pay-2"))
    again = one(shop, place("k", 2, checkout="stripe"))
    assert (again.order, again.created) == (order, False), "the very reply that was given"


@pytest.mark.parametrize("swept", [True, False])
def test_a_payment_after_the_end_is_a_state_of_its_own(shop: Shop, hands: Any, swept: bool) -> None:
    order = one(shop, place("k", 2, checkout="handoff")).order
    hands.turn_s(1801)
    if swept:
        one(shop, ExpireDue())
    assert one(shop, pay(order.number)).state == "paid_late"
    assert stock(shop) == (5, 0, 0)
    assert one(shop, ops.cancelling("demo", number=order.number)).state == "cancelled"
    assert stock(shop) == (5, 0, 0)


def test_a_payment_of_what_was_given_up_is_late_too(shop: Shop) -> None:
    number = one(shop, place("k", 2, checkout="handoff")).order.number
    release = ReleaseOrder(show="demo", number=number)
    assert one(shop, release).changed
    assert not one(shop, release).changed
    assert one(shop, pay(number)).state == "paid_late"
    with pytest.raises(OrderSettled):
        one(shop, release)


def test_an_order_is_cancelled_once_and_gives_back(shop: Shop) -> None:
    number = one(shop, place("k", 2)).order.number
    for changed in (True, False):
        assert one(shop, ops.cancelling("demo", number=number)).changed is changed
    assert stock(shop) == (5, 0, 0)
    held = one(shop, place("k2", 2, checkout="handoff")).order.number
    assert one(shop, ops.cancelling("demo", number=held)).state == "released"
    with pytest.raises(UnknownOrder):
        one(shop, ops.cancelling("other", number=number))


def test_an_order_older_than_its_product_gives_nothing_back(shop: Shop, draft: MakeDraft) -> None:
    number = one(shop, place("k", 2, product="jam")).order.number
    shop.delete_product("demo", "jam")
    shop.put_product("demo", "jam", draft(name="Jam", stock=3))
    one(shop, place("k2", 1, product="jam"))
    one(shop, ops.cancelling("demo", number=number))
    assert stock(shop, "jam") == (2, 0, 1)


def test_what_is_sold_live_alone(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "live", draft(live_only=True))
    with pytest.raises(NotLive):
        one(shop, place("k", 1, product="live"))
    at = MediaTime(media_epoch="e", pts=1)
    assert one(shop, place("k", 1, product="live", at=at)).created


def test_carts_hold_only_what_is_to_be_held(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="whoever orders first"):
        one(shop, hold("h", 1, product="jam"))


def test_a_variant_is_named_where_there_are_several(shop: Shop, draft: MakeDraft) -> None:
    variants = [
        VariantDraft(options=[size], price_minor=price, stock=1)
        for size, price in (("S", 900), ("L", 1100))
    ]
    shirt = draft(options=["Size"], variants=variants, price_minor=None, stock=None)
    made = shop.put_product("demo", "shirt", shirt).product
    with pytest.raises(InvalidInput, match="2 variants") as refused:
        one(shop, place("k", 1, product="shirt"))
    assert refused.value.field == "items.0.variant"
    large = made.variants[1].id
    lines = [OrderLine(product="shirt", variant=large, quantity=1)]
    op = ops.placing("demo", viewer="anna", key="k", lines=lines)
    (item,) = one(shop, op).order.items
    assert (item.choice, item.price_minor) == ("L", 1100)
    lines = [OrderLine(product="shirt", variant="none", quantity=1)]
    with pytest.raises(UnknownProduct, match="no variant none"):
        one(shop, ops.placing("demo", viewer="anna", key="k2", lines=lines))


def test_a_refused_op_costs_its_neighbours_nothing(shop: Shop) -> None:
    batch = [place("a", 2), place("b", 9, viewer="bert"), place("a", 2), place("a", 1), pay("NO")]
    outcomes = shop.settle(batch).outcomes
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "OrderPlaced", "SoldOut", "OrderPlaced", "IdempotencyMismatch", "UnknownOrder",
    ]  # fmt: skip
    assert stock(shop) == (3, 0, 2)


def test_a_poisonous_op_fails_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    save = book.save

    def poisoned(connection: Any, view: Any, effects: Any) -> None:
        save(connection, view, effects)
        if any(row["idempotency_key"] == "poison" for row in effects.orders):
            raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(book, "save", poisoned)
    batch = [place("a", 1), place("poison", 1, viewer="bert"), place("c", 1, viewer="carl")]
    outcomes = shop.settle(batch).outcomes
    assert isinstance(outcomes[1], RuntimeError)
    assert not any(isinstance(outcomes[n], Exception) for n in (0, 2))
    assert stock(shop) == (3, 0, 2)


def test_a_store_that_is_away_fails_the_batch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("It is away.")

    monkeypatch.setattr(book, "save", away)
    with pytest.raises(StoreUnavailable):
        shop.settle([place("a", 1), place("b", 1)])
    monkeypatch.undo()
    assert stock(shop) == (5, 0, 0)


@pytest.mark.parametrize("when", ["settle", "tell"])
def test_a_commit_that_is_thought_to_have_failed_is_told_once(
    shop: Shop, hands: Any, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    write = shop._store.write

    @contextmanager
    def lost() -> Iterator[Any]:
        with write() as connection:
            yield connection
        raise StoreUnavailable("The session went at the very commit.")

    shop.settle([place("a", 1)])
    shop.settle([place("b", 1)])
    hands.turn_s(0.2 if when == "tell" else 0)
    monkeypatch.setattr(shop._store, "write", lost)
    with pytest.raises(StoreUnavailable):
        shop.tell() if when == "tell" else shop.settle([place("c", 1, viewer="bert")])
    monkeypatch.undo()
    assert shop.untold_us() == 0
    shop.settle([place("d", 1, viewer="carl")])
    hands.turn_s(0.2)
    shop.tell()
    assert [f for c in checked(rows.read(shop._store, "demo")) for f in c.findings] == []
    sold = 3 if when == "tell" else 4
    assert shop.snapshot("demo").totals["wine"] == {"quantity": sold, "orders": sold}


def test_a_hold_does_not_grow_where_none_could_be_begun(shop: Shop, draft: MakeDraft) -> None:
    one(shop, hold("h", 2))
    shop.put_product("demo", "wine", draft(name="Wine", stock=5, policy="hold", live_only=True))
    with pytest.raises(NotLive):
        one(shop, hold("h", 3))
    shop.put_product("demo", "wine", draft(name="Wine", stock=5, policy="first_paid"))
    with pytest.raises(InvalidInput, match="not held in carts"):
        one(shop, hold("h", 3))
    assert one(shop, hold("h", 1)).hold.quantity == 1


def test_lines_are_few_flips_are_told_at_once_and_the_rest_in_time(shop: Shop, hands: Any) -> None:
    def told(events: Any) -> list[tuple[str, int]]:
        return [(e.type, e.data.get("available", e.data.get("quantity"))) for e in events]

    batches = [shop.settle([place(f"k{n}", 1, viewer=f"v{n}")]) for n in range(3)]
    assert told(batches[0].events) == [("stock", 4), ("order", 1)]
    assert told(batches[1].events) == told(batches[2].events) == []
    wait_us = shop.untold_us()
    assert wait_us is not None
    assert 0 < wait_us <= 200_000
    hands.turn_s(0.2)
    assert told(shop.tell()) == [("stock", 2), ("order", 2)]
    assert shop.untold_us() is None
    assert told(shop.settle([place("k9", 2, viewer="v9")]).events) == [("stock", 0)], "sold out"
    hands.turn_s(0.2)
    assert told(shop.tell()) == [("order", 2)]
    assert shop.tell() == ()


def test_a_shop_that_died_between_a_sale_and_its_line_tells_it_later(
    shop: Shop, database: Any, hands: Any
) -> None:
    for n in range(3):
        one(shop, place(f"k{n}", 1, viewer=f"v{n}"))
    other = Shop(type(shop._store).open(database), utc_us=hands)
    told = other.recover("demo", other.snapshot("demo"))
    assert [(e.type, e.data["product"]) for e in told] == [("stock", "wine"), ("order", "wine")]
    assert other.recover("demo", other.snapshot("demo")) == ()
    assert other.snapshot("demo").totals["wine"] == {"quantity": 3, "orders": 3}
    other.close()


def test_no_op_is_made_of_what_is_not_legal() -> None:
    illegal: tuple[Callable[[], Op], ...] = (
        lambda: ops.reserving("demo", viewer="a", hold="h", product="wine", quantity=10**9),
        lambda: place("k", 10**9),
        lambda: place("k", 1, checkout="gratis"),
        lambda: place("k", 1, contact={"name": "a\nb"}),
        lambda: place("k", 1, contact="anna"),
        lambda: ops.confirming("demo", number="../x", reference="r"),
        lambda: ops.cancelling("demo", number="x", note="a\x00"),
    )
    for make in illegal:
        with pytest.raises(ShopError, match=r"\.$"):
            make()
