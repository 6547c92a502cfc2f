"""WHIP resources (RFC 9725): how a publish is asked for, kept up and ended over HTTP.

Candidates of the publisher are not used: it is always the publisher's own connectivity checks that
open the path, so trickled ones are acknowledged and dropped. ICE restart is not offered: a client
that lost its path posts anew and takes its show back. One that does so by itself names the session
it had in `Comptoir-Resume`, and is told `taken_over` where a newer publish has the show.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from mediaserver.api.errors import CORS
from mediaserver.auth import PERMISSIONS, KeyRing, bearer_token
from mediaserver.config import WebRtcConfig
from mediaserver.config_ice import IceServerConfig
from mediaserver.errors import PublishRefused
from mediaserver.ingest.doorkeeper import Doorkeeper
from mediaserver.ingest.fragment import FragmentError, ice_ufrag, parse_fragment
from mediaserver.ingest.ice_servers import link_values
from mediaserver.limits import Door

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
RESUME = "Comptoir-Resume"
"""The session that a client lost and wants back, in a POST that no host has asked for."""


class Stage(Protocol):
    """What the WHIP resources need of a show (`mediaserver.broadcast.show.ShowRunner`)."""

    async def publish(self, session: str, offer: str, *, resume: str | None = None) -> str:
        """Answer an offer, in place of the client's session `resume`. Raises `PublishRefused`."""

    async def unpublish(self, session: str) -> bool:
        """End the publish. False when `session` is not this show's."""

    def has_session(self, session: str) -> bool:
        """Whether `session` publishes this show."""

    def is_connecting(self, session: str) -> bool:
        """Whether `session` is this show's and has not connected yet."""

    def was_taken_over(self, session: str) -> bool:
        """Whether `session` had this show before a newer publish took it."""


