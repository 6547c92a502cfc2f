"""Basic tags (rfc8216bis §4.4.1) and those of both kinds of playlist (§4.4.2)."""

from dataclasses import dataclass

HEADER = "#EXTM3U"
"""§4.4.1.1: "It MUST be the first line of every Media Playlist and every Multivariant Playlist"."""

INDEPENDENT_SEGMENTS = "#EXT-X-INDEPENDENT-SEGMENTS"
"""§4.4.2.1: in a Multivariant Playlist "it applies to every Media Segment in every Media Playlist
in the Multivariant Playlist"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """EXT-X-VERSION (§4.4.1.2): the compatibility version that the playlist's tags demand (§8)."""

    number: int

    def render(self) -> str:
        """The tag's line."""
        return f"#EXT-X-VERSION:{self.number}"
