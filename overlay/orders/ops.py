"""What may be asked of the ledger, as frozen values: checked here, so that whatever is in a batch
is well formed and cannot spoil its neighbours.

========================= ============= ===========================================================
op                        outcome       may be refused with
========================= ============= ===========================================================
`PlaceOrder`              `OrderPlaced` `UnknownProduct`, `SoldOut`, `CapReached`, `NotLive`,
                                        `InvalidInput`, `IdempotencyMismatch`, `UnknownOffer`,
                                        `OfferNotBegun`, `OfferOver`, `QuotaReached`,
                                        `CodeUnknown`, `PriceChanged`
`Claim`                   `Claimed`     `UnknownOffer`, `OfferNotBegun`, `OfferOver`,
                                        `QuotaReached`, `CodeUnknown`, `NotLive`
`Reserve`                 `Reserved`    `UnknownProduct`, `SoldOut`, `CapReached`, `NotLive`,
                                        `InvalidInput`, `HoldGone`
`Release`                 None          never: what is over stays over
`Confirm`, `ReleaseOrder` `Settled`     `UnknownOrder`, `OrderSettled`
`Cancel`                  `Settled`     `UnknownOrder`, `OrderSettled`
`ExpireDue`               `Expired`     never
========================= ============= ===========================================================
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overlay import checks
from overlay.errors import InvalidInput
from overlay.offers import codes
from overlay.offers.codes import CodeClaim
from overlay.offers.fairness import Seen
from overlay.orders.values import CHECKOUTS, Checkout, Hold, Order, OrderLine, OrderState
from overlay.show.log import MediaTime

MAX_LINES = 50
MAX_BUNDLES = 10
MAX_QUANTITY = 99
MAX_KEY_CHARS = 128
MAX_REFERENCE_CHARS = 200
MAX_NOTE_CHARS = 2000
MAX_EXPIRED = 500
"""Holds, and orders, that one `ExpireDue` ends."""

_EMAIL = re.compile(r'[^@\s<>",;:]{1,64}@[^@\s<>",;:.]+(\.[^@\s<>",;:.]+)+')
CONTACT_CHARS: Mapping[str, int] = {"name": 200, "email": 254, "phone": 40, "address": 500}
"""What a buyer may say of themselves, and how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """So many units of one variant."""

    product: str
    variant: str | None
    quantity: int
    line: int
    """Where the order mentions it first."""
    offer: str | None = None
    """The flash sale that the buyer counts on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedBundle:
    """So many bundles of an offer."""

    offer: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Take the stock and store the order, all of it or nothing. Make it with `placing`."""

    show: str
    viewer: str = field(repr=False)
    key: str = field(repr=False)
    """The viewer's idempotency key: the same with the same request gives the stored reply."""
    wanted: tuple[Wanted, ...]
    checkout: Checkout
    contact: Mapping[str, str] | None = field(repr=False)
    digest: str
    """Names the request."""
    at: MediaTime | None
    bundles: tuple[WantedBundle, ...] = ()
    coupon: str | None = field(default=None, repr=False)
    """A code that the viewer has claimed."""
    expect_total_minor: int | None = None
    """What the buyer was shown: another total is refused."""
    seen: Seen | None = field(default=None, repr=False)
    """What the viewer's session has reported of its playhead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Give a viewer a coupon's code; again, the same one. Make it with `claiming`."""

    show: str
    viewer: str = field(repr=False)
    offer: str
    code: str | None = field(repr=False)
    """The code that the viewer has heard; None: whichever is next."""
    at: MediaTime | None
    seen: Seen | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Hold units for a viewer's cart, for a time that does not begin anew. Made by `reserving`.

    `hold` is the caller's own id for it. A hold of that id gets the new quantity; so a repetition
    changes nothing.
    """

    show: str
    viewer: str = field(repr=False)
    hold: str
    product: str
    variant: str | None
    quantity: int
    at: MediaTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Give a hold back."""

    show: str
    viewer: str = field(repr=False)
    hold: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The order has been paid. One that is over becomes `paid_late`. Make it with `confirming`."""

    show: str
    number: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder:
    """The buyer gave up before paying: the units are free."""

    show: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Staff ends the order: what it held or sold is available again. Make it with `cancelling`."""

    show: str
    number: str
    note: str = field(repr=False)
    """Added to the order's note where it is not empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireDue:
    """End the holds and the unpaid orders whose time is over, of all shows."""


Op = PlaceOrder | Claim | Reserve | Release | Confirm | ReleaseOrder | Cancel | ExpireDue


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced:
    """An order is stored. Not `created`: its key had been used, and this is the stored reply."""

    order: Order
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A hold is as it was asked to be."""

    hold: Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An order is in `state`. Not `changed`: it was already."""

    number: str
    state: OrderState
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The viewer has a code. Not `created`: they had it already."""

    claim: CodeClaim
    ends_pts: int | None
    """Of the offer."""
    ends_us: int | None
    """Until when an order may name the code; None: no end is set yet."""
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """So many holds and orders were ended."""

    count: int
    more: bool
    """Whether others are due too."""


