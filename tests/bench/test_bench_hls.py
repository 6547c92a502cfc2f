import asyncio
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench.hls import Follower, HlsClient
from bench.node import merge
from bench.polling import eventually, wait_until

HEAD = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.000000
#EXT-X-PART-INF:PART-TARGET=1.000000
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init-0.mp4"
"""
FIRST = '#EXT-X-PART:DURATION=1.000000,URI="part-14.m4s",INDEPENDENT=YES\n'
SECOND = '#EXT-X-PART:DURATION=1.000000,URI="part-15.m4s"\n'
CLOSED = FIRST + SECOND + "#EXTINF:2.000000,\nseg-7.m4s\n"
THIRD = '#EXT-X-PART:DURATION=0.500000,URI="part-16.m4s",INDEPENDENT=YES\n'


@pytest.fixture
def bodies() -> list[str]:
    return [HEAD + FIRST, HEAD + CLOSED, HEAD + CLOSED + THIRD + "#EXT-X-ENDLIST\n"]


async def test_a_rendition_is_followed_to_its_end(bodies: list[str]) -> None:
    asked: list[dict[str, str]] = []
    answers: Iterator[str] = iter(bodies)

    async def playlist(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return web.Response(text=next(answers), content_type="application/vnd.apple.mpegurl")

    app = web.Application()
    app.router.add_get("/live/a/media.m3u8", playlist)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        follower = Follower(HlsClient(http), str(server.make_url("/live/a/media.m3u8")))
        await follower.until_ended()
    assert asked == [
        {},
        {"_HLS_msn": "7", "_HLS_part": "1"},
        {"_HLS_msn": "8", "_HLS_part": "0"},
    ]
    parts = list(follower.parts.values())
    assert [(p.msn, p.index, p.independent) for p in parts] == [
        (7, 0, True),
        (7, 1, False),
        (8, 0, True),
    ]
    assert {p.init_uri.rsplit("/", 1)[1] for p in parts} == {"init-0.mp4"}
    assert parts[2].duration_s == 0.5


async def test_eventually_gives_the_first_true_result() -> None:
    results = iter([0, None, 3])

    async def probe() -> int | None:
        return next(results)

    assert await eventually(probe, 5, "it is true") == 3


async def test_eventually_says_what_never_came() -> None:
    async def probe() -> bool:
        raise LookupError("nothing there")

    with pytest.raises(TimeoutError, match="in vain until it is there") as timeout:
        await eventually(probe, 0.01, "it is there", despite=(LookupError,))
    assert isinstance(timeout.value.__cause__, LookupError)
    with pytest.raises(LookupError):
        await eventually(probe, 0.01, "it is there")


async def test_wait_until_says_what_never_came() -> None:
    with pytest.raises(TimeoutError, match="in vain until pigs fly"):
        await asyncio.to_thread(wait_until, lambda: False, 0.01, "pigs fly")


def test_settings_are_laid_over_each_other() -> None:
    config = {"http": {"host": "a", "port": 1}, "latency": "low"}
    merge(config, {"http": {"port": 2}, "latency": "ultra", "log": {"level": "debug"}})
    assert config == {
        "http": {"host": "a", "port": 2},
        "latency": "ultra",
        "log": {"level": "debug"},
    }
