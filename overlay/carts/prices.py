"""What a cart's lines would cost if they were ordered now, by the rules of orders, gifts apart."""

from collections.abc import Sequence

from overlay.carts import rules
from overlay.carts.values import CartItem, CartLine
from overlay.offers.fairness import Seen
from overlay.offers.pricing import Lot
from overlay.orders.ops import PlaceOrder, placing
from overlay.orders.price import price_order
from overlay.orders.values import OrderLine
from overlay.orders.view import Shelf, View
from overlay.show.log import MediaTime


def as_order(
    show: str,
    viewer: str,
    items: Sequence[CartItem],
    *,
    at: MediaTime | None,
    seen: Seen | None = None,
) -> PlaceOrder:
    """The order that the cart would be: it says which rows its prices need."""
    wanted = [OrderLine(product=i.product, variant=i.variant, quantity=i.quantity) for i in items]
    return placing(show, viewer=viewer, key="cart", lines=wanted, at=at, seen=seen)


def lines(
    view: View, order: PlaceOrder, items: Sequence[CartItem], *, now_us: int
) -> tuple[CartLine, ...]:
    """The lines of a cart that is not empty. `order` is of `items`; `view` has all of them."""
    lots: dict[tuple[str, str], list[Lot]] = {}
    for lot in price_order(view, order, now_us=now_us, spare=lambda _: 0).lots:
        lots.setdefault((lot.shelf.product, lot.shelf.variant), []).append(lot)
    return tuple(
        _line(
            view,
            item,
            view.shelves[order.show, item.product][item.variant],
            lots[item.key],
            now_us=now_us,
        )
        for item in items
    )


def _line(
    view: View, item: CartItem, shelf: Shelf, lots: Sequence[Lot], *, now_us: int
) -> CartLine:
    held = rules.held_units(view, item, now_us=now_us)
    hold = view.holds.get(item.hold) if item.hold is not None and held else None
    offers = [lot.offer.id for lot in lots if lot.offer is not None]
    return CartLine(
        product=item.product,
        variant=item.variant,
        name=shelf.name,
        choice=shelf.choice,
        quantity=item.quantity,
        price_minor=max(lot.price_minor for lot in lots),
        line_minor=sum(lot.price_minor * lot.quantity for lot in lots),
        list_minor=shelf.price_minor,
        offer=offers[0] if offers else None,
        available=shelf.available,
        held_until_us=None if hold is None else hold.expires_us,
        sold_out=not held and shelf.available == 0,
    )
