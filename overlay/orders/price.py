"""What an order costs: the one place where prices are made, from the server's own rows.

Gathers what is open to the buyer at this moment (`overlay.offers.fairness`) and has it priced
(`overlay.offers.pricing`). Part of the ledger's rules: pure, over the view of a batch.
"""

from collections.abc import Callable, Mapping

from overlay.errors import (
    CodeUnknown,
    InvalidInput,
    OfferNotBegun,
    OfferOver,
    PriceChanged,
    QuotaReached,
    UnknownOffer,
)
from overlay.money import written
from overlay.offers.codes import CLAIM_GRACE_US, CodeClaim
from overlay.offers.fairness import Seen, judged
from overlay.offers.pricing import Asked, Bundled, Gift, Line, Lot, Priced, priced
from overlay.offers.terms import Kind, Offer
from overlay.orders.ops import PlaceOrder
from overlay.orders.view import Shelf, View
from overlay.show.log import MediaTime

Spare = Callable[[Shelf], int]


def price_order(view: View, op: PlaceOrder, *, now_us: int, spare: Spare) -> Priced:
    """The order with its prices, gifts among them.

    `spare` says how many of a variant may be given away. Raises `UnknownOffer`, `OfferNotBegun`,
    `OfferOver`, `QuotaReached`, `CodeUnknown`, `InvalidInput`.
    """
    offers = view.offers.get(op.show, {})
    if not offers and not op.bundles and op.coupon is None:
        return _listed(view, op)
    lines = []
    for wanted in op.wanted:
        shelf = view.shelf(op.show, wanted.product, wanted.variant, where="items")
        named = None
        if wanted.offer is not None:
            where = f"items.{wanted.line}.offer"
            named = _counted_on(view, op, wanted.offer, "flash", where, now_us)
            if not _about(named, shelf):
                raise InvalidInput(f"{wanted.offer} is not about {shelf.title}.", field=where)
        lines.append(Line(shelf=shelf, units=wanted.quantity, offer=named))
    usable = [
        offer
        for offer in offers.values()
        if judged(offer, at=op.at, seen=op.seen, now_us=now_us) == "open"
    ]
    gifts = [(each, _goods_shelf(view, each)) for each in usable if each.terms.kind == "gift"]
    claim = None if op.coupon is None else coupon_claim(view, op, now_us)
    return priced(
        Asked(
            lines=lines,
            bundles=[
                Bundled(
                    offer=_counted_on(view, op, each.offer, "bundle", f"bundles.{n}", now_us),
                    count=each.quantity,
                    goods=bundle_goods(view, op, each.offer),
                )
                for n, each in enumerate(op.bundles)
            ],
            flash=[each for each in usable if each.terms.kind == "flash"],
            gifts=[Gift(offer=each, shelf=shelf) for each, shelf in gifts if shelf is not None],
            coupon=None if claim is None else offers[claim.offer],
            allowed=_allowed(view, op, usable),
            spare=spare,
        )
    )


def coupon_claim(view: View, op: PlaceOrder, now_us: int) -> CodeClaim:
    """The viewer's claim of the code that the order names. Raises `CodeUnknown`, `OfferOver`,
    `QuotaReached`."""
    own = (
        claim
        for (show, _, viewer), claim in view.claims.items()
        if (show, viewer, claim.code) == (op.show, op.viewer, op.coupon)
    )
    claim = next(own, None)
    offer = view.offers.get(op.show, {}).get(claim.offer) if claim else None
    if claim is None or (offer is None and claim.order_number is None):
        raise CodeUnknown("You have no coupon of this code: claim it first.", field="coupon")
    if claim.order_number is not None:
        raise QuotaReached("This coupon has paid for an order already.", field="coupon")
    until = coupon_until(offer) if offer is not None else None
    if offer is None or offer.state == "cancelled" or (until is not None and now_us > until):
        raise OfferOver("This coupon is over.", field="coupon")
    return claim


def coupon_until(offer: Offer) -> int | None:
    """Until when a claimed code may be used (`overlay.offers.codes.CLAIM_GRACE_US`)."""
    return None if offer.ends_us is None else offer.ends_us + CLAIM_GRACE_US


