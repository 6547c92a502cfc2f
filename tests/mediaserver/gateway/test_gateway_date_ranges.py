"""Cues in playlists: listed from their part on, the same everywhere, until ended and gone."""

import base64
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediaserver.gateway.date_ranges import MAX_DATE_RANGES
from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.publication import Publication
from mediaserver.gateway.window import MediaRefused
from transcoder.hls.attributes import date, seconds
from transcoder.values import Part, TimedMetadata

PART = 30_000
SECOND = 90_000
UTC_US = 1_760_000_000_000_000
LADDER = ("720p", "360p")
CUE = TimedMetadata(id="pin", revision=1, pts=5000, duration=10 * SECOND, payload=b'{"id":"pin"}')
MakeBroadcast = Callable[..., Any]


def line(cue: TimedMetadata) -> str:
    payload = base64.urlsafe_b64encode(cue.payload).decode().rstrip("=")
    return (
        f'#EXT-X-DATERANGE:ID="cue-{cue.id}-{cue.revision}",CLASS="comptoir.cue",'
        f'START-DATE="{date(UTC_US + cue.pts * 100 // 9)}",DURATION={seconds(cue.duration)},'
        f'X-COMPTOIR-CUE="{payload}"'
    )


class Watched:
    """An epoch with a show that feeds it; every playlist is checked as it appears."""

    def __init__(self, show: Any, *, window_s: float = 12) -> None:
        self.show = show
        inits = show.inits()
        self.epoch = MediaEpoch(inits[0], window_s=window_s)
        for init in inits:
            self.epoch.add_init(init)
        self.publication = Publication(self.epoch)
        self.taken: dict[str, TimedMetadata] = {}
        """The cues of all parts that are listed, by their tags."""
        self.told: set[str] = set()
        """The tags of all cues, as they were first told."""

    def feed(self, count: int = 1, **changes: Any) -> None:
        for _ in range(count):
            self.add(self.show.parts(**changes))

    def add(self, parts: list[Part]) -> None:
        for part in parts:
            self.told |= {line(cue) for cue in part.cues}
            if self.epoch.add_part(part, 0):
                self.taken |= {line(cue): cue for cue in part.cues}
        self.publication.publish_due(0)

    def text(self, rendition: str = "720p") -> list[str]:
        latest = self.publication.renditions[rendition].latest
        return [] if latest is None else latest.plain.body.decode().splitlines()

    def tags(self, rendition: str = "720p") -> list[str]:
        return [text for text in self.text(rendition) if text.startswith("#EXT-X-DATERANGE")]

    @property
    def first_tick(self) -> int:
        return min(window.first_tick or 0 for window in self.epoch.windows.values())


@pytest.fixture
def watched(broadcast: MakeBroadcast) -> Watched:
    return Watched(broadcast(ladder=LADDER))


def test_a_cue_is_listed_with_its_part_in_every_rendition(watched: Watched) -> None:
    watched.feed(2)
    assert watched.tags() == []
    watched.feed(cues=(CUE,))
    for rendition in LADDER:
        assert watched.tags(rendition) == [line(CUE)]
        text = watched.text(rendition)
        assert "#EXT-X-VERSION:6" in text
        # 5000 ticks are 55.555 ms, and a date says whole ones
        assert 'START-DATE="2025-10-09T08:53:20.056Z",DURATION=10.000000' in watched.tags()[0]
        assert text.index(line(CUE)) < text.index('#EXT-X-MAP:URI="init-0.mp4"')


def test_a_cue_stays_until_it_has_ended_before_the_first_segment(watched: Watched) -> None:
    end = 12 * SECOND
    watched.feed(cues=(replace(CUE, duration=end - CUE.pts),))
    gone_at = None
    for _ in range(6 * 20):
        watched.feed()
        if not watched.tags():
            gone_at = watched.first_tick
            break
        assert end > watched.first_tick
    assert gone_at == end  # where a segment begins
    watched.feed(20)
    assert watched.tags() == []


def test_a_cue_that_came_after_its_end_is_listed_as_long_as_its_part(watched: Watched) -> None:
    watched.feed(6 * 10)
    over = replace(CUE, pts=0, duration=SECOND)
    watched.feed(cues=(over,))
    while watched.first_tick <= 6 * 10 * PART:
        assert watched.tags() == [line(over)]
        watched.feed()
    assert watched.tags() == []


def test_attributes_never_change_and_an_id_is_listed_once(watched: Watched) -> None:
    watched.feed(cues=(CUE,))
    other = replace(CUE, pts=9, duration=5 * SECOND, payload=b"{}")
    revised = replace(other, revision=2)
    watched.feed(cues=(other, revised))
    assert watched.tags() == [line(CUE), line(revised)]


