"""Pictures, made here."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

MakePicture = Callable[..., bytes]


@pytest.fixture(scope="session")
def picture() -> MakePicture:
    """A picture with a red left half and a blue right half."""

    def make(
        width: int = 800, height: int = 400, kind: str = "JPEG", mode: str = "RGB", **save: Any
    ) -> bytes:
        image = Image.new(mode, (width, height), "blue")
        image.paste("red", (0, 0, width // 2, height))
        out = io.BytesIO()
        image.save(out, kind, **save)
        return out.getvalue()

    return make
