"""What one rendition lists, and what it holds for those who are late. Pure: `now_ns` comes in.

A part goes into the open segment; the segment closes with its last part, with a part of the next
segment, with a new generation or at the end, and is then worth what it has. Segments are listed
for the live window and stay fetchable after it, parts likewise:

- §6.2.2: a segment that left the playlist is available for its own duration plus that of the
  longest playlist that listed it;
- §6.2.2: EXT-X-PART tags go once they are "greater than three target durations from the end of the
  Playlist"; the part is available for three more target durations.

Memory is so bounded by media time: window + playlist duration + a segment, and parts of about six
target durations a second time.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from mediaserver.errors import ComptoirError
from transcoder.hls.media import MediaPlaylist, MediaSegment
from transcoder.hls.media_metadata_tags import DateRange, PreloadHint, RenditionReport
from transcoder.hls.media_segment_tags import PartialSegment
from transcoder.values import STRETCH_TICKS, TICKS_PER_SECOND, Anchor, InitSection, Part

MIN_LISTED_SEGMENTS = 6
"""Apple's authoring rules, 8.11; above §6.2.2's three target durations."""

MAX_PART_BYTES = 8 * 1024 * 1024
"""A second of video at 64 Mb/s. A worker decodes strangers' media: it may not fill the memory."""

MAX_INITS = 256
"""Held at once, or two for each second of a long window; those that nothing refers to any more
leave. A worker changes its encoders each two seconds at the very most, so that many last for longer
than a window and what is held after it."""

_PART_TARGET_DURATIONS = 3


class MediaRefused(ComptoirError):
    """A part or init section that cannot be listed; the sentence says why."""

    code = "media_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where a rendition's playlist ends: what blocking requests are measured against."""

    last_msn: int
    """Media sequence number of the last part."""
    last_part: int
    """Its index in the segment."""
    closed: bool
    """True when that segment is whole."""
    next_number: int
    """Number of the part that comes next, which names its URI."""
    ended: bool


@dataclass(slots=True, kw_only=True)
class _Segment:
    msn: int
    init: InitSection
    discontinuity: bool
    decode_time: int
    first_number: int
    tags: list[PartialSegment] = field(default_factory=list)
    parts_listed: bool = True
    duration: int = 0
    data: bytes | None = None
    """The whole segment; None while it is open."""
    settled: MediaSegment | None = None
    """As it is listed, kept from the first rendering on that nothing but its age can change."""

    @property
    def numbers(self) -> range:
        return range(self.first_number, self.first_number + len(self.tags))

    def listed(self) -> MediaSegment:
        if self.settled is not None:
            return self.settled
        listed = MediaSegment(
            map_uri=f"init-{self.init.generation}.mp4",
            discontinuity=self.discontinuity,
            utc_us=self.init.anchor.utc_us_at(self.decode_time),
            parts=tuple(self.tags) if self.parts_listed else (),
            uri=None if self.data is None else f"seg-{self.msn}.m4s",
            duration=self.duration,
        )
        self.settled = None if self.data is None else listed
        return listed


