"""The folder of pictures: named by their content, written once, never changed.

A picture is ``{hash}-{width}.webp`` and ``.jpg``; the hash is of its largest WebP file, so the same
picture is kept once. ``sources/`` remembers which address on the web a picture was fetched from.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mediaserver.pictures.limits import SHOWN_WIDTH, WIDTHS

NAME = re.compile(r"[0-9a-f]{32}-(?:320|640|1280)\.(?:webp|jpg)")
PREFIX = "/pictures/"


class PictureStore:
    """The folder. Reading is of small files and takes no thread; `add` waits for the disk several
    times, and belongs in one. Several threads may add at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sources = folder / "sources"

    def add(self, files: Mapping[str, bytes], *, source: str | None = None) -> str:
        """Keep the files of `shrink`; the address that a product names.

        Raises `OSError`; a half-written picture is not there.
        """
        name = hashlib.sha256(files[f"{WIDTHS[-1]}.webp"]).hexdigest()[:32]
        self._sources.mkdir(parents=True, exist_ok=True)
        for kind, content in files.items():
            _write(self._folder / f"{name}-{kind}", content)
        if source is not None:
            remembered = self._sources / _digest(source)
            if _text(remembered) != name:  # new, or what it named has been lost
                _write(remembered, name.encode(), replace=True)
        return address(name)

    def local(self, source: str) -> str | None:
        """The address here of what was fetched from `source`; None where it was not."""
        name = _text(self._sources / _digest(source))
        kept = self._folder / f"{name}-{SHOWN_WIDTH}.webp"
        return address(name) if NAME.fullmatch(kept.name) and kept.is_file() else None

    def read(self, name: str) -> bytes | None:
        """The file of this name, if there is one."""
        if not NAME.fullmatch(name):
            return None
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return None


def address(name: str) -> str:
    """Of the picture with this hash: the size that pages show most."""
    return f"{PREFIX}{name}-{SHOWN_WIDTH}.webp"


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def _text(path: Path) -> str:
    """What it holds; empty where that is nothing, or cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _write(path: Path, content: bytes, *, replace: bool = False) -> None:
    if path.exists() and not replace:
        return
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        Path(made).rename(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
