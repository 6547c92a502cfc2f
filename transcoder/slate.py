"""The slate: what viewers see while the host's picture is missing.

The last picture, strongly blurred and dimmed, so that nobody takes it for a frozen one; plain dark
when there has been none. It goes through the running encoders like any picture.
"""

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from transcoder.scale import solid

_DARK = (32, 128, 128)
_BLUR = 32
"""The picture is reduced by this factor and enlarged again: a blur that costs a millisecond."""
_LUMA = bytes(min(235, 16 + max(0, level - 16) * 2 // 5) for level in range(256))
_CHROMA = bytes(128 + (level - 128) * 3 // 5 for level in range(256))


def make_slate(last: VideoFrame | None, *, width: int, height: int) -> VideoFrame:
    """The slate of `width` x `height`; `last` is the last picture shown, as a `Fitter` left it."""
    return solid(width, height, _DARK) if last is None else _dimmed(_blurred(last))


def _blurred(frame: VideoFrame) -> VideoFrame:
    width, height = frame.width, frame.height
    small = VideoReformatter().reformat(
        frame,
        max(2, width // _BLUR // 2 * 2),
        max(2, height // _BLUR // 2 * 2),
        interpolation=Interpolation.AREA,
        threads=1,
    )
    return VideoReformatter().reformat(
        small, width, height, interpolation=Interpolation.BICUBIC, threads=1
    )


def _dimmed(frame: VideoFrame) -> VideoFrame:
    dim = solid(frame.width, frame.height, _DARK)
    tables = (_LUMA, _CHROMA, _CHROMA)
    for source, target, table in zip(frame.planes, dim.planes, tables, strict=True):
        lines, columns = bytes(source), target.line_size
        if source.line_size != columns:
            raise AssertionError("pictures of one size have lines of one length")
        target.update(lines.translate(table))
    return dim
