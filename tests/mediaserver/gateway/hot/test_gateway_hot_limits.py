"""The time and the room that a connection has."""

import socket
from typing import Any

from mediaserver.gateway.hot.bounds import MAX_PIPELINE_BYTES, STALL_S
from mediaserver.gateway.hot.listener import NOTSENT_BYTES

PLAYLIST = b"/live/demo/e1/720p/media.m3u8"
NEXT = b"/live/demo/e1/720p/media.m3u8?_HLS_msn=1&_HLS_part=2"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_pipelining_is_bounded(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(GET % NEXT)
    await until(lambda: hot.shows.waiting == 1)
    client.send(GET % b"/live/demo/state" * 40_000)
    (connection,) = hot.listener._connections
    await until(lambda: not connection._reading)
    assert len(connection._buffer) < MAX_PIPELINE_BYTES + 300_000  # one read of the loop's
    hot.next_part()
    for _ in range(1000):
        assert (await client.answer()).status == 200


async def test_a_head_that_drips_ends_in_time(make_hot: Any, until: Any) -> None:
    hot = await make_hot(header_timeout_s=10)
    silent, slow, slower = [await hot.client() for _ in range(3)]
    slow.send(b"GET / HTTP/1.1\r\nHo")
    slower.send(GET % PLAYLIST)
    await slower.answer()
    await until(lambda: len([c for c in hot.listener._connections if c._state == "head"]) == 1)
    hot.later(9)
    slow.send(b"s")
    slower.send(b"GET ")
    await until(lambda: len([c for c in hot.listener._connections if c._state == "head"]) == 2)
    hot.later(2)
    assert (await slow.answer()).status == 408
    assert await slow.ended() == b""
    assert await silent.ended() == b""
    hot.later(6)
    assert hot.figure("comptoir_gateway_evictions_total['head']") == 1
    hot.later(3)
    assert (await slower.answer()).status == 408


async def test_a_body_that_drips_ends_in_time(make_hot: Any, until: Any) -> None:
    hot = await make_hot(body_timeout_s=20)
    client = await hot.client()
    client.send(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
    await until(lambda: len(hot.listener.cold) == 1)
    hot.later(19)
    client.send(b"l")
    hot.later(2)
    assert await client.ended() == b""
    assert hot.figure("comptoir_gateway_evictions_total['body']") == 1
    await until(lambda: len(hot.listener.cold) == 0)


async def test_an_idle_connection_is_closed(make_hot: Any) -> None:
    hot = await make_hot(idle_timeout_s=75)
    client = await hot.client()
    client.send(GET % PLAYLIST)
    await client.answer()
    hot.later(74)
    client.send(GET % PLAYLIST)
    await client.answer()
    hot.later(74)
    assert hot.figure("comptoir_gateway_evictions_total['idle']") == 0
    hot.later(2)
    assert await client.ended() == b""


async def test_a_waiting_request_is_told_that_nothing_came(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    client = await hot.client()
    client.send(GET % NEXT)
    await until(lambda: hot.shows.waiting == 1)
    hot.later(5)
    assert hot.shows.waiting == 1
    hot.later(1.1)
    assert (await client.answer()).status == 503
    client.send(GET % PLAYLIST)
    assert (await client.answer()).status == 200


async def test_a_client_that_reads_nothing_is_cut_off(make_hot: Any, until: Any) -> None:
    hot = await make_hot(part_bytes=4_000_000)
    client = await hot.client(receive_bytes=4096)
    client.stop_reading()
    client.send(GET % b"/live/demo/e1/720p/part-7.m4s" * 20)
    await until(lambda: any(not c._writable for c in hot.listener._connections))
    (connection,) = hot.listener._connections
    assert connection._transport.get_write_buffer_size() < 2 * 4_000_000
    hot.later(STALL_S - 1)
    assert len(hot.listener) == 1
    hot.later(2)
    await until(lambda: len(hot.listener) == 0)
    assert hot.figure("comptoir_gateway_evictions_total['slow']") == 1


async def test_accepted_sockets_inherit_what_the_listening_one_has(
    make_hot: Any, until: Any
) -> None:
    hot = await make_hot()
    await hot.client()
    await until(lambda: len(hot.listener) == 1)
    (connection,) = hot.listener._connections
    raw = connection._transport.get_extra_info("socket")
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == NOTSENT_BYTES
