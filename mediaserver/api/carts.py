"""The endpoints of carts: the viewer's own, and the merchant's way to them."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.api.offers import Sights
from mediaserver.checkouts import Checkouts
from mediaserver.errors import RequestRefused
from mediaserver.limits import RateLimiter, ShopLimits, admit_all
from mediaserver.shop_desk import ShopDesk
from overlay.carts.values import Cart, CartWish
from overlay.errors import CartChanged
from overlay.shop import Carted

_OWN = "/api/v1/shows/{show}/cart"
_ONE = "/api/v1/shows/{show}/carts/{id}"


class ViewerVoice(Protocol):
    """How one viewer is told something, wherever their sockets are."""

    def tell_viewer(self, show: str, viewer: str, data: dict[str, Any]) -> None: ...


class CartResources:
    """The handlers, and their endpoints."""

    def __init__(
        self,
        *,
        shows: Mapping[str, Air],
        desk: ShopDesk,
        voice: ViewerVoice,
        limits: ShopLimits,
        sights: Sights,
        checkouts: Checkouts,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shows = shows
        self._desk = desk
        self._voice = voice
        self._sights = sights
        self._checkouts = checkouts
        self._viewers = RateLimiter(limits.viewer_orders_per_minute)
        self._addresses = RateLimiter(limits.address_orders_per_minute)
        self._now_s = now_s

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [
            Endpoint(
                row=f"GET {_OWN}",
                does="The viewer's cart, at today's prices.",
                handler=self.own,
                answer=forms.ShownCart,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PUT {_OWN}",
                does="Make the viewer's cart hold this and nothing else. 409 `cart_changed` brings "
                "the present `cart` along.",
                handler=self.put_own,
                form=forms.CartForm,
                answer=forms.ShownCart,
                refuses=(409, 429, 503),
            ),
            Endpoint(
                row=f"GET {_ONE}",
                does="A viewer's cart, for the merchant's own.",
                handler=self.one,
                answer=forms.ShownCart,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PUT {_ONE}",
                does="The same from the merchant's side: the viewer's page hears of it at once.",
                handler=self.put_one,
                form=forms.CartForm,
                answer=forms.ShownCart,
                refuses=(409, 503),
            ),
        ]

    async def own(self, ask: Ask) -> web.Response:
        """GET the viewer's cart."""
        return self._shown(ask, await self._cart(ask.show, ask.caller.viewer or ""))

    async def put_own(self, ask: Ask) -> web.Response:
        """PUT the viewer's cart."""
        viewer = ask.caller.viewer or ""
        asked = (self._viewers, viewer), (self._addresses, ask.address)
        wait_s = admit_all(asked, self._now_s())
        if wait_s is not None:
            raise RequestRefused(
                429,
                "too_many_changes",
                "The cart is changed too often; try again in a moment.",
                retry_after_s=wait_s,
            )
        return await self._put(ask, viewer)

    async def one(self, ask: Ask) -> web.Response:
        """GET any viewer's cart."""
        return self._shown(ask, await self._cart(ask.show, ask.request.match_info["id"]))

    async def put_one(self, ask: Ask) -> web.Response:
        """PUT any viewer's cart."""
        return await self._put(ask, ask.request.match_info["id"])

    async def _put(self, ask: Ask, viewer: str) -> web.Response:
        show, form = ask.show, ask.form
        at, seen = self._shows[show].air_time(), self._sights.seen(show, viewer)
        wishes = [
            CartWish(product=item.product, variant=item.variant, quantity=item.quantity)
            for item in form.items
        ]
        try:
            put: Carted = await self._desk.change(
                lambda shop: (
                    done := shop.put_cart(
                        show, viewer, wishes, version=form.version, at=at, seen=seen
                    ),
                    done.events,
                )
            )
        except CartChanged as exc:
            now = await self._cart(show, viewer)
            fault = {"code": exc.code, "message": str(exc), "field": exc.field}
            return answer({"error": fault, "cart": now.to_plain()}, status=409)
        if put.changed:
            self._voice.tell_viewer(show, viewer, {"type": "cart", "cart": put.cart.to_plain()})
        return self._shown(ask, put.cart)

    async def _cart(self, show: str, viewer: str) -> Cart:
        at, seen = self._shows[show].air_time(), self._sights.seen(show, viewer)
        return await self._desk.read(lambda shop: shop.cart(show, viewer, at=at, seen=seen))

    def _shown(self, ask: Ask, cart: Cart) -> web.Response:
        return answer({"cart": cart.to_plain(), "checkout": self._checkouts.kind(ask.show)})
