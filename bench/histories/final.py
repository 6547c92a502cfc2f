"""Reading what is in the database when all is over, past the shop's own code."""

from collections import defaultdict

from sqlalchemy import func, select

from bench.histories.history import Final, Stock, StoredOrder
from overlay.store.database import Location
from overlay.store.engine import Store
from overlay.store.schema import movements, order_items, orders, variants

_COUNTERS = ("available", "held", "sold")


def read_final(location: Location, show: str) -> Final:
    """The orders, counters and movements of a show."""
    store = Store.open(location)
    try:
        return _read(store, show)
    finally:
        store.close()


def _read(store: Store, show: str) -> Final:
    units: dict[str, dict[str, int]] = defaultdict(dict)
    v, m = variants.c, movements.c
    with store.read() as connection:
        for row in connection.execute(select(order_items)):
            of = units[row.order_number]
            of[row.product] = of.get(row.product, 0) + row.quantity
        placed = tuple(
            StoredOrder(
                number=row.number, viewer=row.viewer, key=row.idempotency_key,
                units=units[row.number],
            )
            for row in connection.execute(select(orders).where(orders.c.show == show))
        )  # fmt: skip
        stock = connection.execute(
            select(v.product, *(func.sum(v[name]).label(name) for name in ("initial", *_COUNTERS)))
            .where(v.show == show)
            .group_by(v.product)
        ).all()
        moved = connection.execute(
            select(m.product, *(func.sum(m[name]).label(name) for name in _COUNTERS))
            .where(m.show == show)
            .group_by(m.product)
        ).all()
    return Final(
        orders=placed,
        stock={row.product: _stock(row.initial, row) for row in stock},
        moved={row.product: _stock(0, row) for row in moved},
    )


def _stock(initial: int, row: object) -> Stock:
    counters = {name: int(getattr(row, name)) for name in _COUNTERS}
    return Stock(initial=int(initial), **counters)