class WhipResources:
    """The handlers. `public_url` is the base of `Location`, or "" for the request's own."""

    def __init__(
        self,
        *,
        shows: Mapping[str, Stage],
        keys: KeyRing,
        public_url: str,
        settings: WebRtcConfig | None = None,
    ) -> None:
        settings = settings or WebRtcConfig()
        self._shows = shows
        self._keys = keys
        self._public_url = public_url
        self._ice_servers: Sequence[IceServerConfig] = settings.ice_servers
        self._doorkeeper = Doorkeeper(
            door=Door(per_minute=settings.new_sessions_per_minute),
            half_open_per_address=settings.half_open_per_address,
            half_open_total=settings.half_open_total,
            is_connecting=self._is_connecting,
        )
        self._ufrags: dict[str, str | None] = {}

    def routes(self) -> list[web.RouteDef]:
        """The routes, made from the rows of the permission table."""
        handlers: dict[str, Callable[[web.Request], object]] = {
            "OPTIONS /live/{show}/whip": self.endpoint_options,
            "POST /live/{show}/whip": self.publish,
            "OPTIONS /whip": self.endpoint_options,
            "POST /whip": self.publish_by_key,
            "OPTIONS /live/{show}/whip/{session}": self.session_options,
            "PATCH /live/{show}/whip/{session}": self.trickle,
            "DELETE /live/{show}/whip/{session}": self.unpublish,
        }
        return [_route(row, handlers[row]) for row in PERMISSIONS if row in handlers]

    async def endpoint_options(self, request: web.Request) -> web.Response:
        """CORS preflight and `Accept-Post` (RFC 9725 §4.2); takes no token.

        The ICE servers are named to who has the key and is no browser's preflight (§4.6): they come
        with credentials.
        """
        response = _preflight("POST, OPTIONS", {"Accept-Post": SDP})
        token = bearer_token(request.headers.get("Authorization"))
        if token is not None and "Access-Control-Request-Method" not in request.headers:
            self._doorkeeper.admit(_address(request))
            if self._show_of(request, token) is not None:
                self._add_links(response)
        return response

    async def session_options(self, request: web.Request) -> web.Response:
        """CORS preflight of a session resource; takes no token."""
        return _preflight("PATCH, DELETE, OPTIONS", {"Accept-Patch": FRAGMENT})

    async def publish(self, request: web.Request) -> web.Response:
        """POST of an offer to a show's own endpoint."""
        self._doorkeeper.admit(_address(request))
        show = request.match_info["show"]
        token = _token(request)
        if show not in self._shows:
            raise PublishRefused(404, "unknown_show", "There is no show of this name.")
        self._require_host(show, token)
        return await self._publish(request, show)

    async def publish_by_key(self, request: web.Request) -> web.Response:
        """POST of an offer where the host key alone names the show (OBS)."""
        self._doorkeeper.admit(_address(request))
        show = self._keys.show_of(_token(request))
        if show is None:
            raise PublishRefused(403, "wrong_key", "This key is no show's host key.")
        return await self._publish(request, show)

    async def trickle(self, request: web.Request) -> web.Response:
        """PATCH: trickled candidates are acknowledged, an ICE restart is declined (§4.3.1)."""
        _, session = self._own_session(request)
        _require_type(request, FRAGMENT)
        tags = _if_match(request)
        if not tags:
            raise PublishRefused(428, "if_match_missing", "A PATCH needs the If-Match header.")
        if not tags & {_etag(session), "*"}:
            raise PublishRefused(412, "etag_mismatch", "The ETag is not the session's current one.")
        try:
            text = await _text(request)
            ufrag = parse_fragment(text)
        except FragmentError as exc:
            raise PublishRefused(400, "fragment_malformed", str(exc)) from None
        offered = self._ufrags.get(session)
        restart = ufrag is not None and offered is not None and ufrag != offered
        # After a restart of this process the offer is not known: a fragment without candidates
        # asks for an ICE restart then.
        restart = restart or (offered is None and "a=candidate:" not in text)
        if "*" in tags or restart:
            raise PublishRefused(
                422, "no_ice_restart", "ICE restart is not supported: publish again with a POST."
            )
        return web.Response(status=204, headers=CORS)

    async def unpublish(self, request: web.Request) -> web.Response:
        """DELETE: the host ends the show. `If-Match` plays no part (§4.3.1)."""
        show, session = self._own_session(request)
        await self._shows[show].unpublish(session)
        self._ufrags.pop(session, None)
        return web.Response(status=200, headers=CORS)

    async def _publish(self, request: web.Request, show: str) -> web.Response:
        _require_type(request, SDP)
        session = secrets.token_urlsafe(24)
        resume = request.headers.get(RESUME) or None
        with self._doorkeeper.room(session, _address(request)):
            offer = await _text(request)
            answer = await self._shows[show].publish(session, offer, resume=resume)
        self._remember(session, offer)
        headers = {
            **CORS,
            "Location": f"{self._base(request)}/live/{show}/whip/{session}",
            "ETag": _etag(session),
            "Accept-Patch": FRAGMENT,
        }
        response = web.Response(status=201, text=answer, content_type=SDP, headers=headers)
        self._add_links(response)
        return response

    def _add_links(self, response: web.Response) -> None:
        for value in link_values(self._ice_servers):
            response.headers.add("Link", value)

    def _remember(self, session: str, offer: str) -> None:
        known = {s: u for s, u in self._ufrags.items() if self._is_live(s)}
        self._ufrags = {**known, session: ice_ufrag(offer.replace("\r\n", "\n"))}

    def _is_live(self, session: str) -> bool:
        return any(show.has_session(session) for show in self._shows.values())

    def _is_connecting(self, session: str) -> bool:
        return any(show.is_connecting(session) for show in self._shows.values())

    def _own_session(self, request: web.Request) -> tuple[str, str]:
        show, session = request.match_info["show"], request.match_info["session"]
        token = _token(request)
        if show in self._shows:
            if not self._keys.is_host(show, token):
                self._doorkeeper.admit(_address(request))
            self._require_host(show, token)
            if self._shows[show].has_session(session):
                return show, session
            if self._shows[show].was_taken_over(session):
                raise PublishRefused(404, "taken_over", "Another publish has taken this show.")
        raise PublishRefused(404, "unknown_session", "There is no such WHIP session.")

    def _require_host(self, show: str, token: str) -> None:
        if not self._keys.is_host(show, token):
            raise PublishRefused(403, "wrong_key", "This is not the host key of the show.")

    def _show_of(self, request: web.Request, token: str) -> str | None:
        show = request.match_info.get("show")
        if show is None:
            return self._keys.show_of(token)
        return show if self._keys.is_host(show, token) else None

    def _base(self, request: web.Request) -> str:
        if self._public_url:
            return self._public_url
        scheme = request.headers.get("X-Forwarded-Proto", "http")
        return f"{scheme}://{request.headers.get('X-Forwarded-Host', request.host)}"


def _route(row: str, handler: Callable[[web.Request], object]) -> web.RouteDef:
    method, path = row.split(" ", 1)
    typed: Handler = handler  # type: ignore[assignment]  # aiohttp's alias wants a StreamResponse
    return web.route(method, path, typed)


def _address(request: web.Request) -> str:
    """The client's, as the gateway has seen it: strangers' own claims end there."""
    return request.headers.get("X-Forwarded-For", request.remote or "")


def _if_match(request: web.Request) -> set[str]:
    """The entity tags of If-Match (RFC 9110 §13.1.1); ours hold no comma."""
    lists = request.headers.getall("If-Match", [])
    return {tag.strip() for tags in lists for tag in tags.split(",")} - {""}


def _token(request: web.Request) -> str:
    token = bearer_token(request.headers.get("Authorization"))
    if token is None:
        raise PublishRefused(401, "key_missing", "Send the host key as Authorization: Bearer.")
    return token


def _require_type(request: web.Request, legal: str) -> None:
    if request.content_type != legal:
        raise PublishRefused(415, "wrong_content_type", f"The Content-Type must be {legal}.")


async def _text(request: web.Request) -> str:
    body = await request.read()
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise PublishRefused(400, "not_utf8", "The body is not a text in UTF-8.") from None


def _etag(session: str) -> str:
    """Derived from the session id, so that it outlives a restart of this process."""
    return f'"{hashlib.sha256(session.encode()).hexdigest()[:16]}"'


def _preflight(methods: str, headers: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=204,
        headers={
            **CORS,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": f"Authorization, Content-Type, If-Match, {RESUME}",
            "Access-Control-Max-Age": "86400",
            "Allow": methods,
            **headers,
        },
    )
