"""The cues that an epoch's playlists list as EXT-X-DATERANGE, the same in every rendition. Pure.

A tag may not leave while it overlaps a listed segment (§6.2.1), and a player takes a cue away with
its tag: so it stays until the cue has ended and until the part that brought it has left every
rendition's playlist. Its attributes never change: of two cues with one id and revision the first
counts.

Delta updates of `v2` leave out the tags that a client has for long, and name those that left
(`DateRangeChanges`).
"""

from collections import deque

from mediaserver.gateway.window import MediaRefused
from transcoder.cues import refusal
from transcoder.hls.delta import RecentDateRanges
from transcoder.hls.media_metadata_tags import DateRange
from transcoder.values import Anchor, Part, TimedMetadata

CLASS = "comptoir.cue"

MAX_DATE_RANGES = 512
"""Listed at a time: one more takes the place of the one that ends first."""

MAX_REMOVED = 512
"""Remembered as removed. When there are more, `v2` is not to be had for one Skip Boundary."""


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


class DateRangeChanges:
    """Which tags came and went within the Skip Boundary, from one publication to the next.

    What counts is when playlists changed and not when a part came: a client that may ask for a
    delta update "has a version of the Playlist that is no older than one-half of the Skip Boundary"
    (§6.3.7), so it has every tag that was listed for longer than that.
    """

    def __init__(self, boundary_ns: int) -> None:
        self._boundary_ns = boundary_ns
        self._listed_since_ns: dict[str, int] = {}
        self._removed: deque[tuple[int, str]] = deque()
        self._whole_from_ns: int | None = None

    def publish(self, tags: tuple[DateRange, ...], now_ns: int) -> RecentDateRanges | None:
        """`tags` are listed from now on: what is recent about them.

        None within the first Skip Boundary, for a client may know what was listed before.
        """
        if self._whole_from_ns is None:
            self._whole_from_ns = now_ns + self._boundary_ns
        ids = {tag.id for tag in tags}
        for gone in [each for each in self._listed_since_ns if each not in ids]:
            del self._listed_since_ns[gone]
            self._removed.append((now_ns, gone))
        for each in ids:
            self._listed_since_ns.setdefault(each, now_ns)
        since_ns = now_ns - self._boundary_ns
        while self._removed and self._removed[0][0] < since_ns:
            self._removed.popleft()
        while len(self._removed) > MAX_REMOVED:
            self._removed.popleft()
            self._whole_from_ns = now_ns + self._boundary_ns
        if now_ns < self._whole_from_ns:
            return None
        return RecentDateRanges(
            added=tuple(tag for tag in tags if self._listed_since_ns[tag.id] >= since_ns),
            removed_ids=tuple(each for _, each in self._removed if each not in ids),
        )


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
