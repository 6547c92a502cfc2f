"""Tags about a media playlist's surroundings (rfc8216bis §4.4.5)."""

import base64
from dataclasses import dataclass
from functools import cached_property

from transcoder.hls.attributes import attribute_list, date, quoted, seconds


@dataclass(frozen=True, kw_only=True)
class DateRange:
    """EXT-X-DATERANGE (§4.4.5.1): something that lasts for a while, on the clock of
    EXT-X-PROGRAM-DATE-TIME.

    Its line is rendered once (so no slots): it is listed in hundreds of playlists, and "a Server
    MUST NOT" change its attributes.
    """

    id: str
    """Names it in the playlist; one tag an id."""
    kind: str
    """CLASS: what the client attribute means."""
    utc_us: int
    """START-DATE, as Unix time in microseconds."""
    duration: int
    """In ticks. Never left out: a range without an end would last for ever."""
    attribute: str
    """The client attribute's name, which begins with ``X-``."""
    payload: bytes
    """Its value, written as base64url without padding: a quoted string has no escapes (§4.2)."""

    def render(self) -> str:
        """The tag's line."""
        return self._line

    @cached_property
    def _line(self) -> str:
        if not self.attribute.startswith("X-"):
            # §4.4.5.1: "X-<client-attribute> […] prefix […] reserved for client-defined attributes"
            raise ValueError(f"{self.attribute!r} is no client attribute")
        payload = base64.urlsafe_b64encode(self.payload).rstrip(b"=").decode()
        return "#EXT-X-DATERANGE:" + attribute_list(
            [
                ("ID", quoted(self.id)),
                ("CLASS", quoted(self.kind)),
                ("START-DATE", quoted(date(self.utc_us))),
                ("DURATION", seconds(self.duration)),
                (self.attribute, quoted(payload)),
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """EXT-X-SKIP (§4.4.5.2): what a delta update leaves out, which the client has already."""

    segments: int
    """How many Media Segments, the oldest ones, with their tags."""
    removed_date_ranges: tuple[str, ...] | None
    """Ids of the date ranges that left recently; None where none is left out for its age.

    "This attribute is REQUIRED if the Client requested an update that skips EXT-X-DATERANGE tags.
    The quoted-string MAY be empty."
    """

    def render(self) -> str:
        """The tag's line."""
        attributes = [("SKIPPED-SEGMENTS", str(self.segments))]
        if self.removed_date_ranges is not None:
            # "a tab […] delimited list": each id has been a quoted string of its own
            ids = "\t".join(quoted(each)[1:-1] for each in self.removed_date_ranges)
            attributes.append(("RECENTLY-REMOVED-DATERANGES", f'"{ids}"'))
        return "#EXT-X-SKIP:" + attribute_list(attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreloadHint:
    """EXT-X-PRELOAD-HINT of TYPE=PART (§4.4.5.3): the part that comes next, by its URI."""

    uri: str

    def render(self) -> str:
        """The tag's line."""
        return "#EXT-X-PRELOAD-HINT:" + attribute_list(
            [("TYPE", "PART"), ("URI", quoted(self.uri))]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionReport:
    """EXT-X-RENDITION-REPORT (§4.4.5.4): where another rendition's playlist ends just now.

    The attributes that may be left out where they equal the own playlist's are always written.
    """

    uri: str
    """Relative to this playlist. "It MUST be relative"."""
    last_msn: int
    """Of the last part listed there, or of the last segment where there is none."""
    last_part: int
    """The part's index in that segment."""

    def render(self) -> str:
        """The tag's line."""
        return "#EXT-X-RENDITION-REPORT:" + attribute_list(
            [
                ("URI", quoted(self.uri)),
                ("LAST-MSN", str(self.last_msn)),
                ("LAST-PART", str(self.last_part)),
            ]
        )
