"""The addresses under ``/live`` that the gateway answers itself. Pure.

Numbers are canonical (no leading zeros), so that no resource has two addresses in a cache.
"""

import re
from dataclasses import dataclass
from typing import Literal

LiveKind = Literal[
    "shows",
    "index",
    "state",
    "events",
    "poster",
    "thumbnails",
    "thumbnail",
    "playlist",
    "init",
    "part",
    "segment",
    "unknown",
]

_NUMBER = r"(?P<number>0|[1-9][0-9]{0,14})"
_FILES: tuple[tuple[LiveKind, re.Pattern[str]], ...] = (
    ("playlist", re.compile(r"media\.m3u8(?P<number>)")),
    ("part", re.compile(rf"part-{_NUMBER}\.m4s")),
    ("segment", re.compile(rf"seg-{_NUMBER}\.m4s")),
    ("init", re.compile(rf"init-{_NUMBER}\.mp4")),
)
_THUMBNAIL = re.compile(rf"thumb-{_NUMBER}\.jpg")
_MEDIA_SUFFIXES = (".m3u8", ".m4s", ".mp4")


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePath:
    """What a path under ``/live`` names. Whether it exists is another question."""

    kind: LiveKind
    show: str
    epoch: str = ""
    rendition: str = ""
    number: int = 0
    """Of the part, segment or init section; the tick of a thumbnail."""
    form: Literal["jpeg", "webp"] = "jpeg"
    """Of a poster."""


def parse_live_path(path: str) -> LivePath | None:
    """What `path` (raw, without its query) names here; None when the gateway does not answer it."""
    if not path.startswith("/live/"):
        return None
    match path.removeprefix("/live/").split("/"):
        case ["shows.json"]:
            return LivePath(kind="shows", show="")
        case [show, "index.m3u8"]:
            return LivePath(kind="index", show=show)
        case [show, "state"]:
            return LivePath(kind="state", show=show)
        case [show, "events"]:
            return LivePath(kind="events", show=show)
        case [show, "poster.jpg"]:
            return LivePath(kind="poster", show=show)
        case [show, "poster.webp"]:
            return LivePath(kind="poster", show=show, form="webp")
        case [show, "thumbnails.vtt"]:
            return LivePath(kind="thumbnails", show=show)
        case [show, epoch, file] if match := _THUMBNAIL.fullmatch(file):
            number = int(match["number"])
            return LivePath(kind="thumbnail", show=show, epoch=epoch, number=number)
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
