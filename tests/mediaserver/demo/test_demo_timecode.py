from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import Interpolation
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.demo.timecode import (
    BLACK,
    Timecode,
    cell_size,
    crc16,
    flash_box,
    grid_box,
    luma_of,
    paint,
    read,
    timecode_at,
)

Luma = npt.NDArray[np.uint8]

timecodes = st.builds(
    Timecode, unix_ms=st.integers(0, 2**32 - 1), counter=st.integers(0, 2**16 - 1)
)
sizes = st.sampled_from([(320, 180), (640, 360), (854, 480), (720, 1280), (1280, 720)])


def grey(width: int, height: int) -> Luma:
    return np.full((height, width), 126, dtype=np.uint8)


def scaled(luma: Luma, width: int, height: int) -> Luma:
    frame = av.VideoFrame.from_ndarray(luma, format="gray")
    small = frame.reformat(width=width, height=height, interpolation=Interpolation.BICUBIC)
    return luma_of(small)


def noisy(luma: Luma, sigma: float, seed: int) -> Luma:
    noise = np.random.default_rng(seed).normal(0, sigma, luma.shape)
    return np.clip(luma + noise, 0, 255).astype(np.uint8)


def through_h264(luma: Luma, *, bit_rate: int) -> Luma:
    height, width = luma.shape
    encoder = av.CodecContext.create("libx264", "w")
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(encoder, VideoCodecContext)
    assert isinstance(decoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.bit_rate = bit_rate
    encoder.options = {"preset": "superfast", "tune": "zerolatency"}
    planes = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    planes[:height] = luma
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoded = [f for packet in packets for f in decoder.decode(packet)] + decoder.decode(None)
    return luma_of(decoded[0])


@given(timecodes, sizes)
def test_what_is_painted_is_read(timecode: Timecode, size: tuple[int, int]) -> None:
    luma = grey(*size)
    paint(luma, timecode)
    assert read(luma) == timecode


@given(timecodes, sizes, st.sampled_from([(640, 360), (426, 240), (854, 480), (1920, 1080)]))
@settings(max_examples=40, deadline=None)
def test_it_survives_bicubic_scaling_and_noise(
    timecode: Timecode, size: tuple[int, int], target: tuple[int, int]
) -> None:
    width, height = size
    if width < height:
        target = target[1], target[0]
    luma = grey(width, height)
    paint(luma, timecode)
    shown = noisy(scaled(luma, *target), 12, timecode.counter)
    assert read(shown, painted_width=width) == timecode


@given(timecodes)
@settings(max_examples=15, deadline=None)
def test_it_survives_h264_at_360p(timecode: Timecode) -> None:
    luma = noisy(grey(640, 360), 20, timecode.counter)
    paint(luma, timecode)
    assert read(through_h264(luma, bit_rate=300_000)) == timecode


@given(timecodes, st.integers(0, 63))
def test_one_flipped_cell_is_found_out(timecode: Timecode, cell: int) -> None:
    luma = grey(640, 360)
    paint(luma, timecode)
    side = cell_size(640)
    top, left = (1 + cell // 32) * side, (2 + cell % 32) * side
    square = luma[top : top + side, left : left + side]
    square[:] = 251 - square
    assert read(luma) is None


@given(st.integers(0, 1200), st.integers(0, 200), st.integers(0, 2**32 - 1))
def test_any_picture_is_read_or_refused(width: int, height: int, seed: int) -> None:
    luma = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    assert read(luma) is None or width >= 40


def test_a_picture_without_timecode_says_nothing() -> None:
    assert read(grey(640, 360)) is None


def test_the_crc_is_ccitt_false() -> None:
    assert crc16(b"123456789") == 0x29B1


@pytest.mark.parametrize(("width", "cell"), [(640, 16), (854, 20), (1280, 32), (1920, 48)])
def test_geometry(width: int, cell: int) -> None:
    box = grid_box(width)
    assert cell_size(width) == cell
    assert (box.left, box.top) == (2 * cell - cell // 2, cell // 2)
    assert (box.right, box.bottom) == (34 * cell + cell // 2, 3 * cell + cell // 2)
    assert box.right <= flash_box(width).left
    assert flash_box(width).right <= width


def test_bits_are_most_significant_first_with_a_black_border() -> None:
    luma = grey(640, 360)
    paint(luma, Timecode(unix_ms=0x80000001, counter=0x8000))
    assert luma[24, 40] > 200
    assert luma[24, 56] < 50
    assert luma[24, 32 + 31 * 16 + 8] > 200
    assert luma[40, 40] > 200
    box = grid_box(640)
    assert (luma[box.top : 16, box.left : box.right] == BLACK).all()
    assert luma[box.top - 1, box.left] == 126


def test_numbers_wrap() -> None:
    assert timecode_at(unix_ms=2**32 + 5, counter=65_537) == Timecode(unix_ms=5, counter=1)


@pytest.mark.parametrize("size", [(120, 90), (640, 40)])
def test_a_picture_without_room_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no room"):
        paint(grey(*size), Timecode(unix_ms=1, counter=1))
