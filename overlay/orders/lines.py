"""The units that an order moves, by variant. Part of the ledger's rules: pure."""

from overlay.errors import InvalidInput
from overlay.offers.pricing import Priced
from overlay.orders.ops import MAX_QUANTITY, PlaceOrder
from overlay.orders.view import HeldUnits, Shelf, View

Lines = dict[tuple[str, str], tuple[Shelf, int]]
"""Shelf and units by product and variant, in the order's order."""
Own = dict[tuple[str, str], list[HeldUnits]]
"""The buyer's own holds of them."""


def add_units(lines: Lines, shelf: Shelf, more: int, where: str) -> None:
    """So many more of a variant. Raises `InvalidInput`."""
    key = (shelf.product, shelf.variant)
    units = more + (lines[key][1] if key in lines else 0)
    if units > MAX_QUANTITY:
        raise InvalidInput(f"{MAX_QUANTITY} of one product is the most.", field=where)
    lines[key] = (shelf, units)


def with_gifts(lines: Lines, priced: Priced) -> Lines:
    """The units that an order moves: those that it asks for, and what is given with them."""
    given = [lot for lot in priced.lots if lot.offer and lot.offer.terms.kind == "gift"]
    if not given:
        return lines
    moved = dict(lines)
    for lot in given:
        key = (lot.shelf.product, lot.shelf.variant)
        moved[key] = (lot.shelf, lot.quantity + (moved[key][1] if key in moved else 0))
    return moved


def spare_units(view: View, op: PlaceOrder, shelf: Shelf, lines: Lines, own: Own) -> int:
    """How many of a variant may be given away with the order: stock, cap and air allow it."""
    if shelf.live_only and op.at is None:
        return 0
    mine = {key: sum(hold.quantity for hold in own.get(key, ())) for key in lines}
    key = (shelf.product, shelf.variant)
    wanted = max(0, lines[key][1] - mine[key]) if key in lines else 0
    spare = shelf.available - wanted
    if shelf.cap is not None:
        more = sum(
            max(0, units - mine[other])
            for other, (_, units) in lines.items()
            if other[0] == shelf.product
        )
        has = view.purchases.get((op.show, op.viewer, shelf.product), 0)
        spare = min(spare, shelf.cap - has - more)
    return max(0, spare)
