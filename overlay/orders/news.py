"""What webhooks are told of a batch of the ledger. No contact: who may know it asks the API."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from overlay.hooks.values import News
from overlay.orders import listing
from overlay.orders.effects import Effects
from overlay.orders.values import Order, OrderItem
from overlay.orders.view import HeldUnits

_HOLDS: Mapping[str, str] = {
    "held": "reservation.held",
    "released": "reservation.released",
    "expired": "reservation.expired",
}
"""A hold that an order took is told of by that order."""


def of(connection: Connection, effects: Effects) -> list[News]:
    """The news, orders first. For effects that are saved."""
    return [*_placed(effects), *_changed(connection, effects), *_held(effects)]


def _placed(effects: Effects) -> Iterator[News]:
    items: dict[str, list[OrderItem]] = {}
    for row in effects.items:
        item = OrderItem(**{name: row[name] for name in OrderItem.__dataclass_fields__})
        items.setdefault(row["order_number"], []).append(item)
    names = Order.__dataclass_fields__.keys() - {"items"}
    for row in effects.orders:
        own = tuple(items.get(row["number"], ()))
        order = Order(**{name: row[name] for name in names}, items=own)
        yield _order(row["show"], row["viewer"], order, reference=None)


def _changed(connection: Connection, effects: Effects) -> Iterator[News]:
    if not effects.changed_orders:
        return
    for record in listing.numbered(connection, sorted(effects.changed_orders)):
        stored = effects.changed_orders[record.order.number]
        yield _order(stored.show, stored.viewer, record.order, reference=record.reference)


def _held(effects: Effects) -> Iterator[News]:
    for hold in (*effects.new_holds.values(), *effects.changed_holds.values()):
        event = _HOLDS.get(hold.state)
        if event is not None:
            yield News(show=hold.show, event=event, data=_hold(hold))


def _order(show: str, viewer: str, order: Order, *, reference: str | None) -> News:
    data: dict[str, Any] = {"viewer": viewer, "reference": reference, "order": order.to_plain()}
    return News(show=show, event=f"order.{order.state}", data=data)


def _hold(hold: HeldUnits) -> dict[str, Any]:
    return {
        "viewer": hold.viewer,
        "product": hold.product,
        "variant": hold.variant,
        "quantity": hold.quantity,
        "expires_us": hold.expires_us,
    }
