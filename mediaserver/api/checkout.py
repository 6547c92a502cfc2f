"""The endpoints of checkouts: where to pay, once more; and what Stripe has to say."""

import time
from collections.abc import Callable

import structlog
from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.checkouts import Checkouts
from mediaserver.errors import RequestRefused
from mediaserver.shop_desk import ShopDesk
from overlay.checkout import stripe
from overlay.checkout.stripe import SessionNews
from overlay.errors import InvalidInput, OrderSettled, UnknownOrder
from overlay.orders import ops

log = structlog.get_logger()

SIGNATURE = "Stripe-Signature"


class CheckoutResources:
    """The handlers, and their endpoints."""

    def __init__(
        self,
        *,
        desk: ShopDesk,
        checkouts: Checkouts,
        stripe_secret: str,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """`stripe_secret` signs what Stripe sends; empty: nothing it sends is believed."""
        self._desk = desk
        self._checkouts = checkouts
        self._stripe_secret = stripe_secret
        self._now_s = now_s

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [
            Endpoint(
                row="POST /api/v1/shows/{show}/my-orders/{id}/checkout",
                does="Where one of the viewer's own orders is paid, once more.",
                handler=self.url,
                answer=forms.CheckoutAddress,
                refuses=(409, 415, 422, 503),
            ),
            Endpoint(
                row="POST /api/v1/stripe/webhook",
                does=f"For Stripe's events, signed in {SIGNATURE}: a paid session confirms its "
                "order, one that is over releases it.",
                handler=self.stripe_event,
                takes=("*/*",),
                max_body_bytes=stripe.MAX_EVENT_BYTES,
                answer=forms.Received,
                refuses=(404, 422, 503),
            ),
        ]

    async def url(self, ask: Ask) -> web.Response:
        """POST for the address."""
        show, viewer = ask.show, ask.caller.viewer or ""
        number = ask.request.match_info["id"]
        (order,) = await self._desk.read(lambda shop: shop.own_orders(show, viewer, number))
        return answer({"checkout_url": await self._checkouts.url(show, viewer, order)})

    async def stripe_event(self, ask: Ask) -> web.Response:
        """POST an event. The same again changes nothing."""
        if not self._stripe_secret:
            raise RequestRefused(404, "stripe_unused", "This server is not paid by Stripe.")
        stripe.checked(
            ask.request.headers.get(SIGNATURE),
            ask.body,
            secret=self._stripe_secret,
            now_s=self._now_s(),
        )
        news = stripe.read_event(ask.body)
        if news is not None:
            try:
                await self._settle(news)
            except (UnknownOrder, OrderSettled) as exc:
                # Stripe would send it again for days, and the answer would be the same.
                log.warning("stripe_event_unmatched", order=news.order, reason=str(exc))
        return answer({"received": True})

    async def _settle(self, news: SessionNews) -> None:
        if news.became == "over":
            await self._desk.settle(ops.ReleaseOrder(show=news.show, number=news.order))
            return
        record = await self._desk.read(lambda shop: shop.order(news.show, news.order))
        if (news.total_minor, news.currency) != (record.order.total_minor, record.order.currency):
            log.error("stripe_amount_differs", order=news.order)
            raise RequestRefused(
                422, "amount_differs", "What was paid is not what the order costs."
            )
        try:
            op = ops.confirming(news.show, number=news.order, reference=news.reference)
        except InvalidInput as exc:
            raise UnknownOrder(str(exc)) from None
        await self._desk.settle(op)
