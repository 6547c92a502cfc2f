"""Colours survive: bars of any range and matrix through decoder, scaler and each encoder.

What a player shows of them (by the tags in the stream, BT.709 and limited range) differs from what
the host's camera meant by at most `LARGEST`, CIE 1976: a just noticeable difference is about 2.3.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from transcoder.decode import SourceDecoder
from transcoder.encode import RungEncoder
from transcoder.grid import Grid
from transcoder.profiles import Profile, plan_rungs
from transcoder.scale import Fitter
from transcoder.values import AccessUnit

LARGEST = 4.0
BARS = (
    (191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0),
    (191, 0, 191), (191, 0, 0), (0, 0, 191), (20, 20, 20),
    (224, 172, 140), (120, 60, 30),
)  # fmt: skip
"""75 % colour bars, a dark grey, and two skins: R'G'B'."""
BAR_WIDTH, HEIGHT = 32, 96
WIDTH = BAR_WIDTH * len(BARS)
KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114)}
Array = npt.NDArray[np.float64]
GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)


def to_yuv(rgb: Array, matrix: int, *, full: bool) -> Array:
    """ITU-T H.273 §8.3: R'G'B' in 0…255 to 8-bit Y', Cb, Cr."""
    kr, kb = KR_KB[matrix]
    red, green, blue = (rgb / 255).T
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    scale = (255, 0, 255) if full else (219, 16, 224)
    return np.stack((scale[0] * luma + scale[1], scale[2] * cb + 128, scale[2] * cr + 128), 1)


def to_rgb(yuv: Array, matrix: int) -> Array:
    """The inverse, of limited range."""
    kr, kb = KR_KB[matrix]
    luma, cb, cr = (yuv[:, 0] - 16) / 219, (yuv[:, 1] - 128) / 224, (yuv[:, 2] - 128) / 224
    red, blue = luma + (2 - 2 * kr) * cr, luma + (2 - 2 * kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack((red, green, blue), 1), 0, 1) * 255


def lab(rgb: Array) -> Array:
    """CIE L*a*b* of sRGB under D65."""
    part = rgb / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = linear @ np.array(to_xyz).T / (0.9505, 1.0, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack((116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])), 1)


def difference(one: Array, other: Array) -> Array:
    """ΔE*ab, CIE 1976."""
    return np.asarray(np.linalg.norm(lab(one) - lab(other), axis=1))


def bars(matrix: int, *, full: bool, width: int = WIDTH) -> VideoFrame:
    levels = np.rint(to_yuv(np.array(BARS, float), matrix, full=full))
    each = width // len(BARS)
    frame = VideoFrame(width, HEIGHT, "yuv420p")
    for index, plane in enumerate(frame.planes):
        shift = 1 if index else 0
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        row = np.repeat(np.clip(levels[:, index], 0, 255).astype(np.uint8), each >> shift)
        lines[: HEIGHT >> shift, : len(row)] = row
    return frame


def seen(frame: VideoFrame) -> Array:
    """The colour in the middle of each bar, as a player that honours the tags shows it."""
    assert (frame.colorspace, frame.color_range) == (1, 1)
    each, yuv = frame.width / len(BARS), []
    for bar in range(len(BARS)):
        x, y = int((bar + 0.5) * each), frame.height // 2
        yuv.append(
            [
                np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
                    y >> (index > 0), x >> (index > 0)
                ]
                for index, plane in enumerate(frame.planes)
            ]
        )
    return to_rgb(np.array(yuv, float), 1)


def source_unit(frame: VideoFrame, *, matrix: int | None, full: bool) -> AccessUnit:
    """The picture as a host sends it; `matrix` None: nothing said of its colours."""
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuv420p"
    context.time_base = Fraction(1, 30)
    context.thread_count = 1
    context.options = {"tune": "zerolatency", "preset": "superfast", "qp": "4"}
    if matrix is not None:
        context.color_primaries = context.color_trc = context.colorspace = matrix
        context.color_range = 2 if full else 1
    (packet,) = context.encode(frame)
    return AccessUnit(
        kind="video",
        codec="h264",
        source=0,
        pts=0,
        keyframe=True,
        damaged=False,
        data=bytes(packet),
    )


SOURCES = [(1, False, True), (1, True, True), (6, False, True), (6, True, True), (6, False, False)]
NAMES = ["709", "709-full", "601", "601-full", "unsaid"]


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1"])
@pytest.mark.parametrize(("matrix", "full", "said"), SOURCES, ids=NAMES)
def test_bars_survive(
    matrix: int,
    full: bool,
    said: bool,
    encoder: str,
    decoded: Callable[..., Sequence[VideoFrame]],
) -> None:
    unit = source_unit(bars(matrix, full=full), matrix=matrix if said else None, full=full)
    (picture,) = SourceDecoder(0, on_error=lambda: None).decode(unit, 0)
    rung = {"name": "a", "height": 72, "bitrate_bps": 900_000, "max_bitrate_bps": 900_000}
    profile = Profile.from_plain({"rungs": [{**rung, "encoder": encoder}]})
    (plan,) = plan_rungs(profile, WIDTH, HEIGHT)
    fitted = Fitter(width=plan.width, height=plan.height, scaler="bicubic").fit(picture.frame)
    rung_encoder = RungEncoder(plan, GRID)
    pictures = [rung_encoder.encode(fitted, slot=slot, idr=slot == 0) for slot in range(8)]
    off = difference(seen(decoded(rung_encoder, pictures)[-1]), np.array(BARS, float))
    assert off.max() <= LARGEST, off.round(1)


def test_the_wrong_matrix_would_be_seen() -> None:
    """The bars tell: taken for BT.601, those of BT.709 are far off."""
    yuv = to_yuv(np.array(BARS, float), 1, full=False)
    assert difference(to_rgb(yuv, 6), np.array(BARS, float)).max() > 3 * LARGEST


@given(rgb=st.tuples(*[st.integers(0, 255)] * 3), matrix=st.sampled_from([1, 6]))
def test_the_conversions_are_inverse(rgb: tuple[int, int, int], matrix: int) -> None:
    colour = np.array([rgb], float)
    assert difference(to_rgb(to_yuv(colour, matrix, full=False), matrix), colour).max() < 0.01
