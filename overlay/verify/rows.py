"""All that a show's proof needs, read in one consistent view of the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection

from overlay.offers.terms import Offer
from overlay.orders.book_offers import offer_of
from overlay.show import log as show_log
from overlay.store.engine import Store
from overlay.store.statements import Statement, decode_json
from overlay.values import ShowEvent

_PAGE = 5000


class Variant(NamedTuple):
    """A variant's counters."""

    product: str
    variant: str
    price_minor: int
    initial: int
    available: int
    held: int
    sold: int
    cap: int | None


class Movement(NamedTuple):
    """A movement of stock."""

    product: str
    variant: str
    utc_us: int
    kind: str
    available: int
    held: int
    sold: int
    order: str | None
    hold: str | None


class Sale(NamedTuple):
    """An order."""

    number: str
    viewer: str
    key: str
    utc_us: int
    state: str
    total_minor: int
    judged: dict[str, Any] | None = None
    """By what its offers were in time (`overlay.orders.judgement`)."""


class Item(NamedTuple):
    """An item of an order."""

    order: str
    product: str
    variant: str
    quantity: int
    price_minor: int
    list_minor: int
    offer: str | None


class Held(NamedTuple):
    """A hold."""

    id: str
    viewer: str
    product: str
    variant: str
    quantity: int
    state: str


class Reply(NamedTuple):
    """A stored reply, and the order that it acknowledges."""

    viewer: str
    key: str
    order: dict[str, Any]


class Price(NamedTuple):
    """What a variant cost from a moment on."""

    product: str
    variant: str
    utc_us: int
    price_minor: int


class Claimed(NamedTuple):
    """A viewer's claim of a coupon."""

    offer: str
    viewer: str
    utc_us: int
    order: str | None
    judged: dict[str, Any] | None = None
    """By what it was in time."""


class Code(NamedTuple):
    """A coupon's code: its quota, what it counts as claimed, and the claims there are."""

    code: str
    quota: int
    claimed: int
    claims: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """A show's rows."""

    show: str
    known: bool
    """Whether the show has ever had anything to sell or to tell."""
    epoch: str
    variants: list[Variant]
    movements: list[Movement]
    """In the order in which they were made."""
    sales: list[Sale]
    items: list[Item]
    holds: list[Held]
    replies: list[Reply]
    purchases: dict[tuple[str, str], int]
    """Units by viewer and product."""
    prices: list[Price]
    codes: list[Code]
    offers: list[Offer]
    offer_uses: dict[tuple[str, str], int]
    """By offer and viewer."""
    claims: list[Claimed]
    rehearsal: bool
    versions: set[int]
    """Of the log's lines."""
    log: list[ShowEvent]


_VARIANTS = Statement(
    "SELECT v.product, v.id, v.price_minor, v.initial, v.available, v.held, v.sold, p.cap "
    "FROM variants v JOIN products p ON p.show = v.show AND p.id = v.product WHERE v.show = :show"
)
_MOVEMENTS = Statement(
    "SELECT product, variant, utc_us, kind, available, held, sold, order_number, hold "
    "FROM movements WHERE show = :show ORDER BY seq"
)
_SALES = Statement(
    "SELECT number, viewer, idempotency_key, utc_us, state, total_minor, CAST(judged AS TEXT) "
    "FROM orders WHERE show = :show"
)
_ITEMS = Statement(
    "SELECT i.order_number, i.product, i.variant, i.quantity, i.price_minor, i.list_minor, i.offer "
    "FROM order_items i JOIN orders o ON o.number = i.order_number WHERE o.show = :show"
)
_HOLDS = Statement(
    "SELECT id, viewer, product, variant, quantity, state FROM holds WHERE show = :show"
)
_REPLIES = Statement(
    "SELECT viewer, idempotency_key, CAST(reply AS TEXT) FROM replies WHERE show = :show"
)
_PURCHASES = Statement("SELECT viewer, product, quantity FROM purchases WHERE show = :show")
_PRICES = Statement(
    "SELECT product, variant, utc_us, price_minor FROM prices WHERE show = :show ORDER BY seq"
)
_CODES = Statement(
    "SELECT code, quota, claimed, (SELECT count(*) FROM claims WHERE claims.show = codes.show "
    "AND claims.code = codes.code) FROM codes WHERE show = :show"
)
_OFFERS = Statement(
    "SELECT show, id, state, CAST(terms AS TEXT), media_epoch, starts_pts, ends_pts, starts_us, "
    "ends_us, used FROM offers WHERE show = :show ORDER BY id"
)
_OFFER_USES = Statement("SELECT offer, viewer, quantity FROM offer_uses WHERE show = :show")
_CLAIMS = Statement(
    "SELECT offer, viewer, utc_us, order_number, CAST(judged AS TEXT) FROM claims "
    "WHERE show = :show"
)
_REHEARSAL = Statement(
    "SELECT count(*) FROM show_settings WHERE show = :show AND rehearsal IS NOT NULL"
)
_VERSIONS = Statement("SELECT DISTINCT version FROM log WHERE show = :show")


def read(store: Store, show: str) -> Books:
    """The show's rows. Raises `StoreUnavailable`."""
    of = {"show": show}
    with store.read() as connection:
        log = list(_log(connection, store.epoch, show))
        variants = [Variant(*row) for row in _VARIANTS.all(connection, of)]
        return Books(
            show=show,
            known=bool(log or variants),
            epoch=store.epoch,
            variants=variants,
            movements=[Movement(*row) for row in _MOVEMENTS.all(connection, of)],
            sales=[
                Sale._make((*row[:6], decode_json(row[6]))) for row in _SALES.all(connection, of)
            ],
            items=[Item(*row) for row in _ITEMS.all(connection, of)],
            holds=[Held(*row) for row in _HOLDS.all(connection, of)],
            replies=[
                Reply(viewer, key, decode_json(reply)["order"])
                for viewer, key, reply in _REPLIES.all(connection, of)
            ],
            purchases={
                (viewer, product): units
                for viewer, product, units in _PURCHASES.all(connection, of)
            },
            prices=[Price(*row) for row in _PRICES.all(connection, of)],
            codes=[Code(*row) for row in _CODES.all(connection, of)],
            offers=[offer_of(row) for row in _OFFERS.all(connection, of)],
            offer_uses={
                (offer, viewer): count for offer, viewer, count in _OFFER_USES.all(connection, of)
            },
            claims=[
                Claimed._make((*row[:4], decode_json(row[4])))
                for row in _CLAIMS.all(connection, of)
            ],
            rehearsal=bool(_REHEARSAL.all(connection, of)[0][0]),
            versions={version for (version,) in _VERSIONS.all(connection, of)},
            log=log,
        )


def _log(connection: Connection, epoch: str, show: str) -> Iterator[ShowEvent]:
    offset = 0
    while page := show_log.read_since(connection, epoch, show, offset, _PAGE):
        yield from page
        offset = page[-1].offset
