"""The WebSockets of ``/live/{show}/events``, on aiohttp's upgrade.

What a show says is written to the transport as finished frames; nobody waits for a viewer. What
clients send is bounded in size and in number.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, cast

import structlog
from aiohttp import WebSocketError, WSMsgType, web

from mediaserver.gateway import answers, event_frames, event_request
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.event_dialogue import Dialogue
from mediaserver.gateway.event_frames import MAX_CLIENT_MESSAGE_BYTES, SUBPROTOCOLS, Encoding
from mediaserver.gateway.event_guard import POLICY_VIOLATION, FrameGuard
from mediaserver.gateway.event_metrics import EventMetrics
from mediaserver.gateway.event_reports import PlayheadOutbox
from mediaserver.gateway.event_room import ShowRoom
from mediaserver.gateway.event_socket import EventSocket
from mediaserver.gateway.hot.cold import ColdHandler
from mediaserver.viewers import COOKIE

log = structlog.get_logger()

MAX_SOCKETS = 20_000
SWEEP_EVERY_S = 1.0
SHARES = 20
"""The sockets are swept a share at a time: thousands who came at once would else be pinged at once,
and a cue would wait for all their answers."""
CLOSE_S = 2.0
"""For a client to answer our close, and for what is left to be taken by one that was heard out."""

_FOREIGN = answers.error(
    403,
    "origin_foreign",
    "Pages of this origin may not listen here; the server's allowed_origins names those that may.",
    cache_control=answers.NO_STORE,
)
_UPGRADE = answers.error(
    426,
    "upgrade_required",
    "Here is a WebSocket, version 13.",
    cache_control=answers.NO_STORE,
    headers=(("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")),
)
_FULL = answers.error(
    503,
    "too_many_sockets",
    "This server has as many listeners as it can take.",
    cache_control=answers.NO_STORE,
    headers=(("Retry-After", "10"),),
)
_LOG_AWAY = answers.error(
    503,
    "log_unavailable",
    "The show's log is not to be had just now; the picture goes on.",
    cache_control=answers.NO_STORE,
    headers=(("Retry-After", "1"),),
)

_REASONS: Mapping[Any, str] = {1009: "too_big", POLICY_VIOLATION: "flood"}


class Rooms(Protocol):
    """Where the shows are found."""

    def room(self, show: str) -> ShowRoom | None: ...


class EventSockets:
    """All event sockets of this process. One event loop only."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        metrics: EventMetrics,
        clock_ns: Callable[[], int],
        allowed_origins: Collection[str] = (),
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._rooms = rooms
        self._metrics = metrics
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self._allowed_origins = allowed_origins
        self._sockets: tuple[set[EventSocket], ...] = tuple(set() for _ in range(SHARES))
        self._shares = itertools.cycle(self._sockets)
        """Whose turn it is to get the next socket."""
        self._leaving: dict[EventSocket, tuple[web.RequestHandler, int]] = {}
        """Those whose connection closes as soon as the client takes what is left; who has that
        connection, and until when. An entry lives as long as `CLOSE_S` and a round."""
        self.playheads = PlayheadOutbox()
        """What clients have said of their playheads."""

    def __len__(self) -> int:
        return sum(map(len, self._sockets))

    def __iter__(self) -> Iterator[EventSocket]:
        return itertools.chain.from_iterable(self._sockets)

    async def handle(self, request: web.BaseRequest, show: str) -> web.StreamResponse | Answer:
        """Upgrade and converse until the client is gone; or say why not."""
        if request.method != "GET":
            return answers.method_not_allowed("GET")
        room = self._rooms.room(show)
        if room is None:
            return answers.SHOW_UNKNOWN
        try:
            since = event_request.parse_since(request.query.getall("since", []))
            subprotocol = event_request.choose_subprotocol(
                request.headers.get("Sec-WebSocket-Protocol")
            )
        except event_request.BadEventRequest as exc:
            return answers.bad_request(str(exc))
        ws = _response(subprotocol)
        refusal = self._refusal(request, room) or (None if ws.can_prepare(request) else _UPGRADE)
        if refusal is not None:
            return refusal
        encoding = "json" if subprotocol is None else SUBPROTOCOLS[subprotocol]
        client = await self._upgraded(request, ws, encoding)
        if client is None:
            return ws
        token = event_request.viewer_token(request.cookies.get(COOKIE))
        share = next(self._shares)
        share.add(client)
        self._metrics.opened(encoding)
        try:
            room.join(client, since)
            room.viewers.join(token, client)
            dialogue = Dialogue(
                client,
                show=show,
                room=room,
                token=token,
                playheads=self.playheads,
                clock_ns=self._clock_ns,
                wall_ns=self._wall_ns,
            )
            await self._converse(ws, client, dialogue)
        finally:
            room.push.leave(client)
            room.audience.leave(client)
            room.viewers.leave(token, client)
            share.discard(client)
            if request.transport is not None:
                until_ns = self._clock_ns() + int(CLOSE_S * 1e9)
                self._leaving[client] = (request.protocol, until_ns)
            self._metrics.closed(encoding)
        return ws

    async def keep_alive_forever(self) -> None:
        """Ping, and cut off who is gone without a word."""
        while True:
            for share in self._sockets:
                await asyncio.sleep(SWEEP_EVERY_S / SHARES)
                _keep_alive(share, self._clock_ns())
            self._let_go(self._clock_ns())

    def keep_alive(self, now_ns: int) -> None:
        """One round of that, at once."""
        _keep_alive(self, now_ns)
        self._let_go(now_ns)

    def _let_go(self, now_ns: int) -> None:
        """Of connections whose client takes nothing of what it was left with."""
        for client, (protocol, until_ns) in tuple(self._leaving.items()):
            if until_ns <= now_ns:
                del self._leaving[client]
                if protocol.transport is not None:
                    client.abort("stalled")

    def close(self) -> None:
        """The gateway stops: tell everyone."""
        for client in tuple(self):
            client.leave()

    def _refusal(self, request: web.BaseRequest, room: ShowRoom) -> Answer | None:
        origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
        if not event_request.origin_allowed(origin, host, self._allowed_origins):
            return _FOREIGN
        if len(self) >= MAX_SOCKETS:
            return _FULL
        return None if room.has_log else _LOG_AWAY

    async def _upgraded(
        self, request: web.BaseRequest, ws: "_Response", encoding: Encoding
    ) -> EventSocket | None:
        """The client, whose every frame is looked at from its first byte on; None if it is gone."""
        transport, protocol = request.transport, cast(ColdHandler, request.protocol)
        if transport is None:
            return None
        client = EventSocket(transport, encoding, metrics=self._metrics, now_ns=self._clock_ns())
        protocol.guard = partial(
            FrameGuard, heard=lambda: client.heard(self._clock_ns()), fail=ws.fail
        )
        await ws.prepare(request)
        return None if request.transport is None else client

    async def _converse(
        self, ws: web.WebSocketResponse, client: EventSocket, dialogue: Dialogue
    ) -> None:
        """Hear the client out. RFC 6455 §7.4.1 numbers the ways to end that."""
        wanted = WSMsgType.TEXT if client.encoding == "json" else WSMsgType.BINARY
        while True:
            message = await ws.receive()
            if message.type is WSMsgType.ERROR:
                # aiohttp has closed with the error's code: 1009, 1002, 1007 or the guard's own
                code = getattr(message.data, "code", None)
                self._metrics.aborted(_REASONS.get(code, "malformed"))
                return
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return
            if not client.heard(self._clock_ns()):
                self._metrics.aborted("flood")
                await ws.close(code=1008, message=b"Too many messages.")
                return
            if message.type is WSMsgType.PING:
                client.write(event_frames.pong(message.data))
            elif message.type is wanted:
                try:
                    dialogue.hear(message.data)
                except event_frames.BadMessage:
                    self._metrics.aborted("malformed")
                    await ws.close(code=1007, message=b"That is no message of this protocol.")
                    return
            elif message.type is not WSMsgType.PONG:
                self._metrics.aborted("malformed")
                await ws.close(code=1003, message=b"JSON is sent as text, msgpack as binary.")
                return


def _keep_alive(clients: Iterable[EventSocket], now_ns: int) -> None:
    for client in tuple(clients):
        client.keep_alive(now_ns)


class _Response(web.WebSocketResponse):
    """aiohttp's, which the guard of its frames can end."""

    def fail(self, code: int, why: str) -> None:
        """After what was received until now, close with `code`: what aiohttp's parser does when it
        finds an error, by the same queue."""
        if self._reader is not None:
            self._reader.set_exception(WebSocketError(code, why))


def _response(subprotocol: str | None) -> _Response:
    response = _Response(
        timeout=CLOSE_S,
        autoping=False,
        protocols=() if subprotocol is None else (subprotocol,),
        compress=False,
        max_msg_size=MAX_CLIENT_MESSAGE_BYTES + 1,
    )
    response.headers["Server"] = "comptoir"
    return response
