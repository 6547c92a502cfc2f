import numpy as np
import pytest

from mediaserver.demo import timecode
from mediaserver.demo.art import Canvas, Sprite, even, rgb
from mediaserver.demo.scene import SceneRenderer
from mediaserver.demo.timecode import flash_box, grid_box, timecode_at

NOON_MS = 1_732_276_800_000


@pytest.fixture(scope="module")
def scene() -> SceneRenderer:
    return SceneRenderer(640, 360)


def test_a_frame_is_yuv420p_and_says_its_time(scene: SceneRenderer) -> None:
    frame = scene.frame(7, NOON_MS + 500)
    assert frame.shape == (540, 640)
    assert frame.dtype == np.uint8
    assert timecode.read(frame[:360]) == timecode_at(unix_ms=NOON_MS + 500, counter=7)


def test_the_same_number_and_time_give_the_same_pixels(scene: SceneRenderer) -> None:
    first = scene.frame(40, NOON_MS).copy()
    scene.frame(41, NOON_MS + 777)
    assert (scene.frame(40, NOON_MS) == first).all()


def test_the_flash_lasts_80_ms_from_the_full_second(scene: SceneRenderer) -> None:
    flash = flash_box(640)
    for after_ms, lit in ((0, True), (79, True), (80, False), (500, False), (999, False)):
        mean = float(flash.of(scene.frame(1, NOON_MS + after_ms)[:360]).mean())
        assert (mean > 200) is lit
        assert (mean < 40) is not lit


def test_something_moves_in_every_frame_and_is_lit(scene: SceneRenderer) -> None:
    below = slice(200, 360)
    first = scene.frame(10, NOON_MS)[below].astype(int)
    second = scene.frame(11, NOON_MS)[below].astype(int)
    assert np.count_nonzero(np.abs(first - second) > 8) > 100
    assert 60 < first.mean() < 160


def test_the_clock_goes_with_the_time(scene: SceneRenderer) -> None:
    clock = (slice(100, 150), slice(480, 620))
    first = scene.frame(1, NOON_MS)[clock].copy()
    assert (scene.frame(1, NOON_MS + 100)[clock] == first).all()
    assert (scene.frame(1, NOON_MS + 1_000)[clock] != first).any()


def test_marks_stand_on_neutral_chroma(scene: SceneRenderer) -> None:
    frame = scene.frame(3, NOON_MS)
    chroma = frame[360:].reshape(2, 180, 320)
    for box in (grid_box(640), flash_box(640)):
        half = chroma[:, box.top // 2 : box.bottom // 2, box.left // 2 : box.right // 2]
        assert (half == 128).all()


@pytest.mark.parametrize("size", [(320, 180), (854, 480), (720, 1280)])
def test_other_sizes_are_painted_too(size: tuple[int, int]) -> None:
    width, height = size
    frame = SceneRenderer(width, height).frame(0, NOON_MS)
    assert timecode.read(frame[:height]) is not None


@pytest.mark.parametrize("size", [(641, 360), (640, 361), (100, 100), (640, 60)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot paint"):
        SceneRenderer(*size)


def test_sprites_are_clipped_at_the_edges() -> None:
    canvas = Canvas(16, 16, scale_x=1, scale_y=1)
    canvas.box(-2, -2, 20, 20, rgb("ffffff"))
    sprite = Sprite(canvas)
    luma, chroma = np.full((20, 20), 16, np.uint8), np.full((10, 10), 128, np.uint8)
    sprite.blit((luma, chroma, chroma), -8, 10)
    assert (luma[10:, :8] > 230).all()
    assert (luma[:10] == 16).all()
    assert (luma[:, 8:] == 16).all()
    sprite.blit((luma, chroma, chroma), 40, 40)
    assert abs(chroma.astype(int) - 128).max() <= 1


def test_even_rounds_down() -> None:
    assert [even(value) for value in (-3, 0, 5, 7.9)] == [-4, 0, 4, 6]
