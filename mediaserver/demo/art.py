"""Drawing for the demo's scene: soft-edged shapes on a canvas, and sprites in YUV 4:2:0.

Everything here runs before the show begins; only `Sprite.blit` runs for each frame. A canvas is
drawn in linear fractions of RGB and knows its own scale, so that a scene is written once in the
coordinates of a picture 1280 pixels wide and 720 high.
"""

from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Colour = tuple[float, float, float]

DESIGN_WIDTH, DESIGN_HEIGHT = 1280, 720

_BT709 = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.1146, -0.3854, 0.5], [0.5, -0.4542, -0.0458]], dtype=np.float32
)
_SCALES = np.array([219, 224, 224], dtype=np.float32)
_OFFSETS = np.array([16, 128, 128], dtype=np.float32)


def rgb(code: str) -> Colour:
    """``"d8a657"`` as fractions of red, green and blue."""
    red, green, blue = bytes.fromhex(code)
    return red / 255, green / 255, blue / 255


class Canvas:
    """A premultiplied RGBA picture in design coordinates, `width` × `height` real pixels."""

    def __init__(self, width: int, height: int, *, scale_x: float, scale_y: float) -> None:
        self.width, self.height = width, height
        self._scale_x, self._scale_y = scale_x, scale_y
        self.colour: Field = np.zeros((height, width, 3), dtype=np.float32)
        self.alpha: Field = np.zeros((height, width), dtype=np.float32)

    @classmethod
    def for_design(cls, width: float, height: float, *, like: "Canvas") -> Self:
        """A canvas of `width` × `height` design units on the scale of another; sides are even."""
        pixels_x = even(width * like._scale_x + 1.999)
        pixels_y = even(height * like._scale_y + 1.999)
        return cls(pixels_x, pixels_y, scale_x=like._scale_x, scale_y=like._scale_y)

    def gradient(self, top: Colour, bottom: Colour, *, y: float = 0, height: float = 9999) -> None:
        """Fill a band over the whole width, fading from `top` to `bottom`."""
        first = round(y * self._scale_y)
        last = min(self.height, round((y + height) * self._scale_y))
        down = np.linspace(0, 1, max(1, last - first), dtype=np.float32)[:, None, None]
        self.colour[first:last] = (1 - down) * _ink(top) + down * _ink(bottom)
        self.alpha[first:last] = 1

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        *,
        radius: float = 0,
        opacity: float = 1,
        round_shade: float = 0,
    ) -> None:
        """A rectangle with rounded corners; `round_shade` lights it from the left like a bottle."""

        def coverage(across: Field, down: Field) -> Field:
            half_x, half_y = width / 2, height / 2
            over_x = np.abs(across - x - half_x) - half_x + radius
            over_y = np.abs(down - y - half_y) - half_y + radius
            outside = np.hypot(np.maximum(over_x, 0), np.maximum(over_y, 0))
            distance = outside + np.minimum(np.maximum(over_x, over_y), 0) - radius
            edge: Field = np.clip(0.5 - distance * self._scale_x, 0, 1)
            return edge

        def light(across: Field, down: Field) -> Field:
            place = (across - x) / width
            shine = np.exp(-(((place - 0.27) / 0.11) ** 2)) * 0.9
            lit: Field = 1 + round_shade * (shine - 1.3 * (place - 0.4) ** 2 - 0.1)
            return lit + 0 * down

        self._paint((x, y, width, height), colour, coverage, light, opacity)

    def glow(
        self, x: float, y: float, radius: float, colour: Colour, *, opacity: float = 1
    ) -> None:
        """A round light that fades out smoothly at `radius`."""

        def coverage(across: Field, down: Field) -> Field:
            away = np.hypot(across - x, down - y) / radius
            fade: Field = np.clip(1 - away, 0, 1) ** 2
            return fade

        self._paint(
            (x - radius, y - radius, 2 * radius, 2 * radius), colour, coverage, None, opacity
        )

    def grain(self, amount: float, *, seed: int = 7) -> None:
        """A fixed, faint noise: smooth gradients would otherwise show bands once encoded."""
        noise = np.random.default_rng(seed).standard_normal((self.height, self.width, 1))
        self.colour += (noise * amount).astype(np.float32) * self.alpha[..., None]

    def _paint(
        self,
        bounds: tuple[float, float, float, float],
        colour: Colour,
        coverage: Callable[[Field, Field], Field],
        light: Callable[[Field, Field], Field] | None,
        opacity: float,
    ) -> None:
        x, y, width, height = bounds
        left = max(0, int(x * self._scale_x) - 2)
        top = max(0, int(y * self._scale_y) - 2)
        right = min(self.width, int((x + width) * self._scale_x) + 3)
        bottom = min(self.height, int((y + height) * self._scale_y) + 3)
        if left >= right or top >= bottom:
            return
        across = ((np.arange(left, right, dtype=np.float32) + 0.5) / self._scale_x)[None, :]
        down = ((np.arange(top, bottom, dtype=np.float32) + 0.5) / self._scale_y)[:, None]
        mask = coverage(across, down) * opacity
        ink = np.broadcast_to(_ink(colour), (*mask.shape, 3))
        if light is not None:
            ink = np.clip(ink * light(across, down)[..., None], 0, 1)
        under = (1 - mask)[..., None]
        area = (slice(top, bottom), slice(left, right))
        self.colour[area] = ink * mask[..., None] + self.colour[area] * under
        self.alpha[area] = mask + self.alpha[area] * under[..., 0]


