"""A crowd that buys: prebuilt HTTP requests over kept connections, at a steady rate.

Cheap by design: one `asyncio.Protocol` a connection, no parser but for the status line and the
length, one request at a time on each (no pipelining). Requests come due at a steady rate whether
or not those before them are answered, and their latency counts from when they were due.
"""

import asyncio
import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

RETRY_S = 0.25
MAX_TRIES = 20


@dataclass(slots=True)
class Order:
    """A request that somebody makes, again and again until it is answered."""

    key: str
    request: bytes
    due_s: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class Tally:
    """What came of all requests."""

    latencies_s: list[float] = field(default_factory=list)
    """Of those that were acknowledged."""
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Order number by idempotency key: what the crowd was promised."""
    repeated: int = 0
    """Acknowledgements of a key that had been acknowledged: with the same number."""
    contradicted: int = 0
    """… with another number."""
    sold_out: int = 0
    retried: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """Other answers, by status."""
    unanswered: dict[str, int] = field(default_factory=dict)
    """Answers of a server that could not, by status: asked again."""
    given_up: int = 0
    last_ack_s: float = 0.0


class Crowd:
    """Makes the requests over at most `connections` connections; one more request waits."""

    def __init__(self, *, port: int, connections: int, rate: float) -> None:
        self._port, self._connections, self._rate = port, connections, rate
        self._idle: list[_Connection] = []
        self._waiting: deque[Order] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._open = 0
        self._left = 0
        self._done = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.tally = Tally()
        self.begun_s = 0.0

    async def buy(self, orders: Iterable[Order]) -> None:
        """Make every request at its time; return when each has been answered."""
        todo = deque(orders)
        self._left = len(todo)
        self.begun_s = begin_s = self._loop.time()
        made = 0
        while todo:
            due = int((self._loop.time() - begin_s) * self._rate) + 1
            while todo and made < due:
                order = todo.popleft()
                order.due_s = begin_s + made / self._rate
                made += 1
                self._make(order)
            await asyncio.sleep(0.002)
        await self._done.wait()
        for connection in self._idle:
            connection.close()

    def _make(self, order: Order) -> None:
        if self._idle:
            self._idle.pop().make(order)
        elif self._open < self._connections:
            self._open += 1
            task = self._loop.create_task(self._connect(order))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        else:
            self._waiting.append(order)

    async def _connect(self, order: Order) -> None:
        try:
            _, connection = await self._loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", self._port
            )
        except OSError:
            self._open -= 1
            self.again(order)
        else:
            connection.make(order)

    def answered(self, connection: "_Connection", order: Order, status: int, body: bytes) -> None:
        """A response is there, and the connection is free."""
        self._count(order, status, body)
        if self._waiting:
            connection.make(self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: "_Connection", order: Order | None) -> None:
        """A connection is gone; the request on it has no answer."""
        self._open -= 1
        if order is None:
            if connection in self._idle:
                self._idle.remove(connection)
        else:
            self.again(order)

    def again(self, order: Order) -> None:
        """Nobody knows what became of it: ask again with the same key."""
        order.tries += 1
        self.tally.retried += 1
        if order.tries >= MAX_TRIES:
            self.tally.given_up += 1
            self._finished()
        else:
            self._loop.call_later(RETRY_S, self._make, order)

    def _count(self, order: Order, status: int, body: bytes) -> None:
        tally = self.tally
        if status >= 500:
            tally.unanswered[str(status)] = tally.unanswered.get(str(status), 0) + 1
            self.again(order)
            return
        if status == 201:
            now_s = self._loop.time()
            number = json.loads(body)["order"]["number"]
            known = tally.acknowledged.get(order.key)
            tally.acknowledged[order.key] = number
            if known is not None:
                tally.repeated += known == number
                tally.contradicted += known != number
            tally.latencies_s.append(now_s - order.due_s)
            tally.last_ack_s = now_s - self.begun_s
        elif status == 409:
            tally.sold_out += 1
        else:
            tally.refused[str(status)] = tally.refused.get(str(status), 0) + 1
        self._finished()

    def _finished(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._done.set()


class _Connection(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self._order: Order | None = None
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)

    def make(self, order: Order) -> None:
        """Send a request."""
        assert self._transport is not None
        self._order = order
        self._transport.write(order.request)

    def data_received(self, data: bytes) -> None:
        """Part of a response, or all of it."""
        self._data += data
        head = self._data.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _content_length(self._data[:head])
        end = head + 4 + length
        if len(self._data) < end:
            return
        status, body = int(self._data[9:12]), self._data[head + 4 : end]
        self._data = self._data[end:]
        order, self._order = self._order, None
        if order is not None:
            self._crowd.answered(self, order, status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        order, self._order = self._order, None
        self._crowd.lost(self, order)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


class Listener(asyncio.Protocol):
    """A viewer's event socket (RFC 6455), as cheap as can be: counts lines, answers pings."""

    def __init__(self, heard: list[int], show: str) -> None:
        self._heard, self._show = heard, show
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the socket."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            f"GET /live/{self._show}/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: comptoir.v1.json\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Some frames."""
        self._heard[0] += data.count(b'"type":"event"')
        if data[0] == 0x89 and self._transport is not None:
            self._transport.write(b"\x8a\x80\x00\x00\x00\x00")


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        raise ValueError("a response without its length")
    return int(head[at + 15 :].split(b"\r\n", 1)[0])
