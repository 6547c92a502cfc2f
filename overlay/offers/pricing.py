"""What an order costs under the offers that are open to its buyer. Pure.

Each unit has at most one offer, whichever makes it cheapest; offers do not add up. Where a coupon
and flash prices compete, whatever makes the whole order cheapest counts, and a coupon that saves
nothing is not spent. Equal prices: no offer before one, the lower id before the higher. So the same
order under the same offers always costs the same.

- A percentage is taken off each unit, and the unit's price rounded down: to the buyer's favour.
- `minor_off` of a coupon is taken off once, from the dearest units down, and never below nothing.
- A bundle's price is spread over its units as their list prices are, to the last cent.
- A bundle is never dearer than its units are by the list.
- A gift is added for nothing while there is one to spare, once for each order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from overlay.errors import QuotaReached
from overlay.offers.terms import Offer
from overlay.orders.view import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many units of a variant, as ordered."""

    shelf: Shelf
    units: int
    offer: Offer | None = None
    """The flash sale that the buyer counts on, for every unit: this or no order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """So many bundles of an offer; `goods` are the variants of one, with their units."""

    offer: Offer
    count: int
    goods: tuple[tuple[Shelf, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """What an offer gives."""

    offer: Offer
    shelf: Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An order to be priced. All offers are open to its buyer."""

    lines: Sequence[Line] = ()
    bundles: Sequence[Bundled] = ()
    flash: Sequence[Offer] = ()
    gifts: Sequence[Gift] = ()
    coupon: Offer | None = None
    allowed: Mapping[str, int] = field(default_factory=dict)
    """How often the buyer may still use an offer; one that is not named, without limit."""
    spare: Callable[[Shelf], int] = lambda _: 0
    """How many of a variant may be given away, beyond what is ordered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Units at one price."""

    shelf: Shelf
    quantity: int
    price_minor: int
    offer: Offer | None = None

    @property
    def list_minor(self) -> int:
        """The price of one without any offer."""
        return self.shelf.price_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """An order with its prices."""

    lots: tuple[Lot, ...]
    uses: Mapping[str, int]
    """By offer, what counts against its quota: units, bundles, gifts. Coupons' are their claims."""
    coupon: Offer | None
    """The coupon, where it saves anything."""

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return _total(self.lots)


def priced(asked: Asked) -> Priced:
    """The cheapest way to sell it. Raises `QuotaReached` where a line or a bundle counts on an
    offer that is used up."""
    left = dict(asked.allowed)
    fixed = [lot for bundle in asked.bundles for lot in _bundle(bundle, left)]
    with_flash = _merged([*fixed, *_flashed(asked, dict(left), free=True)])
    ways: list[tuple[tuple[Lot, ...], Offer | None]] = [(with_flash, None)]
    if asked.coupon is not None:
        without = _merged([*fixed, *_flashed(asked, dict(left), free=False)])
        ways += [(_couponed(lots, asked.coupon), asked.coupon) for lots in (with_flash, without)]
    lots, coupon = min(ways, key=lambda way: _total(way[0]))
    lots = _merged([*lots, *_gifts(asked, lots, left)])
    uses: dict[str, int] = {bundle.offer.id: 0 for bundle in asked.bundles}
    for bundle in asked.bundles:
        uses[bundle.offer.id] += bundle.count
    for lot in lots:
        if lot.offer is not None and lot.offer.terms.kind in ("flash", "gift"):
            uses[lot.offer.id] = uses.get(lot.offer.id, 0) + lot.quantity
    return Priced(lots=lots, uses=uses, coupon=coupon)


def flash_price(offer: Offer, shelf: Shelf) -> int | None:
    """The price of a unit in a flash sale; None where that is not about it."""
    terms = offer.terms
    if terms.product != shelf.product or terms.currency != shelf.currency:
        return None
    if terms.variant is not None and terms.variant != shelf.variant:
        return None
    return off(terms.price_minor, terms.percent_off, shelf.price_minor)


def off(price_minor: int | None, percent_off: int | None, list_minor: int) -> int:
    """A price under terms: never above the list's. A part of a cent is the buyer's."""
    if price_minor is not None:
        return min(price_minor, list_minor)
    return list_minor * (100 - (percent_off or 0)) // 100


def _flashed(asked: Asked, left: dict[str, int], *, free: bool) -> Iterable[Lot]:
    """The lines at flash prices; `free`: those too that do not count on one."""
    for line in asked.lines:
        rest = line.units
        for price, offer in _by_price(line, asked.flash if free else ()):
            units = min(rest, left.get(offer.id, rest))
            if line.offer is not None and units < rest:
                raise used_up(offer, units)
            if units:
                rest -= units
                if offer.id in left:
                    left[offer.id] -= units
                yield Lot(shelf=line.shelf, quantity=units, price_minor=price, offer=offer)
        if rest:
            yield Lot(shelf=line.shelf, quantity=rest, price_minor=line.shelf.price_minor)


