"""The multivariant playlist as it was at different times: a show may change its ladder on air.

An init section is judged by what was read of the index while it was the newest one its playlist
listed, so `IndexReader` reads the index again whenever a playlist begins another one.
"""

import asyncio
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from mediaserver.check.boxes import Init
from mediaserver.check.fetch import Fetcher, max_age_s
from mediaserver.check.playlist import MediaPlaylist, Ref, Variant
from mediaserver.check.read_multivariant import read_multivariant
from mediaserver.check.seen import Index, Observation, Piece, Rendition

MAX_INDEXES = 32
"""How often the index is read; what changes later is not judged by it."""
MAX_WAIT_S = 5.0
"""The longest that is waited for a cache to let go of an index."""


class IndexReader:
    """Reads the index of one check again, into `seen.indexes`."""

    def __init__(self, fetcher: Fetcher, seen: Observation) -> None:
        self._fetcher = fetcher
        self._seen = seen
        self._reading = asyncio.Lock()

    async def read_after(self, listed_s: float) -> None:
        """Have an index that was asked for after `listed_s`, when caches could no longer keep the
        one before. Whoever waits for the same gets the same."""
        async with self._reading:
            newest = self._seen.indexes[-1].reply
            wait_s = min(max_age_s(newest.headers) or 0, MAX_WAIT_S)
            if newest.sent_s >= listed_s + wait_s or len(self._seen.indexes) >= MAX_INDEXES:
                return
            await asyncio.sleep(wait_s)
            reply = await self._fetcher.playlist(self._seen.url)
            if reply.ok:
                multivariant = read_multivariant(reply.body, reply.url)
                self._seen.indexes.append(Index(reply=reply, multivariant=multivariant))


def newest_init(playlist: MediaPlaylist) -> Ref | None:
    """The init section of the segment that is listed last."""
    return playlist.segments[-1].init if playlist.segments else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the index said of a rendition while `ref` was its newest init section."""

    rendition: Rendition
    variant: Variant
    ref: Ref | None

    @property
    def init(self) -> Init | None:
        """That init section, where it was fetched."""
        return self.rendition.inits[self.ref][1] if self.ref in self.rendition.inits else None

    @property
    def parts(self) -> list[Piece]:
        """The parts that go with it."""
        return [piece for piece in self.rendition.parts.values() if piece.segment.init == self.ref]

    @property
    def segments(self) -> list[Piece]:
        """The whole segments that go with it."""
        found = self.rendition.segments.values()
        return [piece for piece in found if piece.segment.init == self.ref]


def promises(seen: Observation) -> Iterator[Promise]:
    """Every one that is known for certain, once."""
    for rendition in seen.renditions:
        told: list[tuple[Ref | None, Variant]] = []
        for ref, variant in _said(seen, rendition):
            if (ref, variant) not in told:
                told.append((ref, variant))
                yield Promise(rendition=rendition, variant=variant, ref=ref)


def _said(seen: Observation, rendition: Rendition) -> Iterator[tuple[Ref | None, Variant]]:
    listed = {segment.init for each in rendition.playlists for segment in each.segments}
    if len(listed) <= 1 and rendition.variant is not None:
        yield next(iter(listed), None), rendition.variant
    for ref, from_s, until_s in _reigns(rendition):
        for index in seen.indexes:
            if from_s <= index.reply.sent_s and index.reply.done_s <= until_s:
                for variant in index.multivariant.variants:
                    if variant.url == rendition.url:
                        yield ref, variant


def _reigns(rendition: Rendition) -> Iterator[tuple[Ref | None, float, float]]:
    """Each init section, from when to when it was the newest for certain.

    It still was when the last playlist was asked for that showed it so; a playlist that has ended
    changes no more.
    """
    read = [(r, r.playlist) for r in rendition.reloads if r.playlist and r.playlist.segments]
    for ref, run in itertools.groupby(read, key=lambda each: newest_init(each[1])):
        reloads = list(run)
        last, playlist = reloads[-1]
        until_s = math.inf if playlist.ended else last.reply.sent_s
        yield ref, reloads[0][0].reply.done_s, until_s
