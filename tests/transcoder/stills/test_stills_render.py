"""Pictures to images: their colours, sizes and weight."""

import io

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from transcoder.errors import MediaError
from transcoder.scale import solid
from transcoder.stills.render import copied, image_of, images, still_size
from transcoder.stills.values import MAX_BYTES


@given(
    width=st.integers(16, 8192),
    height=st.integers(16, 8192),
    limit=st.integers(18, 1080).map(lambda half: half * 2),
)
def test_a_still_is_even_within_its_limit_and_never_above_its_source(
    width: int, height: int, limit: int
) -> None:
    wide, high = still_size(width, height, limit)
    assert wide % 2 == high % 2 == 0
    assert min(wide, high) <= limit
    assert wide <= width + 1
    assert high <= height + 1
    assert max(wide, high) <= 4 * limit


@pytest.mark.parametrize(("width", "height"), [(320, 180), (180, 320), (322, 178)])
def test_a_copy_is_the_picture_and_shares_nothing_with_it(width: int, height: int) -> None:
    rng = np.random.default_rng(1)
    planes = rng.integers(0, 255, (height * 3 // 2, width), np.uint8)
    picture = VideoFrame.from_ndarray(planes, format="yuv420p")
    picture.colorspace = 1
    copy = copied(picture)
    assert (copy.to_ndarray() == planes).all()
    assert copy.colorspace == 1
    picture.planes[0].update(bytes(picture.planes[0].buffer_size))
    assert (copy.to_ndarray() == planes).all()


@pytest.mark.parametrize("form", ["yuv444p", "nv12", "yuv420p10le", "gray"])
def test_any_pixel_format_can_be_copied(form: str) -> None:
    picture = solid(64, 48, (120, 100, 200)).reformat(format=form)
    assert (copied(picture).to_ndarray() == picture.to_ndarray()).all()


def test_colours_are_those_of_the_source_in_both_forms() -> None:
    red, green = (63, 102, 240), (173, 42, 26)  # BT.709, limited
    for yuv, rgb in ((red, (255, 0, 0)), (green, (0, 255, 0))):
        image = image_of(solid(640, 360, yuv), 90)
        assert image.size == (160, 90)
        for still in images(image, "poster"):
            again = Image.open(io.BytesIO(still.data)).convert("RGB")
            assert Image.MIME[Image.open(io.BytesIO(still.data)).format or ""] == still.media_type
            shown = np.asarray(again, np.int16).reshape(-1, 3)
            assert np.abs(shown - rgb).max() <= 6


def test_a_portrait_source_makes_a_portrait_still() -> None:
    assert image_of(solid(180, 320, (90, 128, 128)), 90).size == (90, 160)


@settings(max_examples=5)
@given(seed=st.integers(0, 1000))
def test_noise_the_worst_picture_there_is_keeps_to_the_bound(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 255, (360, 640, 3), np.uint8)
    try:
        made = images(Image.fromarray(noise), "thumbnail")
    except MediaError:
        return
    assert all(len(still.data) <= MAX_BYTES["thumbnail"] for still in made)


def test_what_cannot_be_small_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
    with pytest.raises(MediaError, match="1280x720"):
        images(Image.fromarray(noise), "thumbnail")
