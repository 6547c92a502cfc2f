"""`configs/nginx.conf` in Debian's nginx before a real gateway: of a crowd it sees one request."""

import asyncio
import gzip
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import msgpack
import pytest
from aiohttp import web

from bench.nginx import NGINX, Nginx
from mediaserver.gateway.faces import Faces
from mediaserver.gateway.hot.limits import Limits
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.proxy import Proxy
from mediaserver.gateway.server import LOOPBACK, GatewayServer
from transcoder.stills.values import TYPES, Still, StillImage, StillKind

Until = Callable[[Callable[[], bool]], Awaitable[None]]
CROWD = 50
MEDIA = "/live/demo/e1/720p"


@dataclass
class Front:
    """nginx, and what the gateway behind it has served."""

    nginx: Nginx
    gateway: Any

    def asked(self, kind: str) -> int:
        """How many requests of a kind the gateway has answered."""
        counts = self.gateway.metrics.hot._requests
        return sum(count for (each, _, _), count in counts.items() if each == kind)

    def client(self, **connector: Any) -> aiohttp.ClientSession:
        tls = self.nginx.pair.client()
        return aiohttp.ClientSession(
            self.nginx.url,
            connector=aiohttp.TCPConnector(ssl=tls, limit=0, **connector),
            cookie_jar=aiohttp.DummyCookieJar(),
        )


@pytest.fixture
def nginx_here() -> None:
    """Skip where there is no nginx; on the build machine that is a failure."""
    if not NGINX.exists() or not shutil.which("curl"):
        missing = "nginx or curl is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture
async def front(
    nginx_here: None,
    gateway: Any,
    main_side: Any,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Front]:
    """The gateway once more, on a port that nginx asks; main believes what nginx says.

    The parameter: changes to the shipped file."""
    async with Proxy(main_side.http_path, trusted=LOOPBACK) as proxy:
        server = GatewayServer(
            origin=Origin(gateway.shows),
            events=gateway.events,
            faces=Faces({}, {}),
            proxy=proxy,
            metrics=gateway.metrics,
            limits=Limits(max_load=2.0),
        )
        port = await server.start("127.0.0.1", 0, reuse_port=False)
        folder = tmp_path / "nginx"
        folder.mkdir()
        with Nginx(folder, gateway_port=port, changes=getattr(request, "param", {})) as nginx:
            yield Front(nginx, gateway)
        await server.stop()


def a_still(kind: StillKind) -> Still:
    images = tuple(StillImage(media_type=form, data=b"image") for form in TYPES[kind])
    return Still(show="demo", epoch="e1", kind=kind, tick=0, width=16, height=9, images=images)


async def _get(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, bytes]:
    async with http.get(path, headers=headers) as response:
        return response.status, await response.read()


async def test_a_crowd_on_http_1_waits_with_one_request(
    front: Front, on_air: Any, until: Until
) -> None:
    number = on_air.number
    playlist = f"{MEDIA}/media.m3u8?_HLS_msn={on_air.msn}&_HLS_part={on_air.index}"
    encodings = ("gzip", "gzip, deflate, br", "identity", "br;q=1.0, gzip;q=0.8")
    async with front.client() as http:
        crowd = [
            asyncio.create_task(
                _get(http, path, Accept_Encoding=encodings[n % 4], Cookie=f"viewer={n}")
            )
            for n in range(CROWD)
            for path in (playlist, f"{MEDIA}/part-{number}.m4s")
        ]
        await until(front.gateway.waiting(2))
        await front.gateway.take(*on_air.parts())
        answers = await asyncio.gather(*crowd)
    assert {status for status, _ in answers} == {200}
    assert len({body for _, body in answers}) == 2
    assert (front.asked("playlist"), front.asked("part")) == (1, 1)
    assert f"part-{number}.m4s".encode() in answers[0][1]


async def test_a_crowd_on_http_2_waits_with_one_request(
    front: Front, on_air: Any, until: Until, tmp_path: Path
) -> None:
    playlist = f"{MEDIA}/media.m3u8?_HLS_msn={on_air.msn}&_HLS_part={on_air.index}"
    part = f"{MEDIA}/part-{on_air.number}.m4s"
    urls = []
    for n in range(CROWD):
        path = part if n % 2 else playlist
        urls += ["-o", str(tmp_path / f"{n}"), f"{front.nginx.url}{path}"]
    curl = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--http2", "--parallel", "--parallel-immediate",
        "--parallel-max", str(CROWD), "--cacert", str(front.nginx.pair.certificate),
        "--write-out", "%{http_version} %{http_code}\\n", *urls,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await until(front.gateway.waiting(2))
        await front.gateway.take(*on_air.parts())
        said, _ = await curl.communicate()
    finally:
        if curl.returncode is None:
            curl.kill()
            await curl.communicate()
    assert said.decode().split("\n")[:-1] == ["2 200"] * CROWD
    bodies = [(tmp_path / f"{n}").read_bytes() for n in range(CROWD)]
    assert len(set(bodies[::2])) == len(set(bodies[1::2])) == 1
    assert (front.asked("playlist"), front.asked("part")) == (1, 1)


