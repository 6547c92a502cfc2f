"""HTTPS in the gateway itself; new files are shown to newcomers and disturb nobody else."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bench.certificates import Pair, self_signed
from mediaserver.config_tls import TlsFiles
from mediaserver.errors import StartError
from mediaserver.gateway.event_socket import STALLED_S
from mediaserver.gateway.event_sockets import EventSockets
from mediaserver.gateway.faces import Faces
from mediaserver.gateway.hot import listener, tls_door
from mediaserver.gateway.hot.admission import Limits
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.proxy import Proxy
from mediaserver.gateway.server import GatewayServer
from mediaserver.gateway.shows import Shows
from mediaserver.gateway.tls import TlsKeeper

Until = Callable[[Callable[[], bool]], Awaitable[None]]


@dataclass
class Secure:
    """A gateway with a certificate, and what looks at it."""

    pair: Pair
    keeper: TlsKeeper
    shows: Shows
    metrics: GatewayMetrics
    events: EventSockets
    server: GatewayServer
    port: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.pair.client()))

    def handshakes(self) -> dict[str, int]:
        return dict(self.metrics.hot._handshakes)


@pytest.fixture
async def secure(tmp_path: Path, main_side: Any, broadcast: Any) -> AsyncIterator[Secure]:
    """On air with eight parts."""
    pair = self_signed(tmp_path)
    keeper = TlsKeeper(TlsFiles(certificate=pair.certificate, key=pair.key))
    shows = Shows(window_s=12)
    metrics = GatewayMetrics(shows)
    events = EventSockets(shows, metrics=shows.event_metrics, clock_ns=lambda: 0)
    async with Proxy(main_side.http_path) as proxy:
        server = GatewayServer(
            origin=Origin(shows),
            events=events,
            faces=Faces({}, {}),
            proxy=proxy,
            metrics=metrics,
            tls=keeper,
        )
        port = await server.start("127.0.0.1", 0, reuse_port=True)
        yield Secure(pair, keeper, shows, metrics, events, server, port)
        shows.close()
        events.close()
        await server.stop()


async def test_a_viewer_is_served_over_tls_hot_and_cold_on_one_connection(
    secure: Secure, main_http: Any
) -> None:
    seen: list[str] = []

    async def main(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers["X-Forwarded-Proto"])
        return web.Response(body=await request.read())

    await main_http(main)
    lie = {"X-Forwarded-Proto": "http"}
    async with secure.client() as http:
        for _ in range(3):
            async with http.get(f"{secure.url}/live/nobody/index.m3u8") as response:
                assert response.status == 404
            async with http.post(
                f"{secure.url}/api/v1/x", data=b"y" * 40_000, headers=lie
            ) as response:
                assert await response.read() == b"y" * 40_000
    assert seen == ["https"] * 3
    assert secure.handshakes() == {"done": 1}


async def test_an_event_socket_is_opened_over_tls(
    secure: Secure, show_log: Any, broadcast: Any
) -> None:
    secure.shows.apply(show_log.snapshot(), 0)
    secure.shows.apply(broadcast().status(), 0)
    async with (
        secure.client() as http,
        http.ws_connect(f"{secure.url}/live/demo/events", headers={"Origin": secure.url}) as ws,
    ):
        assert (await ws.receive_json())["type"]


async def test_a_stalled_listener_over_tls_is_cut_off_as_soon_as_one_in_clear(
    secure: Secure, show_log: Any, broadcast: Any, until: Until
) -> None:
    secure.shows.apply(show_log.snapshot(), 0)
    secure.shows.apply(broadcast().status(), 0)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", secure.port))
    _, writer = await asyncio.open_connection(
        sock=raw, ssl=secure.pair.client(), server_hostname="localhost", limit=1024
    )
    writer.transport.pause_reading()  # type: ignore[attr-defined] # a reader's transport
    writer.write(
        b"GET /live/demo/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await until(lambda: len(secure.events) == 1)
    for _ in range(10):
        secure.shows.apply(show_log.event("product", {"id": "jam", "facts": ["x" * 5000]}), 0)
    (client,) = secure.events
    await until(lambda: client._progress()[0] > 0)
    assert client.unread_bytes == 0  # all of it is in the kernel or below TLS
    for second in range(STALLED_S + 1):
        secure.events.keep_alive(second * 1_000_000_000)
    assert len(secure.events) == 1
    secure.events.keep_alive((STALLED_S + 2) * 1_000_000_000)
    await until(lambda: len(secure.events) == 0)
    writer.transport.abort()


async def test_http_1_is_what_alpn_says(secure: Secure) -> None:
    context = secure.pair.client()
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", secure.port, ssl=context)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.close()
    await writer.wait_closed()


async def test_new_files_are_shown_to_newcomers_and_disturb_nobody(
    secure: Secure, tmp_path: Path
) -> None:
    old = secure.pair
    async with secure.client() as http:
        assert await _status(http, secure) == 404
        secure.pair = self_signed(tmp_path)
        assert secure.keeper.renew()
        assert not secure.keeper.renew()
        assert await _status(http, secure) == 404
    assert secure.handshakes() == {"done": 1}
    async with secure.client() as http:
        assert await _status(http, secure) == 404
    assert secure.handshakes() == {"done": 2}
    assert old == secure.pair


async def test_files_that_are_no_good_change_nothing_and_are_told_once(
    secure: Secure, tmp_path: Path
) -> None:
    key = secure.pair.key.read_bytes()
    secure.pair.key.write_bytes(self_signed(tmp_path, "other").key.read_bytes())
    with capture_logs() as logs:
        assert not secure.keeper.renew()
        assert not secure.keeper.renew()
    assert [entry["event"] for entry in logs] == ["certificate_kept"]
    assert "does not belong" in logs[0]["reason"]
    async with secure.client() as http:
        assert await _status(http, secure) == 404
    secure.pair.key.unlink()
    assert not secure.keeper.renew()
    secure.pair.key.write_bytes(key)
    assert secure.keeper.renew()


async def test_http_in_clear_is_closed_and_counted(secure: Secure, until: Until) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(10):
        assert not (await reader.read()).startswith(b"HTTP/")
    await until(lambda: secure.handshakes() == {"plain": 1})
    writer.close()
    assert len(secure.server.listener or ()) == 0


async def test_who_never_shakes_hands_is_gone_in_time(
    secure: Secure, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(tls_door, "HANDSHAKE_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    await until(lambda: secure.handshakes() == {"late": 1})
    writer.close()


async def test_handshakes_are_bounded_in_all(
    secure: Secure, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(tls_door, "MAX_HANDSHAKES", 3)
    held = [socket.create_connection(("127.0.0.1", secure.port)) for _ in range(5)]
    await until(lambda: secure.handshakes() == {"full": 2})
    for each in held:
        each.close()
    await until(
        lambda: secure.handshakes().get("full") == 2 and sum(secure.handshakes().values()) == 5
    )
    async with secure.client() as http:
        assert await _status(http, secure) == 404


async def test_handshakes_are_no_more_than_the_connections_there_is_room_for(
    secure: Secure, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    assert secure.server.listener is not None
    monkeypatch.setattr(secure.server.listener, "limits", Limits(max_connections=1))
    monkeypatch.setattr(listener, "MAX_TURNED_AWAY", 1)
    held = [socket.create_connection(("127.0.0.1", secure.port)) for _ in range(5)]
    await until(lambda: secure.handshakes() == {"full": 3})
    for each in held:
        each.close()
    await until(lambda: sum(secure.handshakes().values()) == 5)


async def test_handshakes_are_bounded_for_each_address(
    secure: Secure, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    assert secure.server.listener is not None
    door = secure.server.listener._door
    assert door is not None
    monkeypatch.setattr(door, "_exempt", ())
    monkeypatch.setattr(tls_door, "MAX_OF_A_PARTY", 2)
    held = [socket.create_connection(("127.0.0.1", secure.port)) for _ in range(4)]
    await until(lambda: secure.handshakes() == {"full": 2})
    for each in held:
        each.close()
    await until(lambda: len(door) == 0)
    assert not door._of_party


async def test_old_versions_are_refused(secure: Secure, until: Until, tmp_path: Path) -> None:
    files = TlsFiles(certificate=secure.pair.certificate, key=secure.pair.key, min_version="1.3")
    secure.keeper._files, secure.keeper._seen = files, ()
    assert secure.keeper.renew()
    context = secure.pair.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", secure.port, ssl=context)
    await until(lambda: secure.handshakes() == {"failed": 1})


async def test_the_metrics_tell_when_the_certificate_ends(secure: Secure) -> None:
    found = {each.name: each for each in secure.metrics.hot.collect()}
    (sample,) = found["comptoir_gateway_certificate_ends_timestamp_seconds"].samples
    assert sample.value == secure.keeper.credentials.ends.timestamp()


def test_bad_files_refuse_the_start_and_old_ones_only_warn(tmp_path: Path) -> None:
    pair = self_signed(tmp_path, begins_in_days=-100)
    files = TlsFiles(certificate=pair.certificate, key=pair.key)
    with capture_logs() as logs:
        TlsKeeper(files, now=lambda: datetime.now(UTC))
    assert "has expired" in logs[0]["reason"]
    pair.key.unlink()
    with pytest.raises(StartError, match="cannot be read"):
        TlsKeeper(files)


async def _status(http: aiohttp.ClientSession, secure: Secure) -> int:
    async with http.get(f"{secure.url}/live/nobody/index.m3u8") as response:
        await response.read()
        return response.status
