"""One picture better than its neighbours, by as many bits as the rate control lets it have.

x264's average rate cannot be changed while it runs, but a picture may carry a region of interest
as large as itself, whose quantiser is lower. The VBV stays what it was, so no segment grows past
BANDWIDTH; what was spent is saved afterwards.
"""

import math
from fractions import Fraction

import av
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from transcoder.errors import MediaError

_QUANTISERS = 51
_STEPS_TO_DOUBLE = 6
"""So many steps of H.264's quantiser halve the rate (ITU-T H.264 §8.5: the step size doubles)."""


class Region:
    """Marks pictures of one size as worth `percent` more bits. One thread."""

    def __init__(self, width: int, height: int, percent: int) -> None:
        offset = -_STEPS_TO_DOUBLE * math.log2(1 + percent / 100) / _QUANTISERS
        self._graph = Graph()  # owns the filters
        self._source = self._graph.add_buffer(
            width=width,
            height=height,
            format=VideoFormat("yuv420p"),
            time_base=Fraction(1, 1),
        )
        region = self._graph.add("addroi", f"0:0:iw:ih:{offset:.4f}")
        self._sink = self._graph.add("buffersink")
        self._source.link_to(region)
        region.link_to(self._sink)
        self._graph.configure()

    def marked(self, frame: VideoFrame) -> VideoFrame:
        """The same picture, not copied, with the mark. Raises `MediaError`."""
        try:
            self._source.push(frame)
            marked = self._sink.pull()
        except (av.FFmpegError, MemoryError) as exc:
            raise MediaError(f"a picture cannot be marked: {exc}") from exc
        if not isinstance(marked, VideoFrame):
            raise MediaError("a picture was lost where it was to be marked")
        return marked