async def test_the_next_state_is_another_thing_to_ask_for(front: Front, on_air: Any) -> None:
    async with front.client() as http:
        for _ in range(3):
            path = f"{MEDIA}/media.m3u8?_HLS_msn={on_air.msn}&_HLS_part={on_air.index}"
            await front.gateway.take(*on_air.parts())
            for query in ("", "&utm=1", "&_=2"):
                assert (await _get(http, path))[0] == 200
                assert (await _get(http, f"{MEDIA}/part-0.m4s?{query}"))[0] == 200
    assert (front.asked("playlist"), front.asked("part")) == (3, 1)


async def test_pictures_of_a_show_are_asked_for_once(front: Front, on_air: Any) -> None:
    paths = ("demo/poster.jpg", "demo/thumbnails.vtt", "shows.json", "demo/e1/thumb-0.jpg")
    await front.gateway.take(*(a_still(kind) for kind in TYPES))
    async with front.client() as http:
        for n in range(3):
            for path in paths:
                assert (await _get(http, f"/live/{path}?v={n}"))[0] == 200
    kinds = ("poster", "thumbnails", "shows", "thumbnail")
    assert [front.asked(kind) for kind in kinds] == [1, 1, 1, 1]


async def test_encodings_and_ranges_are_made_of_the_one_copy(front: Front, on_air: Any) -> None:
    path = f"{MEDIA}/media.m3u8?_HLS_msn=0"
    async with front.client(force_close=True) as http:
        async with http.get(path, headers={"Accept-Encoding": "identity"}) as response:
            plain = await response.read()
            assert "Content-Encoding" not in response.headers
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        raw = aiohttp.ClientSession(
            front.nginx.url,
            connector=aiohttp.TCPConnector(ssl=front.nginx.pair.client()),
            auto_decompress=False,
        )
        async with raw, raw.get(path, headers={"Accept-Encoding": "gzip"}) as response:
            assert gzip.decompress(await response.read()) == plain
            assert response.headers["Vary"] == "Accept-Encoding"
        media = f"{MEDIA}/part-1.m4s"
        _, whole = await _get(http, media)
        assert await _get(http, media, Range="bytes=3-8") == (206, whole[3:9])
        async with http.head(media) as response:
            assert int(response.headers["Content-Length"]) == len(whole)
    assert (front.asked("playlist"), front.asked("part")) == (1, 1)


