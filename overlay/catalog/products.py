"""The products of a show in the database: put, taken away, found.

Every change of a variant's stock writes a `movements` row, of kind `stock`, or `gone` where the
variant goes: its movements add up to nothing then, so that one of the same name begins anew. Every
price that is newly set writes a `prices` row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update
from sqlalchemy import delete as sql_delete

from overlay import checks
from overlay.catalog import rules, values
from overlay.catalog.history import lowest_minor
from overlay.catalog.values import Product as Product
from overlay.catalog.values import ProductDraft as ProductDraft
from overlay.catalog.values import Variant as Variant
from overlay.catalog.values import VariantDraft as VariantDraft
from overlay.errors import InvalidInput, UnknownProduct
from overlay.show import events
from overlay.show.log import LogWriter, MediaTime
from overlay.store.schema import movements, prices, products, variants
from overlay.values import ShowEvent

_COLUMNS = ("name", "description", "facts", "pictures", "options", "currency", "seller", "returns",
            "related", "cap", "live_only", "policy")  # fmt: skip
_LISTS = frozenset({"facts", "pictures", "options", "related"})
_VARIANT_COLUMNS = ("options", "sku", "picture", "price_minor", "struck_minor", "initial",
                    "available", "held", "sold")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What a variant's stock is made of: `stock` = `available` + `held` + `sold`."""

    product: str
    variant: str
    stock: int
    available: int
    held: int
    sold: int


Prices = dict[tuple[str, str], list[tuple[int, int]]]
"""By product and variant: (Unix time in microseconds, price), in order of entry."""


def put(
    connection: Connection,
    writer: LogWriter,
    *,
    product: str,
    draft: ProductDraft,
    at: MediaTime | None,
) -> tuple[Product, ShowEvent | None, bool]:
    """Create or change: the product, the event if anything changed, and whether it is new.

    Raises `InvalidInput`, `StockInUse`.
    """
    described = rules.described(product, draft)
    stored = find(connection, writer.show, described.product.id)
    target = rules.settled(described, stored)
    if stored is not None and not rules.differences(stored, target):
        return stored, None, False
    count = _count(connection, writer.show)
    if stored is None and count >= values.MAX_PRODUCTS:
        raise InvalidInput(f"A show has at most {values.MAX_PRODUCTS} products.", field="id")
    result = write(connection, writer, stored=stored, target=target)
    if (count + 1) * values.MAX_PRODUCT_BYTES > values.MAX_SHOW_BYTES:
        rules.refuse_too_many_bytes(in_show(connection, writer.show))
    event = writer.append(connection, "product", events.product(result.to_plain()), at=at)
    return result, event, stored is None


def write(
    connection: Connection, writer: LogWriter, *, stored: Product | None, target: Product
) -> Product:
    """Make what is stored as `rules.settled` says; the product with its lowest prices.

    Raises `InvalidInput` for one whose public JSON is too long.
    """
    show, key = writer.show, target.id
    row = {name: _to_column(name, getattr(target, name)) for name in _COLUMNS}
    if stored is None:
        place = {"show": show, "id": key, "position": _next_position(connection, show)}
        connection.execute(insert(products).values(**place, **row))
    elif any(getattr(stored, name) != getattr(target, name) for name in _COLUMNS):
        connection.execute(update(products).where(_is(show, key)).values(**row))
    _write_prices(connection, writer, stored, target)
    _write_variants(connection, writer, stored, target)
    result = _with_lowest(connection, show, target)
    rules.refuse_too_long(result)
    return result


def restock(
    connection: Connection,
    writer: LogWriter,
    *,
    product: str,
    variant: str | None,
    stock: int,
    at: MediaTime | None,
) -> tuple[Stock, ShowEvent | None]:
    """Set all that there ever was to sell of a variant: as it is then, and the event if it changed.

    Raises `InvalidInput`, `UnknownProduct`.
    """
    stored = find(connection, writer.show, checks.identifier(product, "id"))
    if stored is None:
        raise UnknownProduct(f"This show has no product {product}.", field="id")
    before = _chosen(stored, variant)
    after = rules.restocked(before, stock)
    result = Stock(
        product=stored.id,
        variant=after.id,
        stock=after.initial,
        available=after.available,
        held=after.held,
        sold=after.sold,
    )
    if after == before:
        return result, None
    connection.execute(
        update(variants)
        .where(_is_variant(writer.show, stored.id, before))
        .values(initial=after.initial, available=after.available)
    )
    _move(connection, writer, stored.id, [(before, after)])
    data = events.stock(stored.id, after.id, after.available)
    return result, writer.append(connection, "stock", data, at=at)


