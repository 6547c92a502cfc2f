"""Playlists as a judge reads them (rfc8216bis §4): whatever they say, and what is wrong with it.

Shares nothing with what renders our own. Nothing is raised: a playlist that makes no sense is one
with `problems`.
"""

from dataclasses import dataclass
from urllib.parse import urljoin

from mediaserver.check.attributes import Attributes

MAX_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Ref:
    """Where some bytes are: a whole resource, or a range of one."""

    url: str
    first: int | None = None
    length: int | None = None

    @property
    def range(self) -> str | None:
        """The value of a Range header that asks for it; None for the whole."""
        if self.first is None:
            return None
        end = "" if self.length is None else str(self.first + self.length - 1)
        return f"bytes={self.first}-{end}"

    def __str__(self) -> str:
        name = self.url.rsplit("/", 1)[-1]
        return name if self.first is None else f"{name} at {self.first}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """EXT-X-PART (§4.4.4.9)."""

    ref: Ref
    duration_s: float
    independent: bool
    gap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A media segment with its tags; `ref` is None while it is open at the end."""

    msn: int
    ref: Ref | None
    duration_s: float
    """EXTINF; of an open segment the sum of its parts."""
    utc_s: float | None
    zoned: bool
    """Its program date-time names a time zone."""
    discontinuity: bool
    discontinuities: int
    """The discontinuity sequence number that it has."""
    init: Ref | None
    parts: tuple[Part, ...]
    gap: bool
    late_tags: tuple[str, ...]
    """Tags of the segment that came after its first part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """EXT-X-DATERANGE (§4.4.5.1)."""

    id: str
    attributes: dict[str, str]
    start_s: float | None
    duration_s: float | None
    """By DURATION, else by END-DATE."""
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """EXT-X-RENDITION-REPORT (§4.4.5.4)."""

    uri: str
    url: str
    last_msn: int | None
    last_part: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """EXT-X-SKIP (§4.4.5.2)."""

    segments: int
    removed: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPlaylist:
    """One media playlist, or a delta update of one."""

    url: str
    text: str
    version: int
    target_s: int
    part_target_s: float | None
    control: Attributes
    media_sequence: int
    discontinuity_sequence: int
    segments: tuple[Segment, ...]
    date_ranges: tuple[DateRange, ...]
    hints: tuple[tuple[str, Ref], ...]
    """TYPE and place of each EXT-X-PRELOAD-HINT."""
    reports: tuple[Report, ...]
    skip: Skip | None
    ended: bool
    independent: bool
    problems: tuple[str, ...]

    @property
    def whole(self) -> tuple[Segment, ...]:
        """The segments that are complete."""
        return tuple(segment for segment in self.segments if segment.ref is not None)

    @property
    def edge(self) -> tuple[int, int]:
        """Media sequence number and part index of what comes next."""
        if not self.segments:
            return self.media_sequence, 0
        last = self.segments[-1]
        return (last.msn, len(last.parts)) if last.ref is None else (last.msn + 1, 0)

    @property
    def duration_s(self) -> float:
        """Of all that is listed."""
        return sum(segment.duration_s for segment in self.segments)

    @property
    def skip_until_s(self) -> float | None:
        """The Skip Boundary, where there is one."""
        return self.control.number("CAN-SKIP-UNTIL")

    def parts(self) -> list[tuple[tuple[int, int], Part]]:
        """Every part with its media sequence number and index."""
        return [
            ((segment.msn, index), part)
            for segment in self.segments
            for index, part in enumerate(segment.parts)
        ]

    def lists(self, msn: int, part: int | None) -> bool:
        """Whether that part, or without index the whole segment, or something later is there."""
        return self.edge > (msn, part) if part is not None else self.edge >= (msn + 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """EXT-X-STREAM-INF (§4.4.6.2)."""

    url: str
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTag:
    """EXT-X-MEDIA (§4.4.6.1)."""

    url: str | None
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Multivariant:
    """A multivariant playlist."""

    variants: tuple[Variant, ...]
    media: tuple[MediaTag, ...]
    independent: bool
    problems: tuple[str, ...]


def tag_lines(body: bytes) -> tuple[list[str], list[str]]:
    """The lines of a playlist without blank ones, and what is wrong with its form (§4.1)."""
    problems = []
    if body.startswith(b"\xef\xbb\xbf"):
        problems.append("it begins with a byte order mark")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        problems.append("it is not UTF-8")
        text = body.decode("utf-8-sig", "replace")
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != "#EXTM3U":
        problems.append("its first line is not #EXTM3U")
    if len(lines) > MAX_LINES:
        problems.append(f"it has more than {MAX_LINES} lines")
        del lines[MAX_LINES:]
    return [line for line in lines if line.strip()], problems


def resolve(base: str, uri: str) -> str:
    """`uri` against `base`; as it stands where it cannot be resolved."""
    try:
        return urljoin(base, uri)
    except ValueError:
        return uri
