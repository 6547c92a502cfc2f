"""Tags of a media segment and of its partial segments (rfc8216bis §4.4.4)."""

from dataclasses import dataclass

from transcoder.hls.attributes import attribute_list, date, quoted, seconds

DISCONTINUITY = "#EXT-X-DISCONTINUITY"
"""§4.4.4.3: between this segment and the one before it the encoding parameters or the timestamps
change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtInf:
    """EXTINF (§4.4.4.1): a whole segment's exact duration, in ticks."""

    duration: int

    def render(self) -> str:
        """The tag's line. The comma is part of it, the title is not used."""
        return f"#EXTINF:{seconds(self.duration)},"


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """EXT-X-MAP (§4.4.4.5): the init section of every segment from here to the next such tag."""

    uri: str

    def render(self) -> str:
        """The tag's line."""
        return "#EXT-X-MAP:" + attribute_list([("URI", quoted(self.uri))])


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramDateTime:
    """EXT-X-PROGRAM-DATE-TIME (§4.4.4.6): the UTC of the segment's first sample, in ms and Z."""

    utc_us: int

    def render(self) -> str:
        """The tag's line."""
        return f"#EXT-X-PROGRAM-DATE-TIME:{date(self.utc_us)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSegment:
    """EXT-X-PART (§4.4.4.9): one partial segment, its duration in ticks."""

    uri: str
    duration: int
    independent: bool

    def render(self) -> str:
        """The tag's line."""
        attributes = [("DURATION", seconds(self.duration)), ("URI", quoted(self.uri))]
        if self.independent:
            # §4.4.4.9: "YES if the Partial Segment contains an independent frame"
            attributes.append(("INDEPENDENT", "YES"))
        return "#EXT-X-PART:" + attribute_list(attributes)