Outcome = OrderPlaced | Claimed | Reserved | Settled | Expired | None


def placing(
    show: str,
    *,
    viewer: Any,
    key: Any,
    lines: Any,
    checkout: Any = "form",
    contact: Any = None,
    at: MediaTime | None = None,
    bundles: Any = (),
    coupon: Any = None,
    expect_total_minor: Any = None,
    seen: Seen | None = None,
) -> PlaceOrder:
    """The op for an order, if it is well formed. Raises `InvalidInput`."""
    packs = _bundles(bundles)
    wanted = _wanted(lines, least=0 if packs else 1)
    code = None if coupon is None else codes.normal(coupon, "coupon")
    if checkout not in CHECKOUTS:
        raise InvalidInput(f"checkout must be one of {', '.join(CHECKOUTS)}.", field="checkout")
    person = _contact(contact)
    return PlaceOrder(
        show=show,
        viewer=checks.token(viewer, "viewer", most=MAX_KEY_CHARS),
        key=checks.token(key, "idempotency_key", most=MAX_KEY_CHARS),
        wanted=wanted,
        checkout=checkout,
        contact=person,
        digest=_digest(wanted, checkout, person, packs, code),
        at=at,
        bundles=packs,
        coupon=code,
        expect_total_minor=None
        if expect_total_minor is None
        else checks.integer(expect_total_minor, "expect_total_minor", least=0, most=2**53),
        seen=seen,
    )


def claiming(
    show: str,
    *,
    viewer: Any,
    offer: Any,
    code: Any = None,
    at: MediaTime | None = None,
    seen: Seen | None = None,
) -> Claim:
    """The op for a claim, if it is well formed. Raises `InvalidInput`."""
    return Claim(
        show=show,
        viewer=checks.token(viewer, "viewer", most=MAX_KEY_CHARS),
        offer=checks.identifier(offer, "offer"),
        code=None if code is None else codes.normal(code, "code"),
        at=at,
        seen=seen,
    )


def reserving(
    show: str,
    *,
    viewer: Any,
    hold: Any,
    product: Any,
    variant: Any = None,
    quantity: Any,
    at: MediaTime | None = None,
) -> Reserve:
    """The op for a hold, if it is well formed. Raises `InvalidInput`."""
    return Reserve(
        show=show,
        viewer=checks.token(viewer, "viewer", most=MAX_KEY_CHARS),
        hold=checks.identifier(hold, "hold"),
        product=checks.identifier(product, "product"),
        variant=None if variant is None else checks.identifier(variant, "variant"),
        quantity=checks.integer(quantity, "quantity", least=1, most=MAX_QUANTITY),
        at=at,
    )


def confirming(show: str, *, number: Any, reference: Any) -> Confirm:
    """The op for a payment, if it is well formed. Raises `InvalidInput`."""
    return Confirm(
        show=show,
        number=checks.identifier(number, "number"),
        reference=checks.text(reference, "reference", most=MAX_REFERENCE_CHARS),
    )