class RenditionWindow:
    """One rendition of one media epoch. Owned by its `MediaEpoch`; one thread only."""

    def __init__(self, *, window_ticks: int, part_ticks: int, segment_ticks: int) -> None:
        self._window_ticks = window_ticks
        self._part_ticks = part_ticks
        self._segment_ticks = segment_ticks
        self._most_inits = max(MAX_INITS, 2 * window_ticks // TICKS_PER_SECOND)
        self.target_duration_s = max(1, -(-segment_ticks // TICKS_PER_SECOND))
        self._part_keep_ticks = _PART_TARGET_DURATIONS * self.target_duration_s * TICKS_PER_SECOND
        self.ended = False
        self._inits: dict[int, InitSection] = {}
        self._listed: deque[_Segment] = deque()
        self._whole: dict[int, bytes] = {}
        self._parts: dict[int, bytes] = {}
        self._held_segments: deque[tuple[int, _Segment]] = deque()
        self._held_parts: deque[tuple[int, range]] = deque()
        self._last: Part | None = None
        self._discontinuity_sequence = 0

    @property
    def last_number(self) -> int | None:
        """Number of the newest part, or None before the first."""
        return None if self._last is None else self._last.number

    @property
    def edge(self) -> Edge | None:
        """Where the playlist ends; None before the first part."""
        if self._last is None:
            return None
        return Edge(
            last_msn=self._last.msn,
            last_part=self._last.index,
            closed=self._open is None,
            next_number=self._last.number + 1,
            ended=self.ended,
        )

    @property
    def newest_init(self) -> InitSection | None:
        """The init section of the newest part, or the newest of all before the first."""
        if self._last is not None:
            return self._inits[self._last.generation]
        return self._inits[max(self._inits)] if self._inits else None

    @property
    def first_tick(self) -> int | None:
        """Where the playlist begins; None while it lists nothing."""
        return self._listed[0].decode_time if self._listed else None

    @property
    def listed_ticks(self) -> int:
        """Duration of the playlist."""
        return sum(segment.duration for segment in self._listed)

    @property
    def held_bytes(self) -> int:
        """Bytes of media in memory."""
        return sum(map(len, self._whole.values())) + sum(map(len, self._parts.values()))

    def anchor(self, generation: int) -> Anchor:
        """The anchor of a generation that has an init section."""
        return self._inits[generation].anchor

    def init_data(self, generation: int) -> bytes | None:
        """The bytes of ``init-{generation}.mp4``, or None."""
        init = self._inits.get(generation)
        return None if init is None else init.data

    def segment_data(self, msn: int) -> bytes | None:
        """The bytes of ``seg-{msn}.m4s``, or None while it is open and after it was freed."""
        return self._whole.get(msn)

    def part_data(self, number: int) -> bytes | None:
        """The bytes of ``part-{number}.m4s``, or None."""
        return self._parts.get(number)

    def data(self, kind: str, number: int) -> bytes | None:
        """A `part`, a `segment`, else an init section, by what names it."""
        match kind:
            case "part":
                return self.part_data(number)
            case "segment":
                return self.segment_data(number)
        return self.init_data(number)

    @property
    def ended_ns(self) -> int | None:
        """When the newest part's media ended at the host, on the monotonic clock."""
        init = self.newest_init
        if self._last is None or init is None:
            return None
        return init.anchor.monotonic_ns_at(self._last.decode_time + self._last.duration)

    def add_init(self, init: InitSection) -> bool:
        """Take an init section; False when it is known. Raises `MediaRefused`."""
        known = self._inits.get(init.generation)
        if known is not None:
            if known != init:
                raise MediaRefused(f"generation {init.generation} has another init section")
            return False
        if len(self._inits) >= self._most_inits and self._last is not None:
            self._free_inits(self._last.generation)
        if init.generation < 0 or len(self._inits) >= self._most_inits:
            raise MediaRefused(f"generation {init.generation} is one too many")
        self._inits[init.generation] = init
        return True

    def add_part(self, part: Part, now_ns: int) -> bool:
        """Take the next part; False when it is known, or when the very first part received is not
        its segment's first (a gateway that starts late). Raises `MediaRefused`.
        """
        if self._last is not None and part.number <= self._last.number:
            return False
        self._check(part)
        if self._last is None and part.index != 0:
            return False
        if not self._continues(part):
            if part.index != 0:
                raise MediaRefused(
                    f"part {part.number} is number {part.index} of segment {part.msn}, whose "
                    "beginning is missing"
                )
            self._begin_segment(part, now_ns)
        segment = self._listed[-1]
        segment.tags.append(
            PartialSegment(
                uri=f"part-{part.number}.m4s",
                duration=part.duration,
                independent=part.independent,
            )
        )
        segment.duration += part.duration
        self._parts[part.number] = part.data
        self._last = part
        if part.last:
            self._close_open()
        return True

    def end(self) -> None:
        """No part follows: the open segment closes at what it has."""
        self.ended = True
        self._close_open()

    def shorten(self, now_ns: int) -> None:
        """Take off the list what is too old for it. An epoch that has ended stays as it is."""
        if not self.ended:
            leaving = self._count_leaving()
            self._unlist_old_parts(now_ns)
            self._unlist(leaving, now_ns)

    def free(self, now_ns: int) -> None:
        """Free what nobody may ask for any more."""
        while self._held_parts and self._held_parts[0][0] <= now_ns:
            for number in self._held_parts.popleft()[1]:
                del self._parts[number]
        while self._held_segments and self._held_segments[0][0] <= now_ns:
            del self._whole[self._held_segments.popleft()[1].msn]
        if len(self._inits) > 1 and self._last is not None:
            self._free_inits(self._last.generation)

    def playlist(
        self, reports: Iterable[RenditionReport], date_ranges: tuple[DateRange, ...]
    ) -> MediaPlaylist:
        """The playlist as it stands. Call `shorten` first, and never before the first part."""
        edge = self.edge
        if edge is None:
            raise ValueError("a playlist needs a part")
        hint = PreloadHint(uri=f"part-{edge.next_number}.m4s")
        return MediaPlaylist(
            target_duration_s=self.target_duration_s,
            part_target_ticks=self._part_ticks,
            media_sequence=self._listed[0].msn,
            discontinuity_sequence=self._discontinuity_sequence,
            date_ranges=date_ranges,
            segments=tuple(segment.listed() for segment in self._listed),
            # §4.4.5.3: a playlist with EXT-X-ENDLIST "MUST NOT contain an EXT-X-PRELOAD-HINT tag"
            preload_hint=None if self.ended else hint,
            rendition_reports=tuple(reports),
            ended=self.ended,
        )

    @property
    def _open(self) -> _Segment | None:
        if self._listed and self._listed[-1].data is None:
            return self._listed[-1]
        return None

    def _check(self, part: Part) -> None:
        """What can be said of a part alone. Raises `MediaRefused`."""
        if self.ended:
            raise MediaRefused("the epoch has ended")
        if part.generation not in self._inits:
            raise MediaRefused(f"generation {part.generation} has no init section")
        if self._last is not None and part.generation < self._last.generation:
            raise MediaRefused(f"generation {part.generation} is over")
        if min(part.number, part.msn, part.index, part.decode_time) < 0:
            raise MediaRefused(f"part {part.number} counts from below zero")
        if not 0 < part.duration <= self._part_ticks:
            # §4.4.4.9: "MUST be less than or equal to the Part Target Duration"
            raise MediaRefused(f"part {part.number} lasts {part.duration} ticks")
        if len(part.data) > MAX_PART_BYTES:
            raise MediaRefused(f"part {part.number} has {len(part.data)} bytes")

    def _continues(self, part: Part) -> bool:
        """Whether `part` is the next of the open segment. Raises `MediaRefused`."""
        segment, last = self._open, self._last
        if last is not None and part.msn < last.msn + (segment is None):
            raise MediaRefused(f"part {part.number} lies in segment {part.msn}, which is over")
        if (
            segment is None
            or last is None
            or (part.msn, part.index, part.number, part.generation)
            != (segment.msn, len(segment.tags), last.number + 1, last.generation)
        ):
            if segment is not None and part.msn == segment.msn:
                raise MediaRefused(f"part {part.number} does not fit the open segment")
            return False
        if segment.duration + part.duration >= self._segment_ticks + STRETCH_TICKS:
            # §4.4.3.1: rounded to the nearest second no segment may outlast the target duration
            raise MediaRefused(f"segment {part.msn} is longer than any may be")
        return True

    def _begin_segment(self, part: Part, now_ns: int) -> None:
        last = self._last
        self._close_open()
        renewed = last is not None and part.generation > last.generation
        if last is None:
            # Every new generation is one discontinuity, so a gateway that starts late counts on.
            self._discontinuity_sequence = part.generation
        elif part.msn != last.msn + 1 or (part.number != last.number + 1 and not renewed):
            # Media in between is lost. §6.2.1: segments may leave at the beginning only, so all go.
            self._unlist(len(self._listed), now_ns)
        self._listed.append(
            _Segment(
                msn=part.msn,
                init=self._inits[part.generation],
                discontinuity=renewed,
                decode_time=part.decode_time,
                first_number=part.number,
            )
        )

    def _close_open(self) -> None:
        segment = self._open
        if segment is not None:
            segment.data = b"".join(self._parts[number] for number in segment.numbers)
            self._whole[segment.msn] = segment.data

    def _count_leaving(self) -> int:
        """How many segments the live window does without."""
        open_ticks = 0 if self._open is None else self._open.duration
        whole_ticks = self.listed_ticks - open_ticks
        whole = len(self._listed) - (self._open is not None)
        leaving = 0
        for segment in self._listed:
            whole_ticks -= segment.duration
            if whole - leaving <= MIN_LISTED_SEGMENTS or whole_ticks < self._window_ticks:
                break
            leaving += 1
        return leaving

    def _unlist_old_parts(self, now_ns: int) -> None:
        from_end = self.listed_ticks
        for segment in self._listed:
            if segment.data is None or from_end <= self._part_keep_ticks:
                break
            self._unlist_parts(segment, now_ns)
            from_end -= segment.duration

    def _unlist(self, count: int, now_ns: int) -> None:
        longest = self.listed_ticks
        for _ in range(count):
            segment = self._listed.popleft()
            self._unlist_parts(segment, now_ns)
            self._held_segments.append((now_ns + _ns(segment.duration + longest), segment))
            # §6.2.2: the sequence counts the EXT-X-DISCONTINUITY tags that left
            self._discontinuity_sequence += segment.discontinuity

    def _unlist_parts(self, segment: _Segment, now_ns: int) -> None:
        if segment.parts_listed:
            segment.parts_listed, segment.settled = False, None
            self._held_parts.append((now_ns + _ns(self._part_keep_ticks), segment.numbers))

    def _free_inits(self, newest: int) -> None:
        used = {segment.init.generation for segment in self._listed}
        used.update(segment.init.generation for _, segment in self._held_segments)
        for generation in [g for g in self._inits if g < newest and g not in used]:
            del self._inits[generation]


def _ns(ticks: int) -> int:
    return ticks * 1_000_000_000 // TICKS_PER_SECOND