def bundle_goods(view: View, op: PlaceOrder, offer_id: str) -> tuple[tuple[Shelf, int], ...]:
    """The variants of one bundle. Raises `UnknownOffer`, `UnknownProduct`, `InvalidInput`."""
    offer = find(view, op.show, offer_id, "bundles")
    goods = tuple(
        (view.shelf(op.show, each.product, each.variant, where="bundles"), each.quantity)
        for each in offer.terms.items
    )
    if any(shelf.currency != offer.terms.currency for shelf, _ in goods):
        raise InvalidInput(f"{offer_id} is in another currency than its goods.", field="bundles")
    return goods


def find(view: View, show: str, offer_id: str, where: str) -> Offer:
    """An offer that is or was public. Raises `UnknownOffer`."""
    offer = view.offers.get(show, {}).get(offer_id)
    if offer is None:
        raise UnknownOffer(f"This show has no offer {offer_id}.", field=where)
    return offer


def refuse_unless_open(
    offer: Offer, *, at: MediaTime | None, seen: Seen | None, now_us: int, where: str
) -> None:
    """Raises `OfferNotBegun`, `OfferOver`."""
    name = offer.terms.title or offer.id
    match judged(offer, at=at, seen=seen, now_us=now_us):
        case "early":
            raise OfferNotBegun(f"{name} has not begun yet.", field=where)
        case "over":
            raise OfferOver(f"{name} is over.", field=where)


def refuse_other_total(op: PlaceOrder, priced: Priced) -> None:
    """Raises `PriceChanged` where the buyer expects another total."""
    total = priced.total_minor
    if op.expect_total_minor is not None and op.expect_total_minor != total:
        currency = priced.lots[0].shelf.currency
        raise PriceChanged(
            f"The total is now {written(total, currency)} {currency}.", field="expect_total_minor"
        )


def _listed(view: View, op: PlaceOrder) -> Priced:
    """The same without any offer: by far the most orders."""
    units: dict[tuple[str, str, str], tuple[Shelf, int]] = {}
    for wanted in op.wanted:
        if wanted.offer is not None:
            find(view, op.show, wanted.offer, f"items.{wanted.line}.offer")
        shelf = view.shelf(op.show, wanted.product, wanted.variant, where="items")
        units[shelf.key] = (shelf, wanted.quantity + units.get(shelf.key, (shelf, 0))[1])
    lots = (
        Lot(shelf=shelf, quantity=quantity, price_minor=shelf.price_minor)
        for shelf, quantity in units.values()
    )
    return Priced(lots=tuple(lots), uses={}, coupon=None)


def _counted_on(
    view: View, op: PlaceOrder, offer_id: str, kind: Kind, where: str, now_us: int
) -> Offer:
    offer = find(view, op.show, offer_id, where)
    if offer.terms.kind != kind:
        raise InvalidInput(f"{offer_id} is a {offer.terms.kind}, not a {kind}.", field=where)
    refuse_unless_open(offer, at=op.at, seen=op.seen, now_us=now_us, where=where)
    return offer


def _about(offer: Offer, shelf: Shelf) -> bool:
    terms = offer.terms
    same = terms.product == shelf.product and terms.variant in (None, shelf.variant)
    return same and terms.currency == shelf.currency


def _goods_shelf(view: View, offer: Offer) -> Shelf | None:
    """What a gift gives; None where that is no longer in the show."""
    gift = offer.terms.gift
    variants = view.shelves.get((offer.show, gift.product), {}) if gift else {}
    if gift is None or not variants:
        return None
    if gift.variant is not None:
        return variants.get(gift.variant)
    return next(iter(variants.values())) if len(variants) == 1 else None


def _allowed(view: View, op: PlaceOrder, usable: list[Offer]) -> Mapping[str, int]:
    allowed: dict[str, int] = {}
    for offer in usable:
        bounds = [] if offer.left is None else [offer.left]
        if offer.terms.per_buyer is not None:
            used = view.offer_uses.get((op.show, offer.id, op.viewer), 0)
            bounds.append(max(0, offer.terms.per_buyer - used))
        if bounds:
            allowed[offer.id] = min(bounds)
    return allowed
