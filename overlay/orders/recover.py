"""What a show's log does not yet say of its stock and sales: the difference of fold and tables."""

from collections.abc import Mapping

from sqlalchemy import Connection

from overlay.orders.teller import LevelKey, Plan, ProductKey, Sales, offer_key
from overlay.show.fold import ShowState
from overlay.store.statements import Statement

_STOCK = Statement("SELECT product, id, available FROM variants WHERE show = :show")
_SALES = Statement(
    "SELECT product, sum(sold), count(DISTINCT order_number) FROM movements "
    "WHERE show = :show AND sold > 0 AND order_number IS NOT NULL GROUP BY product"
)
"""What was ever sold: units that were cancelled since are among them."""
_LEFT = Statement("SELECT id, quota - used FROM offers WHERE show = :show AND quota IS NOT NULL")


def missing(connection: Connection, show: str, state: ShowState, *, now_us: int) -> Plan:
    """What `state` does not know."""
    return Plan(
        now_us=now_us,
        stock={**_stock(connection, show, state), **_left(connection, show, state)},
        sales=_sales(connection, show, state),
    )


def stock(connection: Connection, show: str) -> dict[tuple[str, str], int]:
    """How many are available, by product and variant."""
    return {
        (product, variant): available
        for product, variant, available in _STOCK.all(connection, {"show": show})
    }


def sales(connection: Connection, show: str) -> dict[str, Sales]:
    """Units and orders that were ever sold, by product."""
    return {
        product: (int(units), int(orders))
        for product, units, orders in _SALES.all(connection, {"show": show})
    }


def told_stock(state: ShowState) -> dict[tuple[str, str], int]:
    """What the log says is available, by product and variant."""
    return {
        (product, variant["id"]): variant["available"]
        for product, plain in state.products.items()
        for variant in plain["variants"]
    }


def told_sales(state: ShowState) -> dict[str, Sales]:
    """What the log says was sold, by product."""
    return {
        product: (total["quantity"], total["orders"]) for product, total in state.totals.items()
    }


def _stock(connection: Connection, show: str, state: ShowState) -> Mapping[LevelKey, int | None]:
    told = told_stock(state)
    return {
        (show, *key): available
        for key, available in stock(connection, show).items()
        if key in told and told[key] != available
    }


def _left(connection: Connection, show: str, state: ShowState) -> Mapping[LevelKey, int | None]:
    return {
        offer_key(show, offer): left
        for offer, left in _LEFT.all(connection, {"show": show})
        if offer in state.offers and state.offers[offer]["left"] != left
    }


def _sales(connection: Connection, show: str, state: ShowState) -> Mapping[ProductKey, Sales]:
    told = told_sales(state)
    found: dict[ProductKey, Sales] = {}
    for product, (units, orders) in sales(connection, show).items():
        known = told.get(product, (0, 0))
        if units > known[0] or orders > known[1]:
            found[show, product] = (max(0, units - known[0]), max(0, orders - known[1]))
    return found
