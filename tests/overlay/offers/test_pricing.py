"""Prices under offers: to the cent, the cheapest way, never beyond what an offer may be used."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overlay.errors import QuotaReached
from overlay.offers.pricing import Asked, Bundled, Gift, Line, Priced, priced
from overlay.offers.terms import Offer, checked
from overlay.orders.view import Shelf


def shelf(product: str = "wine", price: int = 1000) -> Shelf:
    return Shelf(
        show="demo", product=product, variant="default", name=product, choice="", currency="EUR",
        price_minor=price, cap=None, live_only=False, policy="first_paid", available=9, held=0,
        sold=0,
    )  # fmt: skip


def offer(name: str, kind: str, **terms: Any) -> Offer:
    given = {"kind": kind, "currency": "EUR", **terms}
    return Offer(show="demo", id=name, terms=checked(given), state="running")


def flash(name: str = "f", price: int = 700, **terms: Any) -> Offer:
    return offer(name, "flash", product="wine", price_minor=price, **terms)


def lots(result: Priced) -> list[tuple[str, int, int, str | None]]:
    return [
        (lot.shelf.product, lot.quantity, lot.price_minor, lot.offer.id if lot.offer else None)
        for lot in result.lots
    ]


def test_the_cheapest_flash_price_first_as_far_as_it_goes_then_the_next_then_the_list() -> None:
    asked = Asked(
        lines=[Line(shelf=shelf(), units=5)],
        flash=[flash("b", 800), flash("a", 700), flash("dear", 1200)],
        allowed={"a": 2, "b": 1},
    )
    result = priced(asked)
    assert lots(result) == [
        ("wine", 2, 700, "a"), ("wine", 1, 800, "b"), ("wine", 2, 1000, None),
    ]  # fmt: skip
    assert result.uses == {"a": 2, "b": 1}


def test_a_line_that_counts_on_an_offer_has_it_for_every_unit_or_not_at_all() -> None:
    line = Line(shelf=shelf(), units=3, offer=flash())
    with pytest.raises(QuotaReached, match="2 more times"):
        priced(Asked(lines=[line], allowed={"f": 2}))
    assert lots(priced(Asked(lines=[line], allowed={"f": 3}))) == [("wine", 3, 700, "f")]


def test_a_percentage_is_rounded_down_for_each_unit() -> None:
    cut = offer("c", "flash", product="wine", percent_off=33)
    result = priced(Asked(lines=[Line(shelf=shelf(price=199), units=2)], flash=[cut]))
    assert lots(result) == [("wine", 2, 133, "c")]


def test_a_coupon_of_an_amount_is_taken_off_once_from_the_dearest_unit_down() -> None:
    coupon = offer("c", "coupon", minor_off=1300)
    lines = [Line(shelf=shelf("jam", 200), units=1), Line(shelf=shelf(), units=3)]
    result = priced(Asked(lines=lines, coupon=coupon))
    assert lots(result) == [
        ("jam", 1, 200, None), ("wine", 1, 0, "c"), ("wine", 1, 700, "c"), ("wine", 1, 1000, None),
    ]  # fmt: skip
    assert result.coupon is coupon


def test_a_coupon_that_saves_nothing_is_not_spent() -> None:
    coupon = offer("c", "coupon", percent_off=10)
    result = priced(Asked(lines=[Line(shelf=shelf(), units=1)], flash=[flash()], coupon=coupon))
    assert lots(result) == [("wine", 1, 700, "f")]
    assert result.coupon is None
    small = offer("c", "coupon", percent_off=10, least_total_minor=1001)
    assert priced(Asked(lines=[Line(shelf=shelf(), units=1)], coupon=small)).coupon is None


def test_a_coupon_that_saves_more_than_the_flash_price_takes_its_place() -> None:
    coupon = offer("c", "coupon", minor_off=900)
    result = priced(Asked(lines=[Line(shelf=shelf(), units=1)], flash=[flash()], coupon=coupon))
    assert lots(result) == [("wine", 1, 100, "c")]
    assert result.uses == {}


def test_a_bundles_price_is_spread_to_the_last_cent() -> None:
    pack = offer(
        "b", "bundle", price_minor=1000,
        items=[{"product": "wine", "quantity": 2}, {"product": "jam"}],
    )  # fmt: skip
    goods = ((shelf(), 2), (shelf("jam", 333), 1))
    result = priced(Asked(bundles=[Bundled(offer=pack, count=2, goods=goods)]))
    assert result.total_minor == 2000
    assert result.uses == {"b": 2}
    assert sum(lot.quantity for lot in result.lots) == 6
    with pytest.raises(QuotaReached):
        priced(Asked(bundles=[Bundled(offer=pack, count=2, goods=goods)], allowed={"b": 1}))


def test_a_gift_comes_once_for_nothing_while_there_is_one_to_spare() -> None:
    gift = Gift(
        offer=offer("g", "gift", gift={"product": "mug"}, least_total_minor=1000),
        shelf=shelf("mug", 500),
    )

    def given(spare: int, units: int = 2, **more: Any) -> list[Any]:
        lines = [Line(shelf=shelf(), units=units)]
        asked = Asked(lines=lines, gifts=[gift], spare=lambda _: spare, **more)
        return lots(priced(asked))[1:]

    assert given(1) == [("mug", 1, 0, "g")]
    assert given(0) == []
    assert given(1, allowed={"g": 0}) == []
    assert given(1, flash=[flash(price=100)]) == []


@given(data=st.data())
def test_totals_quotas_and_units_hold_whatever_is_asked(data: Any) -> None:
    prices = st.integers(0, 2000)
    shelves = [shelf("wine", data.draw(prices)), shelf("jam", data.draw(prices))]
    flashes = [
        offer(f"f{n}", "flash", product=data.draw(st.sampled_from(["wine", "jam"])), **terms)
        for n, terms in enumerate(
            data.draw(
                st.lists(
                    st.builds(lambda p: {"price_minor": p}, prices)
                    | st.builds(lambda p: {"percent_off": p}, st.integers(1, 100)),
                    max_size=4,
                )
            )
        )
    ]
    terms = data.draw(
        st.none()
        | st.builds(lambda p: {"percent_off": p}, st.integers(1, 100))
        | st.builds(lambda p: {"minor_off": p}, st.integers(1, 9000))
    )
    coupon = offer("c", "coupon", **terms) if terms else None
    allowed = {each.id: data.draw(st.integers(0, 5)) for each in flashes[:2]}
    units = [data.draw(st.integers(1, 9)) for _ in shelves]
    lines = [Line(shelf=each, units=n) for each, n in zip(shelves, units, strict=True)]
    asked = Asked(lines=lines, flash=flashes, coupon=coupon, allowed=allowed)
    result = priced(asked)
    listed = sum(line.shelf.price_minor * line.units for line in lines)
    assert 0 <= result.total_minor <= listed
    assert all(result.uses.get(name, 0) <= most for name, most in allowed.items())
    for line in lines:
        own = [lot for lot in result.lots if lot.shelf is line.shelf]
        assert sum(lot.quantity for lot in own) == line.units
        assert all(0 <= lot.price_minor <= line.shelf.price_minor for lot in own)
    if coupon is not None:
        without = priced(Asked(lines=lines, flash=flashes, allowed=allowed))
        assert result.total_minor <= without.total_minor
    again = Asked(lines=lines, flash=flashes[::-1], coupon=coupon, allowed=allowed)
    assert lots(priced(again)) == lots(result)
