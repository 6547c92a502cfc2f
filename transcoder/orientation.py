"""Pictures the right way up: a source may say by how much its own are turned or mirrored.

H.264 says it in a display orientation SEI message (ITU-T H.264 §D.2.27), which the decoder hands
on as a display matrix beside the picture. Everything after the decoder knows upright pictures only.
"""

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

_FORMATS = frozenset({"yuv420p", "yuvj420p"})
_MATRIX_NUMBERS = 9
_Pixels = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


def upright(frame: VideoFrame) -> VideoFrame:
    """`frame` turned by the nearest quarter, and mirrored, as it says; itself when it says nothing.

    The meaning of the colours stays; the time is the caller's to know.
    """
    matrix = _matrix(frame)
    if matrix is None or matrix == (1, 0, 0, 1):
        return frame
    planar = frame if frame.format.name in _FORMATS else frame.reformat(format="yuv420p")
    width, height = frame.width & ~1, frame.height & ~1
    sideways = matrix[0] == 0
    turned = VideoFrame(*((height, width) if sideways else (width, height)), planar.format.name)
    for index, (source, target) in enumerate(zip(planar.planes, turned.planes, strict=True)):
        shift = 1 if index else 0
        stood = _stood(_pixels(source)[: height >> shift, : width >> shift], matrix)
        _pixels(target)[: stood.shape[0], : stood.shape[1]] = stood
    turned.colorspace, turned.color_range = frame.colorspace, frame.color_range
    return turned


def _matrix(frame: VideoFrame) -> tuple[int, int, int, int] | None:
    """The signs of a, b, c, d, which bring (x, y) to (ax + cy, bx + dy), y counted downwards;
    either a and d or b and c are 0."""
    try:
        # Not `frame.side_data`: that refers back to the frame and keeps its memory for the
        # garbage collector. ValueError: FFmpeg knows kinds that PyAV does not.
        said = SideDataContainer(frame)[Type.DISPLAYMATRIX]  # type: ignore[call-arg]
    except (KeyError, ValueError):
        return None
    numbers = np.frombuffer(bytes(said), np.int32)
    if len(numbers) < _MATRIX_NUMBERS:
        return None
    a, b, c, d = (int(numbers[index]) for index in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return 0, _sign(b), _sign(c), 0
    return _sign(a), 0, 0, _sign(d)


def _sign(number: int) -> int:
    return -1 if number < 0 else 1


def _stood(seen: _Pixels, matrix: tuple[int, int, int, int]) -> _Pixels:
    """A plane as it is to be seen. A view."""
    a, b, c, d = matrix
    across = seen if a else seen.T
    return across[:: b + d, :: a + c]


def _pixels(plane: object) -> _Pixels:
    """A plane's bytes, line by line, padding included. A view."""
    lines = memoryview(plane)  # type: ignore[arg-type]
    return np.frombuffer(lines, np.uint8).reshape(-1, plane.line_size)  # type: ignore[attr-defined]
