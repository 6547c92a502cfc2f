"""Orders found again: by staff, page by page, and by their buyer. And what staff notes of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, or_, select, tuple_, update

from overlay import checks, money, spreadsheet
from overlay.errors import InvalidInput, UnknownOrder
from overlay.orders.ops import CONTACT_CHARS, MAX_KEY_CHARS, MAX_NOTE_CHARS
from overlay.orders.values import STATES, Order, OrderItem, OrderRecord
from overlay.store.schema import order_items, orders

MAX_PAGE = 200
MAX_QUERY_CHARS = 100
MAX_OWN = 50
"""The most of their own orders that a buyer is shown."""

EXPORT_ORDERS = 1000
"""Orders that one part of an export has."""
_CURSOR = re.compile(r"(\d{1,19})_([A-Za-z0-9_-]{1,64})")
_COLUMNS = (
    "number", "ordered", "state", "checkout", "product", "variant", "item", "choice", "quantity",
    "unit price", "list price", "offer", "total", "currency", "reference", "name", "email",
    "phone", "address", "note",
)  # fmt: skip


Cursor = tuple[int, str]
"""The time and number of the last order of the page before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which orders staff wants. Make it with `searching`."""

    state: str | None
    query: str
    after: Cursor | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some orders, the newest first."""

    orders: tuple[OrderRecord, ...]
    cursor: str | None
    """Where the next page begins; None on the last."""


def searching(
    *, state: Any = None, query: Any = None, cursor: Any = None, limit: int = MAX_PAGE
) -> Search:
    """The search, if it is well formed. Raises `InvalidInput`."""
    if state is not None and state not in STATES:
        raise InvalidInput(f"state must be one of {', '.join(STATES)}.", field="state")
    after = None
    if cursor is not None:
        match = _CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None
        if match is None or int(match[1]) >= 2**63:
            raise InvalidInput("cursor must be one that a page of orders gave.", field="cursor")
        after = (int(match[1]), match[2])
    words = "" if query is None else checks.text(query, "query", most=MAX_QUERY_CHARS, blank=True)
    return Search(
        state=state,
        query=words.strip(),
        after=after,
        limit=checks.integer(limit, "limit", least=1, most=MAX_PAGE),
    )


def page(connection: Connection, show: str, search: Search) -> Page:
    """The orders that match. A query finds numbers by their beginning, names and addresses by any
    part; letters beyond ASCII must be written in the same case."""
    rows = list(connection.execute(page_query(show, search)).mappings())
    kept = rows[: search.limit]
    last = kept[-1] if len(rows) > search.limit else None
    return Page(
        orders=_records(connection, kept),
        cursor=None if last is None else f"{last['utc_us']}_{last['number']}",
    )


def page_query(show: str, search: Search) -> Select[Any]:
    """The rows of a page, and one more if there is one."""
    return (
        select(orders)
        .where(_matching(show, search))
        .order_by(orders.c.utc_us.desc(), orders.c.number.desc())
        .limit(search.limit + 1)
    )


def find(connection: Connection, show: str, number: str) -> OrderRecord:
    """One order. Raises `UnknownOrder`."""
    _refuse_odd(number)
    query = select(orders).where((orders.c.show == show) & (orders.c.number == number))
    rows = list(connection.execute(query).mappings())
    if not rows:
        raise UnknownOrder(f"This show has no order {number}.", field="number")
    return _records(connection, rows)[0]


def numbered(connection: Connection, numbers: Sequence[str]) -> tuple[OrderRecord, ...]:
    """The orders of these numbers, in no order."""
    query = select(orders).where(orders.c.number.in_(numbers))
    return _records(connection, list(connection.execute(query).mappings()))


def own(
    connection: Connection, show: str, viewer: str, number: str | None = None
) -> tuple[Order, ...]:
    """A buyer's own orders, the newest first; only the one where `number` is given."""
    query = own_query(show, checks.token(viewer, "viewer", most=MAX_KEY_CHARS))
    if number is not None:
        _refuse_odd(number)
        query = query.where(orders.c.number == number)
    rows = list(connection.execute(query).mappings())
    if number is not None and not rows:
        raise UnknownOrder(f"You have no order {number} in this show.", field="number")
    return tuple(record.order for record in _records(connection, rows))


