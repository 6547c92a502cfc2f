"""What the tables of the schema 0001, set aside as ``old_…``, become in those of 0002."""

import json
import time
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from overlay.store.migrations.frozen_0002 import goods, ledger, replies
from overlay.store.migrations.frozen_0002.lines import VARIANT

_COPIES = (
    "INSERT INTO meta (id, log_epoch) SELECT id, log_epoch FROM old_meta",
    'INSERT INTO log (show, "offset", version, media_epoch, pts, utc_us, type, data, cue_id)'
    ' SELECT show, "offset", 1, media_epoch, pts, utc_us, type, data, cue_id FROM old_log',
    "INSERT INTO orders (number, show, viewer, idempotency_key, request_sha256, utc_us,"
    " updated_us, state, checkout, expires_us, reference, contact, note, total_minor, currency,"
    " rehearsal) SELECT number, show, viewer, idempotency_key, request_sha256, utc_us, utc_us,"
    " 'confirmed', 'form', NULL, NULL, NULL, '', total_minor, currency, :no FROM old_orders",
    "INSERT INTO order_items (order_number, line, product, variant, name, choice, quantity,"
    " price_minor, list_minor, offer) SELECT order_number, line, product, :variant, name, '',"
    " quantity, price_minor, price_minor, NULL FROM old_order_items",
    "INSERT INTO purchases (show, viewer, product, quantity)"
    " SELECT o.show, o.viewer, i.product, sum(i.quantity) FROM old_orders AS o"
    " JOIN old_order_items AS i ON i.order_number = o.number"
    " GROUP BY o.show, o.viewer, i.product",
    "INSERT INTO variants (show, product, id, position, options, sku, picture, price_minor,"
    " struck_minor, initial, available, held, sold) SELECT show, id, :variant, 1, '[]', '', NULL,"
    " price_minor, NULL, initial, available, 0, sold FROM old_products",
    "INSERT INTO prices (show, product, variant, utc_us, price_minor)"
    " SELECT show, id, :variant, :now_us, price_minor FROM old_products",
)


def everything(connection: Connection) -> None:
    """All of it, inside the caller's transaction."""
    now_us = time.time_ns() // 1000
    _products(connection)
    for statement in _COPIES:
        text = sa.text(statement)
        given = {"no": False, "variant": VARIANT, "now_us": now_us}
        connection.execute(text, {name: given[name] for name in text.compile().params})
    _movements(connection, now_us)
    replies.carry(connection)


def _products(connection: Connection) -> None:
    rows = connection.execute(sa.text("SELECT * FROM old_products")).mappings()
    made = [_product(row) for row in rows]
    if made:
        connection.execute(sa.insert(goods.products), made)


def _product(row: Any) -> dict[str, Any]:
    kept = ("show", "id", "position", "name", "currency", "seller", "returns")
    facts = row["facts"]
    return {
        **{name: row[name] for name in kept},
        "description": "",
        "facts": json.loads(facts) if isinstance(facts, str) else facts,
        "pictures": [row["picture"]] if row["picture"] else [],
        "options": [],
        "related": [],
        "cap": None,
        "live_only": False,
        "policy": "first_paid",
    }


def _movements(connection: Connection, now_us: int) -> None:
    """How each variant came to its numbers: all that there was, then each sale.

    A product that is gone, or came back with the same name, has sales that are in no counter now:
    these leave again by a movement of their own, so that every sum holds.
    """
    sales = defaultdict(list)
    for row in connection.execute(
        sa.text(
            "SELECT o.show, i.product, o.number, o.utc_us, i.quantity FROM old_orders AS o"
            " JOIN old_order_items AS i ON i.order_number = o.number ORDER BY o.utc_us, o.number"
        )
    ):
        sales[row.show, row.product].append(row)
    stocks = {
        (row.show, row.id): (row.initial, row.sold)
        for row in connection.execute(sa.text("SELECT show, id, initial, sold FROM old_products"))
    }
    made = []
    for place in sorted({*stocks, *sales}):
        initial, sold = stocks.get(place, (0, 0))
        made += _of_a_variant(place, initial, sold, sales[place], now_us)
    for begin in range(0, len(made), 1000):
        connection.execute(sa.insert(ledger.movements), made[begin : begin + 1000])


def _of_a_variant(
    place: tuple[str, str], initial: int, sold: int, sales: list[Any], now_us: int
) -> list[dict[str, Any]]:
    """The last sales make up `sold`; those before them are of a product that is gone."""
    gone = sum(row.quantity for row in sales) - sold
    first_us = min((row.utc_us for row in sales), default=now_us)
    made = [_movement(place, first_us, "stock", available=initial + gone)]
    left = gone
    for row in sales:
        made.append(_sale(place, row))
        left -= row.quantity
        if gone and left == 0:
            made.append(_movement(place, row.utc_us, "gone", sold=-gone))
            gone = 0
    if gone:  # no sale ends where the present product's begin
        made.append(_movement(place, now_us, "stock", sold=-gone))
    return made


def _sale(place: tuple[str, str], row: Any) -> dict[str, Any]:
    return _movement(
        place,
        row.utc_us,
        "order",
        available=-row.quantity,
        sold=row.quantity,
        order_number=row.number,
    )


def _movement(
    place: tuple[str, str],
    utc_us: int,
    kind: str,
    *,
    available: int = 0,
    sold: int = 0,
    order_number: str | None = None,
) -> dict[str, Any]:
    return {
        "show": place[0],
        "product": place[1],
        "variant": VARIANT,
        "utc_us": utc_us,
        "kind": kind,
        "available": available,
        "held": 0,
        "sold": sold,
        "order_number": order_number,
        "hold": None,
    }
