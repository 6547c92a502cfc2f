"""Tags of the multivariant playlist (rfc8216bis §4.4.6)."""

from dataclasses import dataclass

from transcoder.hls.attributes import attribute_list, quoted, uri_line


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInf:
    """EXT-X-STREAM-INF with its URI line (§4.4.6.2): one variant, audio and video muxed."""

    uri: str
    bandwidth_bps: int
    """Peak segment bit rate of the whole variant."""
    average_bandwidth_bps: int
    codecs: str
    width: int
    height: int
    frames_per_second: int

    def render(self) -> str:
        """The tag's line and the URI's."""
        attributes = attribute_list(
            [
                ("BANDWIDTH", str(self.bandwidth_bps)),
                ("AVERAGE-BANDWIDTH", str(self.average_bandwidth_bps)),
                ("CODECS", quoted(self.codecs)),
                ("RESOLUTION", f"{self.width}x{self.height}"),
                # "a decimal-floating-point describing the maximum frame rate […] rounded to three
                # decimal places"
                ("FRAME-RATE", f"{self.frames_per_second}.000"),
            ]
        )
        return f"#EXT-X-STREAM-INF:{attributes}\n{uri_line(self.uri)}"
