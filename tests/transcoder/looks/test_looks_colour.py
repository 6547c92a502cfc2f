"""Product colours are what is being sold: bars go through two encoders and keep their colour.

The bars are made from their colours, and read back as them, by the formulas of ITU-R BT.601 and
BT.709 themselves; FFmpeg's converter has no part in it.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from bench.colour import BARS, Rgb, delta_e
from transcoder.profiles import Profile

SLOT_TICKS = 3000
MOST_DELTA_E = 2.3
BT709, BT601 = (0.2126, 0.0722), (0.299, 0.114)
"""Kr and Kb."""
TAG_709, TAG_601 = 1, 6


def to_yuv(rgb: Rgb, matrix: tuple[float, float], *, full: bool) -> Rgb:
    """ITU-T H.273 §8.3: equations 38 to 40, quantised by 20 to 22 or, full, by 26 to 28."""
    kr, kb = matrix
    red, green, blue = (channel / 255 for channel in rgb)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    if full:
        return round(255 * luma), round(255 * cb + 128), round(255 * cr + 128)
    return round(219 * luma + 16), round(224 * cb + 128), round(224 * cr + 128)


def to_rgb(yuv: Rgb, matrix: tuple[float, float]) -> Rgb:
    """The inverse, of limited range."""
    kr, kb = matrix
    luma, cb, cr = (yuv[0] - 16) / 219, (yuv[1] - 128) / 224, (yuv[2] - 128) / 224
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    red, green, blue = (255 * min(max(channel, 0.0), 1.0) for channel in (red, green, blue))
    return red, green, blue


def bars(width: int, height: int, matrix: tuple[float, float], *, full: bool) -> VideoFrame:
    """The colours side by side, from left to right."""
    planes = np.zeros((height * 3 // 2, width), dtype=np.uint8)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    edges = [n * width // len(BARS) // 4 * 4 for n in range(len(BARS) + 1)]
    edges[-1] = width
    for (left, right), rgb in zip(itertools.pairwise(edges), BARS.values(), strict=True):
        yuv = to_yuv(rgb, matrix, full=full)
        planes[:height, left:right] = yuv[0]
        chroma[0, :, left // 2 : right // 2] = yuv[1]
        chroma[1, :, left // 2 : right // 2] = yuv[2]
    return VideoFrame.from_ndarray(planes, format="yuv420p")


def read_bars(frame: VideoFrame) -> dict[str, Rgb]:
    """Each bar's colour as a player shows it, from its middle."""
    found = {}
    for number, name in enumerate(BARS):
        share = (number + 0.5) / len(BARS)
        means = []
        for plane in frame.planes:
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            x, y = int(share * plane.width), plane.height // 2
            means.append(float(rows[y - 2 : y + 3, x - 2 : x + 3].mean()))
        found[name] = to_rgb((means[0], means[1], means[2]), BT709)
    return found


@pytest.mark.parametrize(
    ("size", "codec", "matrix", "tag", "full"),
    [
        pytest.param((640, 360), "h264", BT601, None, False, id="untagged below 720 lines: 601"),
        pytest.param((1280, 720), "h264", BT709, None, False, id="untagged 720 lines: 709"),
        pytest.param((640, 360), "h264", BT709, TAG_709, False, id="tagged 709"),
        pytest.param((1280, 720), "h264", BT601, TAG_601, False, id="tagged 601 at 720 lines"),
        pytest.param((640, 360), "h264", BT709, TAG_709, True, id="full range"),
        pytest.param((640, 360), "vp8", BT601, None, False, id="vp8"),
    ],
)
def test_bars_keep_their_colours(
    air: Callable[..., Any],
    camera: Callable[..., Any],
    size: tuple[int, int],
    codec: str,
    matrix: tuple[float, float],
    tag: int | None,
    full: bool,
) -> None:
    rungs = [
        {"name": name, "height": height, "bitrate_bps": rate, "max_bitrate_bps": rate,
         "preset": "ultrafast"}
        for name, height, rate in (("big", size[1], 4_000_000), ("small", 240, 1_500_000))
    ]  # fmt: skip
    profile = Profile.model_validate({"rungs": rungs})
    lens = camera(*size, codec=codec, bit_rate=6_000_000, colorspace=tag, full_range=full)
    picture = bars(*size, matrix, full=full)
    if full:
        picture.color_range = ColorRange.JPEG
    units = [lens.unit(picture, n * SLOT_TICKS) for n in range(15)]
    aired = air(units, seconds=0.5, profile=profile)
    for name in ("big", "small"):
        frame = aired.frames(name)[12]
        assert (frame.colorspace, frame.color_range) == (Colorspace.ITU709, ColorRange.MPEG)
        deltas = {bar: round(delta_e(rgb, BARS[bar]), 2) for bar, rgb in read_bars(frame).items()}
        assert max(deltas.values()) < MOST_DELTA_E, deltas


def test_the_measure_sees_a_wrong_matrix() -> None:
    worst = max(
        delta_e(to_rgb(to_yuv(rgb, BT601, full=False), BT709), rgb) for rgb in BARS.values()
    )
    assert worst > 3 * MOST_DELTA_E
