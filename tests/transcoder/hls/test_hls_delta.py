"""Delta updates: what they leave out, how they say so, and that nothing recent is missing."""

from dataclasses import replace

import m3u8
import pytest

from transcoder.hls.delta import RecentDateRanges, render_delta, skippable
from transcoder.hls.media import MediaPlaylist, MediaSegment
from transcoder.hls.media_metadata_tags import DateRange, PreloadHint, Skip
from transcoder.hls.media_segment_tags import PartialSegment

SECOND = 90_000
PART = SECOND // 3


def segment(msn: int, *, generation: int = 0, duration: int = 2 * SECOND) -> MediaSegment:
    return MediaSegment(
        map_uri=f"init-{generation}.mp4",
        discontinuity=False,
        utc_us=msn * 2_000_000,
        parts=(),
        uri=f"seg-{msn}.m4s",
        duration=duration,
    )


def opened(parts: int) -> MediaSegment:
    return MediaSegment(
        map_uri="init-0.mp4",
        discontinuity=False,
        utc_us=0,
        parts=tuple(
            PartialSegment(uri=f"part-{number}.m4s", duration=PART, independent=number == 0)
            for number in range(parts)
        ),
        uri=None,
        duration=0,
    )


def date_range(name: str) -> DateRange:
    return DateRange(
        id=name, kind="c", utc_us=0, duration=SECOND, attribute="X-A", payload=name.encode()
    )


def playlist(*segments: MediaSegment, ranges: tuple[str, ...] = ()) -> MediaPlaylist:
    return MediaPlaylist(
        target_duration_s=2,
        part_target_ticks=PART,
        media_sequence=7,
        discontinuity_sequence=0,
        date_ranges=tuple(date_range(name) for name in ranges),
        segments=segments,
        preload_hint=PreloadHint(uri="part-9.m4s"),
        rendition_reports=(),
        ended=False,
    )


@pytest.mark.parametrize(
    ("whole", "open_parts", "skipped"),
    [(6, None, 0), (7, None, 1), (6, 1, 0), (7, 1, 1), (6, 5, 0), (30, None, 24), (0, 1, 0)],
)
def test_what_lies_wholly_beyond_the_boundary_is_left_out(
    whole: int, open_parts: int | None, skipped: int
) -> None:
    """DU-02, DU-05: twelve seconds stay, to the last tick."""
    segments = [segment(n) for n in range(whole)]
    segments += [] if open_parts is None else [opened(open_parts)]
    made = playlist(*segments)
    assert skippable(made) == skipped
    text = render_delta(made)
    if not skipped:
        assert text is None
    else:
        assert text is not None
        assert f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n" in text
        assert m3u8.loads(text).skip.skipped_segments == skipped


def test_one_tick_within_the_boundary_is_within() -> None:
    rest = [segment(n) for n in range(1, 6)]
    short = segment(6, duration=2 * SECOND - 1)
    assert skippable(playlist(segment(0), *rest, short)) == 0
    assert skippable(playlist(segment(0), *rest, segment(6))) == 1


def test_every_date_range_stays_unless_the_client_asked_otherwise() -> None:
    made = playlist(*(segment(n) for n in range(10)), ranges=("old", "new"))
    text = render_delta(made)
    assert text is not None
    assert [line for line in text.splitlines() if "VERSION" in line] == ["#EXT-X-VERSION:9"]
    assert all(each.render() in text for each in made.date_ranges)
    assert "RECENTLY-REMOVED" not in text
    recent = RecentDateRanges(added=made.date_ranges[1:], removed_ids=("a", "b"))
    text = render_delta(made, recent)
    assert text is not None
    assert [line for line in text.splitlines() if "VERSION" in line] == ["#EXT-X-VERSION:10"]
    assert made.date_ranges[0].render() not in text
    assert made.date_ranges[1].render() in text
    assert '#EXT-X-SKIP:SKIPPED-SEGMENTS=4,RECENTLY-REMOVED-DATERANGES="a\tb"\n' in text


def test_what_was_removed_is_said_even_when_it_is_nothing() -> None:
    made = playlist(*(segment(n) for n in range(8)))
    text = render_delta(made, RecentDateRanges(added=(), removed_ids=()))
    assert text is not None
    assert 'RECENTLY-REMOVED-DATERANGES=""\n' in text


def test_the_first_segment_that_stays_has_its_init_section() -> None:
    made = playlist(*(segment(n, generation=n // 3) for n in range(8)))
    text = render_delta(made)
    assert text is not None
    kept = text.partition("#EXT-X-SKIP")[2].splitlines()[1:]
    assert kept[0] == '#EXT-X-MAP:URI="init-0.mp4"'
    assert [line for line in kept if "MAP" in line][1:] == [
        '#EXT-X-MAP:URI="init-1.mp4"',
        '#EXT-X-MAP:URI="init-2.mp4"',
    ]


def test_the_whole_playlist_knows_no_skip() -> None:
    made = playlist(*(segment(n) for n in range(30)))
    assert "SKIP:" not in made.render()
    assert "#EXT-X-VERSION:6\n" in made.render()
    assert "CAN-SKIP-UNTIL=12.000000,CAN-SKIP-DATERANGES=YES" in made.render()
    assert replace(made, ended=True).render().endswith("#EXT-X-ENDLIST\n")


@pytest.mark.parametrize("name", ['a"', "a\tb", "a\nb"])
def test_an_id_that_would_break_the_list_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="quoted string"):
        Skip(segments=1, removed_date_ranges=(name,)).render()
