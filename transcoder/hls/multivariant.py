"""The multivariant playlist: every rendition of a media epoch (rfc8216bis §4.4.6)."""

from dataclasses import dataclass

from transcoder.hls.basic_tags import HEADER, INDEPENDENT_SEGMENTS, Version
from transcoder.hls.media import VERSION
from transcoder.hls.multivariant_tags import StreamInf


@dataclass(frozen=True, slots=True, kw_only=True)
class MultivariantPlaylist:
    """The variants in the order in which a player should try them."""

    variants: tuple[StreamInf, ...]

    def render(self) -> str:
        """The playlist's text."""
        return "\n".join(
            [
                HEADER,
                Version(number=VERSION).render(),
                INDEPENDENT_SEGMENTS,
                *(variant.render() for variant in self.variants),
                "",
            ]
        )
