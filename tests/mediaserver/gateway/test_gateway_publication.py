"""Epochs, publications and shows: when playlists appear, what they report, who is woken."""

import asyncio
import gzip
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import m3u8
import pytest

from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.blocking import Target
from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.publication import Publication
from mediaserver.gateway.shows import MAX_EPOCHS, UNNAMED_S, Shows
from mediaserver.gateway.waiters import Waiters
from mediaserver.gateway.window import MediaRefused

MakeBroadcast = Callable[..., Any]
LADDER = ("720p", "480p", "360p")


def begin(show: Any) -> Publication:
    inits = show.inits()
    epoch = MediaEpoch(inits[0], window_s=12)
    for init in inits:
        epoch.add_init(init)
    return Publication(epoch)


def wait(waiters: Waiters[Any, Answer], key: object) -> asyncio.Future[Answer]:
    """Wait for a key, as a future."""
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    waiters.at(key).join(future.set_result)
    return future


def add(publication: Publication, parts: list[Any]) -> int:
    for part in parts:
        publication.epoch.add_part(part, 0)
    return publication.publish_due(0)


def ends(publication: Publication) -> dict[str, tuple[int, int]]:
    """The last part listed in each rendition's published playlist, counted from its text."""
    found = {}
    for name, rendition in publication.renditions.items():
        if rendition.latest is None:
            continue
        playlist = m3u8.loads(rendition.latest.plain.body.decode())
        last = [s for s in playlist.segments if s.parts][-1]
        found[name] = (
            playlist.media_sequence + playlist.segments.index(last),
            len(last.parts) - 1,
        )
    return found


def check_reports(publication: Publication) -> None:
    """PL-19, PL-20: one for every other rendition, as fresh as what that one lists, not fresher."""
    listed = ends(publication)
    for name, rendition in publication.renditions.items():
        if rendition.latest is None:
            continue
        playlist = m3u8.loads(rendition.latest.plain.body.decode())
        reported = {
            report.uri.split("/")[1]: (report.last_msn, report.last_part)
            for report in playlist.rendition_reports
        }
        assert reported == {other: end for other, end in listed.items() if other != name}


def test_nothing_is_published_before_each_rendition_has_a_part(broadcast: MakeBroadcast) -> None:
    show = broadcast(ladder=LADDER)
    publication = begin(show)
    parts = show.parts()
    for part in parts[:-1]:
        assert add(publication, [part]) == 0
    assert publication.index is None
    assert add(publication, parts[-1:]) == 3
    assert publication.index is not None


def test_playlists_are_rendered_once_per_part_and_report_each_other(
    broadcast: MakeBroadcast,
) -> None:
    show = broadcast(ladder=LADDER)
    publication = begin(show)
    for _ in range(40):
        rendered = [add(publication, [part]) for part in show.parts()]
        assert rendered == [0, 0, 3]
        check_reports(publication)


def test_a_rendition_that_falls_behind_does_not_stop_the_others(broadcast: MakeBroadcast) -> None:
    show = broadcast(ladder=LADDER)
    publication = begin(show)
    add(publication, show.many(4))
    late: list[Any] = []
    for number in range(4, 10):
        first, slow, third = show.parts()
        late.append(slow)
        add(publication, [first])
        check_reports(publication)
        add(publication, [third])
        check_reports(publication)
        if number > 4:
            assert ends(publication)["360p"] == divmod(number, 6)
    for part in late:
        add(publication, [part])
        check_reports(publication)
    add(publication, show.parts())
    assert set(ends(publication).values()) == {divmod(10, 6)}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_window_sent_rendition_by_rendition_ends_up_the_same(
    broadcast: MakeBroadcast, order: tuple[int, ...]
) -> None:
    show = broadcast(ladder=LADDER)
    publication = begin(show)
    numbers = [show.parts() for _ in range(15)]
    for at in order:
        for parts in numbers:
            add(publication, [parts[at]])
            check_reports(publication)
    assert set(ends(publication).values()) == {divmod(14, 6)}


def test_gzip_and_identity_are_the_same_playlist(broadcast: MakeBroadcast) -> None:
    show = broadcast()
    publication = begin(show)
    add(publication, show.many(3))
    latest = publication.renditions["720p"].latest
    assert latest is not None
    assert latest.plain.gzip_body is not None
    assert gzip.decompress(latest.plain.gzip_body) == latest.plain.body
    assert latest.blocking.body is latest.plain.body


