"""What stands in the demo's shop: bottles, jars and boxes, and the digits of its clock.

Each function draws at a place of a `Canvas` in design coordinates, standing on `floor`.
"""

from mediaserver.demo.art import Canvas, Colour, rgb

CREAM, INK, BRASS = rgb("f3e9d6"), rgb("14110f"), rgb("d9a441")
GLASS = tuple(rgb(code) for code in ("2f6f5e", "7a2e3a", "b5752a", "315a86", "5c4a7d", "8a8f3c"))
_LIT, _UNLIT = rgb("ffb547"), rgb("33291d")

DIGIT_WIDTH, DIGIT_HEIGHT = 30, 52
_STROKE = 6
_SEGMENTS: dict[str, tuple[float, float, float, float]] = {
    "a": (3, 0, DIGIT_WIDTH - 6, _STROKE),
    "b": (DIGIT_WIDTH - _STROKE, 3, _STROKE, 22),
    "c": (DIGIT_WIDTH - _STROKE, 27, _STROKE, 22),
    "d": (3, DIGIT_HEIGHT - _STROKE, DIGIT_WIDTH - 6, _STROKE),
    "e": (0, 27, _STROKE, 22),
    "f": (0, 3, _STROKE, 22),
    "g": (3, (DIGIT_HEIGHT - _STROKE) / 2, DIGIT_WIDTH - 6, _STROKE),
}
_DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def bottle(canvas: Canvas, x: float, floor: float, glass: Colour, *, size: float = 1) -> None:
    """A wine bottle, 46 × 150 units at size 1, its left edge at `x`."""
    width, height = 46 * size, 150 * size
    top = floor - height
    shadow(canvas, x, floor, width)
    canvas.box(x + 0.34 * width, top, 0.32 * width, 0.45 * height, glass, radius=4, round_shade=0.8)
    canvas.box(
        x, top + 0.34 * height, width, 0.66 * height, glass, radius=0.32 * width, round_shade=0.8
    )
    canvas.box(
        x, floor - 0.3 * height, width, 0.3 * height, glass, radius=4 * size, round_shade=0.8
    )
    canvas.box(x + 0.31 * width, top, 0.38 * width, 0.15 * height, BRASS, radius=3, round_shade=0.6)
    label = (x + 0.04 * width, floor - 0.44 * height, 0.92 * width, 0.27 * height)
    canvas.box(*label, CREAM, radius=2, round_shade=0.35)
    left, up, wide, high = label
    for line, length in ((0.3, 0.5), (0.5, 0.3), (0.7, 0.4)):
        mark = ((1 - length) / 2 * wide, line * high, length * wide, 2 * size)
        canvas.box(left + mark[0], up + mark[1], mark[2], mark[3], INK, opacity=0.7)


def jar(canvas: Canvas, x: float, floor: float, content: Colour, *, size: float = 1) -> None:
    """A jar of preserves, 62 × 84 units at size 1."""
    width, height = 62 * size, 84 * size
    shadow(canvas, x, floor, width)
    canvas.box(
        x, floor - height + 8 * size, width, height - 8 * size, content, radius=11 * size,
        round_shade=0.7,
    )  # fmt: skip
    canvas.box(
        x + 0.06 * width, floor - height, 0.88 * width, 0.2 * height, CREAM, radius=4 * size,
        round_shade=0.5,
    )  # fmt: skip
    canvas.box(
        x + 0.1 * width, floor - 0.56 * height, 0.8 * width, 0.34 * height, CREAM, radius=5 * size,
        round_shade=0.3,
    )  # fmt: skip
    canvas.box(x + 0.3 * width, floor - 0.42 * height, 0.4 * width, 3 * size, INK, opacity=0.7)


def parcel(canvas: Canvas, x: float, floor: float, paper: Colour, *, size: float = 1) -> None:
    """A wrapped box with a ribbon, 96 × 78 units at size 1."""
    width, height = 96 * size, 78 * size
    shadow(canvas, x, floor, width)
    canvas.box(x, floor - height, width, height, paper, radius=4 * size, round_shade=0.22)
    canvas.box(x + 0.43 * width, floor - height, 0.14 * width, height, CREAM, round_shade=0.2)
    canvas.box(x, floor - 0.62 * height, width, 0.16 * height, CREAM, round_shade=0.2)
    for side in (-1, 1):
        canvas.box(
            x + (0.5 + 0.13 * side) * width - 13 * size, floor - height - 13 * size, 26 * size,
            17 * size, CREAM, radius=8 * size, round_shade=0.4,
        )  # fmt: skip


def shadow(canvas: Canvas, x: float, floor: float, width: float) -> None:
    """The dark a thing throws on what it stands on."""
    for spread, opacity in ((10, 0.18), (4, 0.3)):
        canvas.box(x - spread, floor - 5, width + 2 * spread, 9, INK, radius=4.5, opacity=opacity)


def digit(canvas: Canvas, value: int) -> None:
    """One seven-segment digit, `DIGIT_WIDTH` × `DIGIT_HEIGHT` units, in the canvas's corner."""
    for name, (x, y, width, height) in _SEGMENTS.items():
        colour = _LIT if name in _DIGITS[value] else _UNLIT
        canvas.box(x, y, width, height, colour, radius=2.5)


def colon(canvas: Canvas, *, lit: bool) -> None:
    """The two dots between digits."""
    for y in (14, 33):
        canvas.box(1, y, 7, 7, _LIT if lit else _UNLIT, radius=3.5)
