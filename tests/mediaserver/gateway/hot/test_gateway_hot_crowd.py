"""Many who ask for the same at once: known words, turns, and how they are counted."""

from typing import Any

PLAYLIST = b"/live/demo/e1/720p/media.m3u8"
NEXT = b"/live/demo/e1/720p/media.m3u8?_HLS_msn=1&_HLS_part=2"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_who_pulls_is_counted_by_show(make_hot: Any) -> None:
    hot = await make_hot()
    for path in (PLAYLIST, b"/live/demo/e1/720p/part-7.m4s", b"/live/demo/state"):
        client = await hot.client()
        client.send(GET % path)
        await client.answer()
    hot.later(1)
    assert hot.listener.pulling["demo"] == 2
    hot.later(10)
    assert hot.listener.pulling["demo"] == 0


async def test_how_long_waiters_waited_for_their_turn(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    clients = [await hot.client() for _ in range(5)]
    for client in clients:
        client.send(GET % NEXT)
    await until(lambda: hot.shows.waiting == 5)
    hot.next_part()
    for client in clients:
        assert (await client.answer()).status == 200
    assert hot.shows.hot_metrics._wakes._sum >= 0
    assert sum(hot.shows.hot_metrics._wakes._counts) == 5


async def test_a_crowd_that_asks_at_once_is_served_a_chunk_a_turn(
    make_hot: Any, until: Any
) -> None:
    hot = await make_hot(connections_per_address=2000)
    clients = [await hot.client() for _ in range(3)]
    await until(lambda: len(hot.listener) == 3)
    hot.listener.crowd.left = 1  # as if others had been served in this turn
    connections = list(hot.listener._connections)
    for connection in connections:
        connection.data_received(GET % PLAYLIST)
    assert [c._queued for c in connections] == [False, True, True]
    connections[1].data_received(GET % b"/live/demo/state")
    connections[2].connection_lost(None)
    await until(lambda: not hot.listener.crowd)
    served = hot.figure("comptoir_gateway_requests_total['200', 'hot', 'playlist']")
    assert served == 2
    assert hot.figure("comptoir_gateway_requests_total['200', 'hot', 'state']") == 1
    assert clients


async def test_known_words_are_answered_with_what_is_there_now(make_hot: Any) -> None:
    hot = await make_hot()
    clients = [await hot.client() for _ in range(2)]

    async def ask(target: bytes) -> list[Any]:
        for client in clients:
            client.send(GET % target)
        return [await client.answer() for client in clients]

    await ask(PLAYLIST)
    for number in (8, 9):
        part = b"/live/demo/e1/720p/part-%d.m4s" % number
        absent = b"/live/demo/e1/720p/part-%d.m4s" % (number + 1)
        assert [answer.status for answer in await ask(absent)] == [404, 404]
        hot.next_part()
        for answer in await ask(PLAYLIST):
            assert b"part-%d.m4s" % number in answer.body
        assert [answer.status for answer in await ask(part)] == [200, 200]
        assert len(hot.listener.shortcuts.known) == 2
    before = hot.figure("comptoir_gateway_served_bytes_total['part']")
    bodies = [answer.body for answer in await ask(part)]
    assert bodies[0] == bodies[1]
    after = hot.figure("comptoir_gateway_served_bytes_total['part']")
    assert after - before == 2 * len(bodies[0])
    assert hot.figure("comptoir_gateway_requests_total['200', 'hot', 'playlist']") == 6
    assert hot.figure("comptoir_gateway_requests_total['200', 'hot', 'part']") == 6
    hot.later(1)
    assert not hot.listener.shortcuts.known  # the Date of their answers is over
    hot.shows._free(hot.shows._shows["demo"], "e1")
    hot.shows.prune(hot.clock())
    assert [answer.status for answer in await ask(PLAYLIST)] == [404, 404]


async def test_who_waits_in_known_words_is_woken_and_may_go(make_hot: Any, until: Any) -> None:
    hot = await make_hot()
    clients = [await hot.client() for _ in range(4)]
    for client in clients:
        client.send(GET % PLAYLIST)
        await client.answer()
        client.send(GET % NEXT)
    await until(lambda: hot.shows.waiting == 4)
    clients[3].writer.close()
    await until(lambda: hot.shows.waiting == 3)
    clients[1].send(GET % PLAYLIST)
    hot.next_part()
    for client in clients[:3]:
        assert b"part-8.m4s" in (await client.answer()).body
    assert (await clients[1].answer()).status == 200
    client.send(GET % (PLAYLIST + b"?_HLS_msn=1&_HLS_part=3"))
    await until(lambda: hot.shows.waiting == 1)
    hot.later(6.1)
    assert (await client.answer()).status == 503


async def test_no_request_is_served_at_once_while_a_cue_is_under_way(
    make_hot: Any, until: Any
) -> None:
    hot = await make_hot()
    client = await hot.client()
    await until(lambda: len(hot.listener) == 1)
    (connection,) = hot.listener._connections
    served: list[bool] = []
    chunks = iter((True, True, False))

    def cue() -> bool:
        served.append(connection._state == "idle")
        return next(chunks)

    hot.listener.crowd._turns.add(cue, urgent=True)
    connection.data_received(GET % PLAYLIST)
    assert connection._queued
    assert (await client.answer()).status == 200
    assert served == [False, False, False]