def delete(
    connection: Connection, writer: LogWriter, *, product: str, at: MediaTime | None
) -> ShowEvent:
    """Take it out. Raises `UnknownProduct`, `StockInUse`."""
    key = checks.identifier(product, "id")
    stored = find(connection, writer.show, key)
    if stored is None:
        raise UnknownProduct(f"This show has no product {key}.", field="id")
    rules.refuse_held(stored.variants)
    _move(connection, writer, key, [(variant, None) for variant in stored.variants])
    of_it = (variants.c.show == writer.show) & (variants.c.product == key)
    connection.execute(sql_delete(variants).where(of_it))
    connection.execute(sql_delete(products).where(_is(writer.show, key)))
    return writer.append(connection, "product_gone", events.product_gone(key), at=at)


def in_show(connection: Connection, show: str) -> tuple[Product, ...]:
    """Every product, in the order of creation."""
    return _load(connection, show, None)


def stocks(connection: Connection, show: str) -> tuple[Stock, ...]:
    """Of every variant, in order. A host's page asks often: this reads no more than it needs."""
    columns = variants.c
    query = (
        select(columns.product, columns.id, columns.initial, columns.available, columns.held,
               columns.sold)
        .join(products, (products.c.show == columns.show) & (products.c.id == columns.product))
        .where(columns.show == show)
        .order_by(products.c.position, columns.position)
    )  # fmt: skip
    return tuple(
        Stock(
            product=product, variant=name, stock=initial, available=available, held=held, sold=sold
        )
        for product, name, initial, available, held, sold in connection.execute(query)
    )


def find(connection: Connection, show: str, product: str) -> Product | None:
    """The product, if the show has it."""
    found = _load(connection, show, product)
    return found[0] if found else None


def price_history(connection: Connection, show: str, product: str | None) -> Prices:
    """What each variant has cost when; of all products where `product` is None."""
    query = select(prices.c.product, prices.c.variant, prices.c.utc_us, prices.c.price_minor).where(
        prices.c.show == show
    )
    if product is not None:
        query = query.where(prices.c.product == product)
    history: Prices = {}
    for of, variant, utc_us, price in connection.execute(query.order_by(prices.c.seq)):
        history.setdefault((of, variant), []).append((utc_us, price))
    return history


def _chosen(product: Product, variant: str | None) -> Variant:
    if variant is None:
        if len(product.variants) > 1:
            raise InvalidInput(
                f"{product.id} comes in {len(product.variants)} variants: name one.",
                field="variant",
            )
        return product.variants[0]
    found = product.variant(variant)
    if found is None:
        raise UnknownProduct(f"{product.id} has no variant {variant[:64]}.", field="variant")
    return found


def _write_variants(
    connection: Connection, writer: LogWriter, stored: Product | None, target: Product
) -> None:
    pairs = [(stored.variant(v.id) if stored else None, v) for v in target.variants]
    order = {v.id: n for n, v in enumerate(stored.variants)} if stored else {}
    gone = [v for v in (stored.variants if stored else ()) if target.variant(v.id) is None]
    for variant in gone:
        connection.execute(sql_delete(variants).where(_is_variant(writer.show, target.id, variant)))
    new = []
    for n, (before, after) in enumerate(pairs):
        row = {name: _to_column(name, getattr(after, name)) for name in _VARIANT_COLUMNS}
        if before is None:
            new.append(
                {"show": writer.show, "product": target.id, "id": after.id, "position": n, **row}
            )
        elif replace(before, lowest_30d_minor=None) != replace(after, lowest_30d_minor=None) or (
            order[after.id] != n
        ):
            connection.execute(
                update(variants)
                .where(_is_variant(writer.show, target.id, after))
                .values(position=n, **row)
            )
    if new:
        connection.execute(insert(variants), new)
    _move(connection, writer, target.id, [*pairs, *((variant, None) for variant in gone)])


