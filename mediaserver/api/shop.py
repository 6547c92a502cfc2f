"""The shop's endpoints: shows, products, cues, orders."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.access import Access
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.broadcast.cues import Moment
from mediaserver.bus.messages import ShowStatus
from mediaserver.errors import RequestRefused
from mediaserver.shop_desk import ShopDesk
from mediaserver.viewers import COOKIE, COOKIE_MAX_AGE_S, ViewerTokens
from overlay.catalog.products import ProductDraft
from overlay.orders.orders import OrderLine
from overlay.show.cues import CueDraft, CueMoment
from overlay.show.events import cue as plain_cue
from overlay.show.log import MediaTime

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = "Idempotency-Key"


class Air(Protocol):
    """What the shop needs of a show on air (`mediaserver.broadcast.show.ShowRunner`)."""

    @property
    def status(self) -> ShowStatus:
        """How the show fares."""

    async def stamp(self, moment: Moment) -> CueMoment:
        """The media time of a moment. Raises `RequestRefused`."""

    def air_time(self) -> MediaTime | None:
        """The tick that is now; None off air."""


class ShopResources:
    """The handlers, and their endpoints."""

    def __init__(
        self, *, shows: Mapping[str, Air], desk: ShopDesk, access: Access, viewers: ViewerTokens
    ) -> None:
        self._shows = shows
        self._desk = desk
        self._access = access
        self._viewers = viewers

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [*self._show_endpoints(), *self._product_endpoints(), *self._order_endpoints()]

    def _show_endpoints(self) -> list[Endpoint]:
        show = "/api/v1/shows/{show}"
        return [
            Endpoint(
                row="GET /api/v1/shows",
                does="All shows.",
                handler=self.list_shows,
                answer=list[forms.Show],
            ),
            Endpoint(
                row=f"GET {show}",
                does="One show: whether it is on air, and in which media epoch.",
                handler=self.show,
                answer=forms.Show,
            ),
            Endpoint(
                row=f"GET {show}/cues",
                does="The last cues of the show's newest media epoch, in the order they came.",
                handler=self.cues,
                answer=forms.Cues,
            ),
            Endpoint(
                row=f"POST {show}/cues",
                does="Pin a product, or end a pin. The same `id` with the same content again is "
                "answered with the stored cue (200).",
                handler=self.put_cue,
                form=forms.CueForm,
                answer=forms.Cue,
                statuses=(201, 200),
                refuses=(409, 422, 503),
            ),
        ]

    def _product_endpoints(self) -> list[Endpoint]:
        products = "/api/v1/shows/{show}/products"
        return [
            Endpoint(
                row=f"GET {products}",
                does="The show's products, in the order of their creation.",
                handler=self.products,
                answer=forms.Products,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PUT {products}/{{id}}",
                does="Create a product or change it.",
                handler=self.put_product,
                form=forms.ProductForm,
                answer=forms.Product,
                refuses=(503,),
            ),
            Endpoint(
                row=f"DELETE {products}/{{id}}",
                does="Take a product out of the show; its orders stay.",
                handler=self.delete_product,
                statuses=(204,),
                refuses=(400, 503),
            ),
        ]

    def _order_endpoints(self) -> list[Endpoint]:
        orders = "/api/v1/shows/{show}/orders"
        return [
            Endpoint(
                row="POST /api/v1/viewer",
                does="Become a viewer: sets the signed cookie that orders need, or renews it.",
                handler=self.viewer,
                statuses=(204,),
                refuses=(403,),
            ),
            Endpoint(
                row=f"POST {orders}",
                does="Place an order: all of it or nothing. A repeated Idempotency-Key with the "
                "same items is answered with the stored order.",
                handler=self.place_order,
                form=forms.OrderForm,
                answer=forms.PlacedOrder,
                statuses=(201,),
                refuses=(409, 422, 503),
                headers=(_KEY,),
            ),
            Endpoint(
                row=f"GET {orders}",
                does="The show's last orders, the newest first.",
                handler=self.orders,
                answer=forms.Orders,
                refuses=(503,),
            ),
        ]

    async def list_shows(self, ask: Ask) -> web.Response:
        """GET shows."""
        return answer([_show(show.status) for show in self._shows.values()])

    async def show(self, ask: Ask) -> web.Response:
        """GET one show."""
        return answer(_show(self._shows[ask.show].status))

    async def products(self, ask: Ask) -> web.Response:
        """GET products: from memory, so that a busy shop window costs the database nothing."""
        return answer({"products": self._desk.products(ask.show)})

    async def put_product(self, ask: Ask) -> web.Response:
        """PUT a product."""
        show, product, at = ask.show, ask.request.match_info["id"], self._air_time(ask)
        draft = _product_draft(ask.form)
        stocked = await self._desk.change(
            lambda shop: (done := shop.put_product(show, product, draft, at=at), done.events)
        )
        return answer(stocked.product.to_plain())

    async def delete_product(self, ask: Ask) -> web.Response:
        """DELETE a product."""
        show, product, at = ask.show, ask.request.match_info["id"], self._air_time(ask)
        await self._desk.change(lambda shop: (None, shop.delete_product(show, product, at=at)))
        return web.Response(status=204)

    async def cues(self, ask: Ask) -> web.Response:
        """GET cues."""
        return answer({"cues": [plain_cue(cue) for cue in self._desk.cues(ask.show)]})

    async def put_cue(self, ask: Ask) -> web.Response:
        """POST a cue: stamped first, because every moment counts."""
        show, draft = ask.show, _cue_draft(ask.form)
        moment = await self._shows[show].stamp(_moment(ask.form))
        pinned = await self._desk.change(
            lambda shop: (done := shop.pin(show, draft, moment), done.events)
        )
        return answer(plain_cue(pinned.cue), status=201 if pinned.created else 200)

    async def viewer(self, ask: Ask) -> web.Response:
        """POST viewer: a known viewer stays who they are."""
        self._access.require_same_origin(ask.request)
        known = ask.request.cookies.get(COOKIE, "")
        token = known if self._viewers.viewer(known) else self._viewers.new()
        response = web.Response(status=204, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            token,
            max_age=COOKIE_MAX_AGE_S,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=ask.request.headers.get("X-Forwarded-Proto") == "https",
        )
        return response

    async def place_order(self, ask: Ask) -> web.Response:
        """POST an order."""
        show, viewer, at = ask.show, ask.caller.viewer or "", self._air_time(ask)
        key = ask.request.headers.get(_KEY)
        if key is None:
            raise RequestRefused(
                400, "idempotency_key_missing", f"An order needs the {_KEY} header.", field=_KEY
            )
        lines = [OrderLine(product=i.product, quantity=i.quantity) for i in ask.form.items]
        placed = await self._desk.change(
            lambda shop: (
                done := shop.place_order(show, viewer=viewer, key=key, lines=lines, at=at),
                done.events,
            )
        )
        return answer({"order": placed.order.to_plain()}, status=201)

    async def orders(self, ask: Ask) -> web.Response:
        """GET orders."""
        show = ask.show
        orders = await self._desk.read(lambda shop: shop.orders(show))
        return answer({"orders": [order.to_plain() for order in orders]})

    def _air_time(self, ask: Ask) -> MediaTime | None:
        return self._shows[ask.show].air_time()


def _show(status: ShowStatus) -> forms.Show:
    return forms.Show(show=status.show, title=status.title, state=status.state, epoch=status.epoch)


def _product_draft(form: forms.ProductForm) -> ProductDraft:
    return ProductDraft(
        name=form.name,
        facts=form.facts,
        picture=form.picture,
        price_minor=form.price_minor,
        currency=form.currency,
        stock=form.stock,
        seller=form.seller,
        returns=form.returns,
    )


def _cue_draft(form: forms.CueForm) -> CueDraft:
    return CueDraft(
        type=form.type,
        id=form.id,
        product=form.product,
        ends=form.ends,
        duration_ms=form.duration_ms,
    )


def _moment(form: forms.CueForm) -> Moment:
    given = [
        name
        for name in ("clicked_at_ms", "pts", "program_date_time")
        if getattr(form, name) is not None
    ]
    if len(given) > 1:
        raise RequestRefused(
            400, "invalid", f"Give one of {', '.join(given)}, not several.", field=given[1]
        )
    clicked, date = form.clicked_at_ms, form.program_date_time
    return Moment(
        clicked_utc_us=None if clicked is None else round(clicked * 1000),
        pts=form.pts,
        utc_us=None if date is None else (date - _UNIX) // timedelta(microseconds=1),
    )
