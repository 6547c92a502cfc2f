"""Following an origin's live edge in every rendition, as a player does and a little more.

One task a rendition reloads, blocked, and asks for the hinted part and now and then for a delta
update beside; media is fetched in the background by `MAX_FETCHES` at a time. It ends after
`seconds`, when the playlists end, or when nothing new comes.
"""

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

from mediaserver.check.boxes import Init, inspect_init, inspect_media
from mediaserver.check.fetch import Fetcher, Reply
from mediaserver.check.indexes import IndexReader, newest_init
from mediaserver.check.playlist import MediaPlaylist, Ref, Segment
from mediaserver.check.read_media import read_media
from mediaserver.check.seen import (
    Again,
    Delta,
    Gone,
    Hinted,
    Observation,
    Piece,
    Reload,
    Rendition,
    Reported,
    digest_of,
)

MAX_FETCHES = 8
MAX_FAILURES = 4
SEGMENTS_AT_FIRST = 3
"""Of those that were there when the check began; all later ones are fetched."""

_DELTA_EVERY = 2
_AGAIN_EVERY = 4
_REPORT_EVERY = 5
_MAX_GONE = 5
_GONE_MARGIN_S = 0.5
_WAIT_TARGET_DURATIONS = 3


class Follower:
    """One rendition, until the deadline."""

    def __init__(
        self,
        fetcher: Fetcher,
        seen: Observation,
        rendition: Rendition,
        indexes: IndexReader,
        *,
        until_s: float,
    ) -> None:
        self.rendition = rendition
        self._fetcher = fetcher
        self._seen = seen
        self._indexes = indexes
        self._until_s = until_s
        self._slots = asyncio.Semaphore(MAX_FETCHES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: set[tuple[int, int]] = set()
        self._left: dict[Ref, tuple[str, float, float]] = {}
        self._turn = 0
        self._init: Ref | None = None
        """The newest that was listed."""

    async def follow(self) -> None:
        """Do all of it, and wait for what was begun."""
        try:
            await self._follow()
            await self._settled()
            await self._ask_for_gone()
        finally:
            for task in self._tasks:
                task.cancel()

    async def _follow(self) -> None:
        await self._reload(None)
        failures = 0
        while (playlist := self.rendition.latest) is not None:
            await self._take(playlist)
            if playlist.ended or time.monotonic() >= self._until_s or failures >= MAX_FAILURES:
                return
            before = playlist.edge
            await self._turn_once(playlist)
            newest = self.rendition.reloads[-1].playlist
            if newest is None or newest.edge == before:
                failures += newest is None
                await asyncio.sleep(min(1.0, (playlist.part_target_s or 1.0) / 2))

    async def _turn_once(self, playlist: MediaPlaylist) -> None:
        self._turn += 1
        target = playlist.edge
        ask: list[Awaitable[None]] = [self._reload(target)]
        hint = next((ref for kind, ref in playlist.hints if kind == "PART"), None)
        if hint is not None and target not in self._asked:
            self._asked.add(target)
            ask.append(self._ask_for_hint(hint, target, playlist))
        if playlist.skip_until_s is not None and self._turn % _DELTA_EVERY == 1:
            skip = ("YES", "v2")[self._turn // _DELTA_EVERY % 2]
            ask.append(self._ask_for_delta(target, skip, playlist))
        await asyncio.gather(*ask)
        newest = self.rendition.reloads[-1]
        if newest.playlist is not None:
            self._note_left(playlist, newest.playlist)
            if self._turn % _REPORT_EVERY == 1:
                self._begin(self._test_reports(newest, newest.playlist))

    async def _reload(self, target: tuple[int, int] | None) -> None:
        reply = await self._directed(target)
        playlist = read_media(reply.body, self.rendition.url) if reply.ok else None
        self.rendition.reloads.append(Reload(reply=reply, playlist=playlist, target=target))
        init = None if playlist is None else newest_init(playlist)
        if init not in (None, self._init):
            self._init = init
            self._begin(self._indexes.read_after(reply.done_s))

    async def _directed(self, target: tuple[int, int] | None, more: str = "") -> Reply:
        query = "" if target is None else f"_HLS_msn={target[0]}&_HLS_part={target[1]}"
        return await self._fetcher.playlist(self.rendition.url, query + more)

    async def _ask_for_hint(self, ref: Ref, edge: tuple[int, int], playlist: MediaPlaylist) -> None:
        wait_s = float(_WAIT_TARGET_DURATIONS * playlist.target_s)
        reply = await self._fetcher.media(ref, wait_s=wait_s)
        self.rendition.hinted.append(Hinted(ref=ref, edge=edge, reply=reply))

    async def _ask_for_delta(
        self, target: tuple[int, int], skip: str, before: MediaPlaylist
    ) -> None:
        reply = await self._directed(target, f"&_HLS_skip={skip}")
        update = read_media(reply.body, self.rendition.url) if reply.ok else None
        full = None if update is None else await self._listing(update)
        if full is not None and full.ok:
            self.rendition.deltas.append(
                Delta(
                    skip=skip,
                    before=before,
                    full=read_media(full.body, self.rendition.url),
                    reply=reply,
                    update=update,
                )
            )
        elif update is None:
            self.rendition.deltas.append(
                Delta(skip=skip, before=before, full=before, reply=reply, update=None)
            )

    async def _listing(self, update: MediaPlaylist) -> Reply:
        """The whole playlist that lists what `update` does, which is there at once."""
        msn, index = update.edge
        if index:
            return await self._directed((msn, index - 1))
        return await self._fetcher.playlist(self.rendition.url, f"_HLS_msn={max(0, msn - 1)}")

    async def _test_reports(self, reload: Reload, playlist: MediaPlaylist) -> None:
        for report in playlist.reports:
            if report.last_msn is None:
                continue
            part = report.last_part
            query = f"_HLS_msn={report.last_msn}" + ("" if part is None else f"&_HLS_part={part}")
            reply = await self._fetcher.playlist(report.url, query)
            self._seen.reported.append(
                Reported(
                    own=self.rendition.url,
                    other=report.url,
                    at=(report.last_msn, -1 if part is None else part),
                    read_s=reload.reply.first_s,
                    reply=reply,
                    playlist=read_media(reply.body, report.url) if reply.ok else None,
                )
            )

    async def _take(self, playlist: MediaPlaylist) -> None:
        """Begin to fetch what is new in `playlist`."""
        first = len(self.rendition.reloads) == 1
        recent = {segment.msn for segment in playlist.whole[-SEGMENTS_AT_FIRST:]}
        for segment in playlist.segments:
            await self._need_init(segment)
            hints = {hinted.edge: hinted for hinted in self.rendition.hinted[-4:]}
            for index, part in enumerate(segment.parts):
                key = (segment.msn, index)
                if key in self.rendition.parts or part.gap:
                    continue
                hinted = hints.get(key)
                if hinted is not None and hinted.ref.url == part.ref.url and hinted.reply.ok:
                    self._keep(segment, index, part.ref, hinted.reply, hinted=True)
                    if len(self.rendition.hinted) % _AGAIN_EVERY == 1:
                        self._begin(self._ask_again(part.ref, key))
                elif key not in self._asked or hinted is not None:
                    self._asked.add(key)
                    self._begin(self._fetch(segment, index, part.ref))
            whole = (segment.msn, -1)
            if segment.ref is not None and whole not in self._asked and not segment.gap:
                self._asked.add(whole)
                if not first or segment.msn in recent:
                    self._begin(self._fetch(segment, None, segment.ref))

    async def _need_init(self, segment: Segment) -> None:
        if segment.init is None or segment.init in self.rendition.inits:
            return
        reply = await self._fetcher.media(segment.init)
        init = inspect_init(reply.body) if reply.ok else Init(brands=(), tracks=(), faults=())
        self.rendition.inits[segment.init] = (reply, init)
        if reply.ok:
            self.rendition.init_data[segment.init] = reply.body

    async def _fetch(self, segment: Segment, index: int | None, ref: Ref) -> None:
        self._keep(segment, index, ref, await self._fetcher.media(ref), hinted=False)

    async def _ask_again(self, ref: Ref, key: tuple[int, int]) -> None:
        reply = await self._fetcher.media(ref)
        self.rendition.again.append(
            Again(ref=ref, key=key, reply=reply, digest=digest_of(reply.body))
        )

    def _keep(
        self, segment: Segment, index: int | None, ref: Ref, reply: Reply, *, hinted: bool
    ) -> None:
        init = self.rendition.inits[segment.init][1] if segment.init is not None else None
        part = None if index is None else segment.parts[index]
        self.rendition.keep(
            Piece(
                segment=segment,
                index=index,
                duration_s=segment.duration_s if part is None else part.duration_s,
                independent=part is not None and part.independent,
                ref=ref,
                reply=reply,
                media=inspect_media(reply.body, init) if reply.ok and init is not None else None,
                init=init,
                digest=digest_of(reply.body),
                hinted=hinted,
            )
        )

    def _note_left(self, before: MediaPlaylist, after: MediaPlaylist) -> None:
        """What was listed in `before` and is not in `after`."""
        now_s = time.monotonic()
        parts = {part.ref for _, part in after.parts()}
        segments = {segment.ref for segment in after.whole}
        part_s = 3.0 * after.target_s
        for _, part in before.parts():
            if part.ref not in parts and not part.gap:
                self._left.setdefault(part.ref, ("part", now_s, part_s))
        for segment in before.whole:
            if segment.ref is not None and segment.ref not in segments and not segment.gap:
                keep_s = segment.duration_s + before.duration_s
                self._left.setdefault(segment.ref, ("segment", now_s, keep_s))

    async def _ask_for_gone(self) -> None:
        """HT-12: the media that has left for longest and must still be there."""
        counts = {"part": 0, "segment": 0}
        for ref, (kind, left_s, keep_s) in self._left.items():
            gone_s = time.monotonic() - left_s
            if gone_s > keep_s - _GONE_MARGIN_S or counts[kind] >= _MAX_GONE:
                continue
            counts[kind] += 1
            reply = await self._fetcher.media(ref)
            self.rendition.gone.append(
                Gone(kind=kind, ref=ref, left_for_s=gone_s, kept_s=keep_s, reply=reply)
            )

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        async def bounded() -> None:
            async with self._slots:
                await work

        task = asyncio.create_task(bounded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settled(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks)
