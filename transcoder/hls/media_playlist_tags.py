"""Tags that describe a whole media playlist (rfc8216bis §4.4.3)."""

from dataclasses import dataclass

from transcoder.hls.attributes import attribute_list, decimal_us

END_LIST = "#EXT-X-ENDLIST"
"""§4.4.3.4: "no more Media Segments will be added to the Media Playlist file"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDuration:
    """EXT-X-TARGETDURATION (§4.4.3.1): the longest EXTINF, rounded, ever; in whole seconds."""

    duration_s: int

    def render(self) -> str:
        """The tag's line."""
        return f"#EXT-X-TARGETDURATION:{self.duration_s}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSequence:
    """EXT-X-MEDIA-SEQUENCE (§4.4.3.2): the number of the first segment in the playlist."""

    number: int

    def render(self) -> str:
        """The tag's line."""
        return f"#EXT-X-MEDIA-SEQUENCE:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscontinuitySequence:
    """EXT-X-DISCONTINUITY-SEQUENCE (§4.4.3.3): how many discontinuities have left the playlist."""

    number: int

    def render(self) -> str:
        """The tag's line."""
        return f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartInf:
    """EXT-X-PART-INF (§4.4.3.7): the Part Target Duration, which no part may exceed."""

    part_target_us: int

    def render(self) -> str:
        """The tag's line."""
        return "#EXT-X-PART-INF:" + attribute_list(
            [("PART-TARGET", decimal_us(self.part_target_us))]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerControl:
    """EXT-X-SERVER-CONTROL (§4.4.3.8): the server's delivery directives."""

    part_hold_back_us: int
    """How far from the end a player stays. At least twice PART-TARGET by the specification, and
    "SHOULD be at least three times"; three times by Apple's authoring rules."""
    can_skip_until_us: int
    """The Skip Boundary: what lies further from the end may be left out of delta updates, date
    ranges too. "MUST be at least six times the Target Duration"."""

    def render(self) -> str:
        """The tag's line."""
        return "#EXT-X-SERVER-CONTROL:" + attribute_list(
            [
                ("CAN-BLOCK-RELOAD", "YES"),
                ("PART-HOLD-BACK", decimal_us(self.part_hold_back_us)),
                ("CAN-SKIP-UNTIL", decimal_us(self.can_skip_until_us)),
                ("CAN-SKIP-DATERANGES", "YES"),
            ]
        )