async def test_bad_directives_and_odd_paths_are_refused_by_the_gateway(
    front: Front, on_air: Any
) -> None:
    async with front.client() as http:
        assert (await _get(http, f"{MEDIA}/media.m3u8?_HLS_part=1"))[0] == 400
        assert (await _get(http, f"{MEDIA}/media.m3u8?_HLS_msn=0&_HLS_msn=1"))[0] == 400
        assert (await _get(http, f"{MEDIA}/part-99999.m4s"))[0] == 404
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", front.nginx.port, ssl=front.nginx.pair.client(), server_hostname="localhost"
    )
    smuggled = b"/live/a%20HTTP/1.1%0d%0aX:y%0d%0a%0d%0aGET%20/livez%20HTTP/1.1%0d%0a/b.m3u8"
    writer.write(b"GET " + smuggled + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(40):
        answer = await reader.read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.split()[1] in (b"400", b"404", b"502", b"503")
    writer.close()
    assert front.asked("livez") == 0


async def test_event_sockets_pass(front: Front, on_air: Any, show_log: Any) -> None:
    await front.gateway.take(show_log.snapshot())
    async with (
        front.client() as http,
        http.ws_connect("/live/demo/events", headers={"Origin": front.nginx.url}) as ws,
    ):
        await ws.receive_json()
        await front.gateway.take(show_log.product())
        async with asyncio.timeout(40):
            while "Confiture" not in (await ws.receive_str()):
                pass


LIMIT = "limit_conn comptoir_addresses"


@pytest.mark.parametrize("front", [{f"{LIMIT} 1024;": f"{LIMIT} 3;"}], indirect=True)
async def test_connections_of_an_address_are_counted(
    front: Front, on_air: Any, show_log: Any
) -> None:
    await front.gateway.take(show_log.snapshot())
    path = f"{MEDIA}/part-0.m4s"
    async with front.client(local_addr=("127.0.0.5", 0)) as many, front.client() as other:
        sockets = [await many.ws_connect("/live/demo/events") for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await many.ws_connect("/live/demo/events")
        assert caught.value.status == 429
        assert (await _get(many, path))[0] == 429
        assert (await _get(other, path))[0] == 200
        await sockets.pop().close()
        async with asyncio.timeout(40):
            while (await _get(many, path))[0] != 200:
                pass
        for each in sockets:
            await each.close()


async def _heard(ws: Any, last: tuple[str, int]) -> list[dict[str, Any]]:
    """All messages up to the one with this key and value."""
    messages: list[dict[str, Any]] = []
    async with asyncio.timeout(40):
        while not messages or messages[-1].get(last[0]) != last[1]:
            messages.append(msgpack.unpackb(await ws.receive_bytes()))
    return messages


def _narrow(where: tuple[Any, ...]) -> socket.socket:
    """A client's socket for which the kernel takes little."""
    made = socket.socket(*where[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    return made


async def test_a_slow_reader_of_media_push_loses_media_before_events_and_disturbs_nobody(
    front: Front, show_log: Any, broadcast: Callable[..., Any], until: Until
) -> None:
    """4 MB while it reads nothing: without `sndbuf` all of it would be under way to it already."""
    show = broadcast(ladder=("720p",), part_bytes=60_000)
    show_log.product()
    await front.gateway.take(show.status(), show_log.snapshot(), *show.inits(), *show.many(2))
    push = front.gateway.shows.room("demo").push
    async with front.client(socket_factory=_narrow) as narrow, front.client() as wide:
        slow, fast = [
            await http.ws_connect("/live/demo/events", protocols=("comptoir.v1.msgpack",))
            for http in (narrow, wide)
        ]
        for ws in (slow, fast):
            await ws.send_bytes(msgpack.packb({"type": "subscribe"}))
        await until(lambda: len(push) == 2)
        await _heard(fast, ("number", 1))
        for number in range(2, 70):
            await front.gateway.take(show_log.event(), *show.parts())
            messages = await _heard(fast, ("number", number))
            assert [m["type"] for m in messages] == ["event", "part"]
            assert messages[0]["offset"] == number
        reading = asyncio.create_task(_heard(slow, ("offset", 70)))
        skips = b'comptoir_gateway_push_skips_total{reason="slow"}'
        await until(lambda: skips in front.gateway.metrics.text())
        await front.gateway.take(*show.parts(), show_log.event())
        messages = await reading
    assert [m["offset"] for m in messages if m["type"] == "event"] == list(range(2, 71))
    skipped = [m for m in messages if m["type"] == "skipped"]
    numbers = [m["number"] for m in messages if m["type"] == "part"]
    lost = [number for m in skipped for number in range(m["from"], m["to"] + 1)]
    assert lost
    assert sorted(numbers + lost) == list(range(numbers[-1] + 1))


async def test_orders_and_whip_come_with_the_client_s_address(front: Front, main_http: Any) -> None:
    seen: list[tuple[str, ...]] = []

    async def main(request: web.BaseRequest) -> web.StreamResponse:
        size = sum([len(chunk) async for chunk in request.content.iter_any()])
        names = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Cookie")
        seen.append((request.method, *(request.headers[name] for name in names), str(size)))
        return web.Response(status=201, headers={"Location": "/x", "Set-Cookie": "a=b"})

    await main_http(main)
    lie = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http", "Cookie": "viewer=1"}
    upload = "/api/v1/shows/demo/products/import"
    async with front.client(local_addr=("127.0.0.5", 0)) as http:
        for path, size in (
            ("/api/v1/shows/demo/orders", 100),
            ("/live/demo/whip", 5000),
            (upload, 3_000_000),
        ):
            async with http.post(path, data=BytesIO(b"x" * size), headers=lie) as response:
                assert response.status == 201
                assert response.headers["Set-Cookie"] == "a=b"
        async with http.post("/live/demo/whip", data=BytesIO(b"x" * 2_000_000)) as response:
            assert response.status == 413
    host = f"localhost:{front.nginx.port}"
    assert [each[:5] for each in seen] == [("POST", "127.0.0.5", "https", host, "viewer=1")] * 3
    assert [int(each[5]) for each in seen] == [100, 5000, 3_000_000]


async def test_plain_http_is_sent_to_https(front: Front) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(
            f"http://127.0.0.1:{front.nginx.plain_port}/watch/demo", allow_redirects=False
        ) as response,
    ):
        assert response.status == 301
        assert response.headers["Location"] == "https://127.0.0.1/watch/demo"
