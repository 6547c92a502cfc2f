"""The cues that an epoch's playlists list as EXT-X-DATERANGE, the same in every rendition. Pure.

A tag may not leave while it overlaps a listed segment (§6.2.1), and a player takes a cue away with
its tag: so it stays until the cue has ended and until the part that brought it has left every
rendition's playlist. Its attributes never change: of two cues with one id and revision the first
counts.
"""

from mediaserver.gateway.window import MediaRefused
from transcoder.cues import refusal
from transcoder.hls.media_metadata_tags import DateRange
from transcoder.values import Anchor, Part, TimedMetadata

CLASS = "comptoir.cue"

MAX_DATE_RANGES = 512
"""Listed at a time: one more takes the place of the one that ends first."""


class DateRanges:
    """What is listed for one media epoch, in the order in which it came."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[int, DateRange]] = {}

    @property
    def tags(self) -> tuple[DateRange, ...]:
        """For the playlist of any rendition."""
        return tuple(tag for _, tag in self._kept.values())

    def note(self, part: Part, anchor: Anchor) -> None:
        """List the cues that begin in `part`. They have passed `check`."""
        for cue in part.cues:
            key = (cue.id, cue.revision)
            if key not in self._kept:
                keep_until = max(cue.pts + cue.duration, part.decode_time + part.duration)
                self._kept[key] = (keep_until, _tag(cue, anchor))
        while len(self._kept) > MAX_DATE_RANGES:
            del self._kept[min(self._kept, key=lambda key: self._kept[key][0])]

    def forget(self, before_tick: int) -> None:
        """The playlists begin at `before_tick` now: let go of what ended before."""
        for key in [key for key, (until, _) in self._kept.items() if until <= before_tick]:
            del self._kept[key]


def check(part: Part) -> None:
    """Raises `MediaRefused` for cues that cannot stand in a playlist."""
    for cue in part.cues:
        reason = refusal(cue)
        if reason is not None:
            raise MediaRefused(f"a cue of part {part.number} cannot be listed: {reason}")


def _tag(cue: TimedMetadata, anchor: Anchor) -> DateRange:
    return DateRange(
        id=f"cue-{cue.id}-{cue.revision}",
        kind=CLASS,
        utc_us=anchor.utc_us_at(cue.pts),
        duration=cue.duration,
        attribute="X-COMPTOIR-CUE",
        payload=cue.payload,
    )