def cancelling(show: str, *, number: Any, note: Any = "") -> Cancel:
    """The op for a cancellation, if it is well formed. Raises `InvalidInput`."""
    return Cancel(
        show=show,
        number=checks.identifier(number, "number"),
        note=checks.paragraphs(note, "note", most=MAX_NOTE_CHARS),
    )


def _bundles(given: Any) -> tuple[WantedBundle, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InvalidInput("bundles must be a list.", field="bundles")
    if len(given) > MAX_BUNDLES:
        raise InvalidInput(f"An order has at most {MAX_BUNDLES} bundles.", field="bundles")
    counts: dict[str, int] = {}
    for n, each in enumerate(given):
        if not isinstance(each, WantedBundle):
            raise InvalidInput("A bundle names an offer and a quantity.", field=f"bundles.{n}")
        offer = checks.identifier(each.offer, f"bundles.{n}.offer")
        where = f"bundles.{n}.quantity"
        count = checks.integer(each.quantity, where, least=1, most=MAX_QUANTITY)
        counts[offer] = counts.get(offer, 0) + count
    return tuple(WantedBundle(offer=offer, quantity=n) for offer, n in counts.items())


def _wanted(lines: Any, *, least: int = 1) -> tuple[Wanted, ...]:
    """Units by variant, in the order of their first mention."""
    if isinstance(lines, str) or not isinstance(lines, Sequence):
        raise InvalidInput("items must be a list.", field="items")
    if not least <= len(lines) <= MAX_LINES:
        raise InvalidInput(f"An order has {least} to {MAX_LINES} items.", field="items")
    units: dict[tuple[str, str | None, str | None], tuple[int, int]] = {}
    for n, line in enumerate(lines):
        if not isinstance(line, OrderLine):
            raise InvalidInput("An item names a product and a quantity.", field=f"items.{n}")
        product = checks.identifier(line.product, f"items.{n}.product")
        variant = line.variant
        if variant is not None:
            variant = checks.identifier(variant, f"items.{n}.variant")
        field_ = f"items.{n}.quantity"
        quantity = checks.integer(line.quantity, field_, least=1, most=MAX_QUANTITY)
        offer = None if line.offer is None else checks.identifier(line.offer, f"items.{n}.offer")
        before, first = units.get((product, variant, offer), (0, n))
        if before + quantity > MAX_QUANTITY:
            raise InvalidInput(f"{MAX_QUANTITY} of one product is the most.", field=field_)
        units[product, variant, offer] = (before + quantity, first)
    return tuple(
        Wanted(product=product, variant=variant, quantity=quantity, line=line, offer=offer)
        for (product, variant, offer), (quantity, line) in units.items()
    )


def _contact(contact: Any) -> dict[str, str] | None:
    if contact is None:
        return None
    if not isinstance(contact, Mapping):
        raise InvalidInput("contact must be an object.", field="contact")
    for name in contact:
        if name not in CONTACT_CHARS:
            raise InvalidInput(
                f"contact has {', '.join(CONTACT_CHARS)}, and nothing else.", field="contact"
            )
    said = {
        name: checks.text(contact[name], f"contact.{name}", most=most, blank=True)
        for name, most in CONTACT_CHARS.items()
        if name in contact
    }
    if said.get("email") and not _EMAIL.fullmatch(said["email"]):
        raise InvalidInput(
            "contact.email must be one address, such as name@example.org.", field="contact.email"
        )
    return said


def _digest(
    wanted: Sequence[Wanted],
    checkout: str,
    contact: Mapping[str, str] | None,
    bundles: Sequence[WantedBundle] = (),
    coupon: str | None = None,
) -> str:
    """Names the request; the order of its lines says nothing."""
    lines = sorted(
        f"{each.product} {each.variant or ''} {each.quantity}"
        + (f" at {each.offer}" if each.offer else "")
        for each in wanted
    )
    lines += sorted(f"bundle {each.offer} {each.quantity}" for each in bundles)
    lines += [f"coupon {coupon}"] if coupon is not None else []
    person = sorted((contact or {}).items())
    said = "\n".join([checkout, *lines, *(f"{name}={text}" for name, text in person)])
    return hashlib.sha256(said.encode()).hexdigest()
