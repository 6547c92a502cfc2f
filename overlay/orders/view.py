"""What the ledger knows while it decides one batch: rows in memory, mutable, without any I/O.

`Needs` says which rows a batch asks for, `overlay.orders.book` loads them, `overlay.orders.ledger`
changes them as it decides, so that each op sees what those before it did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from overlay.errors import InvalidInput, UnknownProduct
from overlay.offers.codes import Code, CodeClaim
from overlay.offers.terms import OPEN, Offer
from overlay.orders.ops import Claim, ExpireDue, Op, PlaceOrder, Release, Reserve
from overlay.orders.values import OrderState

HoldState = Literal["held", "confirmed", "released", "expired"]
VariantKey = tuple[str, str, str]
"""Show, product, variant."""
BuyerKey = tuple[str, str, str]
"""Show, viewer, product."""
UseKey = tuple[str, str, str]
"""Show, offer, viewer."""
ReplyKey = tuple[str, str, str]
"""Show, viewer, idempotency key."""


@dataclass(slots=True, kw_only=True)
class Shelf:
    """A variant, with what the ledger must know of its product."""

    show: str
    product: str
    variant: str
    name: str
    choice: str
    currency: str
    price_minor: int
    cap: int | None
    live_only: bool
    policy: str
    available: int
    held: int
    sold: int

    @property
    def key(self) -> VariantKey:
        """Names it."""
        return (self.show, self.product, self.variant)

    @property
    def title(self) -> str:
        """Its name in a sentence."""
        return f"{self.name} ({self.choice})" if self.choice else self.name


@dataclass(slots=True, kw_only=True)
class HeldUnits:
    """A row of `holds`."""

    id: str
    show: str
    viewer: str
    product: str
    variant: str
    quantity: int
    state: HoldState
    created_us: int
    expires_us: int
    order_number: str | None = None


@dataclass(slots=True, kw_only=True)
class StoredOrder:
    """A row of `orders` that is to change its state."""

    number: str
    show: str
    viewer: str
    utc_us: int
    state: OrderState
    expires_us: int | None
    reference: str | None
    note: str
    units: list[tuple[str, str, int]] = field(default_factory=list)
    """Product, variant, quantity of each item."""
    offers: dict[str, int] = field(default_factory=dict)
    """Units by the offer that they were sold under."""


@dataclass(slots=True, kw_only=True)
class StoredReply:
    """A row of `replies`."""

    digest: str
    plain: Any


@dataclass(slots=True, kw_only=True)
class View:
    """The rows."""

    shelves: dict[tuple[str, str], dict[str, Shelf]] = field(default_factory=dict)
    """By (show, product), then variant, in the product's order."""
    replies: dict[ReplyKey, StoredReply] = field(default_factory=dict)
    purchases: dict[BuyerKey, int] = field(default_factory=dict)
    """What a buyer has or holds of a product."""
    holds: dict[str, HeldUnits] = field(default_factory=dict)
    """Those that the batch names, and every open one of its buyers."""
    open_holds: dict[tuple[str, str], list[HeldUnits]] = field(default_factory=dict)
    """By (show, viewer), the oldest first."""
    orders: dict[str, StoredOrder] = field(default_factory=dict)
    due_holds: list[HeldUnits] = field(default_factory=list)
    due_orders: list[StoredOrder] = field(default_factory=list)
    more_due: bool = False
    offers: dict[str, dict[str, Offer]] = field(default_factory=dict)
    """By show and id: those that may be open, and what the batch names."""
    offer_uses: dict[UseKey, int] = field(default_factory=dict)
    """How often a buyer uses an offer."""
    claims: dict[UseKey, CodeClaim] = field(default_factory=dict)
    codes: dict[tuple[str, str], Code] = field(default_factory=dict)
    """By (show, code): some that are still to be had, and those that the batch names."""
    rehearsing: set[str] = field(default_factory=set)
    """Shows whose orders are play."""
    gone_us: dict[VariantKey, int] = field(default_factory=dict)
    """When a variant of that name last left its product: no order before that is of the present
    one. Known for the variants of `orders` alone."""

    def shelf(self, show: str, product: str, variant: str | None, *, where: str) -> Shelf:
        """The variant. Raises `UnknownProduct`, or `InvalidInput` where one must be named.

        `where` is the key of the request to blame for a variant that is missing.
        """
        variants = self.shelves.get((show, product))
        if not variants:
            raise UnknownProduct(f"This show has no product {product}.", field="items")
        if variant is None:
            if len(variants) > 1:
                raise InvalidInput(
                    f"{product} comes in {len(variants)} variants: name one.", field=where
                )
            return next(iter(variants.values()))
        if variant not in variants:
            raise UnknownProduct(f"{product} has no variant {variant}.", field="items")
        return variants[variant]

    def standing(self, order: StoredOrder, product: str, variant: str) -> Shelf | None:
        """The shelf that the order's units came from; None where that is gone."""
        shelf = self.shelves.get((order.show, product), {}).get(variant)
        gone_us = self.gone_us.get((order.show, product, variant))
        return None if gone_us is not None and gone_us >= order.utc_us else shelf

    def add_hold(self, hold: HeldUnits) -> None:
        """Know an open hold."""
        self.holds[hold.id] = hold
        self.open_holds.setdefault((hold.show, hold.viewer), []).append(hold)


