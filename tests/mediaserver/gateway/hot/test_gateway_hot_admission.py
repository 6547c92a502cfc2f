"""Who is let in, and what the others are told."""

import ipaddress
from typing import Any

import pytest

from mediaserver.gateway.hot.admission import MAX_TURNED_AWAY_OF_A_PARTY

PLAYLIST = b"/live/demo/e1/720p/media.m3u8"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
SECOND_NS = 1_000_000_000


async def test_one_address_has_so_many_connections(make_hot: Any, until: Any) -> None:
    hot = await make_hot(connections_per_address=2)
    first, second, third = [await hot.client() for _ in range(3)]
    for client in (first, second, third):
        client.send(GET % PLAYLIST)
    assert [(await c.answer()).status for c in (first, second)] == [200, 200]
    refused = await third.answer()
    assert (refused.status, refused.headers["retry-after"]) == (429, "10")
    assert refused.headers["connection"] == "close"
    assert await third.ended() == b""
    third.writer.close()
    first.writer.close()
    await until(lambda: len(hot.listener) == 1)
    fourth = await hot.client()
    fourth.send(GET % PLAYLIST)
    assert (await fourth.answer()).status == 200


async def test_no_more_connections_than_there_may_be(make_hot: Any, until: Any) -> None:
    hot = await make_hot(max_connections=1)
    first, second = await hot.client(), await hot.client()
    await until(lambda: len(hot.listener) == 2)
    second.send(GET % b"/anything")
    assert (await second.answer()).status == 503
    first.send(GET % PLAYLIST)
    assert (await first.answer()).status == 200


async def test_a_busy_gateway_takes_no_new_viewers(make_hot: Any) -> None:
    hot = await make_hot(max_load=0.5)
    known = await hot.client()
    known.send(GET % PLAYLIST)
    assert (await known.answer()).status == 200
    for _ in range(8):
        hot.cpu[0] += SECOND_NS * 9 // 10
        hot.later(1)
    new, host = await hot.client(), await hot.client()
    new.send(GET % b"/live/demo/index.m3u8")
    refused = await new.answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    host.send(GET % b"/api/v1/shows")
    assert (await host.answer()).status == 200
    known.send(GET % PLAYLIST)
    assert (await known.answer()).status == 200
    for _ in range(8):
        hot.later(1)
    again = await hot.client()
    again.send(GET % PLAYLIST)
    assert (await again.answer()).status == 200


UPGRADE = (
    b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def be_busy(hot: Any) -> None:
    for _ in range(8):
        hot.cpu[0] += SECOND_NS * 9 // 10
        hot.later(1)
    assert hot.listener.busy


@pytest.mark.parametrize("first", [GET % b"/watch", GET % b"/live/demo/whip", b""])
async def test_a_page_first_does_not_let_a_viewer_into_a_busy_gateway(
    make_hot: Any, first: bytes
) -> None:
    hot = await make_hot(max_load=0.5)
    be_busy(hot)
    client = await hot.client()
    if first:
        client.send(first)
        assert (await client.answer()).status == 200
    client.send(GET % PLAYLIST)
    assert (await client.answer()).status == 503
    assert await client.ended() == b""
    assert hot.figure("comptoir_gateway_refused_total['load']") == 1


async def test_a_front_door_left_open_does_not_let_a_viewer_into_a_busy_gateway(
    make_hot: Any,
) -> None:
    hot = await make_hot(max_load=0.5)
    client = await hot.client()
    for path in (b"/live/shows.json", b"/live/demo/poster.jpg?v=1"):
        client.send(GET % path)
        assert (await client.answer()).status == 200
    be_busy(hot)
    client.send(GET % b"/live/demo/index.m3u8")
    assert (await client.answer()).status == 503


async def test_a_busy_gateway_takes_no_new_event_sockets(make_hot: Any) -> None:
    hot = await make_hot(max_load=0.5)
    be_busy(hot)
    new, back = await hot.client(), await hot.client()
    new.send(UPGRADE % b"/live/demo/events")
    refused = await new.answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert hot.cold == []
    back.send(UPGRADE % b"/live/demo/events?since=log1:7")
    assert (await back.answer()).status == 200  # the cold layer's; it watches already
    assert [path for _, path, _ in hot.cold] == ["/live/demo/events"]


async def test_through_a_proxy_a_busy_gateway_refuses_beginnings_alone(make_hot: Any) -> None:
    """A proxy sends any viewer's request on any of its connections."""
    hot = await make_hot(max_load=0.5, exempt=(ipaddress.ip_network("127.0.0.0/8"),))
    known = await hot.client()
    known.send(GET % PLAYLIST)
    assert (await known.answer()).status == 200
    be_busy(hot)
    fresh = await hot.client()
    for client in (known, fresh):
        for path in (PLAYLIST, b"/live/demo/e1/720p/part-7.m4s", b"/live/demo/state"):
            client.send(GET % path)
            assert (await client.answer()).status == 200
    for request in (GET % b"/live/demo/index.m3u8", UPGRADE % b"/live/demo/events"):
        client = await hot.client()
        client.send(GET % PLAYLIST + request)
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 503
        assert await client.ended() == b""


async def test_who_is_refused_takes_nobodys_place(make_hot: Any, until: Any) -> None:
    hot = await make_hot(max_connections=4, connections_per_address=3)
    held = [await hot.client() for _ in range(3)]
    await until(lambda: len(hot.listener) == 3)
    crowd = [await hot.client() for _ in range(MAX_TURNED_AWAY_OF_A_PARTY + 5)]
    await until(lambda: hot.figure("comptoir_gateway_refused_total['address']") == len(crowd))
    await until(lambda: len(hot.listener) == 3 + MAX_TURNED_AWAY_OF_A_PARTY)
    assert hot.listener._admission.open == 3
    assert hot.listener._admission.enter("198.51.100.7")[1] is None
    for client in crowd[MAX_TURNED_AWAY_OF_A_PARTY:]:
        assert await client.ended() == b""
    crowd[0].send(GET % PLAYLIST)
    assert (await crowd[0].answer()).status == 429
    assert held
