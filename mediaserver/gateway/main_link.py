"""Short requests to main over connections that are kept: what an order costs a gateway.

For requests whose body is here already and whose answer is short, as those of the API are. A
connection carries one request at a time. It is closed by us long before main would, so that none is
found closed by a request on its way; one that main lets go, because it died, leaves the pool at
once. A request that loses its connection may have been carried out: it is never sent again here.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import cast

from mediaserver.gateway.main_routes import MainAddress

MAX_LINKS = 256
"""Connections at a time; one more request waits."""
MAX_IDLE_S = 20.0
"""Main lets go of an idle connection after 75 s."""
MAX_ANSWER_BYTES = 8 * 1024 * 1024

_NO_BODY = (204, 304)


class LinkLost(Exception):
    """Main is away, or went away before its answer was here."""


@dataclass(frozen=True, slots=True)
class MainAnswer:
    """A whole response of main."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


class MainLinks:
    """The connections. One event loop only; `close` them in the end."""

    def __init__(self, main: MainAddress) -> None:
        self._main = main
        self._idle: list[_Link] = []
        self._open: set[_Link] = set()
        self._turns: deque[asyncio.Future[None]] = deque()
        self._used = 0

    async def ask(self, request: bytes) -> MainAnswer:
        """Main's answer to a whole HTTP/1.1 request. Raises `LinkLost`."""
        await self._turn()
        try:
            link = self._kept() or await self._dial()
            try:
                found = await link.ask(request)
            except BaseException:
                link.abort()
                raise
            self._idle.append(link)
            return found
        finally:
            self._used -= 1
            self._next()

    def close(self) -> None:
        """Close them all."""
        for link in list(self._open):
            link.abort()

    async def _turn(self) -> None:
        """Wait for one of the `MAX_LINKS`."""
        if self._used >= MAX_LINKS:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._turns.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                with contextlib.suppress(ValueError):
                    self._turns.remove(turn)
                if turn.done() and not turn.cancelled():
                    self._next()
                raise
        self._used += 1

    def _next(self) -> None:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _kept(self) -> "_Link | None":
        """The connection that was used last, if it is fresh; those that are not are closed."""
        now_s = asyncio.get_running_loop().time()
        stale = 0
        while stale < len(self._idle) and self._idle[stale].used_s < now_s - MAX_IDLE_S:
            self._idle[stale].abort()
            stale += 1
        del self._idle[:stale]
        return self._idle.pop() if self._idle else None

    async def _dial(self) -> "_Link":
        loop = asyncio.get_running_loop()
        try:
            if self._main.path:
                _, link = await loop.create_unix_connection(lambda: _Link(self), self._main.path)
            else:
                _, link = await loop.create_connection(
                    lambda: _Link(self), self._main.host, self._main.port
                )
        except OSError as exc:
            raise LinkLost(str(exc)) from None
        self._open.add(link)
        return link

    def gone(self, link: "_Link") -> None:
        """A connection is no more."""
        self._open.discard(link)
        with contextlib.suppress(ValueError):
            self._idle.remove(link)


class _Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, links: MainLinks) -> None:
        self._links = links
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[MainAnswer] | None = None
        self._data = b""
        self.used_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: bytes) -> MainAnswer:
        """Send a request and wait for its answer. Raises `LinkLost`."""
        if self._transport is None or self._transport.is_closing():
            raise LinkLost("the connection is closed")
        loop = asyncio.get_running_loop()
        self._data, self._answer = b"", loop.create_future()
        self._transport.write(request)
        answer = await self._answer
        self._answer = None
        self.used_s = loop.time()
        return answer

    def data_received(self, data: bytes) -> None:
        """Part of an answer, or all of it."""
        self._data += data
        answer = self._answer
        if answer is None or answer.done():
            self.abort()
            return
        try:
            whole = parse_answer(self._data)
        except ValueError as exc:
            answer.set_exception(LinkLost(str(exc)))
            return
        if whole is not None:
            answer.set_result(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._links.gone(self)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LinkLost("main has closed the connection"))

    def abort(self) -> None:
        """Let go of it."""
        if self._transport is not None:
            self._transport.abort()


def parse_answer(data: bytes) -> MainAnswer | None:
    """The response in `data`; None while it is not all there.

    Raises `ValueError` for one that is too long, or does not say how long it is (RFC 9112 §6.3):
    main says so of every answer of its API.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > MAX_ANSWER_BYTES:
            raise ValueError("main's answer has no end")
        return None
    first, *lines = data[:end].decode("latin-1").split("\r\n")
    _, status, reason = (*first.split(" ", 2), "")[:3]
    headers = []
    length: int | None = 0 if int(status) in _NO_BODY else None
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
        if name.lower() == "content-length":
            length = int(value)
    if length is None or not 0 <= length <= MAX_ANSWER_BYTES:
        raise ValueError("main's answer does not say how long it is")
    body = data[end + 4 :]
    if len(body) < length:
        return None
    return MainAnswer(int(status), reason, headers, body[:length])
