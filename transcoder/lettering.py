"""The slate's words as masks: how much of each pixel is letter, and how much is outline. Pure.

The built-in font (Pillow's Aileron) has little more than ASCII; any other is a file of the
operator's.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask = NDArray[np.uint8]
Font = ImageFont.FreeTypeFont

_WIDTH_SHARE, _HEIGHT_SHARE = 0.86, 0.5
"""The words lie in the middle of the picture, within this share of it."""
_SIZES = (8, 10, 12, 14, 16)
"""Letters are this part of the picture's short side, the largest that lets the words fit: 22 lines
high at 360p at the least, which a telephone shows legibly."""
_LINE = 1.25
"""From line to line, in letters' sizes."""
_OUTLINE = 10
"""The outline is a tenth of the letters' size."""
_ABSENT = "\uffff"
"""No font has a letter for this noncharacter: it shows what a missing one looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Two masks of the picture's size, 0 to 255."""

    fill: Mask
    outline: Mask
    """Reaches under the fill."""


def load_font(path: Path | None, size: int) -> Font:
    """The font in the file `path`, or the built-in one. Raises `OSError` when it is no font."""
    font = ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow lacks FreeType")
    return font


def missing_letters(text: str, font: Font) -> str:
    """The characters of `text` that `font` has no letter for, each once."""
    absent = bytes(font.getmask(_ABSENT))
    letters = dict.fromkeys(char for char in text if not char.isspace())
    return "".join(char for char in letters if bytes(font.getmask(char)) == absent)


def letters(text: str, *, width: int, height: int, font: Path | None) -> Letters:
    """`text` centred in a picture of this size. Raises `OSError` for a font that cannot be used."""
    for part in _SIZES:
        used = load_font(font, max(4, min(width, height) // part))
        lines = _wrapped(text, used, width * _WIDTH_SHARE)
        if len(lines) * used.size * _LINE <= height * _HEIGHT_SHARE and len(lines) <= 3:
            break
    fill = _drawn(lines, used, width, height, stroke=0)
    outline = _drawn(lines, used, width, height, stroke=max(1, int(used.size) // _OUTLINE))
    return Letters(fill=fill, outline=np.maximum(outline, fill))


def _drawn(lines: list[str], font: Font, width: int, height: int, *, stroke: int) -> Mask:
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for index, line in enumerate(lines):
        middle = height / 2 + (index - (len(lines) - 1) / 2) * font.size * _LINE
        draw.text(
            (round(width / 2), round(middle)),
            line,
            fill=255,
            font=font,
            anchor="mm",
            stroke_width=stroke,
        )
    mask: Mask = np.array(canvas)
    return mask


def _wrapped(text: str, font: Font, room: float) -> list[str]:
    """Lines no wider than `room`; a word that is wider is broken where it must be."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if font.getlength(longer) <= room:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while font.getlength(line) > room and len(line) > 1:
                fits = _fitting(line, font, room)
                lines.append(line[:fits])
                line = line[fits:]
        lines.append(line)
    return lines


def _fitting(word: str, font: Font, room: float) -> int:
    """How many characters of `word` fit; at least one."""
    return next((n for n in range(len(word), 1, -1) if font.getlength(word[:n]) <= room), 1)
