"""A host's mark that a product is sold out: what is left is taken off sale, and can be put back.

The units leave what there is to sell (a `stock` movement); the mark remembers how many. What is
held in carts and unpaid orders stays held, and is for sale again if it comes back. Where the
product's stock was set anew in between, that number stands, and the mark only goes.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, insert, select, update

from overlay.errors import UnknownProduct
from overlay.show import events
from overlay.show.log import LogWriter, MediaTime
from overlay.show.settings import Settings
from overlay.store.schema import movements, variants
from overlay.values import ShowEvent


def mark(
    connection: Connection,
    writer: LogWriter,
    settings: Settings,
    *,
    product: str,
    variant: str | None,
    at: MediaTime | None,
) -> tuple[ShowEvent, ...]:
    """Take what is left of a variant, or of all, off sale. Raises `UnknownProduct`."""
    told = []
    for name, available, initial in _rows(connection, writer.show, product, variant):
        if available:
            known = settings.marks.get(f"{product}/{name}", [0, initial])
            before = known[0] if known[1] == initial else 0
            settings.marks[f"{product}/{name}"] = [before + available, initial - available]
            told.append(_move(connection, writer, product, name, -available, 0, at))
    return tuple(told)


def lift(
    connection: Connection,
    writer: LogWriter,
    settings: Settings,
    *,
    product: str,
    variant: str | None,
    at: MediaTime | None,
) -> tuple[ShowEvent, ...]:
    """Put back what a mark took away. Raises `UnknownProduct`."""
    told = []
    for name, available, initial in _rows(connection, writer.show, product, variant):
        units, after = settings.marks.pop(f"{product}/{name}", [0, initial])
        if units and after == initial:
            told.append(_move(connection, writer, product, name, units, available + units, at))
    return tuple(told)


def _rows(
    connection: Connection, show: str, product: str, variant: str | None
) -> Iterator[tuple[str, int, int]]:
    query = select(variants.c.id, variants.c.available, variants.c.initial).where(
        (variants.c.show == show) & (variants.c.product == product[:64])
    )
    if variant is not None:
        query = query.where(variants.c.id == variant[:64])
    rows = connection.execute(query.order_by(variants.c.position)).all()
    if not rows:
        raise UnknownProduct(f"This show has no such product or variant: {product[:64]}.")
    return ((row.id, row.available, row.initial) for row in rows)


def _move(
    connection: Connection,
    writer: LogWriter,
    product: str,
    variant: str,
    units: int,
    left: int,
    at: MediaTime | None,
) -> ShowEvent:
    of_it = (
        (variants.c.show == writer.show)
        & (variants.c.product == product)
        & (variants.c.id == variant)
    )
    connection.execute(
        update(variants)
        .where(of_it)
        .values(
            available=variants.c.available + units,
            initial=variants.c.initial + units,
        )
    )
    connection.execute(
        insert(movements).values(
            show=writer.show,
            product=product,
            variant=variant,
            utc_us=writer.utc_us,
            kind="stock",
            available=units,
            held=0,
            sold=0,
        )
    )
    return writer.append(connection, "stock", events.stock(product, variant, left), at=at)
