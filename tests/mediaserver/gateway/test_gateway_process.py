"""The whole process: `run` on a real port, main that comes, goes and comes back."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from mediaserver.bus.messages import Replay, ShowsHere, ViewerCount, ViewerCounts
from mediaserver.errors import StartError
from mediaserver.gateway import feed as feed_module
from mediaserver.gateway.process import run
from transcoder.control import Hello

MakeBroadcast = Callable[..., Any]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
async def running(main_side: Any, until: Until) -> AsyncIterator[str]:
    """`run` itself, connected; its address."""
    port = free_port()
    task = asyncio.create_task(
        run(
            bus_path=main_side.bus_path,
            main_http=main_side.http_path,
            host="127.0.0.1",
            port=port,
            window_s=12,
            gateway_id="g7",
        )
    )
    await until(lambda: task.done() or bool(main_side.peers))
    yield f"http://127.0.0.1:{port}"
    task.cancel()
    async with asyncio.timeout(10):
        assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException)
    assert task.cancelled()


async def status_of(url: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        await response.read()
        return response.status


async def wait_for_status(url: str, wanted: int) -> None:
    async with asyncio.timeout(10):
        while await status_of(url) != wanted:  # noqa: ASYNC110 - asks until the answer changes
            await asyncio.sleep(0)


async def test_a_gateway_says_hello_and_serves_what_it_is_sent(
    running: str, main_side: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    await until(lambda: bool(main_side.received))
    hello = main_side.received[0]
    assert isinstance(hello, Hello)
    assert (hello.role, hello.id) == ("gateway", "g7")
    show = broadcast()
    main_side.send(show.status(), *show.inits(), *show.many(3))
    await wait_for_status(f"{running}/live/demo/e1/720p/part-2.m4s", 200)
    assert await status_of(f"{running}/livez") == 200


async def test_a_window_sent_again_after_a_reconnect_changes_nothing(
    gateway: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    show = broadcast()
    messages = [show.status(), *show.inits(), *show.many(20)]
    await gateway.take(*messages)
    url = f"{gateway.url}/live/demo/e1/720p/media.m3u8"
    async with gateway.http.get(url) as response:
        before = await response.read()
    await gateway.main.close_bus()
    await until(lambda: not gateway.main.peers)
    async with gateway.http.get(url) as response:  # main is gone: viewers keep what there is
        assert await response.read() == before
    await gateway.main.open_bus()
    await until(lambda: bool(gateway.main.peers))
    await gateway.take(*messages)
    async with gateway.http.get(url) as response:
        assert await response.read() == before
    await gateway.take(*show.parts())
    async with gateway.http.get(url) as response:
        assert b"part-20.m4s" in await response.read()
    assert gateway.shows.refused == 0


async def test_a_viewer_waits_across_the_death_of_main(
    gateway: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    show = broadcast()
    await gateway.take(show.status(), *show.inits(), *show.many(2))
    url = f"{gateway.url}/live/demo/e1/720p/media.m3u8?_HLS_msn=0&_HLS_part=2"

    async def watch() -> bytes:
        async with gateway.http.get(url) as response:
            return bytes(await response.read())

    watching = asyncio.create_task(watch())
    await until(gateway.waiting(1))
    await gateway.main.close_bus()
    await gateway.main.open_bus()
    await until(lambda: bool(gateway.main.peers))
    await gateway.take(*show.parts())
    assert b"part-2.m4s" in await watching


async def test_bad_media_is_refused_and_the_rest_goes_on(
    gateway: Any, broadcast: MakeBroadcast
) -> None:
    show, stranger = broadcast(), broadcast(show="nobody")
    await gateway.take(show.status(), *show.inits(), *show.many(2))
    await gateway.take(*stranger.inits(), *stranger.parts(), Hello(role="main", id="", pid=0))
    show.generation = 3
    await gateway.take(*show.many(4))
    show.generation = 0
    show.number, show.msn, show.index, show.tick = 2, 0, 2, 2 * show.part_ticks
    await gateway.take(*show.parts())
    async with gateway.http.get(f"{gateway.url}/live/demo/e1/720p/media.m3u8") as response:
        assert b"part-2.m4s" in await response.read()
    assert gateway.shows.refused == 2 + 2 + 1 + 8


async def test_metrics_go_to_main(
    gateway: Any, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(feed_module, "METRICS_EVERY_S", 0)
    await gateway.main.close_bus()
    await gateway.main.open_bus()
    await until(lambda: bool(gateway.main.metrics))
    assert b"comptoir_gateway_waiters" in gateway.main.metrics[0].text


async def test_a_port_that_is_taken_is_one_sentence(main_side: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StartError, match=r"cannot listen on 127\.0\.0\.1:\d+: .*in use\."):
            await run(
                bus_path=main_side.bus_path,
                main_http=main_side.http_path,
                host="127.0.0.1",
                port=taken.getsockname()[1],
                window_s=12,
                gateway_id="g1",
            )


async def test_event_sockets_open_and_are_told_of_the_end(
    main_side: Any, show_log: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    port = free_port()
    task = asyncio.create_task(
        run(
            bus_path=main_side.bus_path,
            main_http=main_side.http_path,
            host="127.0.0.1",
            port=port,
            window_s=12,
            gateway_id="g7",
            allowed_origins=("https://shop.example",),
        )
    )
    await until(lambda: task.done() or bool(main_side.peers))
    main_side.send(show_log.snapshot(), broadcast().status(), show_log.event())
    await wait_for_status(f"http://127.0.0.1:{port}/live/demo/state", 200)
    url = f"http://127.0.0.1:{port}/live/demo/events"
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url, headers={"Origin": "https://shop.example"}) as ws,
    ):
        assert (await ws.receive_json())["offset"] == 1
        task.cancel()
        assert (await ws.receive()).data == 1001
    await asyncio.gather(task, return_exceptions=True)


async def test_of_a_replay_nothing_is_shown_before_all_of_it_is_there(
    running: str, main_side: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    """Else a restarted gateway's first playlist would end where the last one's ended long ago."""
    await until(lambda: bool(main_side.received))
    show = broadcast()
    parts = show.many(20)
    url = f"{running}/live/demo/e1/720p"
    main_side.send(Replay(done=False), show.status(), *show.inits(), *parts[:-2])
    await wait_for_status(f"{url}/part-3.m4s", 200)
    assert await status_of(f"{url}/media.m3u8") != 200
    main_side.send(*parts[-2:], Replay(done=True))
    await wait_for_status(f"{url}/media.m3u8", 200)
    async with aiohttp.ClientSession() as http, http.get(f"{url}/media.m3u8") as response:
        assert "part-19.m4s" in await response.text()


async def test_a_replay_that_breaks_off_is_not_shown_before_a_whole_one(
    running: str, main_side: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    await until(lambda: bool(main_side.received))
    show = broadcast()
    parts = show.many(20)
    url = f"{running}/live/demo/e1/720p"
    main_side.send(Replay(done=False), show.status(), *show.inits(), *parts[:-4])
    await wait_for_status(f"{url}/part-3.m4s", 200)
    (lost,) = main_side.peers
    lost.abort()
    await until(lambda: main_side.peers and main_side.peers != [lost])
    assert await status_of(f"{url}/media.m3u8") != 200
    main_side.send(Replay(done=False), show.status(), *show.inits(), *parts, Replay(done=True))
    await wait_for_status(f"{url}/media.m3u8", 200)
    async with aiohttp.ClientSession() as http, http.get(f"{url}/media.m3u8") as response:
        assert "part-19.m4s" in await response.text()


async def newest(gateway: Any, show: str) -> str:
    """The last part of a show's playlist."""
    async with gateway.http.get(f"{gateway.url}/live/{show}/e1/720p/media.m3u8") as response:
        listed = re.findall(r"part-\d+\.m4s", await response.text())
    return str(listed[-2]) if listed else ""  # the last one is the preload hint


