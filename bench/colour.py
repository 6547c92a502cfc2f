"""Colours that are looked at on their way through a show, and how far apart two of them are."""

import numpy as np
import numpy.typing as npt

Rgb = tuple[float, float, float]
"""sRGB, 0 to 255."""

BARS: dict[str, Rgb] = {
    "white": (235, 235, 235), "grey": (120, 120, 120), "yellow": (200, 190, 40),
    "cyan": (30, 180, 190), "green": (40, 160, 60), "magenta": (190, 40, 180),
    "red": (200, 30, 40), "blue": (30, 50, 190), "skin": (222, 170, 136), "wine": (94, 14, 40),
}  # fmt: skip
"""What a shop sells in, side by side from left to right."""


def delta_e(one: Rgb, other: Rgb) -> float:
    """The CIE 1976 difference: 1 is what a trained eye can just tell side by side, 2.3 is called
    just noticeable."""
    return float(np.linalg.norm(_lab(one) - _lab(other)))


def _lab(rgb: Rgb) -> npt.NDArray[np.float64]:
    """CIE Lab (D65) of an sRGB colour (IEC 61966-2-1)."""
    share = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ linear / np.array([0.95047, 1.0, 1.08883])
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])
