"""The replies to the orders of schema 0001: an old key still gets the old order."""

import hashlib
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from overlay.store.migrations.frozen_0002 import ledger

_AT_ONCE = 500
"""Orders."""


def carry(connection: Connection) -> None:
    """Make a reply for each order, and name each request as it is named now."""
    items, orders = ledger.order_items, ledger.orders
    numbers = connection.execute(sa.select(orders.c.number).order_by(orders.c.number))
    found = list(numbers.scalars())
    for begin in range(0, len(found), _AT_ONCE):
        some = found[begin : begin + _AT_ONCE]
        query = (
            sa.select(orders, items)
            .join(items, items.c.order_number == orders.c.number)
            .where(orders.c.number.in_(some))
            .order_by(orders.c.number, items.c.line)
        )
        rows = connection.execute(query).mappings().all()
        made = [
            _reply([dict(row) for row in group])
            for _, group in groupby(rows, key=lambda row: row["number"])
        ]
        connection.execute(sa.insert(ledger.replies), made)
        connection.execute(
            sa.update(orders)
            .where(orders.c.number == sa.bindparam("of"))
            .values(request_sha256=sa.bindparam("named")),
            [
                {"of": row["reply"]["order"]["number"], "named": row["request_sha256"]}
                for row in made
            ],
        )


def _reply(lines: list[dict[str, Any]]) -> dict[str, Any]:
    order = lines[0]
    names = ("number", "utc_us", "state", "checkout", "expires_us", "total_minor", "currency")
    item = (
        "product", "variant", "name", "choice", "quantity", "price_minor", "list_minor", "offer",
    )  # fmt: skip
    plain = {name: order[name] for name in names}
    plain["items"] = [{name: line[name] for name in item} for line in lines]
    return {
        "show": order["show"],
        "viewer": order["viewer"],
        "idempotency_key": order["idempotency_key"],
        "request_sha256": _named(lines),
        "reply": {"order": plain},
        "utc_us": order["utc_us"],
    }


def _named(lines: list[dict[str, Any]]) -> str:
    """As an order by form without variants or contact is named."""
    wanted = sorted(f"{line['product']}  {line['quantity']}" for line in lines)
    return hashlib.sha256("\n".join(["form", *wanted]).encode()).hexdigest()
