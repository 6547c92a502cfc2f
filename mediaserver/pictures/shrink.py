"""A stranger's picture made ours: three widths, WebP and JPEG, nothing else of it left.

Runs in a process of its own (``python -m mediaserver.pictures.shrink``): the picture comes on
standard input, the files or a refusal go out on standard output as one msgpack value. The format
is what the bytes are, whatever they are called. Of an animation the first frame is kept; its
orientation is applied and all metadata dropped. A width greater than the picture's gives the
picture at its own size.
"""

import io
import resource
import sys
import warnings

import msgpack
from PIL import Image, ImageOps, UnidentifiedImageError

from mediaserver.pictures.limits import MAX_BYTES, MAX_PIXELS, MAX_SIDE, WIDTHS

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")

MEMORY_BYTES = 1024**3
CPU_S = 20

_WEBP = {"format": "WEBP", "quality": 80, "method": 4}
_JPEG = {"format": "JPEG", "quality": 82, "optimize": True, "progressive": True}


Image.MAX_IMAGE_PIXELS = None  # `_opened` has a bound of its own, and a sentence


class PictureRefused(Exception):
    """It is no picture that can be taken; the message is a sentence."""


def shrink(content: bytes) -> dict[str, bytes]:
    """``{"320.webp": …, "320.jpg": …, "640.webp": …}``. Raises `PictureRefused`."""
    if len(content) > MAX_BYTES:
        raise PictureRefused(f"The picture has {len(content)} bytes; {MAX_BYTES} is the most.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = _opened(content)
        flat = _flattened(picture)
    files: dict[str, bytes] = {}
    for width in WIDTHS:
        small = _resized(flat, width)
        files[f"{width}.webp"] = _encoded(small, _WEBP)
        files[f"{width}.jpg"] = _encoded(_on_white(small), _JPEG)
    return files


def _opened(content: bytes) -> Image.Image:
    """The first frame, decoded; its size is known before its pixels are touched."""
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        width, height = picture.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            raise PictureRefused(
                f"The picture has {width} × {height} pixels; {MAX_PIXELS:,} in all, and "
                f"{MAX_SIDE:,} on a side, are the most."
            )
        picture.draft("RGB", (2 * WIDTHS[-1], 2 * WIDTHS[-1]))  # JPEG: decode at a fraction
        picture.load()
    except UnidentifiedImageError:
        raise PictureRefused("It is no JPEG, PNG, WebP, GIF or AVIF picture.") from None
    except PictureRefused:
        raise
    except Exception as exc:
        raise PictureRefused(f"The picture is damaged ({type(exc).__name__}).") from None
    return picture


def _flattened(picture: Image.Image) -> Image.Image:
    """Upright, in RGB or RGBA, without metadata or palette."""
    try:
        upright = ImageOps.exif_transpose(picture) or picture
    except Exception:  # broken Exif: the pixels are good all the same
        upright = picture
    alpha = upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info
    return upright.convert("RGBA" if alpha else "RGB")


def _resized(picture: Image.Image, width: int) -> Image.Image:
    if picture.width <= width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _encoded(picture: Image.Image, settings: dict[str, object]) -> bytes:
    out = io.BytesIO()
    clean = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    clean.save(out, **settings)  # type: ignore[arg-type]
    return out.getvalue()


def main() -> None:
    """One picture in, its files or a refusal out."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        answer: dict[str, object] = {"files": shrink(content)}
    except PictureRefused as exc:
        answer = {"refused": str(exc)}
    except MemoryError:
        answer = {"refused": "The picture needs too much memory."}
    sys.stdout.buffer.write(msgpack.packb(answer))


if __name__ == "__main__":
    main()
