"""Carts: versions, what they hold of the stock, and what they show."""

from typing import Any

import pytest
from sqlalchemy import select

from overlay.carts.room import KEEP_US
from overlay.carts.values import CartWish
from overlay.errors import CapReached, CartChanged, InvalidInput, SoldOut, UnknownProduct
from overlay.orders.ops import ExpireDue
from overlay.shop import Shop
from overlay.store.schema import carts, variants


def wish(product: str, quantity: int, variant: str | None = None) -> CartWish:
    return CartWish(product=product, quantity=quantity, variant=variant)


def stock(shop: Shop, product: str) -> tuple[int, int]:
    with shop._store.read() as connection:
        row = connection.execute(select(variants).where(variants.c.product == product)).one()
    return row.available, row.held


@pytest.fixture
def goods(shop: Shop, draft: Any) -> Shop:
    """Three crémants that carts hold, and three jams that they do not."""
    shop.put_product("demo", "cremant", draft(policy="hold"))
    shop.put_product("demo", "jam", draft(name="Jam", price_minor=690))
    return shop


def test_a_new_viewers_cart_is_empty(goods: Shop) -> None:
    cart = goods.cart("demo", "anna")
    assert cart.to_plain() == {"version": 0, "items": [], "total_minor": 0, "currency": None}


def test_what_is_put_is_shown_priced_and_held(goods: Shop) -> None:
    put = goods.put_cart("demo", "anna", [wish("cremant", 2), wish("jam", 1)], version=0)
    assert put.changed
    assert goods.cart("demo", "anna") == put.cart
    held, free = put.cart.lines
    assert (put.cart.version, put.cart.total_minor, put.cart.currency) == (1, 3190, "EUR")
    assert held.held_until_us is not None
    assert free.held_until_us is None
    assert (held.available, held.sold_out, free.available) == (1, False, 3)
    assert stock(goods, "cremant") == (1, 2)
    assert stock(goods, "jam") == (3, 0)


def test_the_same_again_changes_nothing(goods: Shop) -> None:
    first = goods.put_cart("demo", "anna", [wish("cremant", 2)], version=0)
    again = goods.put_cart("demo", "anna", [wish("cremant", 1), wish("cremant", 1)], version=1)
    assert not again.changed
    assert again.cart == first.cart
    assert again.events == ()


def test_another_version_is_refused_and_changes_nothing(goods: Shop) -> None:
    goods.put_cart("demo", "anna", [wish("jam", 1)], version=0)
    with pytest.raises(CartChanged):
        goods.put_cart("demo", "anna", [wish("cremant", 1)], version=0)
    assert stock(goods, "cremant") == (3, 0)
    assert [line.product for line in goods.cart("demo", "anna").lines] == ["jam"]


def test_taking_out_gives_back_before_more_is_taken(goods: Shop, draft: Any) -> None:
    goods.put_product("demo", "rose", draft(policy="hold", stock=1, cap=1))
    goods.put_cart("demo", "anna", [wish("cremant", 3), wish("rose", 1)])
    put = goods.put_cart("demo", "anna", [wish("rose", 1), wish("cremant", 1)])
    assert stock(goods, "cremant") == (2, 1)
    assert stock(goods, "rose") == (0, 1)
    assert not put.cart.lines[0].sold_out, "they are held for this very cart"
    goods.put_cart("demo", "anna", [])
    assert stock(goods, "cremant") == (3, 0)
    assert stock(goods, "rose") == (1, 0)


def test_more_than_there_is_changes_nothing_at_all(goods: Shop, draft: Any) -> None:
    goods.put_product("demo", "rose", draft(policy="hold", cap=1))
    goods.put_cart("demo", "anna", [wish("cremant", 1)])
    with pytest.raises(SoldOut):
        goods.put_cart("demo", "anna", [wish("jam", 1), wish("cremant", 4)])
    with pytest.raises(CapReached):
        goods.put_cart("demo", "anna", [wish("rose", 2)])
    assert stock(goods, "cremant") == (2, 1)
    assert goods.cart("demo", "anna").version == 1


def test_a_hold_that_is_over_leaves_the_line_and_is_taken_anew(goods: Shop, hands: Any) -> None:
    goods.put_cart("demo", "anna", [wish("cremant", 3)])
    hands.turn_s(601)
    assert goods.cart("demo", "anna").lines[0].held_until_us is None
    goods.settle([ExpireDue()])
    goods.put_cart("demo", "bert", [wish("cremant", 2)])
    put = goods.put_cart("demo", "anna", [wish("cremant", 3), wish("jam", 1)])
    assert put.cart.lines[0].held_until_us is None
    assert put.cart.lines[0].available == 1
    goods.put_cart("demo", "bert", [])
    put = goods.put_cart("demo", "anna", [wish("cremant", 3), wish("jam", 1)])
    assert put.cart.lines[0].held_until_us is not None
    assert stock(goods, "cremant") == (0, 3)


