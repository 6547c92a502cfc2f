"""The demo's picture: a small shop with a counter, shelves, a clock and goods that glide by.

What stands still is drawn once; a frame is a copy of it with a few sprites laid over, so that a
720p frame costs a millisecond or two. Pure: the same frame number and time give the same pixels.
"""

import math
import time

import numpy as np
import numpy.typing as npt

from mediaserver.demo import goods, timecode
from mediaserver.demo.art import (
    DESIGN_HEIGHT,
    DESIGN_WIDTH,
    Canvas,
    Plane,
    Sprite,
    even,
    rgb,
    yuv420,
)
from mediaserver.demo.timecode import BLACK, WHITE, flash_box, grid_box, timecode_at
from mediaserver.demo.tone import beeping

MIN_HEIGHT = 90

_SHELVES = (292.0, 462.0)
_COUNTER, _BELT = 566.0, 640.0
_CLOCK_X, _CLOCK_Y = 968.0, 206.0
_GLIDE_PIXELS = 2
"""What the goods move in a frame: an even number, since chroma has half the pixels."""


class SceneRenderer:
    """Renders frames of one size. Not thread-safe: `frame` reuses its buffer."""

    def __init__(self, width: int, height: int) -> None:
        if width % 2 or height % 2 or width < timecode.MIN_WIDTH or height < MIN_HEIGHT:
            raise ValueError(f"the demo cannot paint a picture of {width}x{height}")
        self.width, self.height = width, height
        canvas = Canvas(width, height, scale_x=width / DESIGN_WIDTH, scale_y=height / DESIGN_HEIGHT)
        _room(canvas)
        self._still = np.concatenate([plane.ravel() for plane in yuv420(canvas)])
        self._clear_marks(self._planes(self._still))
        self._buffer = self._still.copy()
        self._goods = _goods(canvas)
        self._digits = [_digit(canvas, value) for value in range(10)]
        self._colons = [_colon(canvas, lit=lit) for lit in (False, True)]
        self._mote = _mote(canvas)

    def frame(self, n: int, unix_ms: int) -> npt.NDArray[np.uint8]:
        """Frame `n` as YUV 4:2:0 planar, (height·3/2, width) bytes; valid until the next call.

        `unix_ms` is the Unix time it shows: on the clock, in the timecode and by the flash.
        """
        self._buffer[:] = self._still
        planes = self._planes(self._buffer)
        self._lay_motes(planes, n)
        self._lay_goods(planes, n)
        self._lay_clock(planes, unix_ms)
        if beeping(unix_ms):
            flash_box(self.width).of(planes[0])[:] = WHITE
        timecode.paint(planes[0], timecode_at(unix_ms=unix_ms, counter=n))
        return self._buffer.reshape(self.height * 3 // 2, self.width)

    def _planes(self, buffer: Plane) -> tuple[Plane, Plane, Plane]:
        luma, chroma = self.width * self.height, self.width * self.height // 4
        half = (self.height // 2, self.width // 2)
        return (
            buffer[:luma].reshape(self.height, self.width),
            buffer[luma : luma + chroma].reshape(half),
            buffer[luma + chroma :].reshape(half),
        )

    def _clear_marks(self, planes: tuple[Plane, Plane, Plane]) -> None:
        """Timecode and flash stand on neutral black, so that only their luma says anything."""
        for box in (grid_box(self.width), flash_box(self.width)):
            box.of(planes[0])[:] = BLACK
            for chroma in planes[1:]:
                chroma[
                    box.top // 2 : (box.bottom + 1) // 2, box.left // 2 : (box.right + 1) // 2
                ] = 128

    def _lay_goods(self, planes: tuple[Plane, Plane, Plane], n: int) -> None:
        floor = round(_BELT * self.height / DESIGN_HEIGHT)
        widest = max(sprite.width for sprite in self._goods)
        track = even(self.width + widest)
        for place, sprite in enumerate(self._goods):
            start = even(place * track / len(self._goods))
            x = (start + _GLIDE_PIXELS * n) % track - widest
            sprite.blit(planes, x, even(floor - sprite.height))

    def _lay_motes(self, planes: tuple[Plane, Plane, Plane], n: int) -> None:
        for mote in range(5):
            phase = n / (170 + 23 * mote) + 1.9 * mote
            x = self.width * (0.12 + 0.17 * mote + 0.05 * math.sin(phase))
            y = self.height * (0.52 + 0.16 * math.sin(1.7 * phase + mote))
            self._mote.blit(planes, even(x), even(y))

    def _lay_clock(self, planes: tuple[Plane, Plane, Plane], unix_ms: int) -> None:
        text = time.strftime("%H:%M:%S", time.gmtime(unix_ms // 1000))
        scale = self.width / DESIGN_WIDTH
        x, y = _CLOCK_X + 14, even((_CLOCK_Y + 20) * self.height / DESIGN_HEIGHT)
        for character in text:
            if character == ":":
                self._colons[unix_ms % 1000 < 500].blit(planes, even(x * scale), y)
                x += 14
            else:
                self._digits[int(character)].blit(planes, even(x * scale), y)
                x += goods.DIGIT_WIDTH + 6


def _room(canvas: Canvas) -> None:
    """All that stands still: wall, light, shelves with bottles, the clock's case, the counter."""
    canvas.gradient(rgb("2b3a45"), rgb("4b4a4c"))
    canvas.glow(420, 300, 620, rgb("ffc98a"), opacity=0.5)
    canvas.glow(1080, 250, 300, rgb("ffc98a"), opacity=0.25)
    canvas.gradient(rgb("10161a"), rgb("1c252b"), height=122)
    canvas.box(0, 122, DESIGN_WIDTH, 4, goods.BRASS, opacity=0.85)
    for row, floor in enumerate(_SHELVES):
        _shelf(canvas, floor, row)
    _clock_case(canvas)
    _counter(canvas)
    canvas.grain(0.006)


def _shelf(canvas: Canvas, floor: float, row: int) -> None:
    canvas.box(96, floor + 4, 800, 26, goods.INK, radius=10, opacity=0.28)
    for place in range(11):
        kind, x = (place + 4 * row) % 5, 120 + 70 * place
        glass = goods.GLASS[(place * 2 + row) % len(goods.GLASS)]
        if kind == 2:
            goods.jar(canvas, x - 8, floor, glass)
        elif kind == 4:
            goods.bottle(canvas, x, floor, glass, size=0.8)
        else:
            goods.bottle(canvas, x, floor, glass, size=0.92)
    canvas.box(90, floor, 810, 16, rgb("8a5a34"), radius=3)
    canvas.box(90, floor, 810, 4, rgb("c08a55"), radius=2)


def _clock_case(canvas: Canvas) -> None:
    canvas.box(_CLOCK_X - 4, _CLOCK_Y + 4, 276, 96, goods.INK, radius=16, opacity=0.35)
    canvas.box(_CLOCK_X - 8, _CLOCK_Y - 4, 276, 98, goods.BRASS, radius=16, round_shade=0.15)
    canvas.box(_CLOCK_X - 4, _CLOCK_Y, 268, 90, rgb("181310"), radius=13)
    goods.parcel(canvas, 1010, 462, rgb("5d7f73"), size=1.1)
    goods.parcel(canvas, 1096, 462, rgb("a2483f"), size=0.82)
    goods.jar(canvas, 1190, 462, rgb("c98b2b"))
    canvas.box(985, 462, 290, 16, rgb("8a5a34"), radius=3)
    canvas.box(985, 462, 290, 4, rgb("c08a55"), radius=2)


def _counter(canvas: Canvas) -> None:
    canvas.box(0, _COUNTER - 10, DESIGN_WIDTH, 14, goods.INK, opacity=0.3)
    canvas.gradient(rgb("b98352"), rgb("8e5c34"), y=_COUNTER, height=90)
    for line in range(7):
        y = _COUNTER + 6 + 12 * line
        canvas.box(0, y, DESIGN_WIDTH, 1.4, rgb("6d4424"), opacity=0.22)
    canvas.box(0, _COUNTER, DESIGN_WIDTH, 3, rgb("e2b481"))
    canvas.gradient(rgb("5a3820"), rgb("2c1b10"), y=_COUNTER + 90)
    canvas.box(0, _COUNTER + 90, DESIGN_WIDTH, 5, rgb("d29c63"))
    for panel in range(6):
        x = 24 + 212 * panel
        canvas.box(x, _COUNTER + 106, 188, 60, rgb("3c2415"), radius=5, opacity=0.8)
        canvas.box(x + 4, _COUNTER + 110, 180, 60, rgb("54331d"), radius=4, opacity=0.7)


def _goods(room: Canvas) -> list[Sprite]:
    """What glides over the counter, each on a canvas of its own with its floor at the bottom."""
    sprites = []
    for glass in (goods.GLASS[1], goods.GLASS[0], goods.GLASS[3]):
        canvas = Canvas.for_design(84, 196, like=room)
        goods.bottle(canvas, 14, 186, glass, size=1.2)
        sprites.append(Sprite(canvas))
    canvas = Canvas.for_design(144, 130, like=room)
    goods.parcel(canvas, 16, 120, rgb("2f6f5e"), size=1.15)
    sprites.insert(1, Sprite(canvas))
    canvas = Canvas.for_design(104, 120, like=room)
    goods.jar(canvas, 14, 110, rgb("c98b2b"), size=1.2)
    sprites.insert(3, Sprite(canvas))
    return sprites


def _digit(room: Canvas, value: int) -> Sprite:
    canvas = Canvas.for_design(goods.DIGIT_WIDTH, goods.DIGIT_HEIGHT, like=room)
    goods.digit(canvas, value)
    return Sprite(canvas)


def _colon(room: Canvas, *, lit: bool) -> Sprite:
    canvas = Canvas.for_design(10, goods.DIGIT_HEIGHT, like=room)
    goods.colon(canvas, lit=lit)
    return Sprite(canvas)


def _mote(room: Canvas) -> Sprite:
    canvas = Canvas.for_design(90, 90, like=room)
    canvas.glow(45, 45, 44, rgb("ffdca8"), opacity=0.3)
    return Sprite(canvas)
