"""Some seconds of a show on air, from its own playlists, into one file.

What is recorded is the best rendition that viewers get, so with `passthrough` it is what the host
sends. Everything is bounded: playlists and segments by `Fetcher`, all of them together by
`MAX_BYTES`, and the whole by time.
"""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from mediaserver.check.fetch import Fetcher, Reply
from mediaserver.check.playlist import MediaPlaylist, Ref, Segment, Variant
from mediaserver.check.read_media import read_media
from mediaserver.check.read_multivariant import read_multivariant
from mediaserver.errors import ComptoirError
from mediaserver.tune.command import MAX_SECONDS

MAX_BYTES = 256 * 1024 * 1024
_TIMEOUT_S = 10.0
_GRACE_S = 30.0
_LEAST_S = 1.0


class CannotRecord(ComptoirError):
    """There is nothing at the address that can be recorded."""

    code = "cannot_record"


async def record(url: str, file: Path, *, seconds: float) -> float:
    """Put the newest `seconds` of the show at `url` into `file`, and wait for what is still to
    come of them; the seconds that it became. Less where the show ends or its encoders change.

    Raises `CannotRecord`.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise CannotRecord(f"{url!r} is no http or https address.")
    seconds = min(seconds, MAX_SECONDS)
    async with Fetcher(timeout_s=_TIMEOUT_S) as fetcher:
        recorder = _Recorder(fetcher, file, seconds)
        try:
            async with asyncio.timeout(seconds * 2 + _GRACE_S):
                await recorder.run(await _best(fetcher, url))
        except TimeoutError:
            if recorder.seconds < _LEAST_S:
                raise CannotRecord(f"{url} gave no media in time.") from None
    if recorder.seconds < _LEAST_S:
        raise CannotRecord(f"{url} has less than {_LEAST_S:g} s of media to record.")
    return recorder.seconds


async def _best(fetcher: Fetcher, url: str) -> str:
    """The address of the variant with the most BANDWIDTH; `url` if it is a media playlist's."""
    index = _there(await fetcher.playlist(url))
    variants = read_multivariant(index.body, index.url).variants
    if not variants:
        return url
    return max(variants, key=_bandwidth).url


def _bandwidth(variant: Variant) -> float:
    return variant.attributes.number("BANDWIDTH") or 0.0


def _there(reply: Reply) -> Reply:
    if not reply.ok:
        raise CannotRecord(f"{reply.url} {reply.fault}.")
    return reply


class _Recorder:
    """Writes one init section and the segments that follow each other behind it."""

    def __init__(self, fetcher: Fetcher, file: Path, wanted_s: float) -> None:
        self._fetcher = fetcher
        self._file = file
        self._wanted_s = wanted_s
        self._init: Ref | None = None
        self._bytes = 0
        self._next_msn = 0
        self.seconds = 0.0

    async def run(self, url: str) -> None:
        """Until enough is there, or nothing that fits follows."""
        playlist = await self._load(url, None)
        segments = _newest(playlist, self._wanted_s)
        while True:
            for segment in segments:
                if not await self._take(segment):
                    return
            if playlist.ended or self.seconds >= self._wanted_s:
                return
            playlist = await self._load(url, max(self._next_msn, playlist.edge[0]))
            segments = [one for one in playlist.whole if one.msn >= self._next_msn]

    async def _load(self, url: str, msn: int | None) -> MediaPlaylist:
        """The playlist; with `msn` once it has that segment."""
        query = "" if msn is None else f"_HLS_msn={msn}"
        playlist = read_media(_there(await self._fetcher.playlist(url, query)).body, url)
        if msn is not None and not playlist.lists(msn, None) and not playlist.ended:
            # An origin that does not block is asked again at the pace that players ask at.
            await asyncio.sleep(min(max(playlist.target_s, 1), 10) / 2)
        return playlist

    async def _take(self, segment: Segment) -> bool:
        """Write the segment. False when it does not belong to what was recorded, or is too much."""
        if segment.ref is None or segment.gap or segment.init is None:
            return self.seconds == 0 and segment.init is not None
        if self._init is None:
            self._init = segment.init
            self._write(await self._media(segment.init), mode="wb")
        elif segment.init != self._init or segment.msn != self._next_msn:
            return False
        self._write(await self._media(segment.ref), mode="ab")
        self._next_msn = segment.msn + 1
        self.seconds += segment.duration_s
        return self._bytes <= MAX_BYTES and self.seconds < self._wanted_s

    async def _media(self, ref: Ref) -> bytes:
        return _there(await self._fetcher.media(ref)).body

    def _write(self, data: bytes, *, mode: str) -> None:
        self._bytes += len(data)
        with self._file.open(mode) as file:
            file.write(data)


def _newest(playlist: MediaPlaylist, wanted_s: float) -> list[Segment]:
    """The last segments of one init section, as many as make `wanted_s`."""
    newest: list[Segment] = []
    for segment in reversed(playlist.whole):
        enough = sum(one.duration_s for one in newest) >= wanted_s
        if enough or (newest and (segment.init != newest[0].init or segment.gap)):
            break
        newest.insert(0, segment)
    return newest
