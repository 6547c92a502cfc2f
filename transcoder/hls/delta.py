"""Playlist Delta Updates: a media playlist without what the client has already (§6.2.5.1).

The Skip Boundary is `SKIP_TARGET_DURATIONS` target durations from the end of the playlist. A
segment is left out when all of it lies beyond; a date range (in `v2` alone) when its tag was added
longer ago than that. The first EXT-X-MAP after EXT-X-SKIP is written although the specification
does not ask for it: a client then needs nothing of the segments it kept to play those that follow.
"""

from dataclasses import dataclass

from transcoder.hls.media import SKIP_TARGET_DURATIONS, MediaPlaylist
from transcoder.hls.media_metadata_tags import DateRange, Skip
from transcoder.values import TICKS_PER_SECOND

_SKIP_VERSION = 9
"""§8: for EXT-X-SKIP."""
_SKIP_DATE_RANGES_VERSION = 10
"""§8: for "an EXT-X-SKIP tag that replaces EXT-X-DATERANGE tags"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentDateRanges:
    """What came and went within the Skip Boundary."""

    added: tuple[DateRange, ...]
    removed_ids: tuple[str, ...]


def skippable(playlist: MediaPlaylist) -> int:
    """How many segments lie wholly beyond the Skip Boundary; 0 where the playlist is too short."""
    boundary = SKIP_TARGET_DURATIONS * playlist.target_duration_s * TICKS_PER_SECOND
    from_end = 0
    for index in range(len(playlist.segments) - 1, -1, -1):
        if from_end >= boundary:
            return index + 1
        segment = playlist.segments[index]
        is_open = segment.uri is None
        from_end += sum(p.duration for p in segment.parts) if is_open else segment.duration
    return 0


def render_delta(
    playlist: MediaPlaylist,
    recent: RecentDateRanges | None = None,
    *,
    known_until: int | None = None,
) -> str | None:
    """The delta update's text: for `v2` where `recent` is given, with every date range without.

    Segments from the media sequence number `known_until` on are not left out. None where nothing
    can be: such a playlist is answered whole.
    """
    skipped = skippable(playlist)
    if known_until is not None:
        skipped = min(skipped, known_until - playlist.media_sequence)
    if skipped <= 0:
        return None
    if recent is None:
        skip = Skip(segments=skipped, removed_date_ranges=None)
        return playlist.text(version=_SKIP_VERSION, date_ranges=playlist.date_ranges, skip=skip)
    skip = Skip(segments=skipped, removed_date_ranges=recent.removed_ids)
    return playlist.text(version=_SKIP_DATE_RANGES_VERSION, date_ranges=recent.added, skip=skip)
