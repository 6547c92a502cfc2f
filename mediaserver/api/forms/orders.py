"""The JSON of orders."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mediaserver.api.forms.base import Id

OrderState = Literal["held", "confirmed", "released", "expired", "paid_late", "cancelled"]
Checkout = Literal["form", "handoff", "stripe"]

_Line = Annotated[str, Meta(max_length=500)]
_Note = Annotated[str, Meta(max_length=2000)]
_Money = int


class OrderItemForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of one variant; `variant` may be left out where there is but one."""

    product: Id
    variant: Id | None = None
    quantity: Annotated[int, Meta(ge=1, le=99)]
    offer: Id | None = None
    """A flash sale to have every unit at, or no order."""


class BundleForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many bundles of an offer."""

    offer: Id
    quantity: Annotated[int, Meta(ge=1, le=99)]


class ContactForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the buyer says they are. Seen by the show's staff alone."""

    name: Annotated[str, Meta(max_length=200)] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""
    address: _Line = ""


class OrderForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a viewer wants to buy, all of it or nothing.

    `checkout` is the show's own where it is left out; another is refused. By `form` it is an order
    at once. Otherwise its units are set aside until it is paid, or until `expires_us`.
    """

    items: Annotated[tuple[OrderItemForm, ...], Meta(max_length=50)] = ()
    bundles: Annotated[tuple[BundleForm, ...], Meta(max_length=10)] = ()
    coupon: Annotated[str, Meta(max_length=100)] | None = None
    """A code that the viewer has claimed."""
    expect_total_minor: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    """Refuse the order where its total is another (`price_changed`)."""
    checkout: Checkout | None = None
    contact: ContactForm | None = None


class OrdersQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which orders: `query` finds numbers by their beginning, names and e-mails by any part."""

    state: OrderState | None = None
    query: Annotated[str, Meta(max_length=100)] | None = None
    cursor: Annotated[str, Meta(max_length=100)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class CancelForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, for the order's note."""

    note: _Note = ""


class NoteForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What staff has to say of an order: a refund, for instance."""

    note: _Note


class PaymentForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment came in; `reference` is what it is called where it was made."""

    reference: Annotated[str, Meta(min_length=1, max_length=200)]


class OrderItem(Struct, frozen=True, kw_only=True):
    """A line of an order, at the server's price."""

    product: str
    variant: str
    name: str
    choice: str
    """The variant in words."""
    quantity: int
    price_minor: _Money
    list_minor: _Money
    """Without any offer."""
    offer: str | None


class Order(Struct, frozen=True, kw_only=True):
    """An order that is stored."""

    number: str
    utc_us: int
    """When, Unix time in microseconds."""
    state: OrderState
    checkout: Checkout
    expires_us: int | None
    """Until when a `held` one may be paid."""
    items: tuple[OrderItem, ...]
    total_minor: _Money
    currency: str


class NewOrder(Order, frozen=True, kw_only=True):
    """An order that has just been placed."""

    checkout_url: str | None
    """Where it is paid. Null: nowhere, or the checkout is away; ask for it in a moment."""


class PlacedOrder(Struct, frozen=True, kw_only=True):
    """The answer to an order."""

    order: NewOrder


class StaffOrder(Order, frozen=True, kw_only=True):
    """An order as the show's staff sees it."""

    updated_us: int
    reference: str | None
    contact: dict[str, str] | None
    note: str


class Orders(Struct, frozen=True, kw_only=True):
    """Orders of a show, the newest first; `cursor` names the next page, if there is one."""

    orders: tuple[StaffOrder, ...]
    cursor: str | None


class OwnOrders(Struct, frozen=True, kw_only=True):
    """A viewer's own last orders, the newest first."""

    orders: tuple[Order, ...]
