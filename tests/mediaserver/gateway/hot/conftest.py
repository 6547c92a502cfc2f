"""A listener of the hot layer on a real port whose clocks are the test's, and bare clients."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from mediaserver.gateway.hot.limits import Limits
from mediaserver.gateway.hot.listener import Listener
from mediaserver.gateway.hot.metrics import HotMetrics
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.shows import Shows


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Client:
    """A raw connection that reads one response at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head: bool = False) -> Answered:
        async with asyncio.timeout(10):
            raw = await self.reader.readuntil(b"\r\n\r\n")
            lines = raw.decode().split("\r\n")[:-2]
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
            length = 0 if head else int(headers.get("content-length", 0))
            body = await self.reader.readexactly(length)
        return Answered(int(lines[0].split(" ")[1]), headers, body)

    async def ended(self) -> bytes:
        """What is left to read until the server closes."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def stop_reading(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined] # a reader's transport

    def read_on(self) -> None:
        self.writer.transport.resume_reading()  # type: ignore[attr-defined] # as above


@dataclass
class Hot:
    """A running listener, and what its cold layer was asked."""

    listener: Listener
    shows: Shows
    show: Any
    port: int
    clock: Any
    cpu: list[int]
    clients: list[Client] = field(default_factory=list)
    cold: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def client(self, *, receive_bytes: int = 0, tls: Any = None) -> Client:
        sock = socket.socket()
        sock.setblocking(False)
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        limit = receive_bytes or 2**16
        secure: dict[str, Any] = {"ssl": tls, "server_hostname": "localhost"} if tls else {}
        self.clients.append(
            Client(*await asyncio.open_connection(sock=sock, limit=limit, **secure))
        )
        return self.clients[-1]

    @property
    def connection(self) -> Any:
        """The only one."""
        (only,) = self.listener._connections
        return only

    def later(self, seconds: float) -> None:
        """Time goes by, and the sweep comes round."""
        self.clock.advance(seconds)
        self.listener.sweep(self.clock())

    def next_part(self) -> None:
        for part in self.show.parts():
            self.shows.apply(part, self.clock())
        self.shows.publish_due(self.clock())

    def figure(self, name: str) -> float:
        samples = [s for family in self.listener.metrics.collect() for s in family.samples]
        return sum(s.value for s in samples if f"{s.name}{sorted(s.labels.values())}" == name)


@pytest.fixture
async def make_hot(clock: Any, broadcast: Any) -> AsyncIterator[Callable[..., Awaitable[Hot]]]:
    """Starts a listener over a show with eight parts. Its cold layer says what it was asked, or is
    `handle`."""
    made: list[Hot] = []

    async def start(
        part_bytes: int = 40, exempt: Any = (), tls: Any = None, handle: Any = None, **limits: Any
    ) -> Hot:
        shows = Shows(window_s=12)
        show = broadcast(part_bytes=part_bytes)
        for message in (show.status(), *show.inits(), *show.many(8)):
            shows.apply(message, clock())
        shows.publish_due(clock())
        cpu = [0]

        async def say(request: web.BaseRequest) -> web.StreamResponse:
            body = await request.read()
            hot.cold.append((request.method, request.path, body))
            return web.Response(text=f"cold {request.path} {len(body)}")

        listener = Listener(
            origin=Origin(shows),
            handle=handle or say,
            metrics=HotMetrics(clock),
            limits=Limits(**limits),
            exempt=exempt,
            tls=tls,
            clock_ns=clock,
            cpu_ns=lambda: cpu[0],
        )
        port = await listener.start("127.0.0.1", 0, reuse_port=False)
        hot = Hot(listener=listener, shows=shows, show=show, port=port, clock=clock, cpu=cpu)
        made.append(hot)
        return hot

    yield start
    for hot in made:
        for client in hot.clients:
            client.writer.close()
        hot.shows.close()
        await hot.listener.stop(1)


@pytest.fixture
def bare_client() -> type[Client]:
    """Makes a `Client` of a reader and a writer."""
    return Client
