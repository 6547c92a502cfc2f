"""The values of orders: what a viewer wants, what was sold, what is held for whom.

An order's state:

    held ──▶ confirmed ──▶ cancelled          `held`: its units are set aside, payment is awaited
      ├────▶ released                         `confirmed`: sold. Orders by form are so at once
      └────▶ expired ──▶ paid_late            `paid_late`: paid when its units were gone; a person
                                              settles it: refund, or a new order

`released` too becomes `paid_late` when a payment comes in after all. Times are the shop's clock
(`overlay.clock`), Unix microseconds; money is in the currency's minor unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OrderState = Literal["held", "confirmed", "released", "expired", "paid_late", "cancelled"]
Checkout = Literal["form", "handoff", "stripe"]

STATES: tuple[OrderState, ...] = (
    "held", "confirmed", "released", "expired", "paid_late", "cancelled",
)  # fmt: skip
CHECKOUTS: tuple[Checkout, ...] = ("form", "handoff", "stripe")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """What a viewer wants, not yet checked."""

    product: str
    quantity: int
    variant: str | None = None
    """May be left out of a product that comes in one variant."""
    offer: str | None = None
    """The flash sale that the buyer counts on: at its price, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """What was sold, as it was named and priced then."""

    product: str
    variant: str
    name: str
    choice: str
    """The variant in words; empty where there is but one."""
    quantity: int
    price_minor: int
    """Of one unit, as sold."""
    list_minor: int
    """Of one unit, without any offer."""
    offer: str | None
    """The offer that made the difference."""

    def to_plain(self) -> dict[str, Any]:
        """The item's JSON."""
        return {
            "product": self.product,
            "variant": self.variant,
            "name": self.name,
            "choice": self.choice,
            "quantity": self.quantity,
            "price_minor": self.price_minor,
            "list_minor": self.list_minor,
            "offer": self.offer,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as its buyer sees it. Says nothing about the buyer."""

    number: str
    utc_us: int
    state: OrderState
    checkout: Checkout
    expires_us: int | None
    """Of a `held` one: until when it may be paid."""
    items: tuple[OrderItem, ...]
    total_minor: int
    currency: str

    def to_plain(self) -> dict[str, Any]:
        """The order's JSON."""
        return {
            "number": self.number,
            "utc_us": self.utc_us,
            "state": self.state,
            "checkout": self.checkout,
            "expires_us": self.expires_us,
            "items": [item.to_plain() for item in self.items],
            "total_minor": self.total_minor,
            "currency": self.currency,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Order":
        """The inverse of `to_plain`."""
        items = tuple(OrderItem(**item) for item in plain["items"])
        return cls(**{**plain, "items": items})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order as staff sees it."""

    order: Order
    updated_us: int
    reference: str | None
    """What the payment is called where it was made."""
    contact: Mapping[str, str] | None = field(repr=False)
    note: str = field(repr=False)

    def to_plain(self) -> dict[str, Any]:
        """The order's JSON, and the rest."""
        return {
            **self.order.to_plain(),
            "updated_us": self.updated_us,
            "reference": self.reference,
            "contact": None if self.contact is None else dict(self.contact),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Units set aside for one viewer's cart."""

    id: str
    product: str
    variant: str
    quantity: int
    expires_us: int

    def to_plain(self) -> dict[str, Any]:
        """The hold's JSON."""
        return {
            "id": self.id,
            "product": self.product,
            "variant": self.variant,
            "quantity": self.quantity,
            "expires_us": self.expires_us,
        }
