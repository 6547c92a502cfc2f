"""What one connection may hold, in clear and over TLS, and how long for."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bench.certificates import self_signed
from mediaserver.config_tls import TlsFiles
from mediaserver.gateway.hot.bounds import LOOK_S, MAX_PIPELINE_BYTES, STALL_S
from mediaserver.gateway.tls import TlsKeeper

PLAYLIST = b"/live/demo/e1/720p/media.m3u8"
NEXT = PLAYLIST + b"?_HLS_msn=1&_HLS_part=2"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
ONE_READ_BYTES = 300_000


async def test_a_client_that_asks_and_asks_fills_no_buffer(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    padded = GET.replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 400 + b"\r\n\r\n") % b"/live/demo/state"
    client.send(padded * 8000)
    largest = answers = 0

    async def read() -> None:
        nonlocal answers
        while answers < 8000:
            answers += (await client.reader.readuntil(b"}")).count(b"HTTP/1.1 200")

    def done() -> bool:
        nonlocal largest
        largest = max(largest, *(len(c._buffer) for c in hot.listener._connections), 0)
        return reading.done()

    reading = asyncio.create_task(read())
    await until(done)
    await reading
    assert largest < MAX_PIPELINE_BYTES + ONE_READ_BYTES


async def test_what_is_taken_at_last_serves_nobody_who_waits(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(GET % NEXT + GET % b"/live/demo/state")
    await until(lambda: hot.shows.waiting == 1)
    hot.connection.pause_writing()
    hot.connection.resume_writing()
    assert hot.figure("comptoir_gateway_requests_total['200', 'hot', 'state']") == 0
    hot.next_part()
    assert b"part-8.m4s" in (await client.answer()).body
    assert b'"show":"demo"' in (await client.answer()).body


async def test_a_refused_head_has_no_body(make_hot: Any, until: Any) -> None:
    hot = await make_hot(max_connections=1)
    await hot.client()
    client = await hot.client()
    await until(lambda: len(hot.listener) == 2)
    client.send(b"HEAD %b HTTP/1.1\r\nHost: x\r\n\r\n" % PLAYLIST)
    refused = await client.answer(head=True)
    assert (refused.status, refused.headers["connection"]) == (503, "close")
    assert await client.ended() == b""


@pytest.fixture
def pair(tmp_path: Path) -> Any:
    """A certificate of our own."""
    return self_signed(tmp_path)


@pytest.fixture
def keeper(pair: Any) -> TlsKeeper:
    return TlsKeeper(TlsFiles(certificate=pair.certificate, key=pair.key))


async def test_a_slow_reader_over_tls_is_cut_off_as_soon(
    make_hot: Any, until: Any, pair: Any, keeper: TlsKeeper
) -> None:
    hot = await make_hot(part_bytes=300_000, tls=keeper)
    client = await hot.client(receive_bytes=4096, tls=pair.client())
    client.stop_reading()
    client.send(GET % b"/live/demo/e1/720p/seg-0.m4s")
    await until(lambda: hot.figure("comptoir_gateway_served_bytes_total['segment']") > 0)
    hot.later(LOOK_S + 1)  # what the kernel took meanwhile is no sign of the client
    hot.later(STALL_S - LOOK_S)
    client.read_on()
    async with asyncio.timeout(10):
        await client.reader.readexactly(900_000)
    client.stop_reading()
    for _ in range(STALL_S // LOOK_S):
        hot.later(LOOK_S)
        assert hot.figure("comptoir_gateway_evictions_total['slow']") == 0
    hot.later(2 * LOOK_S)
    await until(lambda: len(hot.listener) == 0)
    assert hot.figure("comptoir_gateway_evictions_total['slow']") == 1


async def test_small_answers_left_unread_over_tls_are_noticed(
    make_hot: Any, until: Any, pair: Any, keeper: TlsKeeper
) -> None:
    hot = await make_hot(part_bytes=100_000, tls=keeper)
    client = await hot.client(receive_bytes=4096, tls=pair.client())
    client.stop_reading()
    client.send(GET % b"/live/demo/e1/720p/part-7.m4s" * 4)
    await until(lambda: hot.figure("comptoir_gateway_served_bytes_total['part']") >= 400_000)
    for _ in range(STALL_S // LOOK_S):
        hot.later(LOOK_S)
        assert len(hot.listener) == 1
    hot.later(2 * LOOK_S)
    await until(lambda: len(hot.listener) == 0)
    assert hot.figure("comptoir_gateway_evictions_total['slow']") == 1


async def test_an_idle_connection_over_tls_lives_as_long_as_any(
    make_hot: Any, until: Any, pair: Any, keeper: TlsKeeper
) -> None:
    hot = await make_hot(tls=keeper, idle_timeout_s=75)
    client = await hot.client(tls=pair.client())
    for _ in range(2):
        client.send(GET % PLAYLIST)
        assert (await client.answer()).status == 200
        await until(lambda: hot.connection._untaken()[0] == 0)  # acknowledged, too
        hot.later(STALL_S + 1)
        hot.later(74 - STALL_S - 1)
    assert len(hot.listener) == 1
    hot.later(2)
    assert await client.ended() == b""
    assert hot.figure("comptoir_gateway_evictions_total['idle']") == 1