def own_query(show: str, viewer: str) -> Select[Any]:
    """The rows of a buyer's last orders."""
    return (
        select(orders)
        .where((orders.c.show == show) & (orders.c.viewer == viewer))
        .order_by(orders.c.utc_us.desc(), orders.c.number.desc())
        .limit(MAX_OWN)
    )


def note(connection: Connection, show: str, number: str, text: Any, *, now_us: int) -> OrderRecord:
    """Write what staff has to say of an order, a refund for instance, in place of what it said.

    Raises `InvalidInput`, `UnknownOrder`.
    """
    said = checks.paragraphs(text, "note", most=MAX_NOTE_CHARS)
    _refuse_odd(number)
    of_it = (orders.c.show == show) & (orders.c.number == number)
    connection.execute(update(orders).where(of_it).values(note=said, updated_us=now_us))
    return find(connection, show, number)


def export(
    connection: Connection, show: str, after: Cursor | None = None
) -> tuple[str, Cursor | None]:
    """A part of every order as CSV, a row for each item, the newest order first; and what the next
    part comes `after`, None where there is none. The first part has the names of the columns."""
    search = Search(state=None, query="", after=after, limit=EXPORT_ORDERS)
    found = page(connection, show, search)
    rows = (row for record in found.orders for row in _item_rows(record))
    part = spreadsheet.table(_COLUMNS, rows) if after is None else spreadsheet.lines(rows)
    last = found.orders[-1].order if found.cursor is not None else None
    return part, None if last is None else (last.utc_us, last.number)


def _item_rows(record: OrderRecord) -> Iterator[Sequence[str]]:
    order, contact = record.order, record.contact or {}
    for item in order.items:
        yield (
            order.number,
            _date(order.utc_us),
            order.state,
            order.checkout,
            item.product,
            item.variant,
            item.name,
            item.choice,
            str(item.quantity),
            money.written(item.price_minor, order.currency),
            money.written(item.list_minor, order.currency),
            item.offer or "",
            money.written(order.total_minor, order.currency),
            order.currency,
            record.reference or "",
            *(contact.get(name, "") for name in CONTACT_CHARS),
            record.note,
        )


def _refuse_odd(number: str) -> None:
    """What no order is called is not asked of the database: U+0000 is more than that bears."""
    if not checks.IDENTIFIER.fullmatch(number):
        raise UnknownOrder("This show has no order of that number.", field="number")


def _matching(show: str, search: Search) -> ColumnElement[bool]:
    wanted = orders.c.show == show
    if search.state is not None:
        wanted &= orders.c.state == search.state
    if search.after is not None:
        wanted &= tuple_(orders.c.utc_us, orders.c.number) < tuple_(*search.after)
    if search.query:
        number_like = orders.c.number.startswith(search.query.upper(), autoescape=True)
        contact = [
            orders.c.contact[name].as_string().icontains(search.query, autoescape=True)
            for name in ("name", "email")
        ]
        wanted &= or_(number_like, *contact)
    return wanted


def _records(connection: Connection, rows: Sequence[RowMapping]) -> tuple[OrderRecord, ...]:
    query = (
        select(order_items)
        .where(order_items.c.order_number.in_([row["number"] for row in rows]))
        .order_by(order_items.c.order_number, order_items.c.line)
    )
    items: dict[str, list[OrderItem]] = {}
    for item in connection.execute(query).mappings():
        names = OrderItem.__dataclass_fields__
        items.setdefault(item["order_number"], []).append(
            OrderItem(**{name: item[name] for name in names})
        )
    return tuple(_record(row, tuple(items.get(row["number"], ()))) for row in rows)


def _record(row: RowMapping, items: tuple[OrderItem, ...]) -> OrderRecord:
    order = Order(
        number=row["number"],
        utc_us=row["utc_us"],
        state=row["state"],
        checkout=row["checkout"],
        expires_us=row["expires_us"],
        items=items,
        total_minor=row["total_minor"],
        currency=row["currency"],
    )
    return OrderRecord(
        order=order,
        updated_us=row["updated_us"],
        reference=row["reference"],
        contact=row["contact"],
        note=row["note"],
    )


def _date(utc_us: int) -> str:
    return datetime.fromtimestamp(utc_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