def _by_price(line: Line, flash: Sequence[Offer]) -> list[tuple[int, Offer]]:
    found = []
    for offer in [line.offer] if line.offer is not None else flash:
        price = flash_price(offer, line.shelf)
        if price is not None and (price < line.shelf.price_minor or line.offer is not None):
            found.append((price, offer))
    return sorted(found, key=lambda each: (each[0], each[1].id))


def _bundle(bundle: Bundled, left: dict[str, int]) -> Iterable[Lot]:
    offer, count = bundle.offer, bundle.count
    if left.get(offer.id, count) < count:
        raise used_up(offer, left[offer.id])
    if offer.id in left:
        left[offer.id] -= count
    units = [shelf for shelf, quantity in bundle.goods for _ in range(quantity)]
    listed = sum(shelf.price_minor for shelf in units)
    price = min(offer.terms.price_minor or 0, listed)
    shares = [shelf.price_minor * price // listed if listed else 0 for shelf in units]
    for n in range(price - sum(shares)):
        shares[n] += 1
    for shelf, share in zip(units, shares, strict=True):
        yield Lot(shelf=shelf, quantity=count, price_minor=share, offer=offer)


def _couponed(lots: Sequence[Lot], coupon: Offer) -> tuple[Lot, ...]:
    terms = coupon.terms
    if _total(lots) < (terms.least_total_minor or 0):
        return tuple(lots)
    if terms.percent_off is not None:
        return tuple(_percent(lot, coupon) for lot in lots)
    return _merged(_once_off(lots, coupon, terms.minor_off or 0))


def _eligible(lot: Lot, coupon: Offer) -> bool:
    terms = coupon.terms
    same = terms.product is None or terms.product == lot.shelf.product
    free = lot.offer is None or lot.offer.terms.kind == "flash"
    return same and free and terms.currency == lot.shelf.currency


def _percent(lot: Lot, coupon: Offer) -> Lot:
    price = off(None, coupon.terms.percent_off, lot.list_minor)
    if not _eligible(lot, coupon) or price >= lot.price_minor:
        return lot
    return replace(lot, price_minor=price, offer=coupon)


def _once_off(lots: Sequence[Lot], coupon: Offer, rest: int) -> Iterable[Lot]:
    places = sorted(range(len(lots)), key=lambda n: (-lots[n].price_minor, n))
    split: dict[int, list[Lot]] = {n: [lot] for n, lot in enumerate(lots)}
    for n in places:
        lot = lots[n]
        if not _eligible(lot, coupon) or lot.offer is not None or not lot.price_minor or not rest:
            continue
        whole = min(lot.quantity, rest // lot.price_minor)
        rest -= whole * lot.price_minor
        part = min(1, lot.quantity - whole) if rest else 0
        pieces: list[tuple[int, int, Offer | None]] = [(whole, 0, coupon)]
        pieces.append((part, lot.price_minor - rest, coupon))
        pieces.append((lot.quantity - whole - part, lot.price_minor, None))
        split[n] = [
            replace(lot, quantity=units, price_minor=price, offer=offer)
            for units, price, offer in pieces
            if units
        ]
        rest = 0 if part else rest
    return [lot for n in range(len(lots)) for lot in split[n]]


def _gifts(asked: Asked, lots: Sequence[Lot], left: Mapping[str, int]) -> Iterable[Lot]:
    bought = {lot.shelf.product for lot in lots}
    total, given = _total(lots), dict[tuple[str, str, str], int]()
    for gift in sorted(asked.gifts, key=lambda each: each.offer.id):
        terms, shelf = gift.offer.terms, gift.shelf
        earned = (
            terms.product in bought
            if terms.product is not None
            else total >= (terms.least_total_minor or 0)
        )
        already = given.get(shelf.key, 0)
        if not earned or terms.currency != shelf.currency or left.get(gift.offer.id, 1) < 1:
            continue
        if lots and lots[0].shelf.currency == shelf.currency and asked.spare(shelf) > already:
            given[shelf.key] = already + 1
            yield Lot(shelf=shelf, quantity=1, price_minor=0, offer=gift.offer)


def _merged(lots: Iterable[Lot]) -> tuple[Lot, ...]:
    merged: dict[tuple[object, ...], Lot] = {}
    for lot in lots:
        key = (lot.shelf.key, lot.price_minor, lot.offer.id if lot.offer else None)
        known = merged.get(key)
        merged[key] = lot if known is None else replace(
            known, quantity=known.quantity + lot.quantity
        )  # fmt: skip
    return tuple(merged.values())


def _total(lots: Iterable[Lot]) -> int:
    return sum(lot.price_minor * lot.quantity for lot in lots)


def used_up(offer: Offer, left: int) -> QuotaReached:
    """The refusal of what counts on more than there is."""
    name = offer.terms.title or offer.id
    if left <= 0:
        return QuotaReached(f"{name} is used up.", field="offer")
    return QuotaReached(f"{name} is to be had {left} more times only.", field="offer")
