"""One viewer's connection. Writes never wait; what it owes and what it holds is bounded.

Requests are answered in the order in which they came: while one waits for a part, or for aiohttp,
what follows stays in the buffer (`bounds`). Nothing is begun while an earlier answer is not taken.
"""

import asyncio
import re
from dataclasses import replace
from http import HTTPStatus
from typing import cast

from mediaserver.gateway.answers import Answer
from mediaserver.gateway.hot.admission import BUSY, Admission, Refusal
from mediaserver.gateway.hot.asking import PACKED, PLAIN, ask_of, is_hot
from mediaserver.gateway.hot.bounds import NEVER
from mediaserver.gateway.hot.faults import FAULTS, HEAD_LATE, PREFLIGHT
from mediaserver.gateway.hot.head import BadHead, Head, head_end
from mediaserver.gateway.hot.hub import Hub
from mediaserver.gateway.hot.lent import Lent
from mediaserver.gateway.hot.metrics import Tally
from mediaserver.gateway.hot.shortcuts import NOTHING, Shortcut
from mediaserver.gateway.hot.targets import HotTarget
from mediaserver.gateway.hot.wire import Sent, render
from mediaserver.gateway.origin import Wait

MAX_IN_A_ROW = 32
"""Requests of one connection that are answered before others have their turn."""

_SECOND_NS = 1_000_000_000
_LINE_ENDS = re.compile(rb"[\r\n]*")
_MEDIA = frozenset({"playlist", "part", "segment", "init"})
_FRONT_DOOR = frozenset({"shows", "poster"})
"""Who has been served these is no viewer yet."""


