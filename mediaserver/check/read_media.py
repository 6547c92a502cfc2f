"""Reading a media playlist line by line. Pure; nothing is raised."""

from collections.abc import Callable
from datetime import datetime

from mediaserver.check.attributes import Attributes, decimal, integer, read_attributes
from mediaserver.check.playlist import (
    DateRange,
    MediaPlaylist,
    Part,
    Ref,
    Report,
    Segment,
    Skip,
    resolve,
    tag_lines,
)

_ONCE = (
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-SKIP",
    "EXT-X-ENDLIST",
)
_KNOWN_DATE_RANGE = frozenset(
    [
        "ID",
        "CLASS",
        "START-DATE",
        "CUE",
        "END-DATE",
        "DURATION",
        "PLANNED-DURATION",
        "SCTE35-CMD",
        "SCTE35-OUT",
        "SCTE35-IN",
        "END-ON-NEXT",
    ]
)
_EMPTY = Attributes(values={}, problem=None)


def read_media(body: bytes, url: str) -> MediaPlaylist:
    """The media playlist in `body`, which came from `url`."""
    lines, problems = tag_lines(body)
    reader = _Reader(url, problems)
    for line in lines:
        if not line.startswith("#"):
            reader.uri(line)
        elif line.startswith("#EXT"):
            name, _, value = line[1:].partition(":")
            reader.tag(name, value)
    return reader.finish(body.decode("utf-8-sig", "replace"))


