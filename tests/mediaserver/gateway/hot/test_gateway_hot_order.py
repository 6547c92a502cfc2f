"""Requests of one connection: their order, those that aiohttp answers, and the way back."""

import asyncio
import gc
import weakref
from typing import Any

import pytest
import uvloop
from aiohttp import web

from mediaserver.gateway.hot.cold import ColdHandler
from mediaserver.gateway.hot.limits import Limits
from mediaserver.gateway.hot.listener import Listener
from mediaserver.gateway.hot.metrics import HotMetrics
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.shows import Shows

PLAYLIST = b"/live/demo/e1/720p/media.m3u8"
NEXT = b"/live/demo/e1/720p/media.m3u8?_HLS_msn=1&_HLS_part=2"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_pipelined_answers_come_in_order_even_when_the_first_waits(
    make_hot: Any, until: Any
) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(GET % NEXT + GET % b"/live/demo/state" + GET % b"/cold" + GET % PLAYLIST)
    await until(lambda: hot.shows.waiting == 1)
    assert hot.cold == []
    hot.next_part()
    assert b"part-8.m4s" in (await client.answer()).body
    assert b'"show":"demo"' in (await client.answer()).body
    assert (await client.answer()).body == b"cold /cold 0"
    assert b"#EXTM3U" in (await client.answer()).body


async def test_a_connection_comes_back_from_aiohttp(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    for _ in range(3):
        client.send(GET % b"/page")
        assert (await client.answer()).body == b"cold /page 0"
        client.send(GET % PLAYLIST)
        assert (await client.answer()).status == 200
    assert hot.figure("comptoir_gateway_requests_total['200', 'hot', 'playlist']") == 3
    await until(lambda: len(hot.listener.cold) == 0)


async def test_no_handler_lingers(make_hot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hot = await make_hot()
    handlers: list[weakref.ref[Any]] = []

    class Seen(ColdHandler):
        pass  # without slots, so that it can be referred to weakly

    def handler(owner: Any) -> Any:
        seen = Seen(hot.listener.cold._server, owner, asyncio.get_running_loop())
        handlers.append(weakref.ref(seen))
        return seen

    monkeypatch.setattr(hot.listener.cold, "handler", handler)
    client = await hot.client()
    client.send(GET % b"/page")
    await client.answer()
    client.send(GET % PLAYLIST)
    await client.answer()
    gc.collect()
    assert [ref() for ref in handlers] == [None]


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
async def test_a_chunked_body_reaches_aiohttp_untouched(make_hot: Any, piece: int) -> None:
    hot = await make_hot()
    client = await hot.client()
    body = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n"
    head = b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + body + GET % PLAYLIST
    for at in range(0, len(data), piece):
        client.send(data[at : at + piece])
        await asyncio.sleep(0)
    assert (await client.answer()).body == b"cold /p 11"
    assert b"#EXTM3U" in (await client.answer()).body
    assert hot.cold == [("POST", "/p", b"hello world")]


async def test_a_body_with_a_length_and_expect(make_hot: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
    client.send(b"lo" + GET % PLAYLIST)
    assert (await client.answer()).body == b"cold /p 5"
    assert (await client.answer()).status == 200


async def test_a_client_that_goes_leaves_no_waiter(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(GET % NEXT)
    await until(lambda: hot.shows.waiting == 1)
    client.writer.close()
    await until(lambda: hot.shows.waiting == 0)
    await until(lambda: len(hot.listener) == 0)


@pytest.mark.parametrize(
    ("request_bytes", "status", "keeps"),
    [
        (b"GET %b HTTP/1.0\r\n\r\n", 200, False),
        (b"GET %b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, True),
        (b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, False),
        (b"GET http://any.host%b HTTP/1.1\r\nHost: x\r\n\r\n", 200, True),
        (b"\r\n\r\nGET %b HTTP/1.1\r\nHost: x\r\n\r\n", 200, True),
        (b"OPTIONS %b HTTP/1.1\r\nHost: x\r\n\r\n", 204, True),
        (b"GET %b HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200, True),
        (b"GET %b HTTP/1.1\r\n\r\n", 400, False),
        (b"GET %b HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, False),
        (b"GET %b HTTP/2.0\r\nHost: x\r\n\r\n", 400, False),
        (b"GET %b HTTP/1.1\nHost: x\n\n", 400, False),
        (b"BREW %b HTTP/1.1\r\nHost: x\r\n\r\n", 501, False),
        (
            b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
            b"\r\n0\r\n\r\n",
            400,
            False,
        ),
        (
            b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            400,
            False,
        ),
    ],
)
async def test_what_requests_may_look_like(
    make_hot: Any, request_bytes: bytes, status: int, keeps: bool
) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(request_bytes % PLAYLIST)
    answer = await client.answer()
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "date" in answer.headers
    assert (answer.headers.get("connection") != "close") == keeps
    if keeps:
        client.send(GET % PLAYLIST)
        assert (await client.answer()).status == 200
    else:
        assert await client.ended() == b""


def test_the_same_under_the_loop_that_serves(broadcast: Any, clock: Any, bare_client: Any) -> None:
    """uvloop's transports differ in much: what is answered hot, cold and hot again must not."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="cold")

    async def serve() -> list[int]:
        shows = Shows(window_s=12)
        show = broadcast(part_bytes=300_000)
        for message in (show.status(), *show.inits(), *show.many(8)):
            shows.apply(message, clock())
        shows.publish_due(clock())
        listener = Listener(
            origin=Origin(shows), handle=handle, metrics=HotMetrics(), limits=Limits()
        )
        port = await listener.start("127.0.0.1", 0, reuse_port=False)
        client = bare_client(*await asyncio.open_connection("127.0.0.1", port))
        part = b"/live/demo/e1/720p/part-7.m4s"
        client.send(GET % NEXT + GET % part + GET % b"/page" + GET % part + b"?\r\n\r\n")
        while shows.waiting == 0:  # noqa: ASYNC110 - a condition, not an event of ours
            await asyncio.sleep(0)
        for each in show.parts():
            shows.apply(each, clock())
        shows.publish_due(clock())
        statuses = [(await client.answer()).status for _ in range(5)]
        client.writer.close()
        await listener.stop(1)
        return statuses

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(serve()) == [200, 200, 200, 200, 400]