class HotConnection(Lent):
    """From accept to close."""

    __slots__ = (
        "_ask",
        "_at",
        "_fresh",
        "_party",
        "_queued",
        "_refusal",
        "_tally",
        "_target",
        "_wait",
        "pulled_ns",
    )

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._at = 0
        """How far the buffer is served, while it is being served."""
        self._ask = PLAIN
        self._target: HotTarget | None = None
        """What was asked for last."""
        self._tally: Tally | None = None
        """For what is waited for."""
        self._wait: Wait | None = None
        self._queued = False
        """What has come waits for its turn."""
        self._fresh = True
        """Nothing of a show has been asked for yet."""
        self._party: str | None = None
        self._refusal: Refusal | None = None
        self.pulled_ns = 0
        """When media was asked for last."""

    @property
    def show(self) -> str:
        """The show whose media was asked for last."""
        return self._target.path.show if self._target is not None else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport is none by its class
        self._transport = cast(asyncio.Transport, transport)
        if transport.get_extra_info("sslcontext") is not None:
            self._is_tls()
        peer = transport.get_extra_info("peername")
        self.deadline_ns = self._after(self._hub.limits.header_timeout_s)
        self._party, self._refusal = self._hub.opened(self, peer[0] if peer else "")

    def data_received(self, data: bytes) -> None:
        if self._cold is not None:
            self._cold_data(data)
        elif self._state != "closing":
            if self._buffer:
                data = self._buffer + data
            if self._wait is not None or not self._writable or self._queued:
                self._buffer = data
                self._bound_buffer()
                return
            crowd = self._hub.crowd
            if not crowd.left or crowd.urgent:
                self._buffer = data
                self._queued = True
                crowd.queue(self)
                return
            crowd.left -= 1
            if self._state != "idle" or not self._shortcut(data):
                self._buffer = data
                self._serve()

    def serve_queued(self) -> None:
        """The turn of what has come."""
        self._queued = False
        data = self._buffer
        if self._wait is None and self._cold is None and self._writable and data:
            if self._state == "idle":
                self._buffer = b""
                if self._shortcut(data):
                    return
                self._buffer = data
            if self._state != "closing":
                self._serve()

    def eof_received(self) -> None:
        """The transport closes then."""

    def pause_writing(self) -> None:
        self._writable = False
        if self._cold is not None:
            self._cold.pause_writing()
        if self._cold is None or not self._cold.live:
            self._watch_progress()

    def resume_writing(self) -> None:
        self._writable = True
        if self._cold is not None:
            self._look_later(self._cold)
            self._cold.resume_writing()
        elif self._state != "closing" and self._wait is None and not self._queued:
            self._serve()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state, self._buffer = "closing", b""
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.waiting.leave(self._deliver)
        cold, self._cold = self._cold, None
        if cold is not None:
            cold.lose(exc)
        self._hub.closed(self, self._party, self._refusal)

    def expire(self, now_ns: int) -> None:
        """The deadline has passed."""
        wait, (untaken, mark) = self._wait, self._untaken()
        if wait is not None:
            wait.waiting.leave(self._deliver)
            self._deliver(wait.late)
        elif self._body_ns <= now_ns:
            self.abort("body")
        elif self._state == "cold" and (self._writable or not untaken):
            self._look_at_lent()
        elif untaken and mark < self._untaken_then:
            self._watch_progress()
        elif untaken and now_ns < self._stalled_ns < NEVER:
            self._look_again()
        elif untaken:
            self.abort("slow")
        elif self._state == "head":
            self._hub.metrics.evicted("head")
            self._end_with(HEAD_LATE)
        elif self._state == "closing":
            self._transport.abort()
        elif not self._rest_longer():
            self._hub.metrics.evicted("idle")
            self._close()

    def leave(self) -> None:
        """The server stops."""
        if self._cold is None:
            self._transport.close()

    # Hot

    def _shortcut(self, data: bytes) -> bool:
        """Answer exactly one request in words that are known; whether it is that."""
        hub = self._hub
        at = data.find(b" ", 4)
        shortcut = hub.shortcuts.known.get(data[:at])
        if shortcut is None:
            return False
        head = hub.heads.known.get(data[at:])
        if head is None or head.ask is None:
            return False
        now_ns = self.pulled_ns = hub.clock_ns()
        self._ask, self._target = head.ask, shortcut.target
        found = shortcut.found
        if isinstance(found, Wait):
            self._wait, self._state, self._tally = found, "waiting", shortcut.tally
            self.deadline_ns = now_ns + int(found.timeout_s * _SECOND_NS)
            found.waiting.join(self._deliver)
            return True
        self.deadline_ns = now_ns + self._idle_ns
        self._write(shortcut.gzip if head.ask.gzip else shortcut.plain, shortcut.tally)
        return True

    def _write(self, sent: Sent, tally: Tally) -> None:
        """Write media in the form that thousands are sent."""
        tally.requests += 1
        tally.body_bytes += sent.body_bytes
        buffers = sent.buffers
        if len(buffers) == 1:
            self._transport.write(buffers[0])
        else:
            self._transport.writelines(buffers)
            if self._tls:
                self._watch_progress()

    def _serve(self) -> None:
        """Answer what the buffer holds, as far as that can be done now."""
        for _ in range(MAX_IN_A_ROW):
            at = self._at
            if self._buffer[at : at + 1] in (b"\r", b"\n"):
                # RFC 9112 §2.2: ignore "at least one empty line (CRLF) received prior to the
                # request-line"
                ends = _LINE_ENDS.match(self._buffer, at)
                self._at = at if ends is None else ends.end()
            if self._at == len(self._buffer):
                self._cut()
                if self._state != "new":
                    self._rest()
                return
            if not self._serve_one():
                self._cut()
                return
        self._cut()
        self._bound_buffer()
        self.serve_later()

    def _cut(self) -> None:
        """Drop what is served: once for many, since it copies the rest."""
        if self._at:
            self._buffer = self._buffer[self._at :]
            self._at = 0

    def serve_later(self) -> None:
        self._queued = True
        asyncio.get_running_loop().call_soon(self._serve_on)

    def _serve_on(self) -> None:
        """Go on after others had their turn."""
        self._queued = False
        if self._state == "idle" and self._wait is None and self._writable:
            self._serve()

    def _serve_one(self) -> bool:
        """Begin the next request; whether it is answered and another may begin."""
        buffer, at = self._buffer, self._at
        try:
            end = head_end(buffer, at)
            if not end:
                if self._state != "head":
                    if self._state != "new":
                        self.deadline_ns = self._after(self._hub.limits.header_timeout_s)
                    self._state = "head"
                return False
            data = buffer[at:end]
            head = self._hub.heads.parse(data)
        except BadHead as exc:
            self._end_with(FAULTS[exc.fault])
            return False
        self._at = end
        target = self._hub.targets.find(head.target)
        refused = self._refused(target)
        if refused is not None:
            self._end_with(refused, replace(ask_of(head), close=True))
        elif target is None or not is_hot(head, target):
            self._cut()
            self._target = None
            self._lend(head, data)
        else:
            return self._serve_hot(head, target)
        return False

    def _refused(self, target: HotTarget | None) -> Answer | None:
        """Why a request is not served, if it is not."""
        if self._refusal is not None:
            return Admission.answer(self._refusal)
        if target is not None:
            fresh = self._fresh
            self._fresh = fresh and target.path.kind in _FRONT_DOOR
            if self._hub.busy and Admission.is_new(self._party, target, fresh=fresh):
                self._hub.metrics.refused("load")
                return BUSY
        return None

    def _serve_hot(self, head: Head, target: HotTarget) -> bool:
        ask = ask_of(head)
        self._ask, self._target = ask, target
        if head.method == b"OPTIONS":
            return self._send(PREFLIGHT)
        if target.path.kind in _MEDIA:
            self.pulled_ns = self._hub.clock_ns()
        found = self._hub.origin.get(target.path, target.query)
        self._note(head, target, found)
        if isinstance(found, Answer):
            return self._send(found)
        if found.timeout_s <= 0:
            return self._send(found.late)
        self._cut()
        self._wait, self._state = found, "waiting"
        self.deadline_ns = self._after(found.timeout_s)
        found.waiting.join(self._deliver)
        self._bound_buffer()
        return False

    def _note(self, head: Head, target: HotTarget, found: Answer | Wait) -> None:
        """Let the next who asks in these words have it at once."""
        hub, kind, ask = self._hub, target.path.kind, self._ask
        self._tally = None
        if kind not in _MEDIA or not head.remembered or ask not in (PLAIN, PACKED):
            return
        if isinstance(found, Answer):
            if found.status != HTTPStatus.OK:
                return
            plain, packed = (render(found, each, hub.date()) for each in (PLAIN, PACKED))
        elif found.timeout_s <= 0:
            return
        else:
            plain = packed = NOTHING
        self._tally = tally = hub.metrics.tally(kind)
        head.ask = ask
        hub.shortcuts.note(
            b"GET " + head.target,
            Shortcut(target=target, tally=tally, found=found, plain=plain, gzip=packed),
        )

    def _deliver(self, answer: Answer) -> None:
        """What was waited for."""
        self._wait = None
        tally, ask, wire = self._tally, self._ask, answer.wire
        if tally is None or self._buffer or wire is None or answer.status != HTTPStatus.OK:
            if self._send(answer) and self._buffer:
                self._serve()
            return
        hub = self._hub
        self._state = "idle"
        self.deadline_ns = hub.clock_ns() + self._idle_ns
        self._write((wire.gzip if ask.gzip else wire.identity).whole(hub.date()), tally)

    def _send(self, answer: Answer) -> bool:
        """Write an answer; whether another request may be begun."""
        target, ask, hub = self._target, self._ask, self._hub
        sent = render(answer, ask, hub.date())
        hub.metrics.request(
            target.path.kind if target is not None else "bad", sent.status, sent.body_bytes, "hot"
        )
        self._rest()
        if len(sent.buffers) == 1:
            self._transport.write(sent.buffers[0])
        else:
            self._transport.writelines(sent.buffers)
            if self._tls:
                self._watch_progress()
        if ask.close:
            self._close()
        return self._writable and not ask.close
