"""aiohttp as the cold layer: one of its handlers for one request, and then the connection back.

A handler is made for a request that is not hot, fed that request's bytes as they came, and parted
with when it would wait for the next one; it never sees the end of the connection then. This rests
on what is aiohttp's own: its handler waits for a request through the attribute `_waiter`, holds the
transport through `_pause_transport_reading`, and is a WebSocket's from `set_parser` on. Were any of
that to change, tests would notice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

KEEPALIVE_S = 75.0
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 128

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Owner(Protocol):
    """The connection that lent itself to a handler."""

    def cold_is_idle(self) -> None:
        """The handler would wait for another request."""

    def cold_is_live(self) -> None:
        """The connection is a WebSocket's from now on."""

    def cold_holds(self, held: bool) -> None:
        """The handler wants no more bytes for now; or it does again. Two may hold a transport: the
        connection reads when neither does."""


class ColdHandler(RequestHandler):
    """aiohttp's side of a connection, for as long as a cold request takes."""

    __slots__ = ("_idle", "_owner", "finished", "guard")

    def __init__(self, manager: web.Server, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._idle: asyncio.Future[None] | None = None
        self._owner: Owner | None = owner
        self.finished = False
        """True once a response has gone out whole."""
        self.guard: Callable[[Any], Any] | None = None
        """Makes what a WebSocket's bytes go through of the parser that they go to."""
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=KEEPALIVE_S,
            access_log=None,  # type: ignore[arg-type] # as aiohttp's own runner says "no log"
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            auto_decompress=False,
        )

    @property
    def _waiter(self) -> asyncio.Future[None] | None:
        return self._idle

    @_waiter.setter
    def _waiter(self, waiter: asyncio.Future[None] | None) -> None:
        self._idle = waiter
        if waiter is not None and self.finished and self._owner is not None:
            self._owner.cold_is_idle()

    async def finish_response(self, *args: Any, **named: Any) -> tuple[web.StreamResponse, bool]:
        """aiohttp's, which writes the response to its end."""
        response, lost = await super().finish_response(*args, **named)
        self.finished = True
        return response, lost

    @property
    def live(self) -> bool:
        """True when the connection is a WebSocket's now."""
        return self._payload_parser is not None

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """aiohttp's, which a WebSocket calls once it is one."""
        guard, self.guard = self.guard, None
        super().set_parser(guard(parser) if guard else parser, data_received_cb)
        if self._owner is not None:
            self._owner.cold_is_live()

    def _pause_transport_reading(self) -> None:
        if self._owner is not None:
            self._owner.cold_holds(True)

    def _resume_transport_reading(self) -> None:
        if self._owner is not None:
            self._owner.cold_holds(False)

    def part(self) -> None:
        """Let go of the connection, which lives on."""
        self._owner = None
        self.transport = None
        self.connection_lost(None)

    def lose(self, exc: Exception | None) -> None:
        """The connection is gone: the request is cancelled."""
        self._owner = None
        self.connection_lost(exc)


class Cold:
    """Makes the handlers. `handle` answers their requests."""

    def __init__(self, handle: Handle) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = web.Server(handle, handler_cancellation=True)

    def __len__(self) -> int:
        """How many requests aiohttp has in hand, WebSockets included."""
        return len(self._server.connections)

    def handler(self, owner: Owner) -> ColdHandler:
        """A handler for one request."""
        return ColdHandler(self._server, owner, self._loop)

    async def close(self, timeout_s: float) -> None:
        """End all requests, after a while that they have to end by themselves."""
        self._server.pre_shutdown()
        await self._server.shutdown(timeout_s)
