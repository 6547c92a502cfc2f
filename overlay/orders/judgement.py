"""What an order with offers, or a coupon's claim, was judged by: kept with it, so that `comptoir
verify` can hold it against the offers' times to the tick. Pure.

``now_us`` is the shop's clock; on air there are ``media_epoch`` and ``pts``, the live edge when the
request arrived; ``lag`` is how far behind the buyer was then, and ``lags`` by offer how far behind
counted at its end, in ticks (`overlay.offers.fairness`).
"""

from collections.abc import Iterable
from typing import Any

from overlay.offers.fairness import lag_at_end, lag_at_start
from overlay.offers.terms import Offer
from overlay.orders.ops import Claim, PlaceOrder
from overlay.orders.values import Order
from overlay.orders.view import View


def of_order(view: View, op: PlaceOrder, order: Order, *, now_us: int) -> dict[str, Any] | None:
    """The judgement's JSON; None of an order without offers."""
    used = {item.offer for item in order.items if item.offer is not None}
    if not used:
        return None
    known = view.offers.get(op.show, {})
    return of(op, [known[name] for name in sorted(used) if name in known], now_us=now_us)


def of(op: PlaceOrder | Claim, offers: Iterable[Offer], *, now_us: int) -> dict[str, Any]:
    """The judgement's JSON of a request that uses these."""
    at = op.at
    if at is None:
        return {"now_us": now_us}
    return {
        "now_us": now_us,
        "media_epoch": at.media_epoch,
        "pts": at.pts,
        "lag": lag_at_start(op.seen, at=at),
        "lags": {
            offer.id: lag_at_end(op.seen, media_epoch=at.media_epoch, ends_pts=offer.ends_pts)
            for offer in offers
            if offer.ends_pts is not None
        },
    }
