"""What is made of a stranger's picture, and which are refused."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mediaserver.pictures import limits
from mediaserver.pictures.shrink import PictureRefused, shrink

MakePicture = Callable[..., bytes]


def _open(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def _colour(image: Image.Image, x: float) -> str:
    pixel = image.convert("RGB").getpixel((int(x * image.width), image.height // 2))
    assert isinstance(pixel, tuple)
    return "red" if pixel[0] > pixel[2] else "blue"


def test_three_widths_in_two_formats(picture: MakePicture) -> None:
    files = shrink(picture(2000, 1000))
    sizes = {name: (_open(content).format, _open(content).size) for name, content in files.items()}
    assert sizes == {
        "320.webp": ("WEBP", (320, 160)),
        "320.jpg": ("JPEG", (320, 160)),
        "640.webp": ("WEBP", (640, 320)),
        "640.jpg": ("JPEG", (640, 320)),
        "1280.webp": ("WEBP", (1280, 640)),
        "1280.jpg": ("JPEG", (1280, 640)),
    }


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_each_format_is_read_and_never_enlarged(picture: MakePicture, kind: str) -> None:
    files = shrink(picture(200, 100, kind))
    assert {_open(content).size for content in files.values()} == {(200, 100)}
    assert _colour(_open(files["320.webp"]), 0.2) == "red"


def test_a_transparent_picture_is_white_in_jpeg() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(out, "PNG")
    files = shrink(out.getvalue())
    assert _open(files["320.webp"]).mode == "RGBA"
    assert _open(files["320.jpg"]).getpixel((5, 5)) == (255, 255, 255)


def test_orientation_is_applied_and_metadata_dropped(picture: MakePicture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    exif[0x010E] = "a secret place"
    content = picture(exif=exif, comment=b"a secret comment")
    assert b"secret" in content
    for small in shrink(content).values():
        image = _open(small)
        assert _colour(image, 0.2) == "blue"
        assert not image.getexif()
        assert b"secret" not in small


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    small = _open(shrink(out.getvalue())["320.webp"])
    assert getattr(small, "n_frames", 1) == 1
    assert _colour(small, 0.5) == "red"


def _png_of(width: int, height: int) -> bytes:
    """A PNG that says it is this large, and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no JPEG"),
        (b"BM" + b"\0" * 100, "no JPEG"),
        (b"GIF89a", "damaged|no JPEG"),
        (_png_of(50_000, 50_000), "pixels"),
        (_png_of(1, 20_000), "pixels"),
        (_png_of(100, 100), "damaged"),
        (b"x" * (limits.MAX_BYTES + 1), "bytes"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(PictureRefused, match=sentence):
        shrink(content)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]), st.data())
def test_a_damaged_picture_is_a_picture_or_refused(
    picture: MakePicture, kind: str, data: st.DataObject
) -> None:
    content = bytearray(picture(40, 40, kind))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    try:
        assert len(shrink(bytes(content[:cut]))) == 6
    except PictureRefused as exc:
        assert str(exc).endswith(".")
