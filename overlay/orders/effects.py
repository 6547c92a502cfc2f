"""What a decided batch changes: rows to write, and what the show's log is to tell of it."""

from dataclasses import dataclass, field
from typing import Any

from overlay.offers.codes import Code, CodeClaim
from overlay.offers.pricing import Priced
from overlay.offers.terms import Offer
from overlay.orders.values import Order
from overlay.orders.view import (
    BuyerKey,
    HeldUnits,
    Shelf,
    StoredOrder,
    UseKey,
    VariantKey,
    View,
)
from overlay.show.log import MediaTime

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Change:
    """A variant's stock over a batch."""

    shelf: Shelf
    before: int
    """How many were available."""
    available: int = 0
    held: int = 0
    sold: int = 0
    """By how much each counter moved."""


@dataclass(slots=True, kw_only=True)
class OfferChange:
    """An offer's uses over a batch."""

    offer: Offer
    before: int | None
    """How often it could be used."""
    used: int = 0
    """By how much that moved."""


@dataclass(slots=True, kw_only=True)
class Effects:
    """Rows to insert are plain; rows to change are the view's own, as they stand in the end."""

    now_us: int
    changes: dict[VariantKey, Change] = field(default_factory=dict)
    movements: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    replies: list[tuple[str, str, str, str, Any]] = field(default_factory=list)
    """Show, viewer, key, digest, and the reply as plain JSON data."""
    new_holds: dict[str, HeldUnits] = field(default_factory=dict)
    changed_holds: dict[str, HeldUnits] = field(default_factory=dict)
    changed_orders: dict[str, StoredOrder] = field(default_factory=dict)
    purchases: set[BuyerKey] = field(default_factory=set)
    """Those that changed; the view has their counts."""
    bought: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """By (show, product): units, and orders, that were sold."""
    offers: dict[tuple[str, str], OfferChange] = field(default_factory=dict)
    """By show and id."""
    offer_uses: set[UseKey] = field(default_factory=set)
    """Those that changed; the view has their counts."""
    new_claims: dict[UseKey, CodeClaim] = field(default_factory=dict)
    changed_claims: dict[UseKey, CodeClaim] = field(default_factory=dict)
    codes: dict[tuple[str, str], Code] = field(default_factory=dict)
    """Those that were claimed."""
    at: dict[str, MediaTime] = field(default_factory=dict)
    """By show: the media time of the last op that had one."""

    def move(
        self,
        shelf: Shelf,
        kind: str,
        *,
        available: int = 0,
        held: int = 0,
        sold: int = 0,
        order: str | None = None,
        hold: str | None = None,
    ) -> None:
        """Move units between a variant's counters, and write it down."""
        change = self.changes.get(shelf.key)
        if change is None:
            change = self.changes[shelf.key] = Change(shelf=shelf, before=shelf.available)
        shelf.available += available
        shelf.held += held
        shelf.sold += sold
        change.available += available
        change.held += held
        change.sold += sold
        self.movements.append(
            {
                "show": shelf.show,
                "product": shelf.product,
                "variant": shelf.variant,
                "utc_us": self.now_us,
                "kind": kind,
                "available": available,
                "held": held,
                "sold": sold,
                "order_number": order,
                "hold": hold,
            }
        )

    def count(self, view: View, buyer: BuyerKey, units: int) -> None:
        """A buyer has or holds so many more of a product (fewer, where negative)."""
        view.purchases[buyer] = max(0, view.purchases.get(buyer, 0) + units)
        self.purchases.add(buyer)

    def sell(self, show: str, units: dict[str, int]) -> None:
        """An order of so many units of each product is sold."""
        for product, quantity in units.items():
            total = self.bought.setdefault((show, product), [0, 0])
            total[0] += quantity
            total[1] += 1

    def use(self, offer: Offer, count: int) -> None:
        """An offer is used so many more times (fewer, where negative)."""
        key = (offer.show, offer.id)
        if key not in self.offers:
            self.offers[key] = OfferChange(offer=offer, before=offer.left)
        count = max(count, -offer.used)
        offer.used += count
        self.offers[key].used += count

    def use_by(self, view: View, offer: Offer, viewer: str, count: int) -> None:
        """A buyer uses an offer so many more times."""
        self.use(offer, count)
        key = (offer.show, offer.id, viewer)
        view.offer_uses[key] = max(0, view.offer_uses.get(key, 0) + count)
        self.offer_uses.add(key)

    def spend(self, view: View, priced: Priced, viewer: str, order: Order, show: str) -> None:
        """An order uses its offers, and its coupon's claim."""
        offers = view.offers.get(show, {})
        for offer, count in priced.uses.items():
            self.use_by(view, offers[offer], viewer, count)
        if priced.coupon is not None:
            key = (show, priced.coupon.id, viewer)
            view.claims[key].order_number = order.number
            self.keep_claim(key, view.claims[key])

    def keep_claim(self, key: UseKey, claim: CodeClaim) -> None:
        """Write a claim as it stands in the end."""
        if key not in self.new_claims:
            self.changed_claims[key] = claim

    def keep_hold(self, hold: HeldUnits) -> None:
        """Write a hold as it stands in the end."""
        if hold.id not in self.new_holds:
            self.changed_holds[hold.id] = hold

    def add_order(self, order: Order, row: Row) -> None:
        """Store a new order; `row` is what `Order` does not say."""
        self.orders.append(
            {
                "number": order.number,
                "utc_us": order.utc_us,
                "updated_us": order.utc_us,
                "state": order.state,
                "checkout": order.checkout,
                "expires_us": order.expires_us,
                "total_minor": order.total_minor,
                "currency": order.currency,
                **row,
            }
        )
        for line, item in enumerate(order.items):
            self.items.append({"order_number": order.number, "line": line, **item.to_plain()})
