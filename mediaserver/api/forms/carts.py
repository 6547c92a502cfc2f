"""The JSON of carts and checkouts."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mediaserver.api.forms.base import Id


class CartItemForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of one variant; `variant` may be left out where there is but one."""

    product: Id
    variant: Id | None = None
    quantity: Annotated[int, Meta(ge=1, le=99)]


class CartForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the cart is to hold. `version` is that of the cart it was made from; without one
    the cart is replaced whatever it is by now."""

    items: Annotated[tuple[CartItemForm, ...], Meta(max_length=50)]
    version: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class CartItem(Struct, frozen=True, kw_only=True):
    """A line of a cart, at today's price."""

    product: str
    variant: str
    name: str
    choice: str
    quantity: int
    price_minor: int
    """Of one unit; where an offer is not for all of them, of one that it is not for."""
    line_minor: int
    """Of all units."""
    list_minor: int
    offer: str | None
    available: int
    """To everybody, besides what is held here."""
    held_until_us: int | None
    """Until when these units are set aside; null: they are not."""
    sold_out: bool


class Cart(Struct, frozen=True, kw_only=True):
    """A viewer's cart."""

    version: int
    items: tuple[CartItem, ...]
    total_minor: int
    currency: str | None
    """Null of an empty one."""


class ShownCart(Struct, frozen=True, kw_only=True):
    """The answer to a question for a cart, or to its change."""

    cart: Cart
    checkout: Literal["form", "handoff", "stripe"]
    """How the show's orders are paid."""


class CheckoutAddress(Struct, frozen=True, kw_only=True):
    """Where the buyer pays."""

    checkout_url: str


class Received(Struct, frozen=True, kw_only=True):
    """Stripe may forget the event."""

    received: Literal[True]
