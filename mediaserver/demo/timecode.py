"""The painted timecode: the time and number of a frame as cells that survive lossy video.

Two rows of 32 square cells of side *c* (`cell_size`), the grid's top-left corner at (2c, c), with
a black border of c/2 around it; white is 1, black is 0, most significant bit first. The upper row
is the Unix time of the painting in milliseconds mod 2^32; the lower row is the frame counter mod
65536 and the CRC-16/CCITT-FALSE over those six bytes (time, counter), big-endian.

Pure: works on luma planes in limited range (16 is black, 235 is white) of any stride.
"""

import binascii
import struct
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]

BLACK, WHITE = 16, 235
COLUMNS, ROWS = 32, 2
MIN_WIDTH = 160
"""Below this width a cell has fewer than four pixels, and video coding blurs it away."""

_THRESHOLD = (BLACK + WHITE) / 2
_CODE = struct.Struct(">IH")
_UNIX_MS_RANGE = 2**32
_COUNTER_RANGE = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Timecode:
    """What one frame says of itself."""

    unix_ms: int
    """Unix time of the painting in milliseconds, mod 2^32 (49.7 days)."""
    counter: int
    """Number of the frame, mod 65536."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of pixels, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, plane: Luma) -> Luma:
        """The view of `plane` that the box covers."""
        return plane[self.top : self.bottom, self.left : self.right]


def timecode_at(*, unix_ms: int, counter: int) -> Timecode:
    """The timecode of a frame: both numbers wrapped into their ranges."""
    return Timecode(unix_ms=unix_ms % _UNIX_MS_RANGE, counter=counter % _COUNTER_RANGE)


def cell_size(width: int) -> int:
    """Side of a cell in a picture `width` pixels wide: a 40th, rounded down to an even number."""
    return width // 40 // 2 * 2


def grid_box(width: int) -> Box:
    """Where the grid and its black border lie: nothing else may be drawn there."""
    cell = cell_size(width)
    half = cell // 2
    return Box(
        left=2 * cell - half,
        top=cell - half,
        right=(2 + COLUMNS) * cell + half,
        bottom=(1 + ROWS) * cell + half,
    )


def flash_box(width: int) -> Box:
    """Where the white square of `mediaserver.demo.tone` flashes: right of the grid, as high."""
    cell = cell_size(width)
    grid = grid_box(width)
    return Box(
        left=36 * cell, top=grid.top, right=36 * cell + (grid.bottom - grid.top), bottom=grid.bottom
    )


def paint(luma: Luma, timecode: Timecode) -> None:
    """Paint `timecode` and its border into a luma plane, in place. The chroma there must be grey.

    Raises `ValueError` for a picture narrower than `MIN_WIDTH` or too low for the grid.
    """
    height, width = luma.shape
    cell, box = cell_size(width), grid_box(width)
    if width < MIN_WIDTH or height < box.bottom:
        raise ValueError(f"a picture of {width}x{height} has no room for a timecode")
    box.of(luma)[:] = BLACK
    cells = np.where(_bits(timecode), WHITE, BLACK).astype(np.uint8)
    top, left = cell, 2 * cell
    luma[top : top + ROWS * cell, left : left + COLUMNS * cell] = cells.repeat(cell, axis=0).repeat(
        cell, axis=1
    )


def read(luma: Luma, *, painted_width: int | None = None) -> Timecode | None:
    """The timecode in a luma plane, or None where none can be read without doubt (CRC).

    `painted_width` is the width of the picture that was painted, where it has been scaled since:
    cells are an even number of pixels there, so the grid's place follows from that width alone.
    """
    height, width = luma.shape
    painted = painted_width or max(width, 1)
    cell = cell_size(painted) * width / painted
    if cell < 2 or height < (1 + ROWS) * cell:
        return None
    bits = np.empty(ROWS * COLUMNS, dtype=np.uint8)
    for row in range(ROWS):
        rows = _central(1 + row, cell)
        for column in range(COLUMNS):
            sample = luma[rows, _central(2 + column, cell)]
            bits[row * COLUMNS + column] = sample.mean() > _THRESHOLD
    code, crc = np.packbits(bits).tobytes()[:6], np.packbits(bits).tobytes()[6:]
    if int.from_bytes(crc, "big") != crc16(code):
        return None
    unix_ms, counter = _CODE.unpack(code)
    return Timecode(unix_ms=unix_ms, counter=counter)


def luma_of(frame: av.VideoFrame) -> Luma:
    """The luma plane of a decoded planar YUV frame of 8 bits, without its padding or a copy."""
    plane = frame.planes[0]
    flat: Luma = np.frombuffer(memoryview(plane), dtype=np.uint8)
    return flat.reshape(-1, plane.line_size)[: frame.height, : frame.width]


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, nothing reflected."""
    return binascii.crc_hqx(data, 0xFFFF)


def _bits(timecode: Timecode) -> npt.NDArray[np.uint8]:
    code = _CODE.pack(timecode.unix_ms, timecode.counter)
    data = np.frombuffer(code + crc16(code).to_bytes(2, "big"), dtype=np.uint8)
    return np.unpackbits(data).reshape(ROWS, COLUMNS)


def _central(index: int, cell: float) -> slice:
    """Pixels of the middle half of cell `index` along one axis; at least one pixel."""
    start = round((index + 0.25) * cell)
    return slice(start, max(start + 1, round((index + 0.75) * cell)))
