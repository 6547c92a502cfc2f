"""What becomes of holds and orders that are there: paid, given up, cancelled, or over in time.

Part of the ledger's rules (`overlay.orders.ledger`): pure, over the view of a batch.
"""

from typing import Literal

from overlay.errors import OrderSettled, UnknownOrder
from overlay.orders.effects import Effects
from overlay.orders.ops import MAX_NOTE_CHARS, Cancel, Confirm, ReleaseOrder, Settled
from overlay.orders.values import OrderState
from overlay.orders.view import HeldUnits, StoredOrder, View

HoldEnd = Literal["released", "expired"]

_MOVES = {"released": "release", "expired": "expire"}


def confirm(view: View, effects: Effects, op: Confirm) -> Settled:
    """The order has been paid; see `overlay.orders.values` for what state it gets.

    The same payment again changes nothing. Raises `UnknownOrder`, and `OrderSettled` for a second
    payment of the same order.
    """
    order = _order(view, op.show, op.number)
    expire_if_due(view, effects, order)
    if order.reference == op.reference:
        return Settled(number=order.number, state=order.state, changed=False)
    if order.reference is not None or order.state == "cancelled":
        raise OrderSettled(
            f"The order {order.number} is {_WORDS[order.state]}: this payment is one too many.",
            field="reference",
        )
    order.reference = op.reference
    if order.state == "held":
        for product, variant, quantity in order.units:
            shelf = view.standing(order, product, variant)
            if shelf is not None:
                effects.move(shelf, "confirm", held=-quantity, sold=quantity, order=order.number)
        units: dict[str, int] = {}
        for product, _, quantity in order.units:
            units[product] = units.get(product, 0) + quantity
        effects.sell(order.show, units)
        return _become(effects, order, "confirmed")
    return _become(effects, order, "confirmed" if order.state == "confirmed" else "paid_late")


def release(view: View, effects: Effects, op: ReleaseOrder) -> Settled:
    """The buyer gave up. Raises `UnknownOrder`, `OrderSettled`."""
    order = _order(view, op.show, op.number)
    expire_if_due(view, effects, order)
    if order.state in ("released", "expired"):
        return Settled(number=order.number, state=order.state, changed=False)
    _refuse_unless(order, "held", what="released")
    _give_back(view, effects, order, "release")
    return _become(effects, order, "released")


def cancel(view: View, effects: Effects, op: Cancel) -> Settled:
    """Staff ends the order. Raises `UnknownOrder`, `OrderSettled`."""
    order = _order(view, op.show, op.number)
    expire_if_due(view, effects, order)
    if order.state == "cancelled":
        return Settled(number=order.number, state=order.state, changed=False)
    if order.state == "held":
        _give_back(view, effects, order, "release")
        return _become(effects, order, "released", note=op.note)
    _refuse_unless(order, "confirmed", "paid_late", what="cancelled")
    if order.state == "confirmed":
        _give_back(view, effects, order, "cancel")
    return _become(effects, order, "cancelled", note=op.note)


def expire_if_due(view: View, effects: Effects, order: StoredOrder) -> bool:
    """End an unpaid order whose time is over; whether it was."""
    if order.state != "held" or order.expires_us is None or order.expires_us > effects.now_us:
        return False
    _give_back(view, effects, order, "expire")
    _become(effects, order, "expired")
    return True


def end_hold(view: View, effects: Effects, hold: HeldUnits, state: HoldEnd) -> None:
    """Give a hold's units back."""
    hold.state = state
    effects.keep_hold(hold)
    effects.count(view, (hold.show, hold.viewer, hold.product), -hold.quantity)
    shelf = view.shelves.get((hold.show, hold.product), {}).get(hold.variant)
    if shelf is not None:
        effects.move(
            shelf, _MOVES[state], available=hold.quantity, held=-hold.quantity, hold=hold.id
        )


def _give_back(view: View, effects: Effects, order: StoredOrder, kind: str) -> None:
    sold = order.state == "confirmed"
    _give_back_offers(view, effects, order)
    for product, variant, quantity in order.units:
        effects.count(view, (order.show, order.viewer, product), -quantity)
        shelf = view.standing(order, product, variant)
        if shelf is not None:
            effects.move(
                shelf,
                kind,
                available=quantity,
                held=0 if sold else -quantity,
                sold=-quantity if sold else 0,
                order=order.number,
            )


def _give_back_offers(view: View, effects: Effects, order: StoredOrder) -> None:
    """What the order used of its offers may be used again, and its coupon's code too."""
    for offer_id, units in order.offers.items():
        offer = view.offers.get(order.show, {}).get(offer_id)
        if offer is None:
            continue
        key = (order.show, offer_id, order.viewer)
        if offer.terms.kind == "coupon":
            claim = view.claims.get(key)
            if claim is not None and claim.order_number == order.number:
                claim.order_number = None
                effects.keep_claim(key, claim)
        else:
            count = units // offer.terms.units if offer.terms.kind == "bundle" else units
            effects.use_by(view, offer, order.viewer, -count)


def _become(effects: Effects, order: StoredOrder, state: OrderState, *, note: str = "") -> Settled:
    order.state = state
    order.expires_us = None
    if note:
        order.note = f"{order.note}\n{note}".strip()[:MAX_NOTE_CHARS]
    effects.changed_orders[order.number] = order
    return Settled(number=order.number, state=state, changed=True)


def _order(view: View, show: str, number: str) -> StoredOrder:
    order = view.orders.get(number)
    if order is None or order.show != show:
        raise UnknownOrder(f"This show has no order {number}.", field="number")
    return order


def _refuse_unless(order: StoredOrder, *states: OrderState, what: str) -> None:
    if order.state not in states:
        raise OrderSettled(
            f"The order {order.number} is {_WORDS[order.state]} and cannot be {what}.",
            field="number",
        )


_WORDS = {
    "held": "awaiting its payment",
    "confirmed": "confirmed already",
    "released": "released already",
    "expired": "expired",
    "paid_late": "paid late already",
    "cancelled": "cancelled already",
}