def _move(
    connection: Connection,
    writer: LogWriter,
    product: str,
    pairs: Sequence[tuple[Variant | None, Variant | None]],
) -> None:
    """A `movements` row for each pair of before and after whose stock differs."""
    rows = []
    for before, after in pairs:
        variant = after or before
        moved = {
            name: (getattr(after, name) if after else 0) - (getattr(before, name) if before else 0)
            for name in ("available", "held", "sold")
        }
        if variant is not None and any(moved.values()):
            rows.append(
                {
                    "show": writer.show,
                    "product": product,
                    "variant": variant.id,
                    "utc_us": writer.utc_us,
                    "kind": "stock" if after else "gone",
                    **moved,
                }
            )
    if rows:
        connection.execute(insert(movements), rows)


def _write_prices(
    connection: Connection, writer: LogWriter, stored: Product | None, target: Product
) -> None:
    rows = [
        {
            "show": writer.show,
            "product": target.id,
            "variant": variant.id,
            "utc_us": writer.utc_us,
            "price_minor": variant.price_minor,
        }
        for variant in target.variants
        if rules.repriced(stored.variant(variant.id) if stored else None, variant)
    ]
    if rows:
        connection.execute(insert(prices), rows)


def _with_lowest(connection: Connection, show: str, product: Product) -> Product:
    if all(variant.struck_minor is None for variant in product.variants):
        return product
    history = price_history(connection, show, product.id)
    return replace(
        product, variants=tuple(_lowest(product.id, v, history) for v in product.variants)
    )


def _lowest(product: str, variant: Variant, history: Prices) -> Variant:
    if variant.struck_minor is None:
        return variant
    return replace(variant, lowest_30d_minor=lowest_minor(history.get((product, variant.id), [])))


def _count(connection: Connection, show: str) -> int:
    count = select(func.count()).select_from(products).where(products.c.show == show)
    return int(connection.execute(count).scalar_one())


def _next_position(connection: Connection, show: str) -> int:
    last = select(func.max(products.c.position)).where(products.c.show == show)
    return (connection.execute(last).scalar_one() or 0) + 1


def _is(show: str, product: str) -> ColumnElement[bool]:
    return (products.c.show == show) & (products.c.id == product)


def _is_variant(show: str, product: str, variant: Variant) -> ColumnElement[bool]:
    return (
        (variants.c.show == show) & (variants.c.product == product) & (variants.c.id == variant.id)
    )


def _load(connection: Connection, show: str, product: str | None) -> tuple[Product, ...]:
    goods = select(products).where(products.c.show == show).order_by(products.c.position)
    kinds = (
        select(variants)
        .where(variants.c.show == show)
        .order_by(variants.c.product, variants.c.position)
    )
    if product is not None:
        goods = goods.where(products.c.id == product)
        kinds = kinds.where(variants.c.product == product)
    rows = list(connection.execute(goods).mappings())
    if not rows:
        return ()
    by_product: dict[str, list[Variant]] = {}
    for row in connection.execute(kinds).mappings():
        by_product.setdefault(row["product"], []).append(_variant(row))
    struck = any(v.struck_minor is not None for each in by_product.values() for v in each)
    history = price_history(connection, show, product) if struck else {}
    return tuple(
        _product(row, [_lowest(row["id"], v, history) for v in by_product.get(row["id"], ())])
        for row in rows
    )


def _product(row: Mapping[str, Any] | RowMapping, of_it: Sequence[Variant]) -> Product:
    columns = {name: _from_column(name, row[name]) for name in _COLUMNS}
    return Product(id=row["id"], variants=tuple(of_it), **columns)


def _variant(row: RowMapping) -> Variant:
    columns = {name: _from_column(name, row[name]) for name in _VARIANT_COLUMNS}
    return Variant(id=row["id"], lowest_30d_minor=None, **columns)


def _to_column(name: str, value: Any) -> Any:
    return list(value) if name in _LISTS else value


def _from_column(name: str, value: Any) -> Any:
    return tuple(value) if name in _LISTS else value
