"""The products of a show: their rules, their rows, and what the public sees of them.

A product's stock is three numbers that always add up: `initial` = `available` + `sold`. What is
sold stays sold, so an operator sets `initial`, and orders move units from available to sold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from sqlalchemy import delete as sql_delete

from overlay import checks
from overlay.errors import InvalidInput, UnknownProduct
from overlay.show import events
from overlay.show.log import LogWriter, MediaTime
from overlay.store.schema import products
from overlay.values import ShowEvent

MAX_NAME_CHARS = 200
MAX_FACTS = 5
MAX_FACT_CHARS = 120
MAX_TERMS_CHARS = 300
"""Of the seller, and of the return terms."""
MAX_PICTURE_CHARS = 2000
MAX_PRICE_MINOR = 1_000_000_000
MAX_STOCK = 10_000_000
MAX_PRODUCTS = 500
"""In one show: every viewer is sent them all."""

_PICTURE = re.compile(r"https?://[!-\[\]-~]+|/(?!/)[!-\[\]-~]*")
"""No backslash anywhere: browsers read it as a slash, and ``//`` begins another server's name."""
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDraft:
    """A product as a host describes it, not yet checked: `put` does."""

    name: str
    facts: tuple[str, ...] | list[str]
    """At most 5, the most important first."""
    picture: str | None
    """An http(s) address, or a path on this server."""
    price_minor: int
    """In the currency's minor unit: cents."""
    currency: str
    """ISO 4217: ``EUR``."""
    stock: int | None
    """All that there ever was to sell; None leaves an existing product's alone."""
    seller: str
    returns: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product as everyone may see it."""

    id: str
    name: str
    facts: tuple[str, ...]
    picture: str | None
    price_minor: int
    currency: str
    seller: str
    returns: str
    available: int

    @property
    def sold_out(self) -> bool:
        """Nothing is left."""
        return self.available == 0

    def to_plain(self) -> dict[str, Any]:
        """The public JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "facts": list(self.facts),
            "picture": self.picture,
            "price_minor": self.price_minor,
            "currency": self.currency,
            "seller": self.seller,
            "returns": self.returns,
            "available": self.available,
            "sold_out": self.sold_out,
        }


def put(
    connection: Connection,
    writer: LogWriter,
    *,
    product: str,
    draft: ProductDraft,
    at: MediaTime | None,
) -> tuple[Product, ShowEvent | None, bool]:
    """Create or change: the product, the event if anything changed, and whether it is new.

    Raises `InvalidInput`.
    """
    key = checks.identifier(product, "id")
    described = _described(draft)
    stored = _row(connection, writer.show, key)
    initial = _initial(draft, stored)
    if stored is None:
        _refuse_one_too_many(connection, writer.show)
        row = {"sold": 0, "initial": initial, "available": initial, **described}
        place = {"show": writer.show, "id": key, "position": _next_position(connection, writer)}
        connection.execute(insert(products).values(**place, **row))
    else:
        row = {"initial": initial, "available": initial - stored["sold"], **described}
        if all(stored[name] == value for name, value in row.items()):
            return _product(stored), None, False
        connection.execute(update(products).where(_is(writer.show, key)).values(**row))
    result = _product({"id": key, **row})
    event = writer.append(connection, "product", events.product(result.to_plain()), at=at)
    return result, event, stored is None


def delete(
    connection: Connection, writer: LogWriter, *, product: str, at: MediaTime | None
) -> ShowEvent:
    """Take it out. Raises `UnknownProduct`."""
    key = checks.identifier(product, "id")
    if not connection.execute(sql_delete(products).where(_is(writer.show, key))).rowcount:
        raise UnknownProduct(f"This show has no product {key}.", field="id")
    return writer.append(connection, "product_gone", events.product_gone(key), at=at)


def in_show(connection: Connection, show: str) -> tuple[Product, ...]:
    """Every product, in the order of creation."""
    query = select(products).where(products.c.show == show).order_by(products.c.position)
    return tuple(_product(row) for row in connection.execute(query).mappings())


def find(connection: Connection, show: str, product: str) -> Product | None:
    """The product, if the show has it."""
    row = _row(connection, show, product)
    return None if row is None else _product(row)


def take(connection: Connection, show: str, product: str, quantity: int) -> bool:
    """Move units from available to sold, if so many are available."""
    enough = products.c.available >= quantity
    moved = {
        "available": products.c.available - quantity,
        "sold": products.c.sold + quantity,
    }
    statement = update(products).where(_is(show, product) & enough).values(moved)
    return connection.execute(statement).rowcount == 1


def _described(draft: ProductDraft) -> dict[str, Any]:
    return {
        "name": checks.text(draft.name, "name", most=MAX_NAME_CHARS),
        "facts": list(checks.texts(draft.facts, "facts", most=MAX_FACTS, most_each=MAX_FACT_CHARS)),
        "picture": _picture(draft.picture),
        "price_minor": checks.integer(
            draft.price_minor, "price_minor", least=0, most=MAX_PRICE_MINOR
        ),
        "currency": _currency(draft.currency),
        "seller": checks.text(draft.seller, "seller", most=MAX_TERMS_CHARS, blank=True),
        "returns": checks.text(draft.returns, "returns", most=MAX_TERMS_CHARS, blank=True),
    }


def _picture(value: Any) -> str | None:
    if value is None:
        return None
    address = checks.text(value, "picture", most=MAX_PICTURE_CHARS)
    if not _PICTURE.fullmatch(address):
        raise InvalidInput(
            "picture must be an http:// or https:// address, or a path that begins with one /.",
            field="picture",
        )
    return address


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise InvalidInput(
            "currency must be three capital letters of ISO 4217, such as EUR.", field="currency"
        )
    return value


def _initial(draft: ProductDraft, stored: RowMapping | None) -> int:
    """What `initial` shall be."""
    if draft.stock is None:
        if stored is None:
            raise InvalidInput("stock is missing: a new product needs it.", field="stock")
        return int(stored["initial"])
    stock = checks.integer(draft.stock, "stock", least=0, most=MAX_STOCK)
    if stored is not None and stock < stored["sold"]:
        raise InvalidInput(
            f"stock must be at least {stored['sold']}: so many are sold already.", field="stock"
        )
    return stock


def _refuse_one_too_many(connection: Connection, show: str) -> None:
    count = select(func.count()).select_from(products).where(products.c.show == show)
    if connection.execute(count).scalar_one() >= MAX_PRODUCTS:
        raise InvalidInput(f"A show has at most {MAX_PRODUCTS} products.", field="id")


def _next_position(connection: Connection, writer: LogWriter) -> int:
    last = select(func.max(products.c.position)).where(products.c.show == writer.show)
    return (connection.execute(last).scalar_one() or 0) + 1


def _is(show: str, product: str) -> Any:
    return (products.c.show == show) & (products.c.id == product)


def _row(connection: Connection, show: str, product: str) -> RowMapping | None:
    return connection.execute(select(products).where(_is(show, product))).mappings().first()


def _product(row: Mapping[str, Any] | RowMapping) -> Product:
    public = {name: row[name] for name in Product.__dataclass_fields__ if name != "facts"}
    return Product(facts=tuple(row["facts"]), **public)
