"""What a cart may hold, and what its change asks of the ledger. Pure, over a batch's view.

Units of a product with the policy `hold` are set aside for as long as the shop says; that time
does not begin anew when the cart is changed. Once it is over the line stays, and the next change
tries to set its units aside again. Units of others are not promised: whoever orders first has them.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from overlay import checks
from overlay.carts.values import MAX_ITEMS, CartItem, CartWish
from overlay.errors import InvalidInput
from overlay.orders.ops import MAX_QUANTITY, Release, Reserve, reserving
from overlay.orders.view import Shelf, View
from overlay.show.log import MediaTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A cart as it is to be, and the ops that make it so."""

    items: tuple[CartItem, ...]
    """Each with the hold that it will have if its op is done."""
    ops: tuple[Release | Reserve, ...]
    """What gives units back comes first."""
    grown: frozenset[str]
    """Holds of lines that are new, or larger than before: these must be had."""


def checked(wishes: Any) -> tuple[CartWish, ...]:
    """The lines, if they are well formed. Raises `InvalidInput`."""
    if isinstance(wishes, str) or not isinstance(wishes, Sequence):
        raise InvalidInput("items must be a list.", field="items")
    if len(wishes) > MAX_ITEMS:
        raise InvalidInput(f"A cart has at most {MAX_ITEMS} items.", field="items")
    for n, wish in enumerate(wishes):
        if not isinstance(wish, CartWish):
            raise InvalidInput("An item names a product and a quantity.", field=f"items.{n}")
        checks.identifier(wish.product, f"items.{n}.product")
        if wish.variant is not None:
            checks.identifier(wish.variant, f"items.{n}.variant")
        checks.integer(wish.quantity, f"items.{n}.quantity", least=1, most=MAX_QUANTITY)
    return tuple(wishes)


def change(
    view: View,
    show: str,
    viewer: str,
    *,
    stored: Sequence[CartItem],
    wishes: Sequence[CartWish],
    at: MediaTime | None,
    now_us: int,
    draw: Callable[[], str] = lambda: secrets.token_hex(12),
) -> Change:
    """What the ledger is to do so that the cart holds the wishes.

    Raises `InvalidInput`, `UnknownProduct`. `view` has the shelves and the stored lines' holds;
    `draw` gives ids of new holds.
    """
    wanted = _wanted(view, show, wishes)
    before = {item.key: item for item in stored}
    less: list[Release | Reserve] = [
        Release(show=show, viewer=viewer, hold=item.hold)
        for item in stored
        if item.hold is not None
        and (item.key not in wanted or not held_units(view, item, now_us=now_us))
    ]
    more: list[Release | Reserve] = []
    items: list[CartItem] = []
    grown: set[str] = set()
    for key, (shelf, quantity) in wanted.items():
        known = before.get(key)
        hold = None
        if shelf.policy == "hold":
            held = held_units(view, known, now_us=now_us)
            hold = known.hold if known is not None and held else draw()
            if held != quantity:
                op = reserving(
                    show, viewer=viewer, hold=hold, product=key[0], variant=key[1],
                    quantity=quantity, at=at,
                )  # fmt: skip
                (less if quantity < held else more).append(op)
            if hold is not None and (known is None or quantity > known.quantity):
                grown.add(hold)
        items.append(CartItem(product=key[0], variant=key[1], quantity=quantity, hold=hold))
    return Change(items=tuple(items), ops=(*less, *more), grown=frozenset(grown))


def held_units(view: View, item: CartItem | None, *, now_us: int) -> int:
    """How many units are set aside for a line now."""
    hold = view.holds.get(item.hold) if item is not None and item.hold is not None else None
    if hold is None or hold.state != "held" or hold.expires_us <= now_us:
        return 0
    return hold.quantity


def _wanted(
    view: View, show: str, wishes: Sequence[CartWish]
) -> dict[tuple[str, str], tuple[Shelf, int]]:
    """Shelf and units by product and variant, in the order of their first mention."""
    wanted: dict[tuple[str, str], tuple[Shelf, int]] = {}
    for n, wish in enumerate(wishes):
        shelf = view.shelf(show, wish.product, wish.variant, where=f"items.{n}.variant")
        key = (shelf.product, shelf.variant)
        units = wish.quantity + (wanted[key][1] if key in wanted else 0)
        if units > MAX_QUANTITY:
            raise InvalidInput(
                f"{MAX_QUANTITY} of one product is the most.", field=f"items.{n}.quantity"
            )
        wanted[key] = (shelf, units)
    if len({shelf.currency for shelf, _ in wanted.values()}) > 1:
        raise InvalidInput("A cart is in one currency; these products have several.", field="items")
    return wanted
