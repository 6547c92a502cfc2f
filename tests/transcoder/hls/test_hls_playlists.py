"""Whole playlists: read back by the independent `m3u8` package, and line by line."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.hls.media import MediaPlaylist, MediaSegment
from transcoder.hls.media_metadata_tags import DateRange, PreloadHint, RenditionReport
from transcoder.hls.media_segment_tags import PartialSegment, ProgramDateTime
from transcoder.hls.multivariant import MultivariantPlaylist
from transcoder.hls.multivariant_tags import StreamInf

PART_TICKS = 30_000
SEGMENT_TICKS = 180_000
ATTRIBUTE_TAGS = (
    "SERVER-CONTROL",
    "PART-INF",
    "PART",
    "MAP",
    "DATERANGE",
    "PRELOAD-HINT",
    "RENDITION-REPORT",
)
RANGE = DateRange(
    id="cue-pin_1-0",
    kind="comptoir.cue",
    utc_us=1_760_000_001_500_499,
    duration=2_700_000,
    attribute="X-COMPTOIR-CUE",
    payload=b'{"id":"pin_1"}',
)
RANGE_LINE = (
    '#EXT-X-DATERANGE:ID="cue-pin_1-0",CLASS="comptoir.cue",'
    'START-DATE="2025-10-09T08:53:21.500Z",DURATION=30.000000,'
    'X-COMPTOIR-CUE="eyJpZCI6InBpbl8xIn0"'
)


def date_ranges() -> st.SearchStrategy[list[DateRange]]:
    one = st.builds(
        DateRange,
        id=st.from_regex(r"cue-[A-Za-z0-9_-]{1,64}-[0-9]{1,4}", fullmatch=True),
        kind=st.just("comptoir.cue"),
        utc_us=st.integers(0, 4_000_000_000_000_000),
        duration=st.integers(22_501, 2**32),
        attribute=st.just("X-COMPTOIR-CUE"),
        payload=st.binary(max_size=1024),
    )
    return st.lists(one, max_size=3, unique_by=lambda tag: tag.id)


@st.composite
def media_playlists(draw: st.DrawFn) -> MediaPlaylist:
    ended = draw(st.booleans())
    closed = draw(st.integers(0, 8))
    utc_us = draw(st.integers(0, 4_000_000_000_000_000))
    number = draw(st.integers(0, 10**9))
    generation = 0
    segments = []
    for at in range(closed + 1):
        discontinuity = draw(st.booleans()) and at > 0
        generation += discontinuity
        durations = draw(st.lists(st.integers(1, PART_TICKS), min_size=1, max_size=6))
        is_open = at == closed and not ended
        listed = is_open or draw(st.booleans())
        parts = tuple(
            PartialSegment(
                uri=f"part-{number + i}.m4s", duration=duration, independent=draw(st.booleans())
            )
            for i, duration in enumerate(durations)
        )
        number += len(durations)
        segments.append(
            MediaSegment(
                map_uri=f"init-{generation}.mp4",
                discontinuity=discontinuity,
                utc_us=utc_us,
                parts=parts if listed else (),
                uri=None if is_open else f"seg-{at}.m4s",
                duration=sum(durations),
            )
        )
        utc_us += sum(durations) * 100 // 9
    reports = tuple(
        RenditionReport(uri=f"../{name}/media.m3u8", last_msn=closed, last_part=5)
        for name in draw(st.lists(st.sampled_from(["720p", "480p", "360p"]), unique=True))
    )
    return MediaPlaylist(
        target_duration_s=2,
        part_target_ticks=PART_TICKS,
        media_sequence=draw(st.integers(0, 10**9)),
        discontinuity_sequence=draw(st.integers(0, 1000)),
        date_ranges=tuple(draw(date_ranges())),
        segments=tuple(segments),
        preload_hint=None if ended else PreloadHint(uri=f"part-{number}.m4s"),
        rendition_reports=reports,
        ended=ended,
    )


@given(media_playlists())
def test_an_independent_parser_reads_what_was_meant(playlist: MediaPlaylist) -> None:
    parsed = m3u8.loads(playlist.render())
    assert parsed.version == 6
    assert parsed.target_duration == 2
    assert parsed.media_sequence == playlist.media_sequence
    assert parsed.discontinuity_sequence == playlist.discontinuity_sequence
    assert parsed.is_endlist == playlist.ended
    assert parsed.server_control.can_block_reload == "YES"
    assert parsed.server_control.part_hold_back >= 3 * parsed.part_inf.part_target - 1e-9
    whole = [segment for segment in parsed.segments if segment.uri]
    meant = [segment for segment in playlist.segments if segment.uri]
    assert [s.uri for s in whole] == [s.uri for s in meant]
    for read, written in zip(whole, meant, strict=True):
        assert read.duration == pytest.approx(written.duration / 90_000, abs=1e-6)
        assert read.discontinuity == written.discontinuity
        assert read.init_section.uri == written.map_uri
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=written.utc_us)
        assert abs(read.program_date_time - at) <= timedelta(microseconds=500)
    check_date_ranges(playlist, parsed)
    parts = [part for segment in parsed.segments for part in segment.parts]
    meant_parts = [part for segment in playlist.segments for part in segment.parts]
    assert [p.uri for p in parts] == [p.uri for p in meant_parts]
    assert [p.independent == "YES" for p in parts] == [p.independent for p in meant_parts]
    assert all(p.duration <= parsed.part_inf.part_target for p in parts)
    assert [r.uri for r in parsed.rendition_reports] == [r.uri for r in playlist.rendition_reports]
    if playlist.preload_hint is not None:
        assert parsed.preload_hint.uri == playlist.preload_hint.uri


def check_date_ranges(playlist: MediaPlaylist, parsed: m3u8.M3U8) -> None:
    """CU-09: each is there once, with its start and end, and its payload is what was given."""
    # The parser gives them to the segment or part that comes next.
    places = [place for segment in parsed.segments for place in (*segment.parts, segment)]
    found = [tag for place in places for tag in place.dateranges]
    assert [tag.id for tag in found] == [tag.id for tag in playlist.date_ranges]
    for read, written in zip(found, playlist.date_ranges, strict=True):
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=written.utc_us)
        assert abs(datetime.fromisoformat(read.start_date) - at) <= timedelta(microseconds=500)
        assert read.duration == pytest.approx(written.duration / 90_000, abs=1e-6)
        assert read.class_ == "comptoir.cue"
        ((name, value),) = read.x_client_attrs
        text = value.strip('"')
        assert name.upper().replace("_", "-") == "X-COMPTOIR-CUE"
        assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) == written.payload


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 'a"b'},
        {"id": "a\n#EXT-X-ENDLIST"},
        {"kind": "a\rb"},
        {"attribute": "X-A,B"},
        {"attribute": "END-DATE"},
        {"utc_us": 10**18},
    ],
)
def test_a_date_range_that_cannot_be_said_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        replace(RANGE, **changes).render()


@given(media_playlists())
def test_every_attribute_list_keeps_to_the_grammar(
    read_attributes: Callable[[str], dict[str, str]], playlist: MediaPlaylist
) -> None:
    lines = playlist.render().splitlines()
    assert lines[0] == "#EXTM3U"
    for line in lines:
        tag, _, value = line.removeprefix("#EXT-X-").partition(":")
        if tag in ATTRIBUTE_TAGS:
            assert read_attributes(value)


@given(media_playlists())
def test_what_describes_a_segment_precedes_its_first_part(playlist: MediaPlaylist) -> None:
    in_segment = False
    for line in playlist.render().splitlines():
        if line.startswith(("#EXT-X-MAP", "#EXT-X-PROGRAM-DATE-TIME")) or line.endswith("UITY"):
            assert not in_segment, line
        elif line.startswith("#EXT-X-PART:"):
            in_segment = True
        elif not line.startswith("#"):
            in_segment = False


def test_a_low_latency_playlist_word_for_word() -> None:
    closed = MediaSegment(
        map_uri="init-0.mp4",
        discontinuity=False,
        utc_us=1_760_000_000_123_456,
        parts=(),
        uri="seg-7.m4s",
        duration=SEGMENT_TICKS,
    )
    opened = MediaSegment(
        map_uri="init-1.mp4",
        discontinuity=True,
        utc_us=1_760_000_002_123_456,
        parts=(PartialSegment(uri="part-42.m4s", duration=PART_TICKS, independent=True),),
        uri=None,
        duration=PART_TICKS,
    )
    playlist = MediaPlaylist(
        target_duration_s=2,
        part_target_ticks=PART_TICKS,
        media_sequence=7,
        discontinuity_sequence=3,
        date_ranges=(RANGE,),
        segments=(closed, opened),
        preload_hint=PreloadHint(uri="part-43.m4s"),
        rendition_reports=(RenditionReport(uri="../360p/media.m3u8", last_msn=8, last_part=0),),
        ended=False,
    )
    assert playlist.render().splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.000002,"
        "CAN-SKIP-UNTIL=12.000000,CAN-SKIP-DATERANGES=YES",
        "#EXT-X-PART-INF:PART-TARGET=0.333334",
        "#EXT-X-MEDIA-SEQUENCE:7",
        "#EXT-X-DISCONTINUITY-SEQUENCE:3",
        RANGE_LINE,
        '#EXT-X-MAP:URI="init-0.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2025-10-09T08:53:20.123Z",
        "#EXTINF:2.000000,",
        "seg-7.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="init-1.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2025-10-09T08:53:22.123Z",
        '#EXT-X-PART:DURATION=0.333333,URI="part-42.m4s",INDEPENDENT=YES',
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-43.m4s"',
        '#EXT-X-RENDITION-REPORT:URI="../360p/media.m3u8",LAST-MSN=8,LAST-PART=0',
    ]


def test_a_time_of_whole_seconds_keeps_its_milliseconds() -> None:
    tag = ProgramDateTime(utc_us=1_760_000_000_999_600)
    assert tag.render() == "#EXT-X-PROGRAM-DATE-TIME:2025-10-09T08:53:21.000Z"


def test_the_multivariant_playlist_names_every_variant() -> None:
    variants = tuple(
        StreamInf(
            uri=f"e1/{height}p/media.m3u8",
            bandwidth_bps=height * 4000,
            average_bandwidth_bps=height * 3000,
            codecs="avc1.4D401F,mp4a.40.2",
            width=height * 16 // 9,
            height=height,
            frames_per_second=30,
        )
        for height in (720, 360)
    )
    parsed = m3u8.loads(MultivariantPlaylist(variants=variants).render())
    assert parsed.is_independent_segments
    assert parsed.version == 6
    assert [p.uri for p in parsed.playlists] == ["e1/720p/media.m3u8", "e1/360p/media.m3u8"]
    assert [p.stream_info.resolution for p in parsed.playlists] == [(1280, 720), (640, 360)]
    assert parsed.playlists[0].stream_info.bandwidth == 2_880_000
    assert parsed.playlists[0].stream_info.average_bandwidth == 2_160_000
    assert parsed.playlists[0].stream_info.codecs == "avc1.4D401F,mp4a.40.2"
    assert parsed.playlists[0].stream_info.frame_rate == 30.0


def test_a_variant_whose_name_would_break_a_line_is_refused() -> None:
    variant = StreamInf(
        uri="e1/720p\n#EXT-X-ENDLIST/media.m3u8",
        bandwidth_bps=1,
        average_bandwidth_bps=1,
        codecs="avc1",
        width=2,
        height=2,
        frames_per_second=30,
    )
    with pytest.raises(ValueError, match="URI"):
        variant.render()
