"""How a show's orders are paid, and what of an order its checkout is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from overlay.errors import ShopError
from overlay.orders.values import Checkout, Order

CheckoutKind = Literal["form", "handoff", "shopify", "stripe"]


class CheckoutRefused(ShopError):
    """The checkout cannot take this order; `field` is the product's id where it is one."""

    code = "checkout_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutTerms:
    """A show's checkout."""

    kind: CheckoutKind = "form"
    url: str = ""
    """Of a hand-off: the merchant's page."""
    secret: str = field(default="", repr=False)
    """Of a hand-off: what its address is signed with."""
    shop: str = ""
    """Of Shopify: the shop's host."""
    variants: Mapping[str, str] = field(default_factory=dict)
    """Of Shopify: its variant's number by our SKU, where the SKU is not that number itself."""
    success_url: str = ""
    cancel_url: str = ""
    """Of Stripe: where it sends the buyer afterwards."""
    require_contact: bool = False
    """Of a form: whether an order must have a name and an e-mail address."""

    @property
    def checkout(self) -> Checkout:
        """As orders call it: Shopify is a hand-off like any other."""
        return "handoff" if self.kind == "shopify" else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """An order on its way to a checkout."""

    show: str
    viewer: str = field(repr=False)
    order: Order
    skus: Mapping[tuple[str, str], str]
    """By product and variant; a variant without one is missing."""
