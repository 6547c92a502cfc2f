"""Clients of a gateway's event sockets: whole ones, and bare sockets that read when told to."""

import asyncio
import base64
import json
import os
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgpack
import pytest

MSGPACK = "comptoir.v1.msgpack"


@dataclass
class Sockets:
    """Opens sockets of the show `demo` at a running gateway, and reads them."""

    gateway: Any
    opened: list[Any] = field(default_factory=list)
    raws: list[socket.socket] = field(default_factory=list)

    async def listen(self, query: str = "", *protocols: str, **options: Any) -> Any:
        """An open event socket."""
        url = f"{self.gateway.url}/live/demo/events{query}"
        ws = await self.gateway.http.ws_connect(url, protocols=protocols, **options)
        self.opened.append(ws)
        return ws

    async def heard(self, ws: Any, count: int) -> list[dict[str, Any]]:
        """The next messages."""
        async with asyncio.timeout(20):
            return [self.read(await ws.receive()) for _ in range(count)]

    async def heard_until(self, ws: Any, last: Callable[[dict[str, Any]], bool]) -> list[Any]:
        """The next messages, up to the one that is the last."""
        messages: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not messages or not last(messages[-1]):
                messages.append(self.read(await ws.receive()))
        return messages

    def read(self, message: aiohttp.WSMessage) -> dict[str, Any]:
        if message.type is aiohttp.WSMsgType.TEXT:
            return dict(json.loads(message.data))
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return dict(msgpack.unpackb(message.data))

    async def end_of(self, ws: Any) -> int | None:
        """The close code, after whatever was said before."""
        async with asyncio.timeout(10):
            async for _ in ws:
                pass
        return ws.close_code  # type: ignore[no-any-return]

    def counted(self, name: str) -> float:
        """A metric's value, 0 where there is none yet."""
        text = self.gateway.metrics.text().decode()
        match = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(match[1]) if match else 0.0

    async def refused(self, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        """Status, error code and headers of a handshake that is turned down."""
        named = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        wanted = {name: value for name, value in named.items() if value}
        async with self.gateway.http.get(f"{self.gateway.url}{path}", headers=wanted) as response:
            code = (await response.json())["error"]["code"]
            return response.status, code, dict(response.headers)

    async def raw(
        self, *, receive_bytes: int = 4096, protocol: str | None = None, cookie: bytes = b""
    ) -> socket.socket:
        """A client's socket right after it sent its handshake; it reads only what a test reads."""
        raw = socket.socket()
        self.raws.append(raw)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", self.gateway.port))
        key = base64.b64encode(os.urandom(16)).decode()
        chosen = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        await loop.sock_sendall(
            raw,
            "GET /live/demo/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{chosen}"
            f"Sec-WebSocket-Key: {key}\r\n".encode()
            + (b"Cookie: %b\r\n" % cookie if cookie else b"")
            + b"\r\n",
        )
        return raw

    async def say_raw(self, raw: socket.socket, message: dict[str, Any]) -> None:
        """A msgpack message in a frame masked with zeros (RFC 6455 §5.3)."""
        payload = msgpack.packb(message)
        length = (
            bytes([0x80 | len(payload)])
            if len(payload) < 126
            else b"\xfe" + len(payload).to_bytes(2, "big")
        )
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(raw, b"\x82" + length + bytes(4) + payload)

    async def close(self) -> None:
        for ws in self.opened:
            await ws.close()
        for raw in self.raws:
            raw.close()


@pytest.fixture
async def sockets(gateway: Any) -> AsyncIterator[Sockets]:
    """Opens, reads and closes event sockets."""
    made = Sockets(gateway)
    yield made
    await made.close()


@pytest.fixture
async def aired(gateway: Any, show_log: Any, broadcast: Callable[..., Any]) -> Any:
    """A show with a log of one product."""
    show_log.product()
    await gateway.take(broadcast().status(), show_log.snapshot())
    return show_log
