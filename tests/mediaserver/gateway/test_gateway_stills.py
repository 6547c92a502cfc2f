"""Posters, thumbnails and the list of shows, as viewers get them."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.bus.messages import ShowSnapshot
from mediaserver.gateway.answers import IMMUTABLE, Answer
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.paths import LivePath
from mediaserver.gateway.shows import Shows
from mediaserver.gateway.stills import MAX_EPOCHS, ShowStills, Track, check, render_track
from mediaserver.gateway.validators import unless_known
from mediaserver.gateway.window import MediaRefused
from overlay.show.fold import ShowState
from transcoder.stills.values import MAX_BYTES, TYPES, Still, StillImage, StillKind
from transcoder.values import TICKS_PER_SECOND

S = TICKS_PER_SECOND
UTC_US = 1_760_000_000_000_000
MakeBroadcast = Callable[..., Any]


def still(second: int, kind: StillKind = "thumbnail", epoch: str = "e1") -> Still:
    images = tuple(
        StillImage(media_type=form, data=f"{form} {epoch} {second}".encode())
        for form in TYPES[kind]
    )
    return Still(
        show="demo", epoch=epoch, kind=kind, tick=second * S, width=16, height=9, images=images
    )


async def test_the_poster_in_both_forms_with_its_validator(
    gateway: Any, viewer: Any, on_air: Any
) -> None:
    status, headers, body = await viewer.ask("/live/demo/poster.jpg")
    assert (status, headers["Retry-After"]) == (404, "5")
    assert headers["Cache-Control"] == "public, max-age=1"
    assert json.loads(body)["error"]["code"] == "no_picture"
    await gateway.take(still(0, "poster"), still(5, "poster"), still(0, "poster"))
    for suffix, form in (("jpg", "image/jpeg"), ("webp", "image/webp")):
        path = f"/live/demo/poster.{suffix}"
        status, headers, body = await viewer.ask(path)
        assert (status, body) == (200, f"{form} e1 5".encode())
        assert headers["Content-Type"] == form
        assert headers["Cache-Control"] == "public, max-age=2"
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["X-Content-Type-Options"] == "nosniff"
        tag = headers["Etag"]
        status, headers, body = await viewer.ask(path, If_None_Match=f'"x", W/{tag}')
        assert (status, body, headers["Etag"]) == (304, b"", tag)
        assert headers["Cache-Control"] == "public, max-age=2"
        status, headers, body = await viewer.ask(path, method="HEAD")
        assert (status, body, headers["Content-Length"]) == (200, b"", str(len(form) + 5))
        assert (await viewer.ask(path, If_None_Match='"x"'))[0] == 200
    await gateway.take(still(10, "poster"))
    assert (await viewer.ask("/live/demo/poster.jpg", If_None_Match=tag))[0] == 200


async def test_thumbnails_and_their_track(gateway: Any, viewer: Any, on_air: Any) -> None:
    status, _, body = await viewer.ask("/live/demo/thumbnails.vtt")
    assert (status, body[:6], b"-->" in body) == (200, b"WEBVTT", False)
    await gateway.take(still(0), still(1), still(2))
    status, headers, body = await viewer.ask("/live/demo/thumbnails.vtt")
    assert (status, headers["Content-Type"]) == (200, "text/vtt; charset=utf-8")
    assert headers["Cache-Control"] == "public, max-age=1"
    lines = body.decode().split("\n")
    assert lines[0] == "WEBVTT"
    assert "2025-10-09T08:53:20.000Z" in body.decode()
    assert "00:00:01.000 --> 00:00:02.000" in lines
    uris = [line for line in lines if line.endswith(".jpg")]
    assert uris == [f"e1/thumb-{second * S}.jpg" for second in range(3)]
    for second, uri in enumerate(uris):
        status, headers, body = await viewer.ask(f"/live/demo/{uri}")
        assert (status, body) == (200, f"image/jpeg e1 {second}".encode())
        assert headers["Cache-Control"] == IMMUTABLE
        assert headers["Content-Type"] == "image/jpeg"
    for path in ("e1/thumb-7.jpg", "e2/thumb-0.jpg"):
        assert (await viewer.ask(f"/live/demo/{path}"))[0] == 404
    assert (await viewer.ask("/live/other/poster.jpg"))[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["demo/poster.jpg", "demo/poster.webp", "demo/thumbnails.vtt", "demo/e1/thumb-0.jpg",
     "shows.json"],
)  # fmt: skip
async def test_nobody_may_do_more_than_look(
    viewer: Any, on_air: Any, method: str, path: str
) -> None:
    status, headers, _ = await viewer.ask(f"/live/{path}", method=method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    status, headers, _ = await viewer.ask(f"/live/{path}", method="OPTIONS")
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")


async def test_the_shows_on_air_are_listed_unless_they_shall_not(
    gateway: Any, viewer: Any, on_air: Any, broadcast: MakeBroadcast
) -> None:
    idle = replace(broadcast(show="later").status("idle"), epoch=None)
    await gateway.take(idle, still(5, "poster"))
    _, headers, body = await viewer.ask("/live/shows.json")
    assert headers["Cache-Control"] == "public, max-age=1"
    (listed,) = json.loads(body)["shows"]
    assert listed == {
        "show": "demo",
        "title": "Démo",
        "state": "live",
        "poster": f"/live/demo/poster.jpg?v=e1-{5 * S}",
    }
    assert (await viewer.ask(listed["poster"]))[2] == b"image/jpeg e1 5"
    hushed = Origin(gateway.shows).get(LivePath(kind="shows", show=""), None)  # type: ignore[arg-type]
    assert isinstance(hushed, Answer)
    assert json.loads(hushed.body) == {"shows": []}


async def test_a_rehearsal_is_not_listed_and_the_list_is_written_once_a_second(
    broadcast: MakeBroadcast,
) -> None:
    now_ns = [0]
    shows = Shows(window_s=12, clock_ns=lambda: now_ns[0])
    made = broadcast()
    shows.apply(made.status(), 0)
    first = shows.listed()
    assert [each["show"] for each in json.loads(first.body)["shows"]] == ["demo"]
    state = replace(ShowState.empty("log"), before_rehearsal={"cues": [], "totals": {}}).to_plain()
    shows.apply(ShowSnapshot(show="demo", epoch="log", offset=0, state=state), 0)
    assert shows.listed() is first
    now_ns[0] = 1_000_000_000
    assert json.loads(shows.listed().body) == {"shows": []}


async def test_the_state_says_whether_there_is_a_poster(
    gateway: Any, viewer: Any, on_air: Any
) -> None:
    assert json.loads((await viewer.ask("/live/demo/state"))[2])["poster"] is False
    await gateway.take(still(0))
    assert json.loads((await viewer.ask("/live/demo/state"))[2])["poster"] is False
    await gateway.take(still(0, "poster"))
    assert json.loads((await viewer.ask("/live/demo/state"))[2])["poster"] is True


async def test_stills_of_a_show_that_is_over_stand_for_it_until_it_begins_anew(
    gateway: Any, viewer: Any, on_air: Any, broadcast: MakeBroadcast
) -> None:
    await gateway.take(still(1, "poster"), still(1), on_air.end(), on_air.status("ended"))
    assert (await viewer.ask("/live/demo/poster.jpg"))[2] == b"image/jpeg e1 1"
    anew = broadcast(epoch="e2")
    await gateway.take(still(0, epoch="e2"), still(0, "poster", "e2"))  # before its first init
    await gateway.take(anew.status(), *anew.inits(), *anew.many(8))
    assert (await viewer.ask("/live/demo/poster.jpg"))[2] == b"image/jpeg e2 0"
    assert b"e2/thumb-0.jpg" in (await viewer.ask("/live/demo/thumbnails.vtt"))[2]


def test_what_left_the_window_is_neither_listed_nor_kept_for_long() -> None:
    stills = ShowStills(window_s=12)
    for second in range(0, 100, 5):
        assert stills.take(still(second))
        assert not stills.take(still(second))
    track = stills.track("e1", anchor_utc_us=UTC_US, begin_tick=83 * S).body.decode()
    assert re.findall(r"thumb-(\d+)", track) == [str(second * S) for second in (80, 85, 90, 95)]
    assert "00:01:35.000 --> 00:01:40.000" in track
    assert stills.thumbnail("e1", 55 * S).status == 200
    assert stills.thumbnail("e1", 45 * S).status == 404
    stills.drop("e1")
    assert stills.thumbnail("e1", 95 * S).status == 404


def test_epochs_that_nobody_names_do_not_pile_up() -> None:
    stills = ShowStills(window_s=12)
    for count in range(3 * MAX_EPOCHS):
        stills.take(still(0, epoch=f"e{count}"))
    kept = [n for n in range(3 * MAX_EPOCHS) if stills.thumbnail(f"e{n}", 0).status == 200]
    assert kept == list(range(2 * MAX_EPOCHS, 3 * MAX_EPOCHS))


@pytest.mark.parametrize(
    "bad",
    [
        replace(still(0), epoch="../e"),
        replace(still(0), tick=-1),
        replace(still(0), images=()),
        replace(still(0), images=still(0, "poster").images),
        replace(still(0), kind="banner"),  # type: ignore[arg-type]
        replace(
            still(0),
            images=(StillImage(media_type="image/jpeg", data=bytes(MAX_BYTES["thumbnail"] + 1)),),
        ),
        replace(still(0), images=(StillImage(media_type="text/html", data=b"<script>"),)),  # type: ignore[arg-type]
    ],
)
def test_what_no_worker_makes_is_refused(bad: Still) -> None:
    with pytest.raises(MediaRefused):
        check(bad)


@given(st.sets(st.integers(0, 10**9), min_size=1))
def test_the_cues_of_a_track_follow_each_other_without_a_gap(ticks: set[int]) -> None:
    track = render_track(Track(epoch="e1", anchor_utc_us=UTC_US, ticks=tuple(sorted(ticks))))
    found = re.findall(r"(\d+):(\d\d):(\d\d)\.(\d\d\d) --> (\d+):(\d\d):(\d\d)\.(\d\d\d)", track)
    times = [
        tuple(int(h) * 3600_000 + int(m) * 60_000 + int(s) * 1000 + int(ms) for h, m, s, ms in pair)
        for pair in ((cue[:4], cue[4:]) for cue in found)
    ]
    assert len(times) == len(ticks)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(times))
    assert all(begin * 90 >= tick for (begin, _), tick in zip(times, sorted(ticks), strict=True))


@given(st.text(max_size=60))
def test_any_if_none_match_is_borne(asked: str) -> None:
    answer = Answer(headers=(("Content-Type", "image/jpeg"),), body=b"x", etag='"e1"')
    found = unless_known(answer, asked)
    assert (found.status == 304) == ('"e1"' in asked or asked.strip() == "*")
    assert dict(found.headers)["ETag"] == '"e1"'
