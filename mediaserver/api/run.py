"""The endpoints of the run of show, of sold-out marks, of undo and of rehearsals."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.broadcast.cues import Moment
from mediaserver.shop_desk import ShopDesk
from overlay.show.cues import CueMoment
from overlay.show.events import cue as plain_cue

_SHOW = "/api/v1/shows/{show}"
_SOLD_OUT = f"{_SHOW}/products/{{id}}/sold-out"


class RunResources:
    """The handlers, and their endpoints."""

    def __init__(self, *, shows: Mapping[str, Air], desk: ShopDesk) -> None:
        self._shows = shows
        self._desk = desk

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [*self._queue(), *self._marks()]

    def _queue(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"GET {_SHOW}/run",
                does="The run of show.",
                handler=self.run,
                answer=forms.Run,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PUT {_SHOW}/run",
                does="Have this run of show: the whole queue in its order.",
                handler=self.put_run,
                form=forms.RunForm,
                answer=forms.Run,
                refuses=(400, 503),
            ),
            Endpoint(
                row=f"POST {_SHOW}/run/{{id}}/pin",
                does="Pin the products of a step, a cue each, all of one frame; it is done then.",
                handler=self.pin,
                form=forms.RunPinForm,
                answer=forms.RunPinned,
                refuses=(400, 404, 409, 422, 503),
            ),
            Endpoint(
                row=f"POST {_SHOW}/run/undo",
                does="Undo what the host did last: a pin of a step, a sold-out mark or its end, "
                "a new queue.",
                handler=self.undo,
                answer=forms.Undone,
                refuses=(409, 422, 503),
            ),
        ]

    def _marks(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"POST {_SOLD_OUT}",
                does="Take what is left of a product, or of one variant, off sale.",
                handler=self.mark,
                form=forms.MarkForm,
                statuses=(204,),
                refuses=(404, 503),
            ),
            Endpoint(
                row=f"DELETE {_SOLD_OUT}",
                does="Put back on sale what was taken off.",
                handler=self.lift,
                statuses=(204,),
                refuses=(404, 503),
            ),
            Endpoint(
                row=f"POST {_SHOW}/rehearsal",
                does="Begin to rehearse, or stop and undo everything that was made meanwhile.",
                handler=self.rehearse,
                form=forms.RehearsalForm,
                answer=forms.Rehearsal,
                refuses=(409, 503),
            ),
        ]

    async def run(self, ask: Ask) -> web.Response:
        """GET the queue."""
        show = ask.show
        items = await self._desk.read(lambda shop: shop.run_of_show(show))
        return answer({"items": [item.to_plain() for item in items]})

    async def put_run(self, ask: Ask) -> web.Response:
        """PUT the queue."""
        show, wanted = ask.show, msgspec.to_builtins(ask.form.items)
        items = await self._desk.read(lambda shop: shop.put_run(show, wanted))
        return answer({"items": [item.to_plain() for item in items]})

    async def pin(self, ask: Ask) -> web.Response:
        """POST a pin: stamped first, because every moment counts."""
        show, item, request = ask.show, _id(ask), ask.form.request
        clicked = ask.form.clicked_at_ms
        moment = await self._shows[show].stamp(
            Moment(clicked_utc_us=None if clicked is None else round(clicked * 1000))
        )
        ran = await self._desk.change(
            lambda shop: (done := shop.pin_run(show, item, moment, request=request), done.events)
        )
        return answer({"item": ran.item.to_plain(), "cues": [plain_cue(cue) for cue in ran.cues]})

    async def undo(self, ask: Ask) -> web.Response:
        """POST undo."""
        show, moment = ask.show, await self._now(ask)
        undone = await self._desk.change(
            lambda shop: (done := shop.undo(show, moment), done.events)
        )
        return answer({"undone": undone.what})

    async def mark(self, ask: Ask) -> web.Response:
        """POST sold-out."""
        show, product, variant = ask.show, _id(ask), ask.form.variant
        at = self._shows[show].air_time()
        await self._desk.change(
            lambda shop: (None, shop.mark_sold_out(show, product, variant, at=at))
        )
        return _done()

    async def lift(self, ask: Ask) -> web.Response:
        """DELETE sold-out, of all variants."""
        show, product, at = ask.show, _id(ask), self._shows[ask.show].air_time()
        await self._desk.change(lambda shop: (None, shop.lift_sold_out(show, product, at=at)))
        return _done()

    async def rehearse(self, ask: Ask) -> web.Response:
        """POST rehearsal."""
        show, on = ask.show, ask.form.on
        moment = None if on else await self._now(ask)
        await self._desk.change(lambda shop: (None, shop.rehearse(show, on=on, moment=moment)))
        return answer({"on": on})

    async def _now(self, ask: Ask) -> CueMoment | None:
        air = self._shows[ask.show]
        return None if air.air_time() is None else await air.stamp(Moment())


def _id(ask: Ask) -> str:
    return ask.request.match_info["id"]


def _done() -> web.Response:
    return web.Response(status=204, headers={"Cache-Control": "no-store"})
