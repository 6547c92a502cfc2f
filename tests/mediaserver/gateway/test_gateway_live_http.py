"""Viewers over a real socket: blocking reload, hints, ranges, encodings, caching, the end."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import m3u8
import pytest

MakeBroadcast = Callable[..., Any]
Until = Callable[[Callable[[], bool]], Awaitable[None]]
PLAYLIST = "/live/demo/e1/720p/media.m3u8"


async def test_a_player_finds_its_way_from_the_index_to_the_media(viewer: Any, on_air: Any) -> None:
    status, headers, body = await viewer.ask("/live/demo/index.m3u8")
    assert status == 200
    assert headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert headers["Cache-Control"] == "public, max-age=1"
    variants = m3u8.loads(body.decode()).playlists
    assert [v.uri for v in variants] == ["e1/720p/media.m3u8", "e1/360p/media.m3u8"]
    status, headers, body = await viewer.ask(f"/live/demo/{variants[1].uri}")
    assert status == 200
    playlist = m3u8.loads(body.decode())
    uris = [playlist.segments[0].init_section.uri, playlist.segments[0].uri]
    uris += [part.uri for segment in playlist.segments for part in segment.parts]
    for uri in uris:
        status, headers, body = await viewer.ask(f"/live/demo/e1/360p/{uri}")
        assert status == 200
        assert headers["Content-Type"] == "video/mp4"
        assert headers["Cache-Control"] == "public, max-age=86400, immutable"
        assert b"360p" in body


async def test_unknown_and_unbegun_shows_are_told_apart(
    gateway: Any, viewer: Any, broadcast: MakeBroadcast
) -> None:
    status, headers, body = await viewer.ask("/live/demo/index.m3u8")
    assert (status, json.loads(body)["error"]["code"]) == (404, "show_unknown")
    assert "Retry-After" not in headers
    made = broadcast()
    await gateway.take(replace(made.status("idle"), epoch=None))
    status, headers, body = await viewer.ask("/live/demo/index.m3u8")
    assert (status, json.loads(body)["error"]["code"]) == (404, "show_not_begun")
    assert headers["Retry-After"] == "1"
    assert headers["Cache-Control"] == "public, max-age=1"
    await gateway.take(made.status(), *made.inits())
    status, headers, _ = await viewer.ask(PLAYLIST)
    assert (status, headers["Retry-After"]) == (404, "1")


async def test_the_state_of_a_show(viewer: Any, on_air: Any) -> None:
    status, headers, body = await viewer.ask("/live/demo/state")
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=1")
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "show": "demo",
        "title": "Démo",
        "state": "live",
        "epoch": "e1",
        "anchor_utc_us": 1_760_000_000_000_000,
        "viewers": 0,
        "log": None,
        "products": {},
        "cues": [],
        "offers": {},
        "rehearsal": False,
        "poster": False,
    }
    assert (await viewer.ask("/live/nobody/state"))[0] == 404


@pytest.mark.parametrize(
    "file", ["seg-1.m4s", "part-10.m4s", "part-999.m4s", "init-1.mp4", "nothing.m4s", "no.m3u8"]
)
async def test_media_that_is_not_there_is_not_found(viewer: Any, on_air: Any, file: str) -> None:
    status, headers, body = await viewer.ask(f"/live/demo/e1/720p/{file}")
    assert status == 404
    assert set(json.loads(body)["error"]) == {"code", "message"}
    assert headers["Cache-Control"] == "public, max-age=1"


async def test_unknown_renditions_and_epochs_are_not_found(viewer: Any, on_air: Any) -> None:
    for path in ("/live/demo/e1/1080p/media.m3u8", "/live/demo/e9/720p/media.m3u8"):
        assert (await viewer.ask(path))[0] == 404


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_part=1",
        "_HLS_msn=x",
        "_HLS_msn=",
        "_HLS_msn=1&_HLS_part=-1",
        "_HLS_msn=1&_HLS_msn=1",
        "_HLS_msn=3",
        "_HLS_msn=1000000",
        "_HLS_msn=1&_HLS_part=12",
        "_HLS_skip=NO",
        "_HLS_msn=0&_HLS_skip=",
    ],
)
async def test_bad_and_far_directives_get_400_at_once(
    gateway: Any, viewer: Any, on_air: Any, query: str
) -> None:
    status, headers, body = await viewer.ask(f"{PLAYLIST}?{query}")
    assert status == 400
    assert headers["Cache-Control"] == "public, max-age=4"
    assert json.loads(body)["error"]["message"].endswith(".")
    assert gateway.shows.waiting == 0


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", "public, max-age=1"),
        ("_HLS_skip=YES", "public, max-age=1"),  # there is nothing yet to skip
        ("_HLS_skip=v2", "public, max-age=1"),
        ("_HLS_msn=0", "public, max-age=12"),
        ("_HLS_msn=0&_HLS_part=99", "public, max-age=12"),
        ("_HLS_msn=0&_HLS_part=99&_HLS_skip=v2", "public, max-age=12"),
        ("_HLS_part=99&_HLS_msn=0", "no-store"),
        ("_HLS_msn=00", "no-store"),
        ("_HLS_msn=0&a=b", "no-store"),
        ("a=b&_HLS_new=1", "no-store"),
        ("%zz=%ff&;=&&", "no-store"),
    ],
)
async def test_these_are_answered_at_once_with_the_whole_playlist(
    viewer: Any, on_air: Any, query: str, kept: str
) -> None:
    status, headers, body = await viewer.ask(f"{PLAYLIST}?{query}")
    assert status == 200
    assert b"part-0.m4s" in body
    assert b"part-7.m4s" in body
    assert headers["Cache-Control"] == kept


async def test_a_delta_update_is_waited_for_like_any_playlist(
    gateway: Any,
    viewer: Any,
    on_air: Any,
    until: Until,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mediaserver.gateway.window.MIN_LISTED_SEGMENTS", 9)
    await gateway.take(*on_air.many(6 * 9))
    msn, part = on_air.msn, on_air.index
    asked = [
        viewer.later(f"{PLAYLIST}?_HLS_msn={msn}&_HLS_part={part}&_HLS_skip={skip}")
        for skip in ("YES", "v2", "YES")
    ]
    await until(gateway.waiting(3))
    clock.advance(20)
    await gateway.take(*on_air.parts())
    first, second, third = [await task for task in asked]
    assert first[1:] == third[1:]
    assert b"#EXT-X-VERSION:9\n" in first[2]
    assert b"#EXT-X-SKIP:SKIPPED-SEGMENTS=" in first[2]
    assert b'RECENTLY-REMOVED-DATERANGES=""' in second[2]
    assert {first[1]["Cache-Control"], second[1]["Cache-Control"]} == {"public, max-age=12"}
    status, headers, body = await viewer.ask(f"{PLAYLIST}?_HLS_skip=YES")
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=1")
    assert body == first[2]
    packed = await viewer.ask(f"{PLAYLIST}?_HLS_skip=YES", Accept_Encoding="gzip")
    assert gzip.decompress(packed[2]) == body


async def test_twenty_equal_requests_are_answered_with_the_part_they_wait_for(
    gateway: Any, viewer: Any, on_air: Any, until: Until
) -> None:
    asked = [viewer.later(f"{PLAYLIST}?_HLS_msn=1&_HLS_part=2") for _ in range(20)]
    await until(gateway.waiting(20))
    first, second = on_air.parts()
    await gateway.take(first)
    assert not any(task.done() for task in asked)  # the other rendition has not delivered it
    await gateway.take(second)
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*asked)
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) == 1
    assert b"part-8.m4s" in answers[0][2]
    assert gateway.shows.waiting == 0


async def test_a_segment_without_a_part_index_is_waited_for_as_a_whole(
    gateway: Any, viewer: Any, on_air: Any, until: Until
) -> None:
    asked = viewer.later(f"{PLAYLIST}?_HLS_msn=1")
    await until(gateway.waiting(1))
    await gateway.take(*on_air.many(3))
    assert gateway.shows.waiting == 1
    await gateway.take(*on_air.parts())
    assert b"seg-1.m4s" in (await asked)[2]


async def test_a_part_past_its_segment_is_the_first_of_the_next(
    gateway: Any, viewer: Any, on_air: Any, until: Until
) -> None:
    asked = viewer.later(f"{PLAYLIST}?_HLS_msn=1&_HLS_part=6")
    await until(gateway.waiting(1))
    await gateway.take(*on_air.many(4))  # the segment ends while the request waits
    assert gateway.shows.waiting == 1
    await gateway.take(*on_air.parts())
    assert b"part-12.m4s" in (await asked)[2]


async def test_a_hinted_part_may_be_asked_for_before_it_exists(
    gateway: Any, viewer: Any, on_air: Any, until: Until
) -> None:
    _, _, body = await viewer.ask(PLAYLIST)
    hint = m3u8.loads(body.decode()).preload_hint.uri
    assert hint == "part-8.m4s"
    asked = viewer.later(f"/live/demo/e1/720p/{hint}")
    await until(gateway.waiting(1))
    await gateway.take(*on_air.parts())
    status, _, body = await asked
    assert (status, body) == (200, on_air.data("720p", 8))
    assert (await viewer.ask(f"/live/demo/e1/720p/{hint}"))[2] == body


async def test_waiting_ends_after_three_target_durations(
    gateway: Any, viewer: Any, on_air: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaserver.gateway.origin._WAIT_TARGET_DURATIONS", 0)
    status, headers, _ = await viewer.ask(f"{PLAYLIST}?_HLS_msn=1&_HLS_part=2")
    assert (status, headers["Cache-Control"]) == (503, "no-store")
    assert headers["Retry-After"] == "1"
    assert (await viewer.ask("/live/demo/e1/720p/part-8.m4s"))[0] == 404
    assert gateway.shows.waiting == 0


async def test_a_viewer_who_leaves_is_not_waited_for(
    gateway: Any, viewer: Any, on_air: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaserver.gateway.origin._WAIT_TARGET_DURATIONS", 1000)
    asked = [viewer.later(f"{PLAYLIST}?_HLS_msn=1&_HLS_part=2") for _ in range(3)]
    asked.append(viewer.later("/live/demo/e1/720p/part-8.m4s"))
    await until(gateway.waiting(4))
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await until(gateway.waiting(0))
    await gateway.take(*on_air.parts())
    assert (await viewer.ask(PLAYLIST))[0] == 200


async def test_a_playlist_that_has_ended_never_blocks(
    gateway: Any, viewer: Any, on_air: Any, until: Until
) -> None:
    asked = viewer.later(f"{PLAYLIST}?_HLS_msn=1&_HLS_part=2")
    hinted = viewer.later("/live/demo/e1/720p/part-8.m4s")
    await until(gateway.waiting(2))
    await gateway.take(on_air.end(), on_air.status("ended"))
    status, _, body = await asked
    assert status == 200
    assert body.endswith(b"#EXT-X-ENDLIST\n")
    assert b"PRELOAD-HINT" not in body
    assert (await hinted)[0] == 404
    for query in ("_HLS_msn=2", "_HLS_msn=500", "_HLS_part=1"):
        assert (await viewer.ask(f"{PLAYLIST}?{query}"))[2] == body
    assert (await viewer.ask("/live/demo/e1/720p/seg-1.m4s"))[0] == 200
    assert (await viewer.ask("/live/demo/index.m3u8"))[0] == 200


async def test_a_new_generation_is_a_discontinuity_in_every_rendition(
    gateway: Any, viewer: Any, on_air: Any
) -> None:
    await gateway.take(*on_air.new_generation(), *on_air.many(7))
    for rendition in on_air.ladder:
        _, _, body = await viewer.ask(f"/live/demo/e1/{rendition}/media.m3u8")
        playlist = m3u8.loads(body.decode())
        assert [bool(s.discontinuity) for s in playlist.segments[:3]] == [False, False, True]
        assert playlist.segments[2].init_section.uri == "init-1.mp4"
        assert (await viewer.ask(f"/live/demo/e1/{rendition}/init-1.mp4"))[0] == 200


async def test_media_is_held_after_leaving_the_playlist_and_then_freed(
    gateway: Any, viewer: Any, on_air: Any, clock: Any
) -> None:
    async def after(seconds: float) -> tuple[int, int]:
        clock.advance(seconds)
        gateway.shows.prune(clock())
        found = [
            (await viewer.ask(f"/live/demo/e1/720p/{file}"))[0]
            for file in ("part-0.m4s", "seg-0.m4s")
        ]
        return found[0], found[1]

    # 50 parts are known at once: 16.67 s were listed when the first two seconds left
    await gateway.take(*on_air.many(6 * 7))
    _, _, body = await viewer.ask(PLAYLIST)
    assert m3u8.loads(body.decode()).media_sequence > 0
    assert await after(0) == (200, 200)
    assert await after(5.9) == (200, 200)
    assert await after(0.2) == (404, 200)
    assert await after(12.5) == (404, 200)
    assert await after(0.1) == (404, 404)
    assert (await viewer.ask(PLAYLIST))[0] == 200
