"""Tags about a media playlist's surroundings (rfc8216bis §4.4.5)."""

from dataclasses import dataclass

from transcoder.hls.attributes import attribute_list, quoted


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
