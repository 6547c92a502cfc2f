"""A connection while it is lent to aiohttp: what that gets of it, and the way back.

aiohttp gets one request, its body, and nothing that follows: that stays in our buffer. So it is
bounded, and answered by us once the connection is back. There are two ways of not coming back: a
WebSocket, which has the connection for good and keeps to limits of its own (`EventSockets`), and a
body whose end is not found, after which the connection is closed.
"""

from mediaserver.gateway.hot.body import BodyEnd, ChunkedEnd, LengthEnd
from mediaserver.gateway.hot.bounds import NEVER, Bounded
from mediaserver.gateway.hot.cold import ColdHandler
from mediaserver.gateway.hot.head import Head
from mediaserver.gateway.hot.hub import Hub


class Lent(Bounded):
    """The part of a connection that goes to aiohttp and comes back."""

    __slots__ = ("_body", "_cold")

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._cold: ColdHandler | None = None
        self._body: BodyEnd | None = None
        """Of the request that aiohttp has; None: all that comes is aiohttp's."""

    def serve_later(self) -> None:
        """Answer what the buffer holds after others had their turn."""
        raise NotImplementedError

    def _lend(self, head: Head, data: bytes) -> None:
        """Have aiohttp answer this one, from its very bytes."""
        self._state = "cold"
        body: BodyEnd = ChunkedEnd() if head.chunked else LengthEnd(head.body_bytes)
        self._body = body
        self._body_ns = NEVER if body.done else self._after(self._hub.limits.body_timeout_s)
        cold = self._cold = self._hub.cold.handler(self)
        self._watch_progress()
        cold.connection_made(self._transport)
        cold.data_received(data)
        rest, self._buffer = self._buffer, b""
        if rest:
            self._cold_data(rest)
        self._read_on()

    def _cold_data(self, data: bytes) -> None:
        cold, body = self._cold, self._body
        if cold is None:
            return
        if body is None:
            cold.data_received(data)
            return
        if not body.done:
            data = self._feed(cold, body, data)
        if data:
            self._buffer += data
            self._bound_buffer()

    def _feed(self, cold: ColdHandler, body: BodyEnd, data: bytes) -> bytes:
        """Hand on what belongs to the body; the rest."""
        used = body.take(data)
        if used is None:
            self._body, used = None, len(data)
        if body.done:
            self._body_ns = NEVER
            if self._writable:
                self._watch_progress()
        cold.data_received(data[:used])
        return data[used:]

    def _look_later(self, cold: ColdHandler) -> None:
        """Look at it in a while, unless a WebSocket has it."""
        if cold.live:
            self.deadline_ns = NEVER
        else:
            self._watch_progress()

    def _look_at_lent(self) -> None:
        """aiohttp may have closed it: then the client must take what is left."""
        if self._transport.is_closing():
            self._state = "closing"
        self._watch_progress()

    def cold_holds(self, held: bool) -> None:
        """aiohttp has as much of the body as it wants for now; or it wants more."""
        self._held = held
        if not held:
            if not self._transport.is_closing():
                self._read_on()
        elif self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def cold_is_live(self) -> None:
        """aiohttp has made a WebSocket of the connection: it gets what has come with that."""
        self._body = None
        self._body_ns = self.deadline_ns = NEVER
        rest, self._buffer = self._buffer, b""
        if rest and self._cold is not None:
            self._cold.data_received(rest)
        self._read_on()

    def cold_is_idle(self) -> None:
        """aiohttp has answered: take the connection back, if that can be."""
        cold, body = self._cold, self._body
        if cold is None or cold.live or not (body is None or body.done):
            return
        self._cold = self._body = None
        self._body_ns = NEVER
        cold.part()
        self._held = False
        if self._transport.is_closing():
            return
        if body is None:
            self._close()
            return
        self._rest()
        if not self._writable:
            self._watch_progress()
        elif self._buffer:
            self.serve_later()
