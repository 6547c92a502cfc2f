"""The WebSockets of ``/live/{show}/events``, on aiohttp's upgrade.

What a show says is written to the transport as finished frames; nobody waits for a viewer. Who
leaves more than `MAX_UNREAD_BYTES` unread is cut off, and the kernel is told to take little
(`TCP_NOTSENT_LOWAT`), because it would hide a stalled reader for megabytes. What clients send is
bounded in size and in number.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Protocol

import structlog
from aiohttp import WSMsgType, web

from mediaserver.gateway import answers, event_frames, event_request
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.event_frames import MAX_CLIENT_MESSAGE_BYTES, SUBPROTOCOLS, Encoding
from mediaserver.gateway.event_metrics import EventMetrics
from mediaserver.gateway.event_reports import PlayheadOutbox
from mediaserver.gateway.event_room import ShowRoom
from mediaserver.viewers import COOKIE

log = structlog.get_logger()

MAX_SOCKETS = 20_000
MAX_UNREAD_BYTES = 1024 * 1024
NOTSENT_BYTES = 128 * 1024
PING_EVERY_S = 20
SILENT_S = 60
SWEEP_EVERY_S = 1.0
MESSAGES_PER_S = 20
"""Of one client; a second's worth may come at once."""
CLOSE_S = 2.0

_SECOND_NS = 1_000_000_000
_RESET = struct.pack("ii", 1, 0)

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


class Rooms(Protocol):
    """Where the shows are found."""

    def room(self, show: str) -> ShowRoom | None: ...


class EventSocket:
    """One client's socket. Writes never wait and never raise."""

    def __init__(
        self,
        transport: asyncio.Transport,
        encoding: Encoding,
        *,
        metrics: EventMetrics,
        now_ns: int,
    ) -> None:
        self.encoding: Encoding = encoding
        self._transport = transport
        self._metrics = metrics
        self._heard_ns = now_ns
        self._ping_ns = now_ns + PING_EVERY_S * _SECOND_NS
        self._allowance_ns = now_ns - _SECOND_NS
        self._socket: socket.socket | None = transport.get_extra_info("socket")
        self._set(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)

    def write(self, data: bytes) -> None:
        """Queue framed bytes, or cut the client off when it left too much unread."""
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.abort("slow")
        else:
            self._transport.write(data)

    def abort(self, reason: str) -> None:
        """Cut the client off now, with what the kernel still holds for it."""
        self._metrics.aborted(reason)
        self._set(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def leave(self) -> None:
        """Say that the server stops."""
        self.write(event_frames.GOING_AWAY)
        self._transport.close()

    def heard(self, now_ns: int) -> bool:
        """The client has sent a message; False when that was one too many."""
        self._heard_ns = now_ns
        cost_ns = _SECOND_NS // MESSAGES_PER_S
        self._allowance_ns = max(self._allowance_ns, now_ns - _SECOND_NS) + cost_ns
        return self._allowance_ns <= now_ns

    def keep_alive(self, now_ns: int) -> None:
        """Ping when it is time; cut off a client that has been silent for too long."""
        if self._transport.is_closing():
            return
        if now_ns - self._heard_ns > SILENT_S * _SECOND_NS:
            self.abort("silent")
        elif now_ns >= self._ping_ns:
            self._ping_ns = now_ns + PING_EVERY_S * _SECOND_NS
            self.write(event_frames.PING)

    def _set(self, level: int, option: int, value: int | bytes) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may have been closed under us
                self._socket.setsockopt(level, option, value)


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
        self._sockets: set[EventSocket] = set()
        self.playheads = PlayheadOutbox()
        """What clients have said of their playheads."""

    def __len__(self) -> int:
        return len(self._sockets)

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
        await ws.prepare(request)
        if request.transport is None:
            return ws
        now_ns = self._clock_ns()
        encoding = "json" if subprotocol is None else SUBPROTOCOLS[subprotocol]
        client = EventSocket(request.transport, encoding, metrics=self._metrics, now_ns=now_ns)
        token = request.cookies.get(COOKIE)
        self._sockets.add(client)
        self._metrics.opened(encoding)
        try:
            room.join(client, since)
            room.viewers.join(token, client)
            await self._converse(ws, client, partial(self._report, show, token))
        finally:
            room.audience.leave(client)
            room.viewers.leave(token, client)
            self._sockets.discard(client)
            self._metrics.closed(encoding)
        return ws

    async def keep_alive_forever(self) -> None:
        """Ping, and cut off who is gone without a word."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.keep_alive(self._clock_ns())

    def keep_alive(self, now_ns: int) -> None:
        """One round of that."""
        for client in tuple(self._sockets):
            client.keep_alive(now_ns)

    def close(self) -> None:
        """The gateway stops: tell everyone."""
        for client in tuple(self._sockets):
            client.leave()

    def _refusal(self, request: web.BaseRequest, room: ShowRoom) -> Answer | None:
        origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
        if not event_request.origin_allowed(origin, host, self._allowed_origins):
            return _FOREIGN
        if len(self._sockets) >= MAX_SOCKETS:
            return _FULL
        return None if room.has_log else _LOG_AWAY

    def _report(self, show: str, token: str | None, message: Mapping[str, Any]) -> None:
        self.playheads.say(show, token, message, self._clock_ns())

    async def _converse(
        self,
        ws: web.WebSocketResponse,
        client: EventSocket,
        report: Callable[[Mapping[str, Any]], None],
    ) -> None:
        """Hear the client out. RFC 6455 §7.4.1 numbers the ways to end that."""
        wanted = WSMsgType.TEXT if client.encoding == "json" else WSMsgType.BINARY
        while True:
            message = await ws.receive()
            if message.type is WSMsgType.ERROR:
                # aiohttp has closed with the error's code: 1009, 1002 or 1007
                code = getattr(message.data, "code", None)
                self._metrics.aborted("too_big" if code == 1009 else "malformed")
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
                    wall_ms = self._wall_ns() // 1_000_000
                    reply = event_frames.reply_to(message.data, client.encoding, wall_ms)
                    if reply is None:
                        said = event_frames.said(message.data, client.encoding)
                        if said.get("type") == "playhead":
                            report(said)
                except event_frames.BadMessage:
                    self._metrics.aborted("malformed")
                    await ws.close(code=1007, message=b"That is no message of this protocol.")
                    return
                if reply is not None:
                    client.write(reply)
            elif message.type is not WSMsgType.PONG:
                self._metrics.aborted("malformed")
                await ws.close(code=1003, message=b"JSON is sent as text, msgpack as binary.")
                return


def _response(subprotocol: str | None) -> web.WebSocketResponse:
    response = web.WebSocketResponse(
        timeout=CLOSE_S,
        autoping=False,
        protocols=() if subprotocol is None else (subprotocol,),
        compress=False,
        max_msg_size=MAX_CLIENT_MESSAGE_BYTES + 1,
    )
    response.headers["Server"] = "comptoir"
    return response