@dataclass(slots=True, kw_only=True)
class Needs:
    """Which rows a batch asks for."""

    products: set[tuple[str, str]] = field(default_factory=set)
    replies: set[ReplyKey] = field(default_factory=set)
    purchases: set[BuyerKey] = field(default_factory=set)
    buyers: set[tuple[str, str]] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    orders: set[str] = field(default_factory=set)
    shows: set[str] = field(default_factory=set)
    """Whose open offers count."""
    offers: set[tuple[str, str]] = field(default_factory=set)
    """Show and id of offers that are named, whatever their state."""
    claims: set[UseKey] = field(default_factory=set)
    claimants: set[tuple[str, str]] = field(default_factory=set)
    """Show and viewer of whoever names a code that they have claimed."""
    codes: dict[tuple[str, str], int] = field(default_factory=dict)
    """By show and offer: how many codes that are still to be had."""
    named_codes: set[tuple[str, str]] = field(default_factory=set)
    due: bool = False

    @classmethod
    def of(cls, ops: Sequence[Op]) -> Self:
        """What the ops themselves name. `cover` adds what the loaded orders and holds do."""
        needs = cls()
        for op in ops:
            if isinstance(op, PlaceOrder):
                needs.replies.add((op.show, op.viewer, op.key))
                needs.buyers.add((op.show, op.viewer))
                needs.shows.add(op.show)
                needs.offers.update((op.show, each.offer) for each in op.bundles)
                if op.coupon is not None:
                    needs.claimants.add((op.show, op.viewer))
                for wanted in op.wanted:
                    if wanted.offer is not None:
                        needs.offers.add((op.show, wanted.offer))
                    needs.products.add((op.show, wanted.product))
                    needs.purchases.add((op.show, op.viewer, wanted.product))
            elif isinstance(op, Claim):
                key = (op.show, op.offer)
                needs.offers.add(key)
                needs.claims.add((*key, op.viewer))
                needs.codes[key] = needs.codes.get(key, 0) + 1
                if op.code is not None:
                    needs.named_codes.add((op.show, op.code))
            elif isinstance(op, Reserve | Release):
                needs.holds.add(op.hold)
                if isinstance(op, Reserve):
                    needs.products.add((op.show, op.product))
                    needs.purchases.add((op.show, op.viewer, op.product))
            elif isinstance(op, ExpireDue):
                needs.due = True
            else:
                needs.orders.add(op.number)
        return needs

    def cover(self, view: View) -> None:
        """Add the products and purchases of the holds and orders that are in `view`."""
        for hold in view.holds.values():
            self.products.add((hold.show, hold.product))
            self.purchases.add((hold.show, hold.viewer, hold.product))
        for order in view.orders.values():
            for product, _, _ in order.units:
                self.products.add((order.show, product))
                self.purchases.add((order.show, order.viewer, product))
        for show, viewer in self.buyers:
            for offer in view.offers.get(show, {}).values():
                for product in offer.terms.products if offer.terms.kind in _BRINGS else ():
                    self.products.add((show, product))
                    self.purchases.add((show, viewer, product))

    def uses(self, view: View) -> set[UseKey]:
        """Whose uses of which offers may change or are bounded."""
        keys = {
            (show, offer.id, viewer)
            for show, viewer in self.buyers
            for offer in view.offers.get(show, {}).values()
            if offer.terms.kind != "coupon" and offer.state in OPEN
        }
        for order in view.orders.values():
            keys.update((order.show, offer, order.viewer) for offer in order.offers)
        return keys


_BRINGS = frozenset({"bundle", "gift"})
"""Kinds of offers with goods that the order itself does not name."""