def test_a_rendition_that_falls_behind_lists_what_the_others_do(watched: Watched) -> None:
    watched.feed(3)
    late = []
    for number in range(4):
        first, slow = watched.show.parts(cues=(replace(CUE, revision=number),))
        late.append(slow)
        watched.add([first])
        assert watched.tags("720p") == watched.tags("360p")
    for part in late:
        watched.add([part])
    watched.feed()
    assert watched.tags("720p") == watched.tags("360p")
    assert watched.tags() == [line(replace(CUE, revision=number)) for number in range(4)]


def test_a_cue_stays_while_a_rendition_behind_lists_its_segment(watched: Watched) -> None:
    watched.feed(6 * 8)
    watched.feed(cues=(replace(CUE, pts=16 * SECOND, duration=SECOND),))
    for _ in range(6 * 20):
        watched.add(watched.show.parts()[:1])
    first, behind = (watched.epoch.windows[rendition].first_tick for rendition in LADDER)
    assert (first or 0) > 17 * SECOND > (behind or 0)
    assert len(watched.tags("720p")) == len(watched.tags("360p")) == 1


def test_a_late_gateway_lists_a_cue_of_a_part_that_it_cannot_list(
    broadcast: MakeBroadcast,
) -> None:
    watched = Watched(broadcast(ladder=LADDER, number=3, index=3, tick=3 * PART))
    watched.feed(cues=(CUE,))
    assert watched.text() == []
    watched.feed(3)
    assert watched.tags() == [line(CUE)]


def test_an_ended_epoch_keeps_its_cues(watched: Watched) -> None:
    watched.feed(7, cues=(CUE,))
    watched.epoch.end()
    watched.publication.publish_due(0)
    assert "#EXT-X-ENDLIST" in watched.text()
    assert watched.tags() == [line(CUE)]


def test_no_more_than_so_many_are_listed_and_the_first_to_end_goes(watched: Watched) -> None:
    cues = tuple(
        replace(CUE, revision=number, duration=(1000 - number) * SECOND)
        for number in range(MAX_DATE_RANGES + 3)
    )
    watched.feed(cues=cues)
    assert watched.tags() == [line(cue) for cue in cues[:-3]]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 'a"\n#EXT-X-ENDLIST'},
        {"pts": -1},
        {"pts": 2**60},
        {"duration": 0},
        {"revision": -1},
        {"payload": bytes(2000)},
    ],
)
def test_a_part_whose_cue_cannot_be_listed_is_refused(
    watched: Watched, changes: dict[str, Any]
) -> None:
    watched.feed(2)
    parts = watched.show.parts(cues=(CUE,))
    for part in parts:
        with pytest.raises(MediaRefused, match="cannot be listed"):
            watched.epoch.add_part(replace(part, cues=(CUE, replace(CUE, **changes))), 0)
    assert watched.epoch.date_ranges == ()
    for part in parts:
        assert watched.epoch.add_part(part, 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("cue"),
            st.integers(-40 * PART, PART - 1),  # where its frame lies, from the part's start
            st.integers(22_501, 30 * SECOND),
        ),
        st.tuples(st.just("parts"), st.integers(1, 24)),
        st.just(("generation",)),
        st.just(("lost",)),
        st.just(("again",)),
    ),
    min_size=5,
    max_size=25,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(steps=STEPS)
def test_every_cue_is_listed_unchanged_while_anything_of_it_is(
    broadcast: MakeBroadcast, steps: list[Any]
) -> None:
    """CU-09 to CU-13 and CU-15, over whatever a worker may do."""
    watched = Watched(broadcast(ladder=LADDER), window_s=1)
    show = watched.show
    for number, step in enumerate(steps):
        cues: tuple[TimedMetadata, ...] = ()
        count = 1
        if step[0] == "generation":
            for init in show.new_generation():
                watched.epoch.add_init(init)
        elif step[0] == "lost":
            show.many(7)
        elif step[0] == "again":
            for part in [sent for sent in show.sent if isinstance(sent, Part)]:
                with contextlib.suppress(MediaRefused):
                    watched.add([part])
        elif step[0] == "parts":
            count = step[1]
        else:
            pts = max(0, show.tick + step[1])
            cues = (replace(CUE, revision=number, pts=pts, duration=step[2]),)
        for _ in range(count):
            with contextlib.suppress(MediaRefused):
                watched.feed(cues=cues)
            cues = ()
            check(watched)


def check(watched: Watched) -> None:
    tags = watched.tags()
    assert tags == watched.tags("360p")
    assert len(set(tags)) == len(tags)
    assert set(tags) <= watched.told
    if not watched.text():
        return
    begin = watched.first_tick
    overlapping = {t for t, cue in watched.taken.items() if cue.pts + cue.duration > begin}
    assert set(tags) >= overlapping
