"""The addresses under ``/live`` that the gateway answers itself. Pure.

Numbers are canonical (no leading zeros), so that no resource has two addresses in a cache.
"""

import re
from dataclasses import dataclass
from typing import Literal

LiveKind = Literal["index", "state", "events", "playlist", "init", "part", "segment", "unknown"]

_NUMBER = r"(?P<number>0|[1-9][0-9]{0,14})"
_FILES: tuple[tuple[LiveKind, re.Pattern[str]], ...] = (
    ("playlist", re.compile(r"media\.m3u8(?P<number>)")),
    ("part", re.compile(rf"part-{_NUMBER}\.m4s")),
    ("segment", re.compile(rf"seg-{_NUMBER}\.m4s")),
    ("init", re.compile(rf"init-{_NUMBER}\.mp4")),
)
_MEDIA_SUFFIXES = (".m3u8", ".m4s", ".mp4")


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePath:
    """What a path under ``/live`` names. Whether it exists is another question."""

    kind: LiveKind
    show: str
    epoch: str = ""
    rendition: str = ""
    number: int = 0
    """Of the part, segment or init section."""


def parse_live_path(path: str) -> LivePath | None:
    """What `path` (raw, without its query) names here; None when the gateway does not answer it."""
    if not path.startswith("/live/"):
        return None
    match path.removeprefix("/live/").split("/"):
        case [show, "index.m3u8"]:
            return LivePath(kind="index", show=show)
        case [show, "state"]:
            return LivePath(kind="state", show=show)
        case [show, "events"]:
            return LivePath(kind="events", show=show)
        case [show, epoch, rendition, file]:
            for kind, pattern in _FILES:
                if match := pattern.fullmatch(file):
                    return LivePath(
                        kind=kind,
                        show=show,
                        epoch=epoch,
                        rendition=rendition,
                        number=int(match["number"] or 0),
                    )
    if path.endswith(_MEDIA_SUFFIXES):
        return LivePath(kind="unknown", show="")
    return None
