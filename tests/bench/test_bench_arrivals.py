"""What a listener reads from a playlist, and what it asks for next."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench.arrivals import Arrival, Listener, parts_of
from bench.hls import HlsClient
from bench.polling import eventually

WHOLE = """#EXTM3U
#EXT-X-PART-INF:PART-TARGET=1.000000
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=1.000000,URI="part-14.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.500000,URI="part-15.m4s"
#EXTINF:1.500000,
seg-7.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:01.500Z
#EXT-X-PART:DURATION=1.000000,URI="part-16.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-17.m4s"
"""
DELTA = """#EXTM3U
#EXT-X-PART-INF:PART-TARGET=1.000000
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-SKIP:SKIPPED-SEGMENTS=1
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:01.500Z
#EXT-X-PART:DURATION=1.000000,URI="part-16.m4s"
#EXT-X-PART:DURATION=1.000000,URI="part-17.m4s"
#EXTINF:2.000000,
seg-8.m4s
#EXT-X-ENDLIST
"""


def test_parts_are_read_with_their_place_and_their_end() -> None:
    parts = parts_of(WHOLE)
    assert [(p.number, p.msn, p.index, p.ends_segment) for p in parts] == [
        (14, 7, 0, False), (15, 7, 1, True), (16, 8, 0, False),
    ]  # fmt: skip
    assert [p.end_utc_s - parts[0].end_utc_s for p in parts] == pytest.approx([0, 0.5, 1.5])
    assert {p.map_uri for p in parts} == {"init-0.mp4"}


def test_a_delta_update_counts_what_it_skips() -> None:
    parts = parts_of(DELTA)
    assert [(p.number, p.msn, p.index) for p in parts] == [(16, 8, 0), (17, 8, 1)]


def test_a_part_is_late_when_it_comes_more_than_a_parts_length_after_its_end() -> None:
    part = parts_of(WHOLE)[1]
    on_time = Arrival(part=part, came_ns=0, came_utc_s=part.end_utc_s + 0.99)
    late = Arrival(part=part, came_ns=0, came_utc_s=part.end_utc_s + 1.01)
    assert (on_time.late, late.late) == (False, True)


async def test_a_listener_asks_for_the_part_after_the_last_one() -> None:
    asked: list[dict[str, str]] = []

    async def playlist(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        text = WHOLE if len(asked) == 1 else DELTA
        return web.Response(text=text, content_type="application/vnd.apple.mpegurl")

    app = web.Application()
    app.router.add_get("/media.m3u8", playlist)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        listener = Listener(HlsClient(http), str(server.make_url("/media.m3u8")))
        listener.start()

        async def heard() -> bool:
            return bool(listener.arrivals)

        await eventually(heard, 5, "the second playlist was read")
        await listener.stop()
    assert asked == [{}, {"_HLS_msn": "8", "_HLS_part": "1", "_HLS_skip": "YES"}]
    assert [each.part.number for each in listener.arrivals] == [17], "what was there is not counted"
    assert (listener.missed, listener.failed) == (0, 0)


async def test_a_refused_request_is_counted_and_repeated() -> None:
    answers = iter([503, 200, 200])

    async def playlist(request: web.Request) -> web.Response:
        status = next(answers)
        return web.Response(status=status, text=DELTA if status == 200 else "")

    app = web.Application()
    app.router.add_get("/media.m3u8", playlist)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        listener = Listener(HlsClient(http), str(server.make_url("/media.m3u8")))
        listener.start()

        async def ended() -> bool:
            return listener.ended

        await eventually(ended, 5, "the last playlist was read")
        await listener.stop()
    assert listener.failed == 1
