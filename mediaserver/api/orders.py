"""The endpoints of orders: viewers place them, staff looks after them."""

import time
from collections.abc import Callable, Mapping

import msgspec
import structlog
from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.api.offers import Sights
from mediaserver.checkouts import Checkouts
from mediaserver.errors import RequestRefused
from mediaserver.limits import RateLimiter, ShopLimits, admit_all
from mediaserver.shop_desk import ShopDesk
from overlay.errors import ShopError
from overlay.orders import listing, ops
from overlay.orders.values import OrderLine

log = structlog.get_logger()

KEY = "Idempotency-Key"

LOOKS_PER_ORDER = 2
"""A viewer, and an address, may look at their orders so many times as often as they may order."""

_ORDERS = "/api/v1/shows/{show}/orders"
_OWN = "/api/v1/shows/{show}/my-orders"


class OrderResources:
    """The handlers, and their endpoints."""

    def __init__(
        self,
        *,
        shows: Mapping[str, Air],
        desk: ShopDesk,
        limits: ShopLimits,
        checkouts: Checkouts,
        sights: Sights,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shows = shows
        self._desk = desk
        self._checkouts = checkouts
        self._sights = sights
        self._viewers = RateLimiter(limits.viewer_orders_per_minute)
        self._addresses = RateLimiter(limits.address_orders_per_minute)
        self._looking = RateLimiter(limits.viewer_orders_per_minute * LOOKS_PER_ORDER)
        self._looked_from = RateLimiter(limits.address_orders_per_minute * LOOKS_PER_ORDER)
        self._now_s = now_s

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [*self._viewer_endpoints(), *self._staff_endpoints(), *self._change_endpoints()]

    def _viewer_endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"POST {_ORDERS}",
                does="Place an order: all of it or nothing. A repeated Idempotency-Key with the "
                "same request is answered with the very reply that was given.",
                handler=self.place_order,
                form=forms.OrderForm,
                answer=forms.PlacedOrder,
                statuses=(201,),
                refuses=(409, 422, 429, 503),
                headers=(KEY,),
            ),
            Endpoint(
                row=f"GET {_OWN}",
                does="The viewer's own last orders in this show.",
                handler=self.own_orders,
                answer=forms.OwnOrders,
                refuses=(429, 503),
            ),
            Endpoint(
                row=f"GET {_OWN}/{{id}}",
                does="One of the viewer's own orders, as it is now.",
                handler=self.own_order,
                answer=forms.Order,
                refuses=(429, 503),
            ),
        ]

    def _staff_endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"GET {_ORDERS}",
                does="The show's orders, the newest first.",
                handler=self.orders,
                query=forms.OrdersQuery,
                answer=forms.Orders,
                refuses=(400, 503),
            ),
            Endpoint(
                row="GET /api/v1/shows/{show}/orders.csv",
                does="Every order as a table, a row for each item. No cell is a formula.",
                handler=self.export,
                answer=forms.CsvFile,
                gives="text/csv",
                refuses=(503,),
            ),
            Endpoint(
                row=f"GET {_ORDERS}/{{id}}",
                does="One order.",
                handler=self.order,
                answer=forms.StaffOrder,
                refuses=(503,),
            ),
        ]

    def _change_endpoints(self) -> list[Endpoint]:
        order = f"{_ORDERS}/{{id}}"
        return [
            Endpoint(
                row=f"POST {order}/payment",
                does="The order has been paid. One that is over becomes `paid_late`. The same "
                "`reference` again changes nothing.",
                handler=self.confirm,
                form=forms.PaymentForm,
                answer=forms.StaffOrder,
                refuses=(409, 503),
            ),
            Endpoint(
                row=f"POST {order}/cancel",
                does="End the order: what it held or had sold is available again.",
                handler=self.cancel,
                form=forms.CancelForm,
                answer=forms.StaffOrder,
                refuses=(409, 503),
            ),
            Endpoint(
                row=f"PUT {order}/note",
                does="Say something of the order, a refund for instance, in place of what was "
                "said before.",
                handler=self.note,
                form=forms.NoteForm,
                answer=forms.StaffOrder,
                refuses=(503,),
            ),
        ]

    async def place_order(self, ask: Ask) -> web.Response:
        """POST an order."""
        viewer = ask.caller.viewer or ""
        key = ask.request.headers.get(KEY)
        if key is None:
            raise RequestRefused(
                400, "idempotency_key_missing", f"An order needs the {KEY} header.", field=KEY
            )
        self._refuse_too_many(viewer, ask.address)
        form: forms.OrderForm = ask.form
        contact = _contact(form.contact)
        op = ops.placing(
            ask.show,
            viewer=viewer,
            key=key,
            lines=[
                OrderLine(
                    product=item.product,
                    variant=item.variant,
                    quantity=item.quantity,
                    offer=item.offer,
                )
                for item in form.items
            ],
            bundles=[
                ops.WantedBundle(offer=bundle.offer, quantity=bundle.quantity)
                for bundle in form.bundles
            ],
            coupon=form.coupon,
            expect_total_minor=form.expect_total_minor,
            seen=self._sights.seen(ask.show, viewer),
            checkout=self._checkouts.chosen(ask.show, form.checkout, contact),
            contact=contact,
            at=self._shows[ask.show].air_time(),
        )
        placed: ops.OrderPlaced = await self._desk.settle(op)
        url = await self._checkouts.begun(ask.show, viewer, placed.order)
        return answer({"order": {**placed.order.to_plain(), "checkout_url": url}}, status=201)

    async def own_orders(self, ask: Ask) -> web.Response:
        """GET the viewer's orders."""
        show, viewer = ask.show, ask.caller.viewer or ""
        self._refuse_too_many_looks(viewer, ask.address)
        own = await self._desk.read(lambda shop: shop.own_orders(show, viewer))
        return answer({"orders": [order.to_plain() for order in own]})

    async def own_order(self, ask: Ask) -> web.Response:
        """GET one of the viewer's orders."""
        show, viewer, number = ask.show, ask.caller.viewer or "", _number(ask)
        self._refuse_too_many_looks(viewer, ask.address)
        own = await self._desk.read(lambda shop: shop.own_orders(show, viewer, number))
        return answer(own[0].to_plain())

    async def orders(self, ask: Ask) -> web.Response:
        """GET orders."""
        show, query = ask.show, ask.query
        search = listing.searching(
            state=query.state, query=query.query, cursor=query.cursor, limit=query.limit
        )
        page = await self._desk.read(lambda shop: shop.find_orders(show, search))
        return answer(
            {"orders": [order.to_plain() for order in page.orders], "cursor": page.cursor}
        )

    async def export(self, ask: Ask) -> web.StreamResponse:
        """GET orders as CSV: a part at a time, between which the shop does other things."""
        show = ask.show
        part, after = await self._export_part(show, None)
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/csv; charset=utf-8",
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="orders-{show}.csv"',
            },
        )
        await response.prepare(ask.request)
        await response.write(part.encode())
        try:
            while after is not None:
                part, after = await self._export_part(show, after)
                await response.write(part.encode())
        except (ShopError, RequestRefused) as exc:
            # Half of it is out already: only a broken connection says that the rest is missing.
            log.warning("export_broken", show=show, error=exc.code)
            if ask.request.transport is not None:
                ask.request.transport.abort()
            return response
        await response.write_eof()
        return response

    async def _export_part(
        self, show: str, after: listing.Cursor | None
    ) -> tuple[str, listing.Cursor | None]:
        return await self._desk.read(lambda shop: shop.export_orders(show, after))

    async def order(self, ask: Ask) -> web.Response:
        """GET an order."""
        return await self._shown(ask)

    async def confirm(self, ask: Ask) -> web.Response:
        """POST a payment."""
        op = ops.confirming(ask.show, number=_number(ask), reference=ask.form.reference)
        await self._desk.settle(op)
        return await self._shown(ask)

    async def cancel(self, ask: Ask) -> web.Response:
        """POST a cancellation."""
        op = ops.cancelling(ask.show, number=_number(ask), note=ask.form.note)
        await self._desk.settle(op)
        return await self._shown(ask)

    async def note(self, ask: Ask) -> web.Response:
        """PUT a note."""
        show, number, text = ask.show, _number(ask), ask.form.note
        record = await self._desk.read(lambda shop: shop.note_order(show, number, text))
        return answer(record.to_plain())

    async def _shown(self, ask: Ask) -> web.Response:
        show, number = ask.show, _number(ask)
        record = await self._desk.read(lambda shop: shop.order(show, number))
        return answer(record.to_plain())

    def _refuse_too_many(self, viewer: str, address: str) -> None:
        self._refuse_above(
            (self._viewers, viewer),
            (self._addresses, address),
            code="too_many_orders",
            what="Too many orders in a short time",
        )

    def _refuse_too_many_looks(self, viewer: str, address: str) -> None:
        self._refuse_above(
            (self._looking, viewer),
            (self._looked_from, address),
            code="too_many_requests",
            what="Too many requests in a short time",
        )

    def _refuse_above(self, *limits: tuple[RateLimiter, str], code: str, what: str) -> None:
        wait_s = admit_all(limits, self._now_s())
        if wait_s is not None:
            raise RequestRefused(429, code, f"{what}; try again in a moment.", retry_after_s=wait_s)


def _contact(form: forms.ContactForm | None) -> dict[str, str] | None:
    """What the buyer has said of themselves."""
    if form is None:
        return None
    said: dict[str, str] = msgspec.to_builtins(form)
    return {name: text for name, text in said.items() if text} or None


def _number(ask: Ask) -> str:
    return ask.request.match_info["id"]