async def test_waiters_are_woken_by_what_they_wait_for_and_share_its_bytes(
    broadcast: MakeBroadcast,
) -> None:
    show = broadcast()
    publication = begin(show)
    add(publication, show.many(2))
    rendition = publication.renditions["720p"]
    same = [wait(rendition.playlist_waiters, Target(0, 2)) for _ in range(20)]
    whole = wait(rendition.playlist_waiters, Target(0, None))
    hinted = wait(rendition.part_waiters, 2)
    add(publication, show.parts())
    assert publication.waiting == 22  # they are woken in their turn
    got = [await waiting for waiting in same]
    assert len({id(answer) for answer in got}) == 1
    assert b"part-2.m4s" in got[0].body
    assert (await hinted).body == show.data("720p", 2)
    assert not whole.done()
    assert publication.waiting == 1
    add(publication, show.many(3))
    assert b"seg-0.m4s" in (await whole).body
    assert publication.waiting == 0


async def test_a_waiter_that_leaves_leaves_nothing_behind(broadcast: MakeBroadcast) -> None:
    show = broadcast()
    publication = begin(show)
    add(publication, show.many(2))
    waiters = publication.renditions["720p"].playlist_waiters
    place, got = waiters.at(Target(0, 2)), list[Any]()
    first, second, third = (lambda answer, n=n: got.append(n) for n in range(3))
    for deliver in (first, second, third):
        place.join(deliver)
    place.leave(first)
    place.leave(first)
    assert len(waiters) == 2
    add(publication, show.parts())
    place.leave(second)  # its client goes just when the part is there and its turn is not
    assert len(waiters) == 1
    await asyncio.sleep(0)
    assert got == [2]
    assert len(waiters) == 0


async def test_a_hinted_part_that_never_comes_is_not_found(broadcast: MakeBroadcast) -> None:
    show = broadcast()
    publication = begin(show)
    add(publication, show.many(2))
    skipped = wait(publication.renditions["720p"].part_waiters, 2)
    show.number += 1
    for init in show.new_generation():
        publication.epoch.add_init(init)
    add(publication, show.parts())
    assert await skipped is answers.MEDIA_UNKNOWN
    last = wait(publication.renditions["720p"].part_waiters, 4)
    publication.epoch.end()
    publication.publish_due(0)
    assert await last is answers.MEDIA_UNKNOWN


async def test_the_end_wakes_every_waiter_with_the_ended_playlist(broadcast: MakeBroadcast) -> None:
    show = broadcast()
    publication = begin(show)
    add(publication, show.many(2))
    waiting = wait(publication.renditions["720p"].playlist_waiters, Target(1, None))
    assert publication.epoch.end()
    assert not publication.epoch.end()
    assert publication.publish_due(0) == 2
    assert (await waiting).body.endswith(b"#EXT-X-ENDLIST\n")
    assert publication.publish_due(0) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ladder": ()}, "renditions"),
        ({"ladder": ("720p", "720p")}, "renditions"),
        ({"ladder": tuple(f"r{n}" for n in range(17))}, "renditions"),
        ({"ladder": ("a/b",)}, "address"),
        ({"ladder": ("..",)}, "address"),
        ({"epoch": "e\n1"}, "address"),
        ({"epoch": ""}, "address"),
        ({"part_ticks": 0}, "segment"),
        ({"part_ticks": 200_000}, "segment"),
        ({"segment_ticks": 10**12}, "segment"),
    ],
)
def test_an_init_section_that_cannot_begin_an_epoch_is_refused(
    broadcast: MakeBroadcast, changes: dict[str, Any], reason: str
) -> None:
    init = broadcast().inits()[0]
    with pytest.raises(MediaRefused, match=reason):
        MediaEpoch(replace(init, **changes), window_s=12)


def test_durations_never_change_within_an_epoch(broadcast: MakeBroadcast) -> None:
    show = broadcast()
    publication = begin(show)
    other = show.new_generation()[0]
    with pytest.raises(MediaRefused, match="durations"):
        publication.epoch.add_init(replace(other, part_ticks=other.part_ticks - 1))
    with pytest.raises(MediaRefused, match="no rendition"):
        publication.epoch.add_init(replace(other, rendition="1080p"))


def fill(shows: Shows, messages: list[Any], now_ns: int = 0) -> None:
    for message in messages:
        shows.apply(message, now_ns)
    shows.publish_due(now_ns)


