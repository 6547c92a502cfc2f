"""Any picture to one size, one pixel format and one colour space: what an encoder is fed.

Everything leaves as YUV 4:2:0, BT.709, limited range. What a source does not say about its colour
is taken as players take it: BT.601 below 720 lines, BT.709 from there, limited range. Pictures of
another shape are fitted inside, between black bars. Square pixels throughout.
"""

import av
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from transcoder.errors import MediaError
from transcoder.profiles import Scaler

_HD_LINES = 720
_BLACK = (16, 128, 128)
_STRETCH_SHARE = 0.01
"""Shapes that differ by less are stretched: even dimensions cannot always keep a ratio."""

# AVColorSpace (ITU-T H.273 MatrixCoefficients) as frames carry it → how swscale names it.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}


class Fitter:
    """Brings pictures to `width` x `height`. Keeps one scaler, so: one thread, one input at a time.

    A picture that needs nothing done is returned as it is, not copied. While `fit` runs no other
    thread may touch the picture (its colour tags are set for the time of the call).
    """

    def __init__(self, *, width: int, height: int, scaler: Scaler) -> None:
        self._width = width
        self._height = height
        self._interpolation = Interpolation[scaler.upper()]
        self._reformatter = VideoReformatter()

    def fit(self, frame: VideoFrame) -> VideoFrame:
        """`frame` as the encoder wants it. Raises `MediaError`."""
        width, height = fit_inside(frame.width, frame.height, self._width, self._height)
        try:
            scaled = self._reformatter.reformat(
                frame,
                width,
                height,
                "yuv420p",
                src_colorspace=_matrix(frame),
                dst_colorspace=Colorspace.ITU709,
                src_color_range=_range(frame),
                dst_color_range=ColorRange.MPEG,
                interpolation=self._interpolation,
                threads=1,
            )
        except (av.FFmpegError, ValueError, MemoryError) as exc:
            raise MediaError(f"a picture of {frame.width}x{frame.height} cannot be scaled") from exc
        if (width, height) == (self._width, self._height):
            return scaled
        return letterbox(scaled, self._width, self._height)


def fit_inside(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """The largest even size of the shape of `width` x `height` within the box.

    The box itself where the shapes differ by less than one hundredth.
    """
    if width * box_height >= height * box_width:
        inner, outer = box_width * height / width, box_height
        fitted = (box_width, _even(inner))
    else:
        inner, outer = box_height * width / height, box_width
        fitted = (_even(inner), box_height)
    return (box_width, box_height) if outer - inner < outer * _STRETCH_SHARE else fitted


def letterbox(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """A YUV 4:2:0 `frame` in the middle of a black picture, at even positions."""
    canvas = solid(width, height, _BLACK)
    left, top = (width - frame.width) // 4 * 2, (height - frame.height) // 4 * 2
    for index, (source, target) in enumerate(zip(frame.planes, canvas.planes, strict=True)):
        shift = 1 if index else 0
        from_view, to_view = memoryview(source), memoryview(target)
        columns, rows = frame.width >> shift, frame.height >> shift
        for row in range(rows):
            start = row * source.line_size
            offset = (row + (top >> shift)) * target.line_size + (left >> shift)
            to_view[offset : offset + columns] = from_view[start : start + columns]
    return canvas


def solid(width: int, height: int, yuv: tuple[int, int, int]) -> VideoFrame:
    """A picture of one colour, tagged as what leaves this module."""
    frame = VideoFrame(width, height, "yuv420p")
    for plane, level in zip(frame.planes, yuv, strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    tag(frame)
    return frame


def tag(frame: VideoFrame) -> None:
    """Mark a picture as what leaves this module: BT.709, limited range."""
    frame.colorspace = Colorspace.ITU709
    frame.color_range = ColorRange.MPEG


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def _matrix(frame: VideoFrame) -> Colorspace:
    unsaid = Colorspace.ITU709 if min(frame.width, frame.height) >= _HD_LINES else Colorspace.ITU601
    return _MATRICES.get(frame.colorspace, unsaid)


def _range(frame: VideoFrame) -> ColorRange:
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(("yuvj", "rgb"))
    return ColorRange.JPEG if full else ColorRange.MPEG
