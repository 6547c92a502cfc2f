"""The endpoints of shows and cues, and of the viewers' cookie."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.access import Access
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.broadcast.cues import Moment
from mediaserver.bus.messages import ShowStatus
from mediaserver.errors import RequestRefused
from mediaserver.limits import RateLimiter, ShopLimits
from mediaserver.shop_desk import ShopDesk
from mediaserver.viewers import COOKIE, COOKIE_MAX_AGE_S, ViewerTokens
from overlay.show.cues import CueDraft
from overlay.show.events import cue as plain_cue

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


class ShowResources:
    """The handlers, and their endpoints."""

    def __init__(
        self,
        *,
        shows: Mapping[str, Air],
        desk: ShopDesk,
        access: Access,
        viewers: ViewerTokens,
        limits: ShopLimits,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = RateLimiter(limits.address_viewers_per_minute)
        self._now_s = now_s
        self._shows = shows
        self._desk = desk
        self._access = access
        self._viewers = viewers

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
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
            Endpoint(
                row="POST /api/v1/viewer",
                does="Become a viewer: sets the signed cookie that orders need, or renews it.",
                handler=self.viewer,
                statuses=(204,),
                refuses=(403, 429),
            ),
        ]

    async def list_shows(self, ask: Ask) -> web.Response:
        """GET shows."""
        return answer([_show(show.status) for show in self._shows.values()])

    async def show(self, ask: Ask) -> web.Response:
        """GET one show."""
        return answer(_show(self._shows[ask.show].status))

    async def cues(self, ask: Ask) -> web.Response:
        """GET cues."""
        return answer({"cues": [plain_cue(cue) for cue in self._desk.cues(ask.show)]})

    async def put_cue(self, ask: Ask) -> web.Response:
        """POST a cue: stamped first, because every moment counts."""
        show, draft = ask.show, _cue_draft(ask.form)
        moment = await self._shows[show].stamp(moment_of(ask.form))
        pinned = await self._desk.change(
            lambda shop: (done := shop.pin(show, draft, moment), done.events)
        )
        return answer(plain_cue(pinned.cue), status=201 if pinned.created else 200)

    async def viewer(self, ask: Ask) -> web.Response:
        """POST viewer: a known viewer stays who they are."""
        self._access.require_same_origin(ask.request)
        wait_s = self._addresses.admit(ask.address, self._now_s())
        if wait_s is not None:
            raise RequestRefused(
                429,
                "too_many_viewers",
                "Too many viewers come from this address; try again in a moment.",
                retry_after_s=wait_s,
            )
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


def _show(status: ShowStatus) -> forms.Show:
    return forms.Show(show=status.show, title=status.title, state=status.state, epoch=status.epoch)


def _cue_draft(form: forms.CueForm) -> CueDraft:
    return CueDraft(
        type=form.type,
        id=form.id,
        product=form.product,
        ends=form.ends,
        duration_ms=form.duration_ms,
    )


def moment_of(form: forms.CueForm | forms.StartForm) -> Moment:
    """The moment that a form names in one of three ways, or none. Raises `RequestRefused`."""
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
