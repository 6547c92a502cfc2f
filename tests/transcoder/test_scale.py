import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given
from hypothesis import strategies as st

from transcoder.scale import Fitter, fit_inside, solid

GREY = (120, 128, 128)
GREEN_601, GREEN_709 = (145, 54, 34), (173, 42, 26)


def levels(frame: VideoFrame, x: int, y: int) -> tuple[int, ...]:
    return tuple(
        memoryview(plane)[(y >> (i > 0)) * plane.line_size + (x >> (i > 0))]
        for i, plane in enumerate(frame.planes)
    )


def near(levels_seen: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(abs(one - other) <= 2 for one, other in zip(levels_seen, wanted, strict=True))


@pytest.mark.parametrize(
    ("size", "box", "fitted"),
    [
        ((1280, 720), (640, 360), (640, 360)),
        ((640, 480), (1280, 720), (960, 720)),
        ((720, 1280), (1280, 720), (404, 720)),
        ((1920, 800), (1280, 720), (1280, 534)),
        ((1280, 718), (1280, 720), (1280, 720)),
        ((853, 480), (854, 480), (854, 480)),
        ((8192, 16), (1280, 720), (1280, 2)),
    ],
)
def test_pictures_fit_inside(
    size: tuple[int, int], box: tuple[int, int], fitted: tuple[int, int]
) -> None:
    assert fit_inside(*size, *box) == fitted


@given(*[st.integers(16, 8192)] * 2, *[st.integers(8, 2160).map(lambda n: 2 * n)] * 2)
def test_what_fits_is_even_within_and_touches_the_box(
    width: int, height: int, box_width: int, box_height: int
) -> None:
    fitted = fit_inside(width, height, box_width, box_height)
    assert fitted[0] % 2 == fitted[1] % 2 == 0
    assert 2 <= fitted[0] <= box_width
    assert 2 <= fitted[1] <= box_height
    assert fitted[0] == box_width or fitted[1] == box_height


def test_a_fitting_picture_is_not_copied() -> None:
    frame = solid(64, 48, GREY)
    assert Fitter(width=64, height=48, scaler="bicubic").fit(frame) is frame


def test_another_size_is_scaled_and_keeps_its_grey() -> None:
    scaled = Fitter(width=64, height=48, scaler="lanczos").fit(solid(320, 240, GREY))
    assert (scaled.width, scaled.height, scaled.format.name) == (64, 48, "yuv420p")
    assert levels(scaled, 30, 30) == GREY


@pytest.mark.parametrize(
    ("size", "inside", "outside"),
    [((96, 96), (64, 24), (4, 24)), ((256, 48), (64, 36), (64, 2)), ((30, 90), (64, 36), (100, 4))],
)
def test_another_shape_stands_between_black_bars(
    size: tuple[int, int], inside: tuple[int, int], outside: tuple[int, int]
) -> None:
    framed = Fitter(width=128, height=72, scaler="bicubic").fit(solid(*size, GREY))
    assert (framed.width, framed.height) == (128, 72)
    assert levels(framed, *inside) == GREY
    assert levels(framed, *outside) == (16, 128, 128)
    assert levels(framed, 127 - outside[0], 71 - outside[1]) == (16, 128, 128)


def test_full_range_becomes_limited() -> None:
    for pixel_format in ("yuvj420p", "yuv420p"):
        white = VideoFrame(64, 48, pixel_format)
        for plane, level in zip(white.planes, (255, 128, 128), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        white.color_range = ColorRange.JPEG
        fitted = Fitter(width=64, height=48, scaler="bicubic").fit(white)
        assert near(levels(fitted, 8, 8), (235, 128, 128))
        assert fitted.color_range == ColorRange.MPEG


@pytest.mark.parametrize("matrix", [5, 6, 2])
def test_bt601_becomes_bt709_said_or_unsaid(matrix: int) -> None:
    green = solid(64, 48, GREEN_601)
    green.colorspace = matrix
    fitted = Fitter(width=64, height=48, scaler="bicubic").fit(green)
    assert near(levels(fitted, 8, 8), GREEN_709)
    assert fitted.colorspace == Colorspace.ITU709


def test_unsaid_from_720_lines_is_taken_as_bt709() -> None:
    green = solid(1280, 720, GREEN_709)
    green.colorspace = 2
    fitted = Fitter(width=64, height=36, scaler="bicubic").fit(green)
    assert near(levels(fitted, 8, 8), GREEN_709)