async def test_a_replay_that_breaks_off_holds_back_nothing_else(
    gateway: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    """Shows of other nodes go on, and so do our own when another main takes them over."""
    own, other = broadcast(show="own"), broadcast(show="other")
    take = gateway.feed.take_remote
    for message in (other.status(), *other.inits(), *other.many(8)):
        take(message)
    (main,) = gateway.main.peers
    gateway.main.send(Replay(done=False), ShowsHere(shows=("own",)))
    gateway.main.send(own.status(), *own.inits(), *own.many(8))
    await until(lambda: held(gateway, "own") == held(gateway, "other"))
    for message in other.parts():
        take(message)
    await until(lambda: not gateway.feed._publishing)
    assert (await newest(gateway, "other"), await newest(gateway, "own")) == ("part-8.m4s", "")
    main.abort()
    await until(lambda: gateway.main.peers and gateway.main.peers != [main])
    for message in other.parts():
        take(message)
    await until(lambda: not gateway.feed._publishing)
    assert (await newest(gateway, "other"), await newest(gateway, "own")) == ("part-9.m4s", "")
    gateway.feed.hold("own")
    for message in own.parts():
        take(message)
    await until(lambda: not gateway.feed._publishing)
    assert await newest(gateway, "own") == ""
    gateway.feed.release("own")
    assert await newest(gateway, "own") == "part-8.m4s"


def held(gateway: Any, show: str) -> int:
    """How many bytes of a show's media are here."""
    publication = gateway.shows.publication(show, "e1")
    return 0 if publication is None else int(publication.epoch.held_bytes)


@pytest.fixture
def counted_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "COUNT_EVERY_S", 0.02)


@pytest.mark.usefixtures("counted_often")
async def test_who_only_pulls_is_counted_too(
    running: str, main_side: Any, broadcast: MakeBroadcast, until: Until
) -> None:
    show = broadcast()
    main_side.send(show.status(), *show.inits(), *show.many(8))
    url = f"{running}/live/demo/e1/720p/media.m3u8"
    await wait_for_status(url, 200)
    async with aiohttp.ClientSession() as one, aiohttp.ClientSession() as two:
        for http in (one, two):
            async with http.get(url) as response:
                assert response.status == 200
        await until(
            lambda: any(
                isinstance(message, ViewerCounts)
                and message.counts == (ViewerCount(show="demo", viewers=2),)
                for message in main_side.received
            )
        )


async def test_a_report_that_fails_is_left_out(
    gateway: Any, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    good, failures = gateway.metrics.text, iter([UnicodeEncodeError("utf-8", "\udcff", 0, 1, "")])

    def text() -> bytes:
        for failure in failures:
            raise failure
        return bytes(good())

    monkeypatch.setattr(gateway.metrics, "text", text)
    monkeypatch.setattr(feed_module, "METRICS_EVERY_S", 0)
    await gateway.main.close_bus()
    await gateway.main.open_bus()
    await until(lambda: bool(gateway.main.metrics))
    assert next(failures, None) is None