class _Reader:
    """Gathers tags until the segment they belong to is complete."""

    def __init__(self, url: str, problems: list[str]) -> None:
        self._url = url
        self.problems = problems
        self._seen: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._control = _EMPTY
        self._part_target_s: float | None = None
        self._skip: Skip | None = None
        self._segments: list[Segment] = []
        self._date_ranges: list[DateRange] = []
        self._hints: list[tuple[str, Ref]] = []
        self._reports: list[Report] = []
        self._init: Ref | None = None
        self._ranges_end: dict[str, int] = {}
        self._discontinuities = 0
        self._begin()
        self._readers: dict[str, Callable[[str], None]] = {
            "EXTINF": self._extinf,
            "EXT-X-BYTERANGE": self._byte_range_tag,
            "EXT-X-DISCONTINUITY": self._discontinuity_tag,
            "EXT-X-GAP": self._gap_tag,
            "EXT-X-MAP": self._map,
            "EXT-X-PROGRAM-DATE-TIME": self._date_time,
            "EXT-X-PART": self._part,
            "EXT-X-SERVER-CONTROL": self._server_control,
            "EXT-X-PART-INF": self._part_inf,
            "EXT-X-SKIP": self._skip_tag,
            "EXT-X-DATERANGE": self._date_range,
            "EXT-X-PRELOAD-HINT": self._hint,
            "EXT-X-RENDITION-REPORT": self._report,
        }

    def _begin(self) -> None:
        self._duration_s: float | None = None
        self._range: str | None = None
        self._utc_s: float | None = None
        self._zoned = True
        self._discontinuity = False
        self._gap = False
        self._parts: list[Part] = []
        self._late: list[str] = []

    def tag(self, name: str, value: str) -> None:
        if name in _ONCE and name in self._seen:
            self.problems.append(f"#{name} stands there twice")
        self._seen.add(name)
        if self._parts and name in (
            "EXT-X-MAP",
            "EXT-X-PROGRAM-DATE-TIME",
            "EXT-X-DISCONTINUITY",
        ):
            self._late.append(f"#{name}")
        if name in (
            "EXT-X-VERSION",
            "EXT-X-TARGETDURATION",
            "EXT-X-MEDIA-SEQUENCE",
            "EXT-X-DISCONTINUITY-SEQUENCE",
        ):
            number = integer(value)
            if number is None:
                self.problems.append(f"#{name} is followed by {value[:40]!r}, not by an integer")
            self._numbers[name] = number or 0
        elif name in self._readers:
            self._readers[name](value)

    def uri(self, line: str) -> None:
        if self._duration_s is None:
            self.problems.append(f"no #EXTINF precedes {line[:60]!r}")
        self._complete(self._ref(line, self._range))

    def finish(self, text: str) -> MediaPlaylist:
        if self._parts or self._discontinuity:
            self._complete(None)
        if "EXT-X-TARGETDURATION" not in self._seen:
            self.problems.append("there is no #EXT-X-TARGETDURATION")
        if self._part_target_s is None and any(segment.parts for segment in self._segments):
            self.problems.append("there are parts, but no #EXT-X-PART-INF with PART-TARGET")
        return MediaPlaylist(
            url=self._url,
            text=text,
            version=self._numbers.get("EXT-X-VERSION", 1),
            target_s=self._numbers.get("EXT-X-TARGETDURATION", 0),
            part_target_s=self._part_target_s,
            control=self._control,
            media_sequence=self._first_msn,
            discontinuity_sequence=self._numbers.get("EXT-X-DISCONTINUITY-SEQUENCE", 0),
            segments=tuple(self._segments),
            date_ranges=tuple(self._date_ranges),
            hints=tuple(self._hints),
            reports=tuple(self._reports),
            skip=self._skip,
            ended="EXT-X-ENDLIST" in self._seen,
            independent="EXT-X-INDEPENDENT-SEGMENTS" in self._seen,
            problems=tuple(self.problems),
        )

    @property
    def _first_msn(self) -> int:
        return self._numbers.get("EXT-X-MEDIA-SEQUENCE", 0)

    def _complete(self, ref: Ref | None) -> None:
        skipped = self._skip.segments if self._skip else 0
        self._discontinuities += self._discontinuity
        of_parts = sum(part.duration_s for part in self._parts)
        self._segments.append(
            Segment(
                msn=self._first_msn + skipped + len(self._segments),
                ref=ref,
                duration_s=of_parts if ref is None else self._duration_s or 0.0,
                utc_s=self._utc_s,
                zoned=self._zoned,
                discontinuity=self._discontinuity,
                discontinuities=self._numbers.get("EXT-X-DISCONTINUITY-SEQUENCE", 0)
                + self._discontinuities,
                init=self._init,
                parts=tuple(self._parts),
                gap=self._gap,
                late_tags=tuple(self._late),
            )
        )
        self._begin()

    def _ref(self, uri: str, byte_range: str | None) -> Ref:
        """§4.4.4.2: a range without an offset begins where the last one of that URI ended."""
        url = resolve(self._url, uri)
        if byte_range is None:
            return Ref(url)
        length_text, _, first_text = byte_range.partition("@")
        length, first = integer(length_text), integer(first_text)
        if length is None or (first_text and first is None):
            self.problems.append(f"a byte range reads {byte_range[:40]!r}")
            return Ref(url)
        first = self._ranges_end.get(url, 0) if first is None else first
        self._ranges_end[url] = first + length
        return Ref(url, first, length)

    def _list(self, tag: str, value: str, *needed: str) -> Attributes:
        found = read_attributes(value)
        if found.problem:
            self.problems.append(f"#{tag}: {found.problem}")
        self.problems.extend(f"#{tag} has no {name}" for name in needed if found.text(name) is None)
        return found

    def _extinf(self, value: str) -> None:
        self._duration_s = decimal(value.partition(",")[0])
        if self._duration_s is None:
            self.problems.append(f"#EXTINF is followed by {value[:40]!r}")

    def _byte_range_tag(self, value: str) -> None:
        self._range = value

    def _discontinuity_tag(self, _: str) -> None:
        self._discontinuity = True

    def _gap_tag(self, _: str) -> None:
        self._gap = True

    def _map(self, value: str) -> None:
        found = self._list("EXT-X-MAP", value, "URI")
        self._init = self._ref(found.text("URI") or "", found.quoted("BYTERANGE"))

    def _date_time(self, value: str) -> None:
        self._utc_s, self._zoned = utc_of(value)
        if self._utc_s is None:
            self.problems.append(f"#EXT-X-PROGRAM-DATE-TIME is followed by {value[:40]!r}")

    def _part(self, value: str) -> None:
        found = self._list("EXT-X-PART", value, "URI", "DURATION")
        duration_s = found.number("DURATION")
        if duration_s is None:
            self.problems.append("a part's DURATION is no decimal number")
        self._parts.append(
            Part(
                ref=self._ref(found.text("URI") or "", found.quoted("BYTERANGE")),
                duration_s=duration_s or 0.0,
                independent=found.text("INDEPENDENT") == "YES",
                gap=found.text("GAP") == "YES",
            )
        )

    def _server_control(self, value: str) -> None:
        self._control = self._list("EXT-X-SERVER-CONTROL", value)

    def _part_inf(self, value: str) -> None:
        self._part_target_s = self._list("EXT-X-PART-INF", value, "PART-TARGET").number(
            "PART-TARGET"
        )

    def _skip_tag(self, value: str) -> None:
        found = self._list("EXT-X-SKIP", value, "SKIPPED-SEGMENTS")
        removed = found.text("RECENTLY-REMOVED-DATERANGES")
        self._skip = Skip(
            segments=found.integer("SKIPPED-SEGMENTS") or 0,
            removed=None
            if removed is None
            else tuple(each for each in removed.split("\t") if each),
        )

    def _date_range(self, value: str) -> None:
        self._date_ranges.append(_date_range_of(self._list("EXT-X-DATERANGE", value)))

    def _hint(self, value: str) -> None:
        found = self._list("EXT-X-PRELOAD-HINT", value, "TYPE", "URI")
        self._hints.append(
            (
                found.text("TYPE") or "",
                Ref(
                    resolve(self._url, found.text("URI") or ""),
                    found.integer("BYTERANGE-START"),
                    found.integer("BYTERANGE-LENGTH"),
                ),
            )
        )

    def _report(self, value: str) -> None:
        found = self._list("EXT-X-RENDITION-REPORT", value, "URI")
        uri = found.text("URI") or ""
        self._reports.append(
            Report(
                uri=uri,
                url=resolve(self._url, uri),
                last_msn=found.integer("LAST-MSN"),
                last_part=found.integer("LAST-PART"),
            )
        )


