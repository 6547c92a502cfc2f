"""What aiohttp answers is bounded as the rest is: upgrades, bodies, and what comes behind them."""

import asyncio
from typing import Any

from aiohttp import WSMsgType, web

from mediaserver.gateway.hot.bounds import MAX_PIPELINE_BYTES, STALL_S

PLAYLIST = b"/live/demo/e1/720p/media.m3u8"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /live/demo/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ONE_READ_BYTES = 300_000


async def test_a_slow_reader_that_asks_for_an_upgrade_is_cut_off(make_hot: Any, until: Any) -> None:
    async def big(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bytes(8_000_000))

    hot = await make_hot(handle=big)
    client = await hot.client(receive_bytes=4096)
    client.stop_reading()
    client.send(b"GET /big HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")
    await until(lambda: any(not c._writable for c in hot.listener._connections))
    hot.later(STALL_S + 1)
    await until(lambda: len(hot.listener) == 0)
    assert hot.figure("comptoir_gateway_evictions_total['slow']") == 1


async def test_a_connection_comes_back_after_a_declined_upgrade(make_hot: Any, until: Any) -> None:
    hot = await make_hot(body_timeout_s=20)
    client = await hot.client()
    client.send(UPGRADE + GET % PLAYLIST)
    assert (await client.answer()).body == b"cold /live/demo/events 0"
    assert b"#EXTM3U" in (await client.answer()).body
    assert hot.figure("comptoir_gateway_requests_total['200', 'hot', 'playlist']") == 1
    await until(lambda: len(hot.listener.cold) == 0)
    client.send(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
    await until(lambda: len(hot.listener.cold) == 1)
    hot.later(21)
    assert await client.ended() == b""
    assert hot.figure("comptoir_gateway_evictions_total['body']") == 1


async def test_an_upgrade_has_what_came_with_it(make_hot: Any, until: Any) -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            assert message.type is WSMsgType.TEXT
            await ws.send_str(message.data)
        return ws

    hot = await make_hot(handle=echo)
    client = await hot.client()
    client.send(UPGRADE + b"\x81\x82" + bytes(4) + b"hi")
    assert (await client.answer()).status == 101
    async with asyncio.timeout(10):
        assert await client.reader.readexactly(4) == b"\x81\x02hi"
    hot.later(300)
    client.send(b"\x81\x82" + bytes(4) + b"ho")
    async with asyncio.timeout(10):
        assert await client.reader.readexactly(4) == b"\x81\x02ho"
    client.writer.close()
    await until(lambda: len(hot.listener) == 0)


async def test_a_body_whose_end_is_not_found_is_the_last(make_hot: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"2;" + b"x" * 5000 + b"\r\nab\r\n0\r\n\r\n")
    assert (await client.answer()).status in (200, 400)
    assert await client.ended() == b""


async def test_what_comes_behind_a_body_is_bounded(make_hot: Any, until: Any) -> None:
    taken, gate = asyncio.Event(), asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        taken.set()
        await gate.wait()
        return web.Response(text=str(len(body)))

    hot = await make_hot(handle=handle)
    client = await hot.client()
    head = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 800000\r\n\r\n"
    client.send(head + bytes(800_000) + GET % PLAYLIST * 150_000)
    async with asyncio.timeout(10):
        await taken.wait()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert len(hot.connection._buffer) < MAX_PIPELINE_BYTES + ONE_READ_BYTES
    gate.set()
    assert (await client.answer()).body == b"800000"
    for _ in range(100):
        assert (await client.answer()).status == 200


async def test_a_body_that_nobody_reads_leaves_the_connection_hearing(make_hot: Any) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=405)

    hot = await make_hot(handle=handle)
    client = await hot.client()
    for size in (50_000, 200_000):
        client.send(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(bytes(size))
        assert (await client.answer()).status == 405
        client.send(GET % PLAYLIST)
        assert (await client.answer()).status == 200


async def test_a_body_keeps_its_time_while_the_answer_is_read_slowly(
    make_hot: Any, until: Any
) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 2_000_000
        await response.prepare(request)
        await response.write(bytes(2_000_000))
        await request.read()
        return response

    hot = await make_hot(handle=handle, body_timeout_s=45)
    client = await hot.client(receive_bytes=4096)
    client.stop_reading()
    client.send(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
    await until(lambda: any(not c._writable for c in hot.listener._connections))
    client.read_on()
    assert len((await client.answer()).body) == 2_000_000
    await until(lambda: hot.connection._writable)
    hot.later(STALL_S + 1)
    client.send(b"l")
    hot.later(28)
    assert len(hot.listener) == 1
    assert hot.figure("comptoir_gateway_evictions_total['body']") == 0
    hot.later(2)
    await client.ended()
    assert hot.figure("comptoir_gateway_evictions_total['body']") == 1


async def test_what_aiohttp_has_closed_must_be_taken(make_hot: Any, until: Any) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.force_close()
        await response.prepare(request)
        assert request.transport is not None
        while not request.transport.get_write_buffer_size():
            await response.write(bytes(16_000))
        return response

    hot = await make_hot(handle=handle)
    client = await hot.client(receive_bytes=4096)
    client.stop_reading()
    client.send(GET % b"/page")
    await until(lambda: len(hot.listener) == 1)
    await until(lambda: hot.connection._transport.is_closing())
    assert hot.connection._writable
    hot.later(STALL_S + 1)
    assert len(hot.listener) == 1
    hot.later(STALL_S + 1)
    await until(lambda: len(hot.listener) == 0)
    assert hot.figure("comptoir_gateway_evictions_total['slow']") == 1