def test_an_expired_hold_that_nobody_has_ended_does_not_count_against_the_cap(
    goods: Shop, draft: Any, hands: Any
) -> None:
    goods.put_product("demo", "rose", draft(policy="hold", cap=2))
    goods.put_cart("demo", "anna", [wish("rose", 2)])
    hands.turn_s(601)
    put = goods.put_cart("demo", "anna", [wish("rose", 2)])
    assert put.cart.lines[0].held_until_us is not None
    assert stock(goods, "rose") == (1, 2)


def test_changing_a_cart_does_not_lengthen_its_holds(goods: Shop, hands: Any) -> None:
    first = goods.put_cart("demo", "anna", [wish("cremant", 1)]).cart.lines[0].held_until_us
    hands.turn_s(300)
    again = goods.put_cart("demo", "anna", [wish("cremant", 2)]).cart.lines[0].held_until_us
    assert again == first


def test_an_order_takes_what_the_cart_holds(goods: Shop, order: Any) -> None:
    goods.put_cart("demo", "anna", [wish("cremant", 3)])
    with pytest.raises(SoldOut):
        order("bert", cremant=1)
    order("anna", cremant=3)
    assert stock(goods, "cremant") == (0, 0)
    assert goods.cart("demo", "anna").lines[0].sold_out
    goods.put_cart("demo", "anna", [])
    assert stock(goods, "cremant") == (0, 0)


def test_a_product_that_is_gone_leaves_the_cart(goods: Shop) -> None:
    goods.put_cart("demo", "anna", [wish("jam", 1), wish("cremant", 1)])
    goods.delete_product("demo", "jam")
    assert [line.product for line in goods.cart("demo", "anna").lines] == ["cremant"]


def test_viewers_and_shows_have_carts_of_their_own(goods: Shop) -> None:
    goods.put_cart("demo", "anna", [wish("jam", 1)])
    assert goods.cart("demo", "bert").version == 0
    assert goods.cart("other", "anna").version == 0


@pytest.mark.parametrize(
    ("items", "error", "field"),
    [
        ("jam", InvalidInput, "items"),
        ([wish("jam", 1)] * 51, InvalidInput, "items"),
        ([wish("jam", 0)], InvalidInput, "items.0.quantity"),
        ([wish("jam", 10**9)], InvalidInput, "items.0.quantity"),
        ([wish("jam", 60), wish("jam", 60)], InvalidInput, "items.1.quantity"),
        ([wish("jam", 1), wish("a b", 1)], InvalidInput, "items.1.product"),
        ([wish("none", 1)], UnknownProduct, "items"),
        ([wish("jam", 1, "none")], UnknownProduct, "items"),
        ([wish("jam", 1), wish("yen", 1)], InvalidInput, "items"),
        ([{"product": "jam"}], InvalidInput, "items.0"),
    ],
)
def test_what_no_cart_can_hold(
    goods: Shop, draft: Any, items: Any, error: type[Exception], field: str
) -> None:
    goods.put_product("demo", "yen", draft(currency="JPY"))
    with pytest.raises(error) as refused:
        goods.put_cart("demo", "anna", items)
    assert refused.value.field == field  # type: ignore[attr-defined]
    assert goods.cart("demo", "anna").version == 0


def test_old_carts_are_forgotten(goods: Shop, hands: Any) -> None:
    goods.put_cart("demo", "anna", [wish("jam", 1)])
    hands.turn_s(KEEP_US / 1e6)
    goods.put_cart("demo", "bert", [wish("jam", 1)])
    assert goods.prune_carts() == 1
    with goods._store.read() as connection:
        assert [row.viewer for row in connection.execute(select(carts))] == ["bert"]


def test_a_running_offer_shows_in_the_cart(goods: Shop) -> None:
    terms = {
        "kind": "flash", "product": "jam", "price_minor": 500, "currency": "EUR", "per_buyer": 1,
    }  # fmt: skip
    goods.put_offer("demo", "half", terms)
    goods.put_cart("demo", "anna", [wish("jam", 1)])
    goods.start_offer("demo", "half", duration_ms=60_000)
    (line,) = goods.cart("demo", "anna").lines
    assert (line.price_minor, line.list_minor, line.line_minor, line.offer) == (
        500, 690, 500, "half",
    )  # fmt: skip
    (line,) = goods.put_cart("demo", "anna", [wish("jam", 2)]).cart.lines
    assert (line.price_minor, line.line_minor, line.offer) == (690, 1190, "half")