def test_a_show_is_known_before_it_begins(broadcast: MakeBroadcast, shows: Shows) -> None:
    show = broadcast()
    assert shows.state("demo") is None
    shows.apply(replace(show.status("idle"), epoch=None), 0)
    state = shows.state("demo")
    assert state is not None
    assert json.loads(state.body) == {
        "show": "demo",
        "title": "Démo",
        "state": "idle",
        "epoch": None,
        "anchor_utc_us": None,
        "viewers": 0,
        "log": None,
        "products": {},
        "cues": [],
        "offers": {},
        "rehearsal": False,
        "poster": False,
    }
    assert shows.index("demo") is None


def test_media_of_unknown_shows_and_epochs_is_refused_and_counted(
    broadcast: MakeBroadcast, shows: Shows
) -> None:
    show = broadcast()
    assert not shows.apply(show.inits()[0], 0)
    assert not shows.apply(show.parts()[0], 0)
    assert not shows.apply(show.end(), 0)
    assert not shows.apply("what is this", 0)
    assert shows.refused == 4


def test_everything_may_be_sent_twice(broadcast: MakeBroadcast, shows: Shows) -> None:
    show = broadcast()
    messages = [show.status(), *show.inits(), *show.many(30)]
    fill(shows, messages)
    before = shows.index("demo"), shows.held_bytes
    assert not any(shows.apply(message, 0) for message in messages)
    assert (shows.index("demo"), shows.held_bytes) == before
    assert shows.refused == 0


def test_the_old_epoch_ends_and_is_freed_after_a_new_one_is_named(
    broadcast: MakeBroadcast, shows: Shows
) -> None:
    old, new = broadcast(), broadcast(epoch="e2")
    fill(shows, [old.status(), *old.inits(), *old.many(6 * 6)])
    fill(shows, [new.status(), *new.inits()])
    assert shows.index("demo") is None  # the new one is not on air yet, the old one is over
    fill(shows, new.parts())
    index = shows.index("demo")
    assert index is not None
    assert b"e2/720p/media.m3u8" in index.body
    publication = shows.publication("demo", "e1")
    assert publication is not None
    latest = publication.renditions["720p"].latest
    assert latest is not None
    assert b"#EXT-X-ENDLIST" in latest.plain.body
    shows.prune((12 + 2) * 1_000_000_000 - 1)
    assert shows.publication("demo", "e1") is not None
    shows.prune((12 + 2) * 1_000_000_000)
    assert shows.publication("demo", "e1") is None
    assert shows.publication("demo", "e2") is not None


def test_an_epoch_that_is_never_named_is_freed(broadcast: MakeBroadcast, shows: Shows) -> None:
    old, stray = broadcast(), broadcast(epoch="e0")
    fill(shows, [old.status(), *old.inits(), *old.many(2), *stray.inits(), *stray.many(2)])
    index = shows.index("demo")
    assert index is not None
    assert b"e1/" in index.body
    shows.prune(UNNAMED_S * 1_000_000_000)
    assert shows.publication("demo", "e0") is None
    assert shows.publication("demo", "e1") is not None


def test_init_sections_may_precede_the_status_that_names_their_epoch(
    broadcast: MakeBroadcast, shows: Shows
) -> None:
    old, new = broadcast(), broadcast(epoch="e2")
    fill(shows, [old.status(), *old.inits(), *old.many(2), *new.inits(), *new.many(2)])
    fill(shows, [new.status()])
    shows.prune(UNNAMED_S * 2 * 1_000_000_000)
    assert shows.publication("demo", "e1") is None
    assert shows.publication("demo", "e2") is not None


def test_epochs_of_a_show_are_bounded_by_the_oldest_that_is_not_named(
    broadcast: MakeBroadcast, shows: Shows
) -> None:
    fill(shows, [broadcast(epoch="e0").status()])
    for number in range(MAX_EPOCHS + 2):
        assert shows.apply(broadcast(epoch=f"e{number}").inits()[0], 0)
    held = [number for number in range(MAX_EPOCHS + 2) if shows.publication("demo", f"e{number}")]
    assert held == [0, 3, 4, 5]


async def test_waiters_are_turned_away_when_their_epoch_is_freed(
    broadcast: MakeBroadcast, shows: Shows
) -> None:
    stray = broadcast()
    fill(shows, [replace(stray.status(), epoch="other"), *stray.inits(), *stray.many(2)])
    publication = shows.publication("demo", "e1")
    assert publication is not None
    rendition = publication.renditions["720p"]
    playlist = wait(rendition.playlist_waiters, Target(0, 2))
    part = wait(rendition.part_waiters, 2)
    shows.prune(UNNAMED_S * 1_000_000_000)
    async with asyncio.timeout(5):
        assert (await playlist).status == 503
        assert (await part).status == 404
