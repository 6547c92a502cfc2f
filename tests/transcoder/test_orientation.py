"""A source that says its pictures are turned: an H.264 display orientation SEI (§D.2.27)."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from transcoder.decode import SourceDecoder
from transcoder.orientation import upright
from transcoder.values import AccessUnit

WIDTH, HEIGHT = 128, 64
BRIGHT, MIDDLE, DARK = 200, 120, 40


def orientation_sei(degrees: int, flips: str = "00") -> bytes:
    """Not cancelled, mirrored first by `flips` (horizontally, vertically), then the angle
    anti-clockwise in 1/65536 turns, until further notice."""
    bits = f"0{flips}{degrees * 65536 // 360:016b}0100" + "1"
    return b"\x00\x00\x00\x01\x06\x2f\x03" + int(bits, 2).to_bytes(3, "big") + b"\x80"


def unit(degrees: int | None, flips: str = "00") -> AccessUnit:
    """A picture with a bright left and a dark right half, its upper edge grey."""
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT, : WIDTH // 2], planes[:HEIGHT, WIDTH // 2 :] = BRIGHT, DARK
    planes[:16] = MIDDLE
    frame = VideoFrame.from_ndarray(planes, format="yuv420p")
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base = Fraction(1, 30)
    context.thread_count = 1
    context.options = {"tune": "zerolatency", "preset": "ultrafast"}
    (packet,) = context.encode(frame)
    sei = b"" if degrees is None else orientation_sei(degrees, flips)
    return AccessUnit(
        kind="video",
        codec="h264",
        source=0,
        pts=7,
        keyframe=True,
        damaged=False,
        data=sei + bytes(packet),
    )


@pytest.mark.parametrize(
    ("degrees", "flips", "size", "corners"),
    [
        (None, "00", (128, 64), (MIDDLE, MIDDLE, BRIGHT, DARK)),
        (0, "00", (128, 64), (MIDDLE, MIDDLE, BRIGHT, DARK)),
        (90, "00", (64, 128), (MIDDLE, DARK, MIDDLE, BRIGHT)),
        (180, "00", (128, 64), (DARK, BRIGHT, MIDDLE, MIDDLE)),
        (270, "00", (64, 128), (BRIGHT, MIDDLE, DARK, MIDDLE)),
        (0, "10", (128, 64), (MIDDLE, MIDDLE, DARK, BRIGHT)),
        (0, "01", (128, 64), (BRIGHT, DARK, MIDDLE, MIDDLE)),
        (0, "11", (128, 64), (DARK, BRIGHT, MIDDLE, MIDDLE)),
        (90, "10", (64, 128), (MIDDLE, BRIGHT, MIDDLE, DARK)),
        (90, "01", (64, 128), (DARK, MIDDLE, BRIGHT, MIDDLE)),
        (270, "10", (64, 128), (DARK, MIDDLE, BRIGHT, MIDDLE)),
    ],
)
def test_what_leaves_the_decoder_is_upright(
    degrees: int | None, flips: str, size: tuple[int, int], corners: tuple[int, ...]
) -> None:
    (picture,) = SourceDecoder(0, on_error=lambda: None).decode(unit(degrees, flips), 0)
    frame = picture.frame
    assert picture.pts == 7
    assert (frame.width, frame.height) == size
    luma = frame.to_ndarray()
    wide, high = size
    places = ((6, 6), (6, wide - 6), (high - 6, 6), (high - 6, wide - 6))
    assert all(
        abs(int(luma[place]) - corner) < 12 for place, corner in zip(places, corners, strict=True)
    )


def test_an_upright_picture_is_not_copied() -> None:
    frame = VideoFrame(64, 48, "yuv420p")
    assert upright(frame) is frame


def test_the_meaning_of_the_colours_stays() -> None:
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    (turned,) = [
        frame
        for data in (unit(90).data, None)
        for frame in decoder.decode(data and av.Packet(data))
    ]
    turned.colorspace, turned.color_range = Colorspace.ITU601, ColorRange.JPEG
    stood = upright(turned)
    assert (stood.colorspace, stood.color_range) == (Colorspace.ITU601, ColorRange.JPEG)
