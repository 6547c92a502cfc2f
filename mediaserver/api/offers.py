"""The endpoints of offers: hosts describe and start them, viewers claim coupons."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.api.shows import moment_of
from mediaserver.shop_desk import ShopDesk
from overlay.offers.fairness import Seen
from overlay.orders import ops
from overlay.show.log import MediaTime

_OFFERS = "/api/v1/shows/{show}/offers"
_OFFER = f"{_OFFERS}/{{id}}"


class Sights(Protocol):
    """What viewers were seeing (`mediaserver.playheads.Playheads`)."""

    def seen(self, show: str, viewer: str) -> Seen | None:
        """What the viewer has reported lately; None where nothing is known."""


class OfferResources:
    """The handlers, and their endpoints."""

    def __init__(self, *, shows: Mapping[str, Air], desk: ShopDesk, sights: Sights) -> None:
        self._shows = shows
        self._desk = desk
        self._sights = sights

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [*self._described(), *self._driven()]

    def _described(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"GET {_OFFERS}",
                does="All offers of the show, drafts too.",
                handler=self.offers,
                answer=forms.Offers,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PUT {_OFFER}",
                does="Describe an offer, as long as it is a draft.",
                handler=self.put,
                form=forms.OfferForm,
                answer=forms.Offer,
                refuses=(400, 409, 503),
            ),
            Endpoint(
                row=f"DELETE {_OFFER}",
                does="Take a draft away.",
                handler=self.delete,
                statuses=(204,),
                refuses=(409, 503),
            ),
            Endpoint(
                row=f"PUT {_OFFER}/codes",
                does="Give a draft coupon its codes, in place of those before: uploaded, or made.",
                handler=self.codes,
                form=forms.CodesForm,
                answer=forms.CodeCount,
                refuses=(400, 409, 503),
            ),
        ]

    def _driven(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"POST {_OFFER}/start",
                does="Begin, at once or announced; on air by the picture, else by the clock.",
                handler=self.start,
                form=forms.StartForm,
                answer=forms.Offer,
                refuses=(400, 409, 503),
            ),
            Endpoint(
                row=f"POST {_OFFER}/end",
                does="End it where the picture is now: whoever is behind sees it end there too.",
                handler=self.end,
                answer=forms.Offer,
                refuses=(409, 503),
            ),
            Endpoint(
                row=f"POST {_OFFER}/cancel",
                does="Take it back, for everybody and at once.",
                handler=self.cancel,
                answer=forms.Offer,
                refuses=(409, 503),
            ),
            Endpoint(
                row=f"POST {_OFFER}/claim",
                does="Claim a coupon. Again, it is answered with the same code.",
                handler=self.claim,
                form=forms.ClaimForm,
                answer=forms.Claimed,
                statuses=(201,),
                refuses=(409, 503),
            ),
        ]

    async def offers(self, ask: Ask) -> web.Response:
        """GET offers."""
        show = ask.show
        offers = await self._desk.read(lambda shop: shop.offers(show))
        return answer({"offers": [offer.to_plain() for offer in offers]})

    async def put(self, ask: Ask) -> web.Response:
        """PUT an offer."""
        show, offer = ask.show, _id(ask)
        terms: dict[str, Any] = msgspec.to_builtins(ask.form)
        put = await self._desk.read(lambda shop: shop.put_offer(show, offer, terms))
        return answer(put.offer.to_plain())

    async def delete(self, ask: Ask) -> web.Response:
        """DELETE an offer."""
        show, offer = ask.show, _id(ask)
        await self._desk.read(lambda shop: shop.delete_offer(show, offer))
        return web.Response(status=204, headers={"Cache-Control": "no-store"})

    async def codes(self, ask: Ask) -> web.Response:
        """PUT codes."""
        show, offer, form = ask.show, _id(ask), ask.form
        texts = form.codes or None
        count = await self._desk.read(
            lambda shop: shop.set_codes(show, offer, texts=texts, make=form.make)
        )
        return answer({"count": count})

    async def start(self, ask: Ask) -> web.Response:
        """POST start: stamped first, because every moment counts."""
        show, offer, form = ask.show, _id(ask), ask.form
        at = await self._stamped(ask)
        started = await self._desk.change(
            lambda shop: (
                done := shop.start_offer(
                    show, offer, duration_ms=form.duration_ms, announce_ms=form.announce_ms, at=at
                ),
                done.events,
            )
        )
        return answer(started.offer.to_plain())

    async def end(self, ask: Ask) -> web.Response:
        """POST end."""
        show, offer, at = ask.show, _id(ask), self._shows[ask.show].air_time()
        ended = await self._desk.change(
            lambda shop: (done := shop.end_offer(show, offer, at=at), done.events)
        )
        return answer(ended.offer.to_plain())

    async def cancel(self, ask: Ask) -> web.Response:
        """POST cancel."""
        show, offer, at = ask.show, _id(ask), self._shows[ask.show].air_time()
        cancelled = await self._desk.change(
            lambda shop: (done := shop.cancel_offer(show, offer, at=at), done.events)
        )
        return answer(cancelled.offer.to_plain())

    async def claim(self, ask: Ask) -> web.Response:
        """POST a claim."""
        viewer = ask.caller.viewer or ""
        op = ops.claiming(
            ask.show,
            viewer=viewer,
            offer=_id(ask),
            code=ask.form.code,
            at=self._shows[ask.show].air_time(),
            seen=self._sights.seen(ask.show, viewer),
        )
        claimed: ops.Claimed = await self._desk.settle(op)
        claim = {
            "offer": claimed.claim.offer,
            "code": claimed.claim.code,
            "ends_pts": claimed.ends_pts,
            "ends_us": claimed.ends_us,
        }
        return answer({"claim": claim}, status=201)

    async def _stamped(self, ask: Ask) -> MediaTime | None:
        """The frame that the host means; off air there is none."""
        air = self._shows[ask.show]
        if air.air_time() is None:
            return None
        stamp = await air.stamp(moment_of(ask.form))
        return MediaTime(media_epoch=stamp.media_epoch, pts=stamp.pts)


def _id(ask: Ask) -> str:
    return ask.request.match_info["id"]
