"""HTTP over a real socket: methods, origins, encodings, ranges, and requests that are none."""

import asyncio
import gzip
import json
import re
from typing import Any

import pytest

PLAYLIST = "/live/demo/e1/720p/media.m3u8"


async def test_every_answer_under_live_may_be_read_by_other_origins(
    viewer: Any, on_air: Any
) -> None:
    for path in (
        "/live/demo/index.m3u8",
        PLAYLIST,
        f"{PLAYLIST}?_HLS_part=1",
        "/live/demo/e1/720p/init-0.mp4",
        "/live/demo/e1/720p/seg-99.m4s",
        "/live/demo/state",
        "/live/nobody/state",
        "/live/demo/whip",  # main is away: the proxy's own answer
    ):
        _, headers, _ = await viewer.ask(path)
        assert headers["Access-Control-Allow-Origin"] == "*", path


async def test_preflight_allows_ranges(viewer: Any, on_air: Any) -> None:
    status, headers, body = await viewer.ask(PLAYLIST, method="OPTIONS", Origin="https://a.example")
    assert (status, body) == (204, b"")
    assert "Range" in headers["Access-Control-Allow-Headers"]
    assert "GET" in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
async def test_other_methods_are_refused_with_allow(viewer: Any, on_air: Any, method: str) -> None:
    status, headers, body = await viewer.ask(PLAYLIST, method=method)
    assert status == 405
    assert headers["Allow"] == "GET, HEAD, OPTIONS"
    assert json.loads(body)["error"]["code"] == "method_not_allowed"


async def test_head_has_the_headers_of_get_and_no_body(viewer: Any, on_air: Any) -> None:
    for path in (PLAYLIST, "/live/demo/e1/720p/seg-0.m4s", "/live/demo/e1/720p/none.m4s"):
        got = await viewer.ask(path)
        head = await viewer.ask(path, method="HEAD", Range="bytes=0-1")
        assert head[0] == got[0]
        assert head[2] == b""
        for volatile in ("Date",):
            got[1].pop(volatile), head[1].pop(volatile)
        assert head[1] == got[1]


async def test_playlists_are_gzipped_when_asked(viewer: Any, on_air: Any) -> None:
    _, plain, body = await viewer.ask(PLAYLIST)
    assert "Content-Encoding" not in plain
    assert plain["Vary"] == "Accept-Encoding"
    _, packed, packed_body = await viewer.ask(PLAYLIST, Accept_Encoding="br, gzip;q=0.5")
    assert packed["Content-Encoding"] == "gzip"
    assert packed["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed_body) == body
    _, refused, _ = await viewer.ask(PLAYLIST, Accept_Encoding="gzip;q=0, *")
    assert "Content-Encoding" not in refused


async def test_ranges_of_media(viewer: Any, on_air: Any) -> None:
    path = "/live/demo/e1/720p/seg-0.m4s"
    _, headers, whole = await viewer.ask(path)
    assert headers["Accept-Ranges"] == "bytes"
    for value, first, last in (("bytes=0-0", 0, 0), ("bytes=7-", 7, 239), ("bytes=-9", 231, 239)):
        status, headers, body = await viewer.ask(path, Range=value)
        assert status == 206
        assert headers["Content-Range"] == f"bytes {first}-{last}/240"
        assert headers["Content-Length"] == str(len(body))
        assert body == whole[first : last + 1]
    status, headers, body = await viewer.ask(path, Range="bytes=240-")
    assert (status, body) == (416, b"")
    assert headers["Content-Range"] == "bytes */240"
    assert headers["Cache-Control"] == "public, max-age=1"
    for ignored in ({"Range": "bytes=5-1"}, {"Range": "bytes=0-1", "If_Range": '"x"'}):
        status, _, body = await viewer.ask(path, **ignored)
        assert (status, body) == (200, whole)
    assert (await viewer.ask(PLAYLIST, Range="bytes=0-5"))[0] == 200


async def raw(gateway: Any, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return bytes(answer)


async def test_one_connection_serves_many_requests(gateway: Any, on_air: Any) -> None:
    get = b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n"
    path = PLAYLIST.encode()
    answer = await raw(gateway, get % (path, b"") * 2 + get % (path, b"Connection: close\r\n"))
    assert answer.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET /live/" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET //etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 503),
        (b"GET /assets/../../x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
    ],
)
async def test_strange_requests_get_an_answer(
    gateway: Any, request_bytes: bytes, status: int
) -> None:
    answer = await raw(gateway, request_bytes)
    assert re.match(rb"HTTP/1\.[01] %d " % status, answer), answer[:80]


async def test_what_was_served_is_counted(gateway: Any, viewer: Any, on_air: Any) -> None:
    await viewer.ask(PLAYLIST)
    await viewer.ask("/live/demo/e1/720p/seg-0.m4s")
    await viewer.ask("/live/demo/e1/720p/seg-77.m4s")
    text = gateway.metrics.text().decode()
    for line in (
        'comptoir_gateway_requests_total{kind="playlist",layer="hot",status="200"} 1.0',
        'comptoir_gateway_requests_total{kind="segment",layer="hot",status="200"} 1.0',
        'comptoir_gateway_requests_total{kind="segment",layer="hot",status="404"} 1.0',
        "comptoir_gateway_parts_total 16.0",
        "comptoir_gateway_part_age_seconds_count 16.0",
        "comptoir_gateway_waiters 0.0",
        f"comptoir_gateway_window_bytes {16 * 40 + 12 * 40}.0",
        "comptoir_gateway_media_refused_total 0.0",
    ):
        assert line in text.splitlines(), line
