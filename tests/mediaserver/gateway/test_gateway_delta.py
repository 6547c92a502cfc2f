"""Delta updates as published: merged into what a client has, they are the new whole playlist."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import m3u8
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediaserver.gateway import answers
from mediaserver.gateway.blocking import Form
from mediaserver.gateway.date_ranges import MAX_REMOVED, DateRangeChanges
from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.publication import Publication, PublishedPlaylist
from mediaserver.gateway.window import MediaRefused
from transcoder.hls.media_metadata_tags import DateRange
from transcoder.values import TimedMetadata

MakeBroadcast = Callable[..., Any]
SKIPS: Final[tuple[Literal["YES", "v2"], ...]] = ("YES", "v2")
FORMS: Final[tuple[Literal["", "YES", "v2"], ...]] = ("", "YES", "v2")
SECOND_NS = 1_000_000_000
BOUNDARY_NS = 12 * SECOND_NS
SECOND = 90_000
PART = 30_000
CUE = TimedMetadata(id="pin", revision=1, pts=5000, duration=10 * SECOND, payload=b"{}")


@dataclass
class Held:
    """What a client knows of a playlist: one block of lines a segment, with its init section."""

    head: list[str]
    first: int
    segments: list[tuple[str, ...]]
    ranges: dict[str, str]
    foot: list[str]


HEAD = ("#EXTM3U", "#EXT-X-TARGET", "#EXT-X-SERVER", "#EXT-X-PART-INF", "#EXT-X-DISCONTINUITY-S")
FOOT = ("#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT", "#EXT-X-ENDLIST")


def read(text: str) -> tuple[Held, int, list[str]]:
    """A playlist of ours, how many segments it skips, and which date ranges it takes away."""
    held = Held([], 0, [], {}, [])
    skipped, removed, mapped, block = 0, [], "", []
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if line.startswith("#EXT-X-VERSION"):
            continue
        if line.startswith(HEAD):
            held.head.append(line)
        elif name == "#EXT-X-MEDIA-SEQUENCE":
            held.first = int(value)
        elif name == "#EXT-X-SKIP":
            count, _, ids = value.partition(",RECENTLY-REMOVED-DATERANGES=")
            skipped = int(count.removeprefix("SKIPPED-SEGMENTS="))
            removed = ids.strip('"').split("\t")
        elif name == "#EXT-X-DATERANGE":
            held.ranges[value.split('"')[1]] = line
        elif name == "#EXT-X-MAP":
            mapped = line
        elif line.startswith(FOOT):
            held.foot.append(line)
        else:
            block.append(line)
            if not line.startswith("#"):
                held.segments.append((mapped, *block))
                block = []
    if block:
        held.segments.append((mapped, *block))
    return held, skipped, removed


def merge(before: Held, delta: str, skip: Literal["YES", "v2"]) -> Held:
    """§6.3.7: the client's playlist, brought up to date."""
    new, skipped, removed = read(delta)
    if not skipped:
        return new
    start = new.first - before.first
    old = before.segments[start : start + skipped]
    assert len(old) == skipped, "the client lacks a segment that was skipped"
    # Parts of segments that were kept are too old to be listed now.
    quiet = [tuple(line for line in each if "EXT-X-PART:" not in line) for each in old]
    ranges = new.ranges
    if skip == "v2":
        kept = {each: line for each, line in before.ranges.items() if each not in removed}
        ranges = {**kept, **new.ranges}
    return replace(new, segments=[*quiet, *new.segments], ranges=ranges)


class Audience:
    """Publishes, and after each publication lets clients of every admissible age update."""

    def __init__(self, show: Any, *, window_s: float = 20) -> None:
        self.show = show
        inits = show.inits()
        epoch = MediaEpoch(inits[0], window_s=window_s)
        for init in inits:
            epoch.add_init(init)
        self.publication = Publication(epoch)
        self.now_ns = 0
        self.seen: list[tuple[int, Held]] = []
        self.merged = 0

    @property
    def latest(self) -> PublishedPlaylist:
        latest = self.publication.renditions["720p"].latest
        assert latest is not None
        return latest

    def feed(self, count: int = 1, *, take_ns: int = SECOND_NS // 3, **changes: Any) -> None:
        for _ in range(count):
            self.now_ns += take_ns
            for part in self.show.parts(**changes):
                with contextlib.suppress(MediaRefused):
                    self.publication.epoch.add_part(part, self.now_ns)
            if self.publication.publish_due(self.now_ns):
                self.check()

    def check(self) -> None:
        latest = self.latest
        whole, skipped, _ = read(latest.plain.body.decode())
        assert skipped == 0
        for skip in SKIPS:
            answer = latest.skip if skip == "YES" else latest.skip_v2
            if answer is None:
                continue
            text = answer.body.decode()
            assert m3u8.loads(text).skip.skipped_segments > 0
            for at_ns, before in self.seen:
                # A client starts over where so much was lost that its segments have all left.
                if before.first + len(before.segments) > whole.first:
                    assert merge(before, text, skip) == whole
                    self.merged += at_ns < self.now_ns
        self.seen.append((self.now_ns, whole))
        # §6.3.7: "no older than one-half of the Skip Boundary"
        self.seen = [each for each in self.seen if each[0] >= self.now_ns - BOUNDARY_NS // 2]


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("cue"),
            st.integers(-20 * PART, 3 * PART),
            st.integers(22_501, 20 * SECOND),
        ),
        st.tuples(st.just("parts"), st.integers(1, 30)),
        st.tuples(st.just("burst"), st.integers(1, 12)),
        st.just(("generation",)),
        st.just(("lost",)),
        st.just(("end",)),
    ),
    min_size=3,
    max_size=14,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(steps=STEPS)
