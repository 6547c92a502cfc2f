"""The media playlist of one rendition, low latency (rfc8216bis §4.4, appendix B.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from transcoder.hls.attributes import microseconds_up, uri_line
from transcoder.hls.basic_tags import HEADER, Version
from transcoder.hls.media_metadata_tags import DateRange, PreloadHint, RenditionReport, Skip
from transcoder.hls.media_playlist_tags import (
    END_LIST,
    DiscontinuitySequence,
    MediaSequence,
    PartInf,
    ServerControl,
    TargetDuration,
)
from transcoder.hls.media_segment_tags import (
    DISCONTINUITY,
    ExtInf,
    Map,
    PartialSegment,
    ProgramDateTime,
)

VERSION = 6
"""§8: "The EXT-X-MAP tag […] in a Media Playlist that does not contain EXT-X-I-FRAMES-ONLY"
demands 6. No low-latency tag demands more but EXT-X-SKIP, which only delta updates have."""

HOLD_BACK_PARTS = 3
"""PART-HOLD-BACK in part targets (§4.4.3.8: MUST 2, SHOULD 3; Apple's authoring rules: MUST 3)."""

SKIP_TARGET_DURATIONS = 6
"""The Skip Boundary in target durations (§4.4.3.8: at least six)."""


@dataclass(frozen=True, kw_only=True)
class MediaSegment:
    """One segment as a playlist lists it: whole, or still open at the playlist's end.

    Its lines are rendered once (so no slots): a segment is listed in hundreds of playlists.
    """

    map_uri: str
    """Its init section. The tag is written where it differs from the segment before."""
    discontinuity: bool
    utc_us: int
    """Unix time of its first sample, in microseconds."""
    parts: tuple[PartialSegment, ...]
    """Empty once its parts are too old to be listed."""
    uri: str | None
    """Where the whole segment is; None while it is open."""
    duration: int
    """The whole segment's, in ticks; of no meaning while it is open."""

    def lines(self, *, with_map: bool) -> Iterator[str]:
        """Its tags in order, with its EXT-X-MAP where that is new.

        What applies to the segment applies to its first part too. §4.4.4.9: such tags "MUST appear
        before the first EXT-X-PART tag of that Parent Segment".
        """
        if self.discontinuity:
            yield DISCONTINUITY
        if with_map:
            yield Map(uri=self.map_uri).render()
        yield self._rest

    @cached_property
    def _rest(self) -> str:
        lines = [ProgramDateTime(utc_us=self.utc_us).render()]
        lines += [part.render() for part in self.parts]
        if self.uri is not None:
            lines += [ExtInf(duration=self.duration).render(), uri_line(self.uri)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPlaylist:
    """A rendition's playlist at one instant. The caller decides what is listed and hinted."""

    target_duration_s: int
    part_target_ticks: int
    """From the configuration, never from the parts made so far: it may not change (§6.2.1)."""
    media_sequence: int
    discontinuity_sequence: int
    date_ranges: tuple[DateRange, ...]
    """Those of which any part lies at or after the first segment's beginning."""
    segments: tuple[MediaSegment, ...]
    preload_hint: PreloadHint | None
    """None only in a playlist that has ended."""
    rendition_reports: tuple[RenditionReport, ...]
    ended: bool

    def render(self) -> str:
        """The playlist's text, in UTF-8 without BOM when encoded (§4.1)."""
        return self.text(version=VERSION, date_ranges=self.date_ranges, skip=None)

    def text(self, *, version: int, date_ranges: tuple[DateRange, ...], skip: Skip | None) -> str:
        """The whole of it, or (`delta`) the part that `skip` leaves with these date ranges."""
        skipped = 0 if skip is None else skip.segments
        lines = [*self._head(version)]
        if skip is not None:
            lines.append(skip.render())
        # A date range belongs to no segment (§4.4.5) and may stand anywhere; here it stays in one
        # place however many segments come and go.
        lines += [date_range.render() for date_range in date_ranges]
        return "\n".join([*lines, *self._body(skipped), *self._foot(), ""])

    def _head(self, version: int) -> Iterator[str]:
        part_target_us = microseconds_up(self.part_target_ticks)
        yield HEADER
        yield Version(number=version).render()
        yield TargetDuration(duration_s=self.target_duration_s).render()
        yield ServerControl(
            part_hold_back_us=HOLD_BACK_PARTS * part_target_us,
            can_skip_until_us=SKIP_TARGET_DURATIONS * self.target_duration_s * 1_000_000,
        ).render()
        yield PartInf(part_target_us=part_target_us).render()
        yield MediaSequence(number=self.media_sequence).render()
        yield DiscontinuitySequence(number=self.discontinuity_sequence).render()

    def _body(self, skipped: int) -> Iterator[str]:
        mapped = None
        for segment in self.segments[skipped:]:
            yield from segment.lines(with_map=segment.map_uri != mapped)
            mapped = segment.map_uri

    def _foot(self) -> Iterator[str]:
        if self.preload_hint is not None:
            yield self.preload_hint.render()
        for report in self.rendition_reports:
            yield report.render()
        if self.ended:
            yield END_LIST
