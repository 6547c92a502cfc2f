"""Offers in the shop, on both databases: quotas, codes, times and what goes back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from overlay.catalog.products import ProductDraft
from overlay.errors import (
    CodeUnknown,
    InvalidInput,
    NotLive,
    OfferNotBegun,
    OfferOver,
    OfferSettled,
    PriceChanged,
    QuotaReached,
    UnknownOffer,
)
from overlay.offers.fairness import Report, Seen
from overlay.orders import ops
from overlay.orders.ops import Cancel, Claimed, OrderPlaced
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.show.log import MediaTime
from overlay.verify import rows
from overlay.verify.report import checked

MakeDraft = Callable[..., ProductDraft]
S = 90_000
FLASH = {"kind": "flash", "product": "wine", "price_minor": 700, "currency": "EUR"}


@pytest.fixture(autouse=True)
def _proven(shop: Shop, draft: MakeDraft) -> Iterator[None]:
    shop.put_product("demo", "wine", draft(name="Wine", price_minor=1000, stock=20))
    shop.put_product("demo", "mug", draft(name="Mug", price_minor=500, stock=2))
    yield
    shop.recover("demo", shop.snapshot("demo"))
    assert [f for c in checked(rows.read(shop._store, "demo")) for f in c.findings] == []


def at(second: float) -> MediaTime:
    return MediaTime(media_epoch="e", pts=round(second * S))


def one(shop: Shop, op: Any) -> Any:
    (outcome,) = shop.settle([op]).outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class Buyer:
    """Somebody who buys, under keys of their own."""

    def __init__(self, shop: Shop, name: str) -> None:
        self.shop, self.name, self.keys = shop, name, 0

    def buys(self, quantity: int = 1, product: str = "wine", **more: Any) -> Any:
        self.keys += 1
        offer = more.pop("offer", None)
        lines = [OrderLine(product=product, quantity=quantity, offer=offer)] if quantity else []
        op = ops.placing("demo", viewer=self.name, key=f"k{self.keys}", lines=lines, **more)
        placed: OrderPlaced = one(self.shop, op)
        return placed.order

    def claims(self, offer: str = "c", **more: Any) -> Claimed:
        claimed: Claimed = one(
            self.shop, ops.claiming("demo", viewer=self.name, offer=offer, **more)
        )
        return claimed


@pytest.fixture
def anna(shop: Shop) -> Buyer:
    return Buyer(shop, "anna")


@pytest.fixture
def ben(shop: Shop) -> Buyer:
    return Buyer(shop, "ben")


def begin(shop: Shop, name: str, terms: dict[str, Any], **when: Any) -> None:
    shop.put_offer("demo", name, terms)
    shop.start_offer("demo", name, **when)


def test_a_quota_and_a_buyers_share_are_kept_and_given_back(
    shop: Shop, anna: Buyer, ben: Buyer
) -> None:
    begin(shop, "f", {**FLASH, "quota": 3, "per_buyer": 2})
    first = anna.buys(3)
    assert [(i.quantity, i.price_minor) for i in first.items] == [(2, 700), (1, 1000)]
    with pytest.raises(QuotaReached):
        anna.buys(1, offer="f")
    with pytest.raises(QuotaReached, match="1 more times"):
        ben.buys(2, offer="f")
    assert ben.buys(2).total_minor == 1700
    one(shop, Cancel(show="demo", number=first.number, note=""))
    assert anna.buys(2, offer="f").total_minor == 1400


def test_the_countdown_is_the_buyers_own(shop: Shop, anna: Buyer, ben: Buyer) -> None:
    begin(shop, "f", FLASH, at=at(100), duration_ms=60_000)
    behind = Seen(media_epoch="e", reports=(Report(arrived=145 * S, pts=141 * S),))
    assert anna.buys(offer="f", at=at(163), seen=behind).total_minor == 700
    with pytest.raises(OfferOver):
        ben.buys(offer="f", at=at(163))
    assert ben.buys(at=at(163)).total_minor == 1000
    assert shop.turn_offers("demo", at=at(169)) == ()
    (ended,) = shop.turn_offers("demo", at=at(171))
    assert ended.data["state"] == "ended"
    assert anna.buys(at=at(171), seen=behind).total_minor == 1000


def test_an_announced_start_is_kept(shop: Shop, anna: Buyer) -> None:
    begin(shop, "f", FLASH, at=at(100), announce_ms=30_000, duration_ms=60_000)
    assert shop.snapshot("demo").offers["f"]["state"] == "announced"
    with pytest.raises(OfferNotBegun):
        anna.buys(offer="f", at=at(129))
    assert anna.buys(offer="f", at=at(130)).total_minor == 700
    assert [e.data["state"] for e in shop.turn_offers("demo", at=at(130))] == ["running"]


def test_an_early_end_is_fair_too_and_taking_back_is_at_once(
    shop: Shop, anna: Buyer, ben: Buyer
) -> None:
    begin(shop, "f", FLASH, at=at(100), duration_ms=600_000)
    shop.end_offer("demo", "f", at=at(150))
    behind = Seen(media_epoch="e", reports=(Report(arrived=139 * S, pts=134 * S),))
    assert anna.buys(offer="f", at=at(154), seen=behind).total_minor == 700
    with pytest.raises(OfferOver):
        ben.buys(offer="f", at=at(151))
    begin(shop, "g", FLASH, at=at(160))
    shop.cancel_offer("demo", "g", at=at(161))
    with pytest.raises(OfferOver):
        anna.buys(offer="g", at=at(161), seen=behind)


def test_who_ordered_in_time_keeps_the_price(shop: Shop, anna: Buyer, hands: Any) -> None:
    begin(shop, "f", FLASH, duration_ms=60_000)
    order = anna.buys(2, offer="f", checkout="handoff")
    hands.turn_s(600)
    one(shop, ops.confirming("demo", number=order.number, reference="p"))
    assert shop.order("demo", order.number).order.total_minor == 1400


def test_a_shared_code_is_claimed_within_its_quota_and_pays_once(
    shop: Shop, anna: Buyer, ben: Buyer
) -> None:
    terms = {"kind": "coupon", "percent_off": 20, "currency": "EUR", "quota": 1}
    shop.put_offer("demo", "c", terms)
    assert shop.set_codes("demo", "c", texts=["Summer"]) == 1
    with pytest.raises(OfferNotBegun):
        anna.claims()
    shop.start_offer("demo", "c", at=at(1))
    with pytest.raises(NotLive):
        anna.claims()
    with pytest.raises(CodeUnknown):
        anna.claims(code="winter", at=at(2))
    claimed = anna.claims(code=" summer ", at=at(2))
    assert (claimed.claim.code, claimed.created) == ("SUMMER", True)
    assert not anna.claims(at=at(3)).created
    with pytest.raises(QuotaReached):
        ben.claims(at=at(3))
    with pytest.raises(CodeUnknown):
        ben.buys(coupon="SUMMER")
    order = anna.buys(coupon="summer")
    assert order.total_minor == 800
    with pytest.raises(QuotaReached):
        anna.buys(coupon="SUMMER")
    one(shop, Cancel(show="demo", number=order.number, note=""))
    assert anna.buys(coupon="SUMMER").total_minor == 800


def test_a_claimed_code_outlives_its_offer_for_half_an_hour(
    shop: Shop, anna: Buyer, hands: Any
) -> None:
    begin(shop, "c", {"kind": "coupon", "minor_off": 300, "currency": "EUR"}, duration_ms=60_000)
    code = anna.claims().claim.code
    hands.turn_s(60 + 1790)
    shop.turn_offers("demo")
    assert anna.buys(coupon=code).total_minor == 700
    other = Buyer(shop, "cleo")
    with pytest.raises(OfferOver):
        other.claims()
    hands.turn_s(20)
    with pytest.raises((OfferOver, QuotaReached)):
        anna.buys(coupon=code)


def test_single_codes_go_to_one_viewer_each(shop: Shop, anna: Buyer, ben: Buyer) -> None:
    terms = {"kind": "coupon", "percent_off": 5, "currency": "EUR", "shared_code": False}
    shop.put_offer("demo", "c", terms)
    with pytest.raises(OfferSettled):
        shop.start_offer("demo", "c")
    with pytest.raises(InvalidInput) as refused:
        shop.set_codes("demo", "c", texts=["ABC", "x y"])
    assert refused.value.field == "codes.1"
    shop.set_codes("demo", "c", texts=["AAA", "BBB"])
    shop.start_offer("demo", "c")
    batch = shop.settle(
        [ops.claiming("demo", viewer=name, offer="c") for name in ("anna", "ben", "cleo")]
    )
    codes = [o.claim.code for o in batch.outcomes if isinstance(o, Claimed)]
    assert codes == ["AAA", "BBB"]
    assert isinstance(batch.outcomes[2], QuotaReached)


def test_bundles_take_the_stock_of_all_their_items_and_gifts_theirs(
    shop: Shop, anna: Buyer, ben: Buyer
) -> None:
    items = [{"product": "wine", "quantity": 2}, {"product": "mug"}]
    begin(shop, "b", {"kind": "bundle", "items": items, "price_minor": 1999, "currency": "EUR"})
    order = anna.buys(0, bundles=[ops.WantedBundle(offer="b", quantity=1)])
    assert order.total_minor == 1999
    assert shop.snapshot("demo").products["mug"]["available"] == 1
    begin(
        shop,
        "g",
        {"kind": "gift", "product": "wine", "gift": {"product": "mug"}, "currency": "EUR"},
    )
    gifted = ben.buys(1, expect_total_minor=1000)
    assert [(i.product, i.price_minor) for i in gifted.items] == [("wine", 1000), ("mug", 0)]
    assert len(anna.buys(1).items) == 1, "no mug is left"
    one(shop, Cancel(show="demo", number=gifted.number, note=""))
    assert len(anna.buys(1).items) == 2


def test_another_total_than_expected_is_refused_with_the_new_one(shop: Shop, anna: Buyer) -> None:
    with pytest.raises(PriceChanged, match=r"10\.00 EUR"):
        anna.buys(1, expect_total_minor=700)
    with pytest.raises(UnknownOffer):
        anna.buys(1, offer="none")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"kind": "flash", "currency": "EUR", "product": "wine"}, "price_minor"),
        ({**FLASH, "percent_off": 5}, "price_minor"),
        ({**FLASH, "price_minor": -1}, "price_minor"),
        ({**FLASH, "quota": 10**9}, "quota"),
        ({**FLASH, "currency": "USD"}, "currency"),
        ({**FLASH, "product": "none"}, "product"),
        ({**FLASH, "variant": "none"}, "product"),
        ({**FLASH, "items": [1]}, "items"),
        ({"kind": "coupon", "currency": "EUR"}, "percent_off"),
        ({"kind": "bundle", "currency": "EUR", "price_minor": 1, "items": [5]}, "items.0"),
        ({"kind": "gift", "currency": "EUR", "product": "wine"}, "gift"),
        ({"kind": "lottery", "currency": "EUR"}, "kind"),
    ],
)
def test_senseless_terms_are_refused_naming_the_key(
    shop: Shop, terms: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.put_offer("demo", "x", terms)
    assert refused.value.field == field


def test_what_was_public_is_not_changed(shop: Shop) -> None:
    begin(shop, "f", FLASH)
    for change in (
        lambda: shop.put_offer("demo", "f", FLASH),
        lambda: shop.delete_offer("demo", "f"),
        lambda: shop.start_offer("demo", "f"),
    ):
        with pytest.raises(OfferSettled):
            change()
    shop.end_offer("demo", "f")
    with pytest.raises(OfferSettled):
        shop.cancel_offer("demo", "f")