class Sprite:
    """A small picture with soft edges, ready to be laid over a YUV 4:2:0 frame."""

    def __init__(self, canvas: Canvas) -> None:
        luma, blue, red = _yuv(canvas.colour, canvas.alpha)
        self.width, self.height = canvas.width, canvas.height
        small = _halved(canvas.alpha)
        self._planes = [
            (plane.astype(np.uint16) << 8, 256 - np.rint(alpha * 256).astype(np.uint16))
            for plane, alpha in (
                (luma, canvas.alpha),
                (_halved(blue), small),
                (_halved(red), small),
            )
        ]

    def blit(self, planes: tuple[Plane, Plane, Plane], x: int, y: int) -> None:
        """Lay the sprite over a frame with its top-left at (x, y), both even; clipped at edges."""
        for step, plane, (ink, keep) in zip((1, 2, 2), planes, self._planes, strict=True):
            height, width = plane.shape
            left, top = x // step, y // step
            from_x, from_y = max(0, -left), max(0, -top)
            to_x, to_y = min(ink.shape[1], width - left), min(ink.shape[0], height - top)
            if from_x >= to_x or from_y >= to_y:
                continue
            part = (slice(from_y, to_y), slice(from_x, to_x))
            area = plane[top + from_y : top + to_y, left + from_x : left + to_x]
            area[:] = (ink[part] + area * keep[part]) >> 8


def yuv420(canvas: Canvas) -> tuple[Plane, Plane, Plane]:
    """The planes of an opaque canvas: BT.709, limited range."""
    luma, blue, red = _yuv(canvas.colour, np.ones_like(canvas.alpha))
    return tuple(np.rint(p).astype(np.uint8) for p in (luma, _halved(blue), _halved(red)))  # type: ignore[return-value]


def even(value: float) -> int:
    """`value` rounded down to an even number: chroma has half the pixels each way."""
    return int(value) // 2 * 2


def _ink(colour: Colour) -> Field:
    return np.array(colour, dtype=np.float32)


def _yuv(colour: Field, alpha: Field) -> list[Field]:
    """Premultiplied Y'CbCr planes of full size, as floats of 0..255."""
    yuv = np.clip(colour, 0, 1) @ _BT709.T * _SCALES + _OFFSETS * alpha[..., None]
    return [yuv[..., plane] for plane in range(3)]


def _halved(field: Field) -> Field:
    height, width = field.shape
    quartered: Field = field.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return quartered
