"""The stills of a show as answers: its poster, its thumbnails, and the track that lists these.

A thumbnail never changes, so caches keep it; of the poster there is one address, whose content
changes every few seconds, so it has a validator. The track is WebVTT whose cues name pictures, as
players take it for their seek bars.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.epoch import NAME
from mediaserver.gateway.window import MediaRefused
from transcoder.hls.attributes import date
from transcoder.stills.shelf import Shelf
from transcoder.stills.values import MAX_BYTES, TYPES, Still, StillImage, StillType
from transcoder.values import TICKS_PER_SECOND

MAX_EPOCHS = 4
"""Of a show at a time; one more takes the place of the oldest."""
KEPT_LONGER_S = 30
"""A thumbnail is there for so long after it has left the window: somebody may look at a track that
lists it."""
LAST_TICKS = 5 * TICKS_PER_SECOND
"""What a lone thumbnail stands for."""

POSTER = "public, max-age=2"
_SAFE = (("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", "default-src 'none'"))
_VTT = ("Content-Type", "text/vtt; charset=utf-8")

NO_STILL = answers.error(
    404,
    "no_picture",
    "There is no picture of this show yet.",
    headers=(("Retry-After", "5"),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What a track of thumbnails is written of; two that are equal need writing once."""

    epoch: str
    anchor_utc_us: int
    """Unix time of tick 0, in microseconds."""
    ticks: tuple[int, ...]
    """Of the thumbnails, in order."""


class ShowStills:
    """One show's. Of posters the one that came last is kept, also when its epoch is gone: it stands
    for the show until there is another."""

    def __init__(self, window_s: float) -> None:
        self._kept_ticks = round((window_s + KEPT_LONGER_S) * TICKS_PER_SECOND)
        self._shelves: dict[str, Shelf] = {}
        self._posters: dict[StillType, Answer] = {}
        self._pictures: dict[tuple[str, int], Answer] = {}
        self._track: tuple[Track, Answer] | None = None
        self.poster_tag = ""
        """Changes with the poster; empty while there is none."""

    def take(self, still: Still) -> bool:
        """Take a still; False when it is known. Raises `MediaRefused`."""
        check(still)
        while still.epoch not in self._shelves and len(self._shelves) >= MAX_EPOCHS:
            self.drop(next(iter(self._shelves)))
        shelf = self._shelves.setdefault(still.epoch, Shelf(self._kept_ticks))
        if not shelf.add(still):
            return False
        if still.kind == "poster":
            self.poster_tag = f"{still.epoch}-{still.tick}"
            self._posters = {image.media_type: _poster(still, image) for image in still.images}
        else:
            (image,) = still.images
            self._pictures[still.epoch, still.tick] = _thumbnail(image.data)
            for gone in self._pictures.keys() - self._wanted():
                del self._pictures[gone]
        return True

    def drop(self, epoch: str) -> None:
        """An epoch is not held any more."""
        if self._shelves.pop(epoch, None) is not None:
            for gone in self._pictures.keys() - self._wanted():
                del self._pictures[gone]

    def poster(self, media_type: StillType) -> Answer:
        """The newest."""
        return self._posters.get(media_type, NO_STILL)

    def thumbnail(self, epoch: str, tick: int) -> Answer:
        """The one of that name."""
        return self._pictures.get((epoch, tick), answers.MEDIA_UNKNOWN)

    def track(self, epoch: str, *, anchor_utc_us: int, begin_tick: int) -> Answer:
        """The thumbnails of an epoch, but those of what was before `begin_tick`: a track of none
        where none are made."""
        shelf = self._shelves.get(epoch)
        ticks = [] if shelf is None else [still.tick for still in shelf.thumbnails]
        while len(ticks) > 1 and ticks[1] <= begin_tick:
            del ticks[0]
        track = Track(epoch=epoch, anchor_utc_us=anchor_utc_us, ticks=tuple(ticks))
        if self._track is None or self._track[0] != track:
            body = render_track(track).encode()
            headers = (_VTT, ("Cache-Control", answers.FRESH))
            self._track = track, Answer(headers=headers, body=body)
        return self._track[1]

    def _wanted(self) -> set[tuple[str, int]]:
        return {
            (name, still.tick)
            for name, shelf in self._shelves.items()
            for still in shelf.thumbnails
        }


def check(still: Still) -> None:
    """Raises `MediaRefused` for what no worker makes: they decode strangers' media."""
    if not NAME.fullmatch(still.epoch):
        raise MediaRefused(f"{still.epoch[:64]!r} cannot stand in an address")
    if still.kind not in TYPES or still.tick < 0 or still.tick >= 10**15:
        raise MediaRefused("there is no such still")
    if tuple(image.media_type for image in still.images) != TYPES[still.kind]:
        raise MediaRefused(f"a {still.kind} comes as {', '.join(TYPES[still.kind])}")
    if any(len(image.data) > MAX_BYTES[still.kind] for image in still.images):
        raise MediaRefused(f"a {still.kind} has at most {MAX_BYTES[still.kind]} bytes")


def render_track(track: Track) -> str:
    """WebVTT whose cues name pictures, relative to ``/live/SHOW/thumbnails.vtt``."""
    zero = date(track.anchor_utc_us)
    lines = [
        "WEBVTT",
        "",
        "NOTE",
        f"Times are those of the media timeline of the epoch {track.epoch}, whose 0 is {zero}:",
        "the EXT-X-PROGRAM-DATE-TIME of a time is that plus the time.",
        "",
    ]
    for begin, end in zip(track.ticks, _ends(track.ticks), strict=True):
        uri = f"{track.epoch}/thumb-{begin}.jpg"
        lines += [f"{_timestamp(begin)} --> {_timestamp(end)}", uri, ""]
    return "\n".join(lines)


def _ends(ticks: Sequence[int]) -> tuple[int, ...]:
    """Each stands until the next; the last for as long as the one before."""
    if not ticks:
        return ()
    last = ticks[-1] - ticks[-2] if len(ticks) > 1 else LAST_TICKS
    return (*ticks[1:], ticks[-1] + last)


def _timestamp(tick: int) -> str:
    """As WebVTT has it (§4.1), rounded up: no picture stands for what was before it."""
    ms = -(-tick * 1000 // TICKS_PER_SECOND)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def _poster(still: Still, image: StillImage) -> Answer:
    suffix = image.media_type.removeprefix("image/")
    return Answer(
        headers=(("Content-Type", image.media_type), ("Cache-Control", POSTER), *_SAFE),
        body=image.data,
        etag=f'"{still.epoch}-{still.tick}-{suffix}"',
    )


def _thumbnail(data: bytes) -> Answer:
    return Answer(
        headers=(("Content-Type", "image/jpeg"), ("Cache-Control", answers.IMMUTABLE), *_SAFE),
        body=data,
    )
