"""The slate: dim, blurred, and legible in every shape and rung."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from structlog.testing import capture_logs

from transcoder.lettering import letters
from transcoder.scale import Fitter, solid
from transcoder.slate import SlatePainter, read_picture

TEXT = "We'll be right back"
SHAPES = [(1280, 720), (720, 1280), (640, 640), (1440, 360), (214, 120), (16, 16)]


def painter(text: str = "", **files: Any) -> SlatePainter:
    return SlatePainter(text=text, picture=files.get("picture"), font=files.get("font"))


def luma(frame: VideoFrame) -> Any:
    return frame.to_ndarray(format="yuv420p")[: frame.height].astype(int)


def test_the_last_picture_is_dim_and_blurred(luma_at: Callable[..., int]) -> None:
    sharp = solid(128, 96, (235, 128, 128))
    plane = sharp.planes[0]
    stripes = bytearray(bytes(plane))
    for row in range(0, 96, 4):
        stripes[row * plane.line_size : (row + 2) * plane.line_size] = bytes([16]) * (
            2 * plane.line_size
        )
    plane.update(bytes(stripes))
    slate = painter().paint(sharp, width=128, height=96)
    column = [luma_at(slate, 64, y) for y in range(20, 76)]
    assert max(column) - min(column) <= 6
    assert 40 <= column[0] <= 80


def test_without_a_picture_it_is_plain_dark(luma_at: Callable[..., int]) -> None:
    slate = painter().paint(None, width=64, height=48)
    assert {luma_at(slate, x, y) for x in (0, 63) for y in (0, 47)} == {32}


@pytest.mark.parametrize(("width", "height"), SHAPES)
@pytest.mark.parametrize("ground", [16, 128, 235])
def test_words_are_bright_outlined_and_inside_the_picture(
    width: int, height: int, ground: int
) -> None:
    slate = painter(TEXT).paint(solid(width, height, (ground, 90, 160)), width=width, height=height)
    assert (slate.width, slate.height) == (width, height)
    lines = luma(slate)
    edge = np.concatenate([lines[0], lines[-1], lines[:, 0], lines[:, -1]])
    if min(width, height) >= 100:
        assert edge.max() < 130, "nothing is cut off at the edge"
        assert (lines > 220).mean() > 0.003
        assert (lines < 24).mean() > 0.003


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640)])
def test_letters_are_high_enough_on_the_smallest_rung(width: int, height: int) -> None:
    """The rung of 360 lines gets the top rung's slate, scaled: a capital is an 18th of its side at
    the least, and the strokes keep their contrast."""
    top = painter(TEXT).paint(None, width=width * 2, height=height * 2)
    lines = luma(Fitter(width=width, height=height, scaler="bicubic").fit(top))
    rows = np.flatnonzero((lines > 180).any(axis=1))
    columns = np.flatnonzero((lines > 180).any(axis=0))
    assert rows[-1] - rows[0] >= min(width, height) / 18
    assert columns[-1] - columns[0] > width * 0.5


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(st.sampled_from("abcW .\n"), max_size=100),
    size=st.sampled_from(SHAPES),
)
def test_any_words_lie_within_the_picture(text: str, size: tuple[int, int]) -> None:
    width, height = size
    drawn = letters(text, width=width, height=height, font=None)
    assert drawn.fill.shape == drawn.outline.shape == (height, width)
    assert (drawn.fill <= drawn.outline).all()
    if min(size) >= 120 and text.count("\n") < 3:  # no font is small enough for any number
        assert not drawn.outline[:, [0, -1]].any()
        assert not drawn.outline[[0, -1]].any()


def test_the_operators_picture_is_fitted_in_its_colours(tmp_path: Path) -> None:
    Image.new("RGB", (300, 100), (255, 255, 255)).save(tmp_path / "white.png")
    slate = painter(picture=tmp_path / "white.png").paint(None, width=160, height=160)
    lines = luma(slate)
    assert abs(lines[80, 80] - 235) <= 1
    assert lines[5, 80] == 16, "between black bars"
    assert abs(slate.to_ndarray(format="yuv420p")[160 + 20, 40] - 128) <= 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_pictures_of_each_format_are_read_upright(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (40, 20), (200, 10, 10)).save(tmp_path / f"p.{suffix}", exif=exif)
    frame = read_picture(tmp_path / f"p.{suffix}")
    assert (frame.width, frame.height) == (20, 40)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [("png", "RGB"), ("png", "RGBA"), ("png", "P"), ("png", "L"), ("jpg", "RGB")],
)
def test_a_large_picture_is_kept_small_and_upright(tmp_path: Path, suffix: str, mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new(mode, (4000, 1000), 255 if mode in "PL" else (250, 250, 250)).save(
        tmp_path / f"p.{suffix}", exif=exif
    )
    frame = read_picture(tmp_path / f"p.{suffix}")
    assert (frame.width, frame.height) == (480, 1920)


def test_a_picture_within_the_limit_does_not_fill_the_memory(tmp_path: Path) -> None:
    """What is decoded is made small at once: it is never there twice."""
    Image.new("RGB", (8000, 4990), (30, 60, 90)).save(tmp_path / "p.png", compress_level=1)
    program = """
import re, sys
from pathlib import Path
from transcoder.slate import read_picture
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
read_picture(Path(sys.argv[1]))
print(peak() - before)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "p.png")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(ran.stdout) * 1024 < 2 * 4 * 8000 * 4990


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (255, 255, 255, 0)).save(tmp_path / "p.png")
    assert not read_picture(tmp_path / "p.png").to_ndarray(format="rgb24").any()


def test_files_that_have_gone_are_done_without(tmp_path: Path) -> None:
    gone = painter(TEXT, picture=tmp_path / "gone.png", font=tmp_path / "gone.ttf")
    with capture_logs() as logs:
        slate = gone.paint(None, width=640, height=360)
    assert [line["event"] for line in logs] == ["slate_picture_unusable", "slate_font_unusable"]
    assert (luma(slate) > 220).any()
    assert luma(slate)[0, 0] == 32
