"""One event socket: what is written to a client, and when it is cut off.

The kernel is told to take little (`TCP_NOTSENT_LOWAT`), because it would hide a stalled reader for
megabytes; so what a client leaves unread stays here, in the transport. That is at most

- `MEDIA_UNREAD_BYTES` and one part of media: with more unread no media is written;
- `MAX_UNREAD_BYTES` of events beyond that, and what is said at once: then it is cut off;

all of it bytes that every client shares, and nothing of it for longer than `STALLED_S` after the
client took its last byte. Over TLS the transport does not show all of it, so the kernel is asked
how far a client is.
"""

import asyncio
import contextlib
import socket
import struct

from mediaserver.gateway import event_frames
from mediaserver.gateway.event_frames import Encoding
from mediaserver.gateway.event_metrics import EventMetrics
from mediaserver.gateway.hot.untaken import kernel_untaken

MEDIA_UNREAD_BYTES = 256 * 1024
MAX_UNREAD_BYTES = 1024 * 1024
NOTSENT_BYTES = 128 * 1024
PING_EVERY_S = 20
SILENT_S = 60
STALLED_S = 10
MESSAGES_PER_S = 20
"""Of one client; a second's worth may come at once."""

_SECOND_NS = 1_000_000_000
_RESET = struct.pack("ii", 1, 0)


class EventSocket:
    """One client's socket. Writes never wait and never raise."""

    __slots__ = (
        "_allowance_ns",
        "_heard_ns",
        "_metrics",
        "_ping_ns",
        "_socket",
        "_taken",
        "_taken_ns",
        "_tls",
        "_transport",
        "_unread_limit",
        "_written",
        "encoding",
    )

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
        self._written = 0
        """Bytes given to the transport so far."""
        self._taken = 0
        """A mark of how far the client was at the last round: it grows as the client takes."""
        self._taken_ns = now_ns
        """When some were last seen to leave, or none was waiting."""
        self._tls = transport.get_extra_info("sslcontext") is not None
        self._unread_limit = MAX_UNREAD_BYTES
        self._socket: socket.socket | None = transport.get_extra_info("socket")
        self._set(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)

    @property
    def unread_bytes(self) -> int:
        """What the client has left in the transport."""
        return self._transport.get_write_buffer_size()

    @property
    def has_room(self) -> bool:
        """Whether media may be written."""
        return self._transport.get_write_buffer_size() <= MEDIA_UNREAD_BYTES

    def write(self, data: bytes) -> None:
        """Queue framed bytes, or cut the client off when it left too much unread."""
        transport = self._transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > self._unread_limit:
            self.abort("slow")
        else:
            self._written += len(data)
            transport.write(data)

    def write_media(self, data: bytes) -> None:
        """Queue framed bytes that may be large: nobody is cut off for what they weigh. To be called
        only while it `has_room`, and for the small messages about the media."""
        if not self._transport.is_closing():
            size = len(data)
            self._unread_limit = MAX_UNREAD_BYTES + MEDIA_UNREAD_BYTES + size
            self._written += size
            self._transport.write(data)

    def offer_media(self, data: bytes) -> bool:
        """Queue framed bytes as `write_media` does, if it `has_room` and the client is there; say
        whether they were queued."""
        transport = self._transport
        if transport.get_write_buffer_size() > MEDIA_UNREAD_BYTES or transport.is_closing():
            return False
        size = len(data)
        self._unread_limit = MAX_UNREAD_BYTES + MEDIA_UNREAD_BYTES + size
        self._written += size
        transport.write(data)
        return True

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
        """Ping when it is time; cut off a client that takes nothing, or is silent, for too long."""
        unread, taken = self._progress()
        heard_lately = now_ns - self._heard_ns <= SILENT_S * _SECOND_NS
        if not unread and heard_lately and now_ns < self._ping_ns:  # almost everyone, every time
            self._taken, self._taken_ns = taken, now_ns
            return
        if self._transport.is_closing():
            return
        if not unread or taken != self._taken:
            self._taken, self._taken_ns = taken, now_ns
        if now_ns - self._taken_ns > STALLED_S * _SECOND_NS:
            self.abort("stalled")
        elif not heard_lately:
            self.abort("silent")
        elif now_ns >= self._ping_ns:
            self._ping_ns = now_ns + PING_EVERY_S * _SECOND_NS
            self.write(event_frames.PING)

    def _progress(self) -> tuple[int, int]:
        """What the client has left to take, 0 if nothing; and the mark of what it has taken."""
        unread = self._transport.get_write_buffer_size()
        if not self._tls:
            return unread, self._written - unread
        held, taken = kernel_untaken(self._socket)
        return unread + held, taken

    def _set(self, level: int, option: int, value: int | bytes) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may have been closed under us
                self._socket.setsockopt(level, option, value)
