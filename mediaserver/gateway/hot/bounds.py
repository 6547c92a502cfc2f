"""What a connection may hold and owe, and how it ends.

What has come and is not served yet stays in a buffer; past `MAX_PIPELINE_BYTES` no more is read.
Time limits are a deadline that the owner's sweep looks at. Over TLS a stalled client is not seen
from here: so a connection that rests is looked at after `LOOK_S` already, and then left to rest;
and one that owes something each `LOOK_S`, because what fills the kernel looks like progress.
"""

import asyncio
import contextlib
import socket
import struct
from typing import Literal

from mediaserver.gateway.answers import Answer
from mediaserver.gateway.hot.asking import LAST
from mediaserver.gateway.hot.hub import Hub
from mediaserver.gateway.hot.untaken import kernel_untaken
from mediaserver.gateway.hot.wire import Ask, render

MAX_PIPELINE_BYTES = 64 * 1024
STALL_S = 15
"""A client that takes nothing of what is there for it for so long is cut off."""

LOOK_S = 3
"""How often a client over TLS is looked at meanwhile: it is cut off so much later at most."""

LINGER_S = 2
"""RFC 9112 §9.6: an error's answer is read only if the connection is not closed under it."""

NEVER = 1 << 62
_SECOND_NS = 1_000_000_000
_RESET = struct.pack("ii", 1, 0)

State = Literal["new", "idle", "head", "waiting", "cold", "closing"]


class Bounded(asyncio.Protocol):
    """The part of a connection that keeps to its limits."""

    __slots__ = (
        "_body_ns",
        "_buffer",
        "_held",
        "_hub",
        "_idle_ends_ns",
        "_idle_ns",
        "_reading",
        "_stalled_ns",
        "_state",
        "_tls",
        "_transport",
        "_untaken_then",
        "_writable",
        "deadline_ns",
    )

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._transport: asyncio.Transport
        self._buffer = b""
        """What has come and is not served yet."""
        self._state: State = "new"
        self._reading = self._writable = True
        self._held = False
        """aiohttp wants to read no more for now."""
        self._tls = False
        self._untaken_then = 0
        """The mark of `_untaken` when it was looked at last."""
        self._stalled_ns = NEVER
        """When the client is cut off if it takes nothing until then."""
        self._idle_ns = hub.idle_ns
        """How long a connection rests until it is looked at."""
        self._idle_ends_ns = NEVER
        """Of one that was looked at: when it ends."""
        self._body_ns = NEVER
        """When the body that comes must be there."""
        self.deadline_ns = NEVER

    def _is_tls(self) -> None:
        """Learn that the transport hides what the client leaves unread."""
        self._tls = True
        self._idle_ns = min(self._idle_ns, LOOK_S * _SECOND_NS)

    def abort(self, reason: str) -> None:
        """Cut the client off now, with what the kernel still holds for it."""
        self._hub.metrics.evicted(reason)
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):  # it may have been closed under us
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def drop(self) -> None:
        """Close it without another word."""
        self._transport.abort()

    def _end_with(self, answer: Answer, ask: Ask = LAST) -> None:
        """Refuse what came, and the connection with it."""
        sent = render(answer, ask, self._hub.date())
        self._hub.metrics.request("bad", sent.status, sent.body_bytes, "hot")
        self._transport.writelines(sent.buffers)
        if self._transport.can_write_eof():
            self._state, self._buffer = "closing", b""
            _, self._untaken_then = self._untaken()
            self.deadline_ns = self._after(LINGER_S)
            self._transport.write_eof()
        else:
            self._close()

    def _close(self) -> None:
        """Close when all is taken."""
        self._state, self._buffer = "closing", b""
        self._watch_progress()
        self._transport.close()

    def _bound_buffer(self) -> None:
        if self._reading and len(self._buffer) >= MAX_PIPELINE_BYTES:
            self._reading = False
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if not self._reading and not self._held and len(self._buffer) < MAX_PIPELINE_BYTES:
            self._reading = True
            self._transport.resume_reading()

    def _watch_progress(self) -> None:
        """From now on the client must take something within `STALL_S`."""
        _, self._untaken_then = self._untaken()
        self._stalled_ns = self._after(STALL_S)
        self._look_again()

    def _look_again(self) -> None:
        look_ns = self._after(LOOK_S) if self._tls else NEVER
        self.deadline_ns = min(look_ns, self._stalled_ns, self._body_ns)

    def _untaken(self) -> tuple[int, int]:
        """What the client has not taken yet, 0 if nothing; and a mark that falls when it takes."""
        unsent = self._transport.get_write_buffer_size()
        if not self._tls:
            return unsent, unsent
        held, taken = kernel_untaken(self._transport.get_extra_info("socket"))
        return unsent + held, -taken

    def _rest(self) -> None:
        """Nothing is under way."""
        self._state = "idle"
        self.deadline_ns = self._hub.clock_ns() + self._idle_ns
        self._read_on()

    def _rest_longer(self) -> bool:
        """Whether a connection that was looked at, and owes nothing, rests on."""
        longer_ns = self._hub.idle_ns - self._idle_ns
        if self._state != "idle" or not longer_ns or self.deadline_ns == self._idle_ends_ns:
            return False
        self.deadline_ns = self._idle_ends_ns = self.deadline_ns + longer_ns
        return True

    def _after(self, seconds: float) -> int:
        return self._hub.clock_ns() + int(seconds * _SECOND_NS)
