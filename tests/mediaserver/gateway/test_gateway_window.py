"""One rendition's window: what is listed, what is held, and for how long."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import m3u8
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediaserver.gateway.window import MAX_PART_BYTES, MediaRefused, RenditionWindow
from transcoder.values import Part

PART = 30_000
SECOND = 90_000
NS = 1_000_000_000
MakeBroadcast = Callable[..., Any]


def make_window(window_s: int = 12) -> RenditionWindow:
    return RenditionWindow(window_ticks=window_s * SECOND, part_ticks=PART, segment_ticks=6 * PART)


def one(messages: list[Any]) -> Any:
    return messages[0]


def read(window: RenditionWindow, now_ns: int = 0) -> Any:
    window.shorten(now_ns)
    return m3u8.loads(window.playlist((), ()).render())


def whole_uris(window: RenditionWindow) -> list[str]:
    return [segment.uri for segment in read(window).segments if segment.uri]


@pytest.fixture
def show(broadcast: MakeBroadcast) -> Any:
    return broadcast(ladder=("720p",))


@pytest.fixture
def window(show: Any) -> RenditionWindow:
    made = make_window()
    made.add_init(one(show.inits()))
    return made


def feed(window: RenditionWindow, show: Any, count: int, now_ns: int = 0) -> None:
    for _ in range(count):
        assert window.add_part(one(show.parts()), now_ns)
        window.shorten(now_ns)


def test_a_segment_is_its_parts_one_after_the_other(window: RenditionWindow, show: Any) -> None:
    feed(window, show, 7)
    assert window.segment_data(0) == b"".join(show.data("720p", n) for n in range(6))
    assert window.segment_data(1) is None
    assert window.part_data(6) == show.data("720p", 6)


def test_the_open_segment_has_parts_and_a_hint_but_no_extinf(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 8)
    playlist = read(window)
    assert whole_uris(window) == ["seg-0.m4s"]
    assert [p.uri for s in playlist.segments for p in s.parts][-2:] == ["part-6.m4s", "part-7.m4s"]
    assert playlist.preload_hint.uri == "part-8.m4s"


def test_the_live_window_lists_whole_segments_for_its_duration(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 6 * 20 + 2)
    assert whole_uris(window) == [f"seg-{n}.m4s" for n in range(14, 20)]
    assert read(window).media_sequence == 14


def test_six_segments_are_listed_however_long_they_are(show: Any) -> None:
    window = make_window(window_s=1)
    window.add_init(one(show.inits()))
    feed(window, show, 6 * 20)
    assert len(whole_uris(window)) == 6


def test_parts_are_listed_for_the_last_three_target_durations(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 6 * 9 + 3)
    listed = [int(p.uri[5:-4]) for s in read(window).segments for p in s.parts]
    # 18 parts are three target durations; a segment that began before that lists none of its own
    assert listed == list(range(42, 57))


def test_a_part_stays_for_three_target_durations_after_its_tag(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 18)
    feed(window, show, 1, now_ns=5 * NS)  # now the first segment's tags go
    window.free(5 * NS + 6 * NS - 1)
    assert window.part_data(0) == show.data("720p", 0)
    window.free(5 * NS + 6 * NS)
    assert window.part_data(0) is None
    assert window.part_data(6) is not None
    assert window.segment_data(0) is not None


def test_a_segment_stays_for_its_own_and_the_playlists_duration_after_leaving(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 6 * 6 + 5)
    assert "seg-0.m4s" in whole_uris(window)
    feed(window, show, 1, now_ns=NS)  # the seventh segment is whole: the first leaves
    assert "seg-0.m4s" not in whole_uris(window)
    gone_at = NS + (2 + 14) * NS
    window.free(gone_at - 1)
    assert window.segment_data(0) is not None
    window.free(gone_at)
    assert window.segment_data(0) is None


def test_memory_stays_bounded(window: RenditionWindow, show: Any) -> None:
    sizes = []
    for number in range(6 * 60):
        now_ns = number * NS // 3
        feed(window, show, 1, now_ns)
        window.free(now_ns)
        sizes.append(window.held_bytes)
    assert max(sizes[180:]) <= max(sizes[:180])


def test_a_new_generation_is_a_discontinuity_with_its_own_map(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 8)
    window.add_init(one(show.new_generation()))
    feed(window, show, 6)
    playlist = read(window)
    # The segment that was open is worth the two parts it has.
    assert playlist.segments[1].duration == pytest.approx(2 / 3, abs=1e-5)
    assert window.segment_data(1) == show.data("720p", 6) + show.data("720p", 7)
    assert [s.discontinuity for s in playlist.segments] == [False, False, True]
    assert [s.init_section.uri for s in playlist.segments] == [
        "init-0.mp4",
        "init-0.mp4",
        "init-1.mp4",
    ]
    assert playlist.discontinuity_sequence == 0
    assert window.init_data(1) == b"init 720p 1"


def test_the_discontinuity_sequence_counts_the_tags_that_left(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 8)
    window.add_init(one(show.new_generation()))
    sequences = []
    for _ in range(6 * 9):
        feed(window, show, 1)
        playlist = read(window)
        first_has_tag = bool(playlist.segments[0].discontinuity)
        sequences.append((playlist.discontinuity_sequence, first_has_tag))
    assert sequences[0] == (0, False)
    assert (0, True) in sequences
    assert sequences[-1] == (1, False)
    assert sequences == sorted(sequences, key=lambda item: (item[0], item[1]))


def test_an_init_section_goes_with_the_last_segment_that_needs_it(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 6)
    window.add_init(one(show.new_generation()))
    feed(window, show, 6 * 8)
    window.free(0)
    assert window.segment_data(0) is not None
    assert window.init_data(0) is not None
    window.free(60 * NS)
    assert window.init_data(0) is None
    assert window.init_data(1) is not None


def test_a_show_of_many_generations_keeps_only_the_init_sections_that_it_needs(
    show: Any,
) -> None:
    window = make_window(window_s=60)
    window.add_init(one(show.inits()))
    for second in range(0, 2400, 2):
        feed(window, show, 6, second * NS)
        window.add_init(one(show.new_generation()))
        window.free(second * NS)
    listed = {segment.init_section.uri for segment in read(window, 2400 * NS).segments}
    assert len(listed) >= 30
    held = [n for n in range(show.generation + 1) if window.init_data(n) is not None]
    assert held == list(range(held[0], show.generation + 1))
    assert {f"init-{number}.mp4" for number in held} >= listed
    assert len(held) < 100


def test_a_long_window_holds_as_many_generations_as_a_worker_can_make(show: Any) -> None:
    window = make_window(window_s=600)
    window.add_init(one(show.inits()))
    for second in range(0, 1800, 2):
        feed(window, show, 6, second * NS)
        window.add_init(one(show.new_generation()))
        window.free(second * NS)
    assert len(read(window, 1800 * NS).segments) >= 300


def test_a_segment_cut_at_a_sources_keyframe_may_be_a_little_longer(
    window: RenditionWindow, show: Any
) -> None:
    parts = [one(show.parts(last=False)) for _ in range(8)]
    for part in parts[:7]:
        assert window.add_part(part, 0)
    with pytest.raises(MediaRefused, match="longer than any may be"):
        window.add_part(parts[7], 0)
    show.msn, show.index = 1, 0
    show.number, show.tick = 7, 7 * PART
    feed(window, show, 1)
    (segment, *_) = read(window).segments
    assert segment.duration == pytest.approx(7 / 3, abs=1e-5)
    assert window.target_duration_s == 2


def test_a_number_may_be_skipped_between_generations(window: RenditionWindow, show: Any) -> None:
    feed(window, show, 8)
    show.number += 1
    window.add_init(one(show.new_generation()))
    feed(window, show, 1)
    assert read(window).media_sequence == 0
    assert whole_uris(window) == ["seg-0.m4s", "seg-1.m4s"]


def test_the_end_closes_the_open_segment_and_hints_at_nothing(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 8)
    window.end()
    playlist = read(window)
    assert playlist.is_endlist
    assert playlist.preload_hint is None
    assert whole_uris(window) == ["seg-0.m4s", "seg-1.m4s"]
    with pytest.raises(MediaRefused, match="ended"):
        window.add_part(one(show.parts()), 0)


def test_what_is_known_is_taken_silently(window: RenditionWindow, show: Any) -> None:
    feed(window, show, 8)
    before = window.playlist((), ()).render()
    for message in show.sent:
        if isinstance(message, Part):
            assert window.add_part(message, 0) is False
        else:
            assert window.add_init(message) is False
    assert window.playlist((), ()).render() == before


def test_a_late_gateway_begins_at_the_first_whole_segment(broadcast: MakeBroadcast) -> None:
    show = broadcast(ladder=("720p",), generation=2, number=45, msn=7, index=3, tick=45 * PART)
    window = make_window()
    window.add_init(one(show.inits()))
    for _ in range(3):
        assert window.add_part(one(show.parts()), 0) is False
    assert window.edge is None
    feed(window, show, 7)
    playlist = read(window)
    assert playlist.media_sequence == 8
    assert playlist.discontinuity_sequence == 2
    assert not playlist.segments[0].discontinuity


def test_lost_media_takes_what_was_listed_before_it_off_the_list(
    window: RenditionWindow, show: Any
) -> None:
    feed(window, show, 20)
    show.many(20)  # lost on the way
    for _ in range(2):
        with pytest.raises(MediaRefused):
            window.add_part(one(show.parts()), 0)
    feed(window, show, 7)
    assert read(window).media_sequence == 7
    assert whole_uris(window) == ["seg-7.m4s"]
    assert window.segment_data(1) is not None  # held for those who still know of it


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"generation": 5}, "no init section"),
        ({"duration": PART + 1}, "lasts"),
        ({"duration": 0}, "lasts"),
        ({"duration": -PART}, "lasts"),
        ({"msn": -1}, "below zero"),
        ({"decode_time": -1}, "below zero"),
        ({"msn": 0}, "is over"),
        ({"index": 5}, "does not fit"),
        ({"index": 1}, "does not fit"),
        ({"number": 9}, "does not fit"),
        ({"msn": 2, "index": 1}, "beginning is missing"),
        ({"data": bytes(MAX_PART_BYTES + 1)}, "bytes"),
    ],
)
def test_what_cannot_be_listed_is_refused_and_changes_nothing(
    window: RenditionWindow, show: Any, changes: dict[str, Any], reason: str
) -> None:
    feed(window, show, 8)
    before = window.playlist((), ()).render()
    part = one(show.parts())
    with pytest.raises(MediaRefused, match=reason):
        window.add_part(replace(part, **changes), 0)
    assert window.playlist((), ()).render() == before
    assert window.add_part(part, 0)


def test_another_init_section_of_a_known_generation_is_refused(
    window: RenditionWindow, broadcast: MakeBroadcast
) -> None:
    other = one(broadcast(ladder=("720p",), part_ticks=PART + 1).inits())
    with pytest.raises(MediaRefused, match="another init"):
        window.add_init(other)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("parts"), st.integers(1, 24), st.integers(1, PART), st.booleans()),
        st.just(("generation",)),
        st.just(("lost",)),
        st.tuples(st.just("clock"), st.integers(0, 20)),
    ),
    min_size=5,
    max_size=25,
)


def offered(show: Any, window: RenditionWindow, step: Any) -> Iterator[Part]:
    """What a worker may do in one step; `parts` as many as the step says."""
    if step[0] == "generation":
        window.add_init(one(show.new_generation()))
    elif step[0] == "lost":
        show.many(7)
    elif step[0] == "parts":
        for _ in range(step[1]):
            last = step[3] or show.index == show.parts_per_segment - 1
            yield one(show.parts(duration=step[2], last=last))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(steps=STEPS)
def test_reloads_never_contradict_each_other(broadcast: MakeBroadcast, steps: list[Any]) -> None:
    """PL-12, 13, 14, 21, 22 and availability, over whatever a worker may do."""
    show = broadcast(ladder=("720p",))
    window = make_window(window_s=1)
    window.add_init(one(show.inits()))
    now_ns = 0
    seen: dict[str, tuple[Any, ...]] = {}
    previous = None
    for step in steps:
        now_ns += step[1] * NS if step[0] == "clock" else 0
        for part in offered(show, window, step):
            with contextlib.suppress(MediaRefused):
                window.add_part(part, now_ns)
            if window.edge is None:
                continue
            playlist = read(window, now_ns)
            window.free(now_ns)
            tags = discontinuities(window)
            check_alone(window, playlist)
            check_unchanged(playlist, seen)
            if previous is not None:
                check_after(*previous, playlist)
            previous = playlist, tags


def discontinuities(window: RenditionWindow) -> list[bool]:
    """Whether each listed segment has the tag, open ones too (which the parser passes over)."""
    found, tagged = [], False
    for line in window.playlist((), ()).render().splitlines():
        tagged = tagged or line == "#EXT-X-DISCONTINUITY"
        if line.startswith("#EXT-X-PROGRAM-DATE-TIME"):
            found.append(tagged)
            tagged = False
    return found


def check_alone(window: RenditionWindow, playlist: Any) -> None:
    lines = window.playlist((), ()).render().splitlines()
    maps = [line for line in lines if line.startswith("#EXT-X-MAP")]
    newest = window.newest_init
    assert newest is not None
    assert maps[-1] == f'#EXT-X-MAP:URI="init-{newest.generation}.mp4"'
    dates = [line for line in lines if line.startswith("#EXT-X-PROGRAM-DATE-TIME")]
    assert len(dates) == len(playlist.segments)
    for segment in playlist.segments:
        for part in segment.parts:
            assert window.part_data(int(part.uri[5:-4])) is not None
        if segment.uri:  # the parser gives an open segment nothing but its parts
            assert window.init_data(int(segment.init_section.uri[5:-4])) is not None
            assert window.segment_data(int(segment.uri[4:-4])) is not None
            if segment.parts:
                assert sum(p.duration for p in segment.parts) == pytest.approx(
                    segment.duration, abs=1e-4
                )
    assert playlist.preload_hint.uri not in {p.uri for s in playlist.segments for p in s.parts}


def check_unchanged(playlist: Any, seen: dict[str, tuple[Any, ...]]) -> None:
    for segment in playlist.segments:
        if segment.uri:
            now = (segment.duration, segment.program_date_time, bool(segment.discontinuity))
            assert seen.setdefault(segment.uri, now) == now
        for part in segment.parts:
            facts = (part.duration, part.independent)
            assert seen.setdefault(part.uri, facts) == facts


def check_after(previous: Any, tagged: list[bool], playlist: Any) -> None:
    left = playlist.media_sequence - previous.media_sequence
    assert left >= 0
    before = [s.uri for s in previous.segments if s.uri]
    after = [s.uri for s in playlist.segments if s.uri]
    assert after[: len(before[left:])] == before[left:]
    tags_gone = sum(tagged[:left])
    assert playlist.discontinuity_sequence - previous.discontinuity_sequence == tags_gone
