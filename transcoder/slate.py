"""The slate: what viewers see while the host's picture is missing.

The operator's picture, or the last one of the host, strongly blurred and dimmed, so that nobody
takes it for a frozen one (plain dark when there has been none); and words over it. It goes through
the running encoders like any picture.
"""

from pathlib import Path

import av
import numpy as np
import structlog
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image, ImageOps

from transcoder.errors import MediaError
from transcoder.lettering import Letters, Mask, letters, load_font, missing_letters
from transcoder.scale import Fitter, solid, tag

log = structlog.get_logger()

MAX_PICTURE_PIXELS = 40_000_000
"""Decoded at four bytes each, and held twice for a moment where some are transparent; a JPEG is
decoded at a smaller scale at once."""
KEPT_SIDE = 1920
"""What is kept of a picture; a higher rung enlarges it."""
_FORMATS = ("PNG", "JPEG", "WEBP")
_COARSE = ("1", "P", "PA")
"""Modes that are not scaled smoothly."""
_DARK = (32, 128, 128)
_WHITE, _BLACK, _GREY = 235, 16, 128
_BLUR = 32
"""The picture is reduced by this factor and enlarged again: a blur that costs a millisecond."""
_LUMA = bytes(min(235, 16 + max(0, level - 16) * 2 // 5) for level in range(256))
_CHROMA = bytes(128 + (level - 128) * 3 // 5 for level in range(256))


class SlatePainter:
    """Paints slates with `text` (none when it is empty), over the file `picture` if there is one,
    in the file `font` if there is one.

    The files were checked when the profile was loaded. One that has gone since is done without,
    and logged: a slate is no reason to go off the air.
    """

    def __init__(self, *, text: str, picture: Path | None, font: Path | None) -> None:
        self._text = text
        self._picture = picture
        self._font = font

    def paint(self, last: VideoFrame | None, *, width: int, height: int) -> VideoFrame:
        """The slate of `width` x `height`; `last` is the last picture shown, as a `Fitter` left
        it. Takes some 50 ms at 720p."""
        ground = self._operators(width, height) or _ground(last, width, height)
        if not self._text.strip():
            return ground
        return _lettered(ground, self._letters(width, height))

    def _operators(self, width: int, height: int) -> VideoFrame | None:
        if self._picture is None:
            return None
        try:
            picture = read_picture(self._picture)
            return Fitter(width=width, height=height, scaler="bicubic").fit(picture)
        except (ValueError, MediaError) as exc:
            log.warning("slate_picture_unusable", picture=self._picture.name, error=str(exc))
            return None

    def _letters(self, width: int, height: int) -> Letters:
        try:
            return letters(self._text, width=width, height=height, font=self._font)
        except OSError as exc:
            if self._font is None:
                raise
            log.warning("slate_font_unusable", font=self._font.name, error=str(exc))
            return letters(self._text, width=width, height=height, font=None)


def read_picture(path: Path) -> VideoFrame:
    """The picture in a PNG, JPEG or WebP file, upright, on black where it is transparent.

    Raises `ValueError` with what is wrong with it.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise ValueError(
                    f"it has {image.width}x{image.height} pixels, more than {MAX_PICTURE_PIXELS}"
                )
            upright = _upright(image)
    except OSError as exc:
        raise ValueError(exc.strerror or "it is no PNG, JPEG or WebP picture") from None
    except (SyntaxError, Image.DecompressionBombError) as exc:
        raise ValueError(f"it cannot be decoded ({exc})") from None
    flat = Image.new("RGBA", upright.size, (0, 0, 0, 255))
    flat.alpha_composite(upright)
    return av.VideoFrame.from_ndarray(np.array(flat.convert("RGB")), format="rgb24")


def _upright(image: Image.Image) -> Image.Image:
    """At most `KEPT_SIDE` high and wide, in RGBA. Made small before all else, which copies it."""
    small = image.convert("RGBA") if image.mode in _COARSE else image
    small.thumbnail((KEPT_SIDE, KEPT_SIDE))
    return ImageOps.exif_transpose(small).convert("RGBA")


def check_font(text: str, font: Path | None) -> None:
    """Raises `ValueError` when `text` cannot be drawn in `font` (None: the built-in one)."""
    if font is not None and not font.is_file():
        raise ValueError("there is no such file")
    try:
        absent = missing_letters(text, load_font(font, 40))
    except OSError as exc:
        raise ValueError(exc.strerror or "it is no TrueType or OpenType font") from None
    if absent:
        raise ValueError(f"it has no letter for {absent!r}")


def _ground(last: VideoFrame | None, width: int, height: int) -> VideoFrame:
    return solid(width, height, _DARK) if last is None else _dimmed(_blurred(last))


def _lettered(ground: VideoFrame, drawn: Letters) -> VideoFrame:
    """White letters with a dark outline: legible on anything."""
    planes = ground.to_ndarray(format="yuv420p").astype(np.float32)
    height = ground.height
    luma = planes[:height]
    _lay(luma, drawn.outline, _BLACK)
    _lay(luma, drawn.fill, _WHITE)
    colourless = drawn.outline.reshape(height // 2, 2, ground.width // 2, 2).mean(axis=(1, 3))
    chroma = planes[height:].reshape(2, height // 2, ground.width // 2)
    _lay(chroma, colourless.astype(np.uint8), _GREY)
    painted = VideoFrame.from_ndarray(planes.round().astype(np.uint8), format="yuv420p")
    tag(painted)
    return painted


def _lay(ground: NDArray[np.float32], mask: Mask, level: int) -> None:
    """Bring `ground` to `level` as far as `mask` says, in place."""
    ground += (level - ground) * (mask.astype(np.float32) / 255)


def _blurred(frame: VideoFrame) -> VideoFrame:
    width, height = frame.width, frame.height
    small = VideoReformatter().reformat(
        frame,
        max(2, width // _BLUR // 2 * 2),
        max(2, height // _BLUR // 2 * 2),
        interpolation=Interpolation.AREA,
        threads=1,
    )
    return VideoReformatter().reformat(
        small, width, height, interpolation=Interpolation.BICUBIC, threads=1
    )


def _dimmed(frame: VideoFrame) -> VideoFrame:
    dim = solid(frame.width, frame.height, _DARK)
    tables = (_LUMA, _CHROMA, _CHROMA)
    for source, target, table in zip(frame.planes, dim.planes, tables, strict=True):
        lines, columns = bytes(source), target.line_size
        if source.line_size != columns:
            raise AssertionError("pictures of one size have lines of one length")
        target.update(lines.translate(table))
    return dim
