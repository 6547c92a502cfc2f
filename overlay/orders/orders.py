"""Placing an order: stock, order, log and idempotency in the caller's one transaction.

Either all of it is committed or nothing. A second order for the same (show, viewer, key) cannot
exist: the database refuses it.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from overlay import checks
from overlay.catalog import products as catalog
from overlay.catalog.products import Product
from overlay.errors import IdempotencyMismatch, InvalidInput, SoldOut, UnknownProduct
from overlay.show import events
from overlay.show.log import LogWriter, MediaTime
from overlay.store.schema import order_items, orders
from overlay.values import ShowEvent

MAX_LINES = 50
MAX_QUANTITY = 99
MAX_KEY_CHARS = 128

_NUMBER_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing to mistake for something else when it is read out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """What a viewer wants, not yet checked: `place` does."""

    product: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """What was sold, as it was named and priced then."""

    product: str
    name: str
    quantity: int
    price_minor: int
    """Of one unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A sale. Says nothing about the buyer."""

    number: str
    utc_us: int
    items: tuple[OrderItem, ...]
    total_minor: int
    currency: str

    def to_plain(self) -> dict[str, Any]:
        """The order's JSON."""
        return {
            "number": self.number,
            "utc_us": self.utc_us,
            "items": [
                {
                    "product": item.product,
                    "name": item.name,
                    "quantity": item.quantity,
                    "price_minor": item.price_minor,
                }
                for item in self.items
            ],
            "total_minor": self.total_minor,
            "currency": self.currency,
        }


def place(
    connection: Connection,
    writer: LogWriter,
    *,
    viewer: str,
    key: str,
    lines: Sequence[OrderLine],
    at: MediaTime | None,
) -> tuple[Order, tuple[ShowEvent, ...]]:
    """The order and its events; the stored order and none if the key was used for the same.

    Raises `InvalidInput`, `UnknownProduct`, `SoldOut`, `IdempotencyMismatch`.
    """
    quantities = _quantities(lines)
    owner = {
        "show": writer.show,
        "viewer": checks.token(viewer, "viewer", most=MAX_KEY_CHARS),
        "idempotency_key": checks.token(key, "idempotency_key", most=MAX_KEY_CHARS),
    }
    digest = _digest(quantities)
    stored = connection.execute(select(orders).filter_by(**owner)).mappings().first()
    if stored is not None:
        if stored["request_sha256"] != digest:
            raise IdempotencyMismatch(
                "This idempotency key was used for another order: give this one a key of its own.",
                field="idempotency_key",
            )
        return _with_items(connection, [stored])[0], ()
    wanted = _wanted(connection, writer.show, quantities)
    for product, quantity in wanted:
        if not catalog.take(connection, writer.show, product.id, quantity):
            raise SoldOut(_too_few(product), field=product.id)
    order = _order(writer, wanted)
    _store(connection, order, {**owner, "request_sha256": digest})
    return order, _tell(connection, writer, wanted, at)


def in_show(connection: Connection, show: str, *, limit: int) -> tuple[Order, ...]:
    """The last orders, the newest first."""
    query = (
        select(orders)
        .where(orders.c.show == show)
        .order_by(orders.c.utc_us.desc(), orders.c.number)
        .limit(limit)
    )
    return _with_items(connection, list(connection.execute(query).mappings()))


def _quantities(lines: Any) -> dict[str, int]:
    """Units by product, in the order of their first mention."""
    if isinstance(lines, str) or not isinstance(lines, Sequence):
        raise InvalidInput("items must be a list.", field="items")
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidInput(f"An order has 1 to {MAX_LINES} items.", field="items")
    quantities: dict[str, int] = {}
    for n, line in enumerate(lines):
        if not isinstance(line, OrderLine):
            raise InvalidInput("An item names a product and a quantity.", field=f"items.{n}")
        product = checks.identifier(line.product, f"items.{n}.product")
        field = f"items.{n}.quantity"
        quantity = checks.integer(line.quantity, field, least=1, most=MAX_QUANTITY)
        quantities[product] = quantities.get(product, 0) + quantity
        if quantities[product] > MAX_QUANTITY:
            raise InvalidInput(f"{MAX_QUANTITY} of one product is the most.", field=field)
    return quantities


def _digest(quantities: dict[str, int]) -> str:
    """Names what is wanted; the order of the lines says nothing."""
    lines = "\n".join(f"{product} {count}" for product, count in sorted(quantities.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _wanted(
    connection: Connection, show: str, quantities: dict[str, int]
) -> list[tuple[Product, int]]:
    wanted = []
    for product_id, quantity in quantities.items():
        product = catalog.find(connection, show, product_id)
        if product is None:
            raise UnknownProduct(f"This show has no product {product_id}.", field="items")
        wanted.append((product, quantity))
    if len({product.currency for product, _ in wanted}) > 1:
        raise InvalidInput(
            "An order is in one currency; these products have several.", field="items"
        )
    return wanted


def _too_few(product: Product) -> str:
    if product.sold_out:
        return f"{product.name} is sold out."
    return f"Only {product.available} of {product.name} left."


def _order(writer: LogWriter, wanted: list[tuple[Product, int]]) -> Order:
    items = tuple(
        OrderItem(
            product=product.id,
            name=product.name,
            quantity=quantity,
            price_minor=product.price_minor,
        )
        for product, quantity in wanted
    )
    return Order(
        number=_number(),
        utc_us=writer.utc_us,
        items=items,
        total_minor=sum(item.price_minor * item.quantity for item in items),
        currency=wanted[0][0].currency,
    )


def _number() -> str:
    """Eight of 32 characters: 40 bits, so that nobody guesses another's."""
    letters = "".join(secrets.choice(_NUMBER_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _store(connection: Connection, order: Order, owner: dict[str, str]) -> None:
    row = {
        "number": order.number,
        "utc_us": order.utc_us,
        "total_minor": order.total_minor,
        "currency": order.currency,
    }
    connection.execute(insert(orders).values(**row, **owner))
    rows = [
        {"order_number": order.number, "line": line, **plain}
        for line, plain in enumerate(order.to_plain()["items"])
    ]
    connection.execute(insert(order_items), rows)


def _tell(
    connection: Connection,
    writer: LogWriter,
    wanted: list[tuple[Product, int]],
    at: MediaTime | None,
) -> tuple[ShowEvent, ...]:
    """What is left first, because pages act on it; then what was bought."""
    told = []
    for product, quantity in wanted:
        data = events.stock(product.id, product.available - quantity)
        told.append(writer.append(connection, "stock", data, at=at))
    for product, quantity in wanted:
        data = events.order(product.id, quantity)
        told.append(writer.append(connection, "order", data, at=at))
    return tuple(told)


def _with_items(connection: Connection, rows: list[RowMapping]) -> tuple[Order, ...]:
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
    return tuple(
        Order(
            number=row["number"],
            utc_us=row["utc_us"],
            items=tuple(items[row["number"]]),
            total_minor=row["total_minor"],
            currency=row["currency"],
        )
        for row in rows
    )