def utc_of(text: str) -> tuple[float | None, bool]:
    """A date as Unix time, and whether it names its zone; one without counts as UTC here."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.timestamp() if at.tzinfo else datetime.fromisoformat(
            f"{at.isoformat()}+00:00"
        ).timestamp(), at.tzinfo is not None
    except (ValueError, OverflowError):
        return None, False


def _date_range_of(found: Attributes) -> DateRange:
    start_s, _ = utc_of(found.quoted("START-DATE") or "")
    end_s, _ = utc_of(found.quoted("END-DATE") or "")
    duration_s = found.number("DURATION")
    by_end_s = end_s - start_s if end_s is not None and start_s is not None else None
    return DateRange(
        id=found.quoted("ID") or "",
        attributes=found.values,
        start_s=start_s,
        duration_s=by_end_s if duration_s is None else duration_s,
        problem=found.problem or _wrong_with(found, start_s, duration_s, by_end_s),
    )


def _wrong_with(
    found: Attributes, start_s: float | None, duration_s: float | None, by_end_s: float | None
) -> str | None:
    """CU-09: why the tag is no legal one (§4.4.5.1)."""
    unknown = [n for n in found.values if n not in _KNOWN_DATE_RANGE and not n.startswith("X-")]
    if not found.quoted("ID"):
        return "it has no ID"
    if unknown:
        return f"{unknown[0]} is no attribute of it, nor one of a client's (X-)"
    if start_s is None:
        return "START-DATE is missing or no date"
    if "DURATION" in found.values and duration_s is None:
        return "DURATION is no decimal number"
    if "END-DATE" in found.values and (by_end_s is None or by_end_s < 0):
        return "END-DATE is no date at or after START-DATE"
    if duration_s is not None and by_end_s is not None and abs(duration_s - by_end_s) > 0.01:
        return "DURATION and END-DATE contradict each other"
    if found.text("END-ON-NEXT") is not None and not (
        found.text("END-ON-NEXT") == "YES"
        and found.quoted("CLASS")
        and duration_s is by_end_s is None
    ):
        return "END-ON-NEXT is YES, needs a CLASS, and allows neither DURATION nor END-DATE"
    return None
