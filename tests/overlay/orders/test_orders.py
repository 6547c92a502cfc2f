"""An order is all or nothing, once per key, at the server's prices."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overlay.catalog.products import ProductDraft
from overlay.errors import IdempotencyMismatch, InvalidInput, ShopError, SoldOut, UnknownProduct
from overlay.orders.values import OrderLine
from overlay.shop import Placed, Shop
from overlay.show.log import MediaTime

MakeDraft = Callable[..., ProductDraft]
Order = Callable[..., Placed]


@pytest.fixture(autouse=True)
def _stocked(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "wine", draft(name="Wine", price_minor=1250, stock=3))
    shop.put_product("demo", "jam", draft(name="Jam", price_minor=480, stock=200))


def _available(shop: Shop) -> dict[str, int]:
    return {product.id: product.available for product in shop.products("demo")}


def test_an_order_takes_the_stock_and_tells_without_the_buyer(shop: Shop, order: Order) -> None:
    placed = order(viewer="anna", wine=2, jam=1)
    assert placed.created
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", placed.order.number)
    assert (placed.order.total_minor, placed.order.currency) == (2 * 1250 + 480, "EUR")
    assert [item.name for item in placed.order.items] == ["Wine", "Jam"]

    def left(product: str, available: int) -> dict[str, Any]:
        return {
            "product": product, "variant": "default", "available": available, "sold_out": False,
        }  # fmt: skip

    assert [(event.type, event.data) for event in placed.events] == [
        ("stock", left("wine", 1)),
        ("stock", left("jam", 199)),
        ("order", {"product": "wine", "quantity": 2, "orders": 1}),
        ("order", {"product": "jam", "quantity": 1, "orders": 1}),
    ]
    assert [event.offset for event in placed.events] == [3, 4, 5, 6]
    assert "anna" not in repr(placed)
    assert _available(shop) == {"wine": 1, "jam": 199}
    assert shop.snapshot("demo").products["wine"]["available"] == 1


def test_the_last_unit_sells_out(shop: Shop, order: Order) -> None:
    events = order(wine=3).events
    assert (events[0].data["available"], events[0].data["sold_out"]) == (0, True)
    with pytest.raises(SoldOut, match="Wine is sold out") as refused:
        order(wine=1)
    assert refused.value.field == "wine"


def test_all_or_nothing(shop: Shop, order: Order) -> None:
    before = shop.snapshot("demo")
    with pytest.raises(SoldOut, match="Only 3 of Wine left") as refused:
        order(jam=5, wine=4)
    assert refused.value.field == "wine"
    assert _available(shop) == {"wine": 3, "jam": 200}
    assert shop.orders("demo") == ()
    assert shop.snapshot("demo") == before


def test_a_repeated_key_gives_the_stored_order(shop: Shop, draft: MakeDraft, order: Order) -> None:
    first = order(key="k", wine=3, jam=1)
    shop.put_product("demo", "wine", draft(name="Dearer", price_minor=9999, stock=3))
    again = order(key="k", jam=1, wine=3)
    assert (again.order, again.created, again.events) == (first.order, False, ())
    shop.delete_product("demo", "wine")
    assert order(key="k", wine=3, jam=1).order == first.order
    assert shop.orders("demo") == (first.order,)


def test_a_key_is_one_viewers_and_one_orders(shop: Shop, order: Order) -> None:
    first = order(viewer="anna", key="k", wine=1)
    assert order(viewer="bert", key="k", wine=1).order.number != first.order.number
    with pytest.raises(IdempotencyMismatch):
        order(viewer="anna", key="k", wine=2)
    assert _available(shop)["wine"] == 1


def test_a_key_that_sold_nothing_may_be_used_again(
    shop: Shop, draft: MakeDraft, order: Order
) -> None:
    with pytest.raises(SoldOut):
        order(key="k", wine=4)
    shop.put_product("demo", "wine", draft(stock=4))
    assert order(key="k", wine=4).created


def test_lines_of_one_product_are_one_item(shop: Shop) -> None:
    lines = [OrderLine(product="jam", quantity=n) for n in (2, 3)]
    placed = shop.place_order("demo", viewer="anna", key="k", lines=lines)
    assert [item.quantity for item in placed.order.items] == [5]


def test_orders_are_listed_newest_first(shop: Shop, order: Order) -> None:
    numbers = [order(jam=1).order.number for _ in range(5)]
    assert [each.number for each in shop.orders("demo")] == numbers[::-1]
    assert [each.number for each in shop.orders("demo", limit=2)] == numbers[:2:-1]
    assert shop.orders("other") == ()


def test_an_order_may_carry_media_time(shop: Shop) -> None:
    lines = [OrderLine(product="jam", quantity=1)]
    at = MediaTime(media_epoch="e-1", pts=77)
    placed = shop.place_order("demo", viewer="anna", key="k", lines=lines, at=at)
    assert {(event.media_epoch, event.pts) for event in placed.events} == {("e-1", 77)}


def test_one_order_is_in_one_currency(shop: Shop, draft: MakeDraft, order: Order) -> None:
    shop.put_product("demo", "tea", draft(currency="CHF"))
    with pytest.raises(InvalidInput, match="one currency"):
        order(tea=1, jam=1)


def test_an_unknown_product_is_named(order: Order) -> None:
    with pytest.raises(UnknownProduct, match="no product nothing"):
        order(nothing=1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": []}, "items"),
        ({"lines": "wine"}, "items"),
        ({"lines": None}, "items"),
        ({"lines": [{"product": "wine"}]}, "items.0"),
        ({"lines": [OrderLine(product="jam", quantity=1)] * 51}, "items"),
        ({"lines": [OrderLine(product="jam", quantity=0)]}, "items.0.quantity"),
        ({"lines": [OrderLine(product="jam", quantity=100)]}, "items.0.quantity"),
        ({"lines": [OrderLine(product="jam", quantity=50)] * 2}, "items.1.quantity"),
        ({"lines": [OrderLine(product="a b", quantity=1)]}, "items.0.product"),
        ({"key": ""}, "idempotency_key"),
        ({"key": "k" * 129}, "idempotency_key"),
        ({"key": "a\nb"}, "idempotency_key"),
        ({"viewer": ""}, "viewer"),
    ],
)
def test_what_is_not_legal_is_refused_by_name(
    shop: Shop, changes: dict[str, Any], field: str
) -> None:
    legal = {"viewer": "anna", "key": "k", "lines": [OrderLine(product="jam", quantity=1)]}
    with pytest.raises(InvalidInput) as refused:
        shop.place_order("demo", **{**legal, **changes})
    assert refused.value.field == field


ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["wine", "jam"])
)  # fmt: skip


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(
    viewer=ANYTHING,
    key=ANYTHING,
    lines=ANYTHING
    | st.lists(ANYTHING | st.builds(OrderLine, product=ANYTHING, quantity=ANYTHING), max_size=4),
)
def test_any_order_is_placed_or_refused(shop: Shop, viewer: Any, key: Any, lines: Any) -> None:
    before = len(shop.orders("demo"))
    try:
        placed = shop.place_order("demo", viewer=viewer, key=key, lines=lines)
    except ShopError as exc:
        assert str(exc).endswith(".")
        assert len(shop.orders("demo")) == before
    else:
        assert len(shop.orders("demo")) == before + placed.created