def test_any_delta_update_merges_to_the_whole_playlist(
    broadcast: MakeBroadcast, steps: list[Any]
) -> None:
    """DU-01, DU-03, DU-04."""
    audience = Audience(broadcast(ladder=("720p",)))
    audience.feed(6 * 9)
    show = audience.show
    for number, step in enumerate(steps):
        match step:
            case ("cue", offset, duration):
                cue = replace(
                    CUE, revision=number, pts=max(0, show.tick + offset), duration=duration
                )
                audience.feed(cues=(cue,))
            case ("parts", count):
                audience.feed(count)
            case ("burst", count):
                audience.feed(count, take_ns=0)
            case ("generation",):
                for init in show.new_generation():
                    audience.publication.epoch.add_init(init)
            case ("lost",):
                show.many(7)
            case ("end",):
                audience.publication.epoch.end()
                audience.publication.publish_due(audience.now_ns)
                audience.check()
                break
    assert audience.merged


def test_a_cue_that_came_and_went_is_said_to_be_gone(broadcast: MakeBroadcast) -> None:
    audience = Audience(broadcast(ladder=("720p",)), window_s=14)
    audience.feed(6 * 9)
    audience.feed(cues=(replace(CUE, pts=audience.show.tick, duration=SECOND),))
    named = "cue-pin-1"
    assert audience.latest.skip_v2 is not None
    assert named in audience.latest.skip_v2.body.decode()
    audience.feed(6 * 6 + 3)
    text = audience.latest.skip_v2.body.decode()
    assert "DATERANGE:" not in text  # long known
    assert named in audience.latest.plain.body.decode()
    while named in audience.latest.plain.body.decode():
        audience.feed()
    assert f'RECENTLY-REMOVED-DATERANGES="{named}"' in audience.latest.skip_v2.body.decode()
    audience.feed(3 * 12 + 1)
    assert 'RECENTLY-REMOVED-DATERANGES=""' in audience.latest.skip_v2.body.decode()


def test_a_gateway_that_starts_late_does_not_claim_to_know_what_left(
    broadcast: MakeBroadcast,
) -> None:
    audience = Audience(broadcast(ladder=("720p",)))
    for part in audience.show.many(6 * 9):
        audience.publication.epoch.add_part(part, 0)
    audience.publication.publish_due(0)
    assert audience.latest.skip is None
    assert audience.latest.skip_v2 is None
    assert audience.latest.answer(Form("v2"), directed=True) is audience.latest.blocking
    audience.feed(3 * 12 + 1)
    assert audience.latest.skip_v2 is not None


def test_each_form_is_made_once_and_all_share_their_bytes(broadcast: MakeBroadcast) -> None:
    audience = Audience(broadcast(ladder=("720p",)))
    audience.feed(6 * 9)
    latest = audience.latest
    for skip, directed, cacheable in itertools.product(FORMS, (False, True), (False, True)):
        form = Form(skip, cacheable)
        answer = latest.answer(form, directed=directed)
        assert answer is latest.answer(form, directed=directed)
        kept = dict(answer.headers)["Cache-Control"]
        if not cacheable:
            assert kept == answers.NO_STORE
        else:
            assert kept == ("public, max-age=12" if directed else answers.FRESH)
        shared = {"": latest.plain, "YES": latest.skip, "v2": latest.skip_v2}[skip]
        assert shared is not None
        assert answer.body is shared.body
        assert answer.gzip_body is shared.gzip_body


def test_nothing_is_rendered_before_somebody_asks(broadcast: MakeBroadcast) -> None:
    audience = Audience(broadcast(ladder=("720p",)))
    audience.publication.epoch.add_part(audience.show.parts()[0], 0)
    audience.publication.publish_due(0)
    assert not {"plain", "blocking", "skip", "skip_v2"} & set(vars(audience.latest))


def tag(name: str) -> DateRange:
    return DateRange(id=name, kind="c", utc_us=0, duration=SECOND, attribute="X-A", payload=b"")


def test_what_is_recent_is_bounded_and_never_a_guess() -> None:
    changes = DateRangeChanges(BOUNDARY_NS)
    assert changes.publish((), 0) is None
    many = tuple(tag(f"cue-{number}") for number in range(MAX_REMOVED + 1))
    assert changes.publish((), BOUNDARY_NS) is not None
    recent = changes.publish(many, BOUNDARY_NS)
    assert recent is not None
    assert recent.added == many
    assert changes.publish((), BOUNDARY_NS + 1) is None
    recent = changes.publish((), 2 * BOUNDARY_NS + 1)
    assert recent is not None
    assert len(recent.removed_ids) == MAX_REMOVED
    recent = changes.publish(many[:1], 3 * BOUNDARY_NS)
    assert recent is not None
    assert (recent.added, recent.removed_ids) == (many[:1], ())


@pytest.mark.parametrize("taken_back", [True, False])
def test_a_tag_that_came_back_is_not_said_to_be_gone(taken_back: bool) -> None:
    changes = DateRangeChanges(BOUNDARY_NS)
    changes.publish((tag("a"),), 0)
    changes.publish((), BOUNDARY_NS)
    recent = changes.publish((tag("a"),) if taken_back else (), BOUNDARY_NS + 1)
    assert recent is not None
    assert recent.removed_ids == (() if taken_back else ("a",))
