"""A gateway's end of Redis: follows every show that its own main does not speak for.

It reads from where it stands, whatever happened meanwhile: after a disturbance what was missed,
after a FLUSHALL what the owner writes anew under a newer generation; what of it is known already is
passed over by whoever takes it. A show that is new here is held back from viewers until all that
the streams hold has been read, else a playlist would begin in the past.
"""

import asyncio
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from mediaserver.bus import known_shows, streams
from mediaserver.bus.messages import ShowSnapshot
from mediaserver.bus.redis_link import RedisLink
from mediaserver.bus.streams import Entry, Head, Stream
from mediaserver.errors import BusError
from transcoder.errors import WireError
from transcoder.wire import Deframer

log = structlog.get_logger()

RETRY_S = 0.2
LOOK_EVERY_S = 1.0
"""For shows that are new."""
BLOCK_MS = 500
COUNT = 16
"""Entries of a stream that are read at a time: about 3 MB of media."""
RESYNC_EVERY_S = 2.0
MAX_SHOWS = 1000
"""More than so many are not followed, which is said in the log; our own main's do not count."""
GONE_AFTER_S = 600.0
"""A show of which Redis has known nothing for so long is no longer followed. After a FLUSHALL the
owner has said that it is there within a third of its lease."""


class Taker(Protocol):
    """What a gateway does with what it reads (`mediaserver.gateway.feed.Feed`)."""

    def take_remote(self, message: object) -> None:
        """Apply one message. Raises `BusError` where the show's log has a gap here."""

    def hold(self, show: str) -> None:
        """Publish nothing of this show for now."""

    def release(self, show: str) -> None:
        """Publish it again."""

    def log_place(self, show: str) -> tuple[str, int] | None:
        """Log epoch and offset that are known of a show."""

    @property
    def here(self) -> Collection[str]:
        """The shows that come from our own main."""


class Meter(Protocol):
    """What the reader counts."""

    def lag(self, engine: str, seconds: float) -> None: ...

    def reconnected(self, engine: str) -> None: ...

    def resynced(self, engine: str) -> None: ...


@dataclass(slots=True)
class _Cursor:
    """Where the reader stands in one show."""

    show: str
    at: dict[Stream, str] = field(default_factory=dict)
    held: bool = True
    log_lost: bool = False
    resync_at_s: float = 0.0
    known_at_s: float = field(default_factory=time.monotonic)
    """When Redis last knew of the show."""


class RedisReader:
    """One per gateway process; one event loop only."""

    def __init__(
        self,
        link: RedisLink,
        taker: Taker,
        *,
        meter: Meter,
        max_shows: int = MAX_SHOWS,
        gone_after_s: float = GONE_AFTER_S,
    ) -> None:
        self._link = link
        self._taker = taker
        self._meter = meter
        self._max_shows = max_shows
        self._gone_after_s = gone_after_s
        self._too_many = False
        self._cursors: dict[str, _Cursor] = {}
        self._look_at_s = 0.0
        self.connected = False

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._follow()
            except BusError as exc:
                if self.connected:
                    log.warning("redis_away", error=str(exc))
                    self._meter.reconnected("redis")
                self.connected = False
                await asyncio.sleep(RETRY_S)
            except Exception as exc:  # no answer of a Redis may end the gateway; its text is theirs
                log.error("redis_answer_refused", error=type(exc).__name__)
                self.connected = False
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        for cursor in self._cursors.values():
            await self._refresh(cursor)
        self.connected = True
        while True:
            await self._look()
            positions = self._positions()
            if not positions:
                await asyncio.sleep(BLOCK_MS / 1000)
                continue
            holding = any(cursor.held for cursor in self._cursors.values())
            answer = await self._link.read(
                positions, count=COUNT, block_ms=0 if holding else BLOCK_MS
            )
            self._take_all(answer)
            if holding:
                await self._let_go({name: len(found) for name, found in answer})
            await self._resync_lost()

    def _positions(self) -> dict[str, str]:
        """Stream → id, the logs of all shows before any media."""
        return {
            streams.key(cursor.show, stream): cursor.at[stream]
            for stream in streams.FOLLOWED
            for cursor in self._cursors.values()
        }

    async def _look(self) -> None:
        """Follow what is new, and leave what our own main speaks for."""
        here = self._taker.here
        for show in [show for show in self._cursors if show in here]:
            del self._cursors[show]
            self._taker.release(show)
        if time.monotonic() < self._look_at_s:
            return
        self._look_at_s = time.monotonic() + LOOK_EVERY_S
        most = 2 * self._max_shows + len(here)
        flat = await self._link.call("ZREVRANGE", streams.KNOWN, 0, most, "WITHSCORES")
        shows = known_shows.read(flat, but=here)
        chosen = known_shows.to_follow(shows, self._cursors, most=self._max_shows)
        self._note_bound(len(shows))
        self._leave({show for show, _ in shows}, chosen)
        for show in chosen:
            if show not in self._cursors:
                await self._begin(show)

    def _leave(self, shows: Collection[str], chosen: Collection[str]) -> None:
        """Follow no longer what is gone or has to make room. Viewers keep what is in memory."""
        now_s = time.monotonic()
        chosen = set(chosen)
        for show in chosen & self._cursors.keys():
            self._cursors[show].known_at_s = now_s
        silent = sorted(self._cursors.keys() - chosen, key=lambda s: self._cursors[s].known_at_s)
        surplus = len(chosen) + len(silent) - self._max_shows
        for place, show in enumerate(silent):
            gone = now_s - self._cursors[show].known_at_s >= self._gone_after_s
            if place < surplus or show in shows or gone:
                del self._cursors[show]
                self._taker.release(show)
                log.info("show_left", show=show)

    def _note_bound(self, count: int) -> None:
        """Say once that there are more shows than are followed."""
        too_many = count > self._max_shows
        if too_many and not self._too_many:
            log.warning("too_many_shows", at_least=count, followed=self._max_shows)
        self._too_many = too_many

    async def _begin(self, show: str) -> None:
        head = await self._join(show)
        if head is None:
            return
        begin: dict[Stream, str] = dict.fromkeys(("media", *streams.PICTURED), "0-0")
        cursor = _Cursor(show, begin | {"news": head.news_at})
        self._cursors[show] = cursor
        self._taker.hold(show)
        self._apply(show, head.messages)
        self._apply_log(cursor, head)
        log.info("show_followed", show=show)

    async def _refresh(self, cursor: _Cursor) -> None:
        """Redis is back: how the show fares may have been said, and be gone, meanwhile."""
        head = await self._join(cursor.show)
        if head is not None:
            self._apply(cursor.show, head.messages)

    async def _join(self, show: str) -> Head | None:
        keys = (streams.key(show, "head"), streams.key(show, "news"))
        answer = await self._link.run(streams.JOIN, keys)
        try:
            return streams.head(answer)
        except ValueError as exc:
            log.error("bus_message_refused", show=show, error=str(exc))
            return None

    def _apply_log(self, cursor: _Cursor, head: Head, *, lost: bool = False) -> None:
        """The snapshot, unless what is known leads on from it."""
        cursor.at["log"] = head.log_at
        for message in _messages(head.log):
            if not isinstance(message, ShowSnapshot):
                log.error("bus_message_refused", show=cursor.show, message=type(message).__name__)
                continue
            known = self._taker.log_place(cursor.show)
            ahead = known is not None and known[0] == message.epoch and known[1] >= message.offset
            if lost or not ahead:
                self._say(cursor.show, message)

    def _take_all(self, answer: list[tuple[str, list[Entry]]]) -> None:
        at = {
            streams.key(cursor.show, stream): (cursor, stream)
            for cursor in self._cursors.values()
            for stream in streams.FOLLOWED
        }
        now_ms = time.time_ns() // 1_000_000
        for name, entries in answer:
            cursor, stream = at[name]
            for entry in entries:
                cursor.at[stream] = entry.id
                if not cursor.held and entry.data:
                    self._meter.lag("redis", max(0, now_ms - entry.at_ms) / 1000)
                self._apply(cursor.show, entry.data)

    async def _let_go(self, read: dict[str, int]) -> None:
        """Show viewers those shows of which everything has been read."""
        wait = False
        for cursor in [cursor for cursor in self._cursors.values() if cursor.held]:
            if read.get(streams.key(cursor.show, "media"), 0) == COUNT:
                continue
            filling = await self._link.call("HGET", streams.key(cursor.show, "head"), "filling")
            if filling == b"1":
                wait = True
            elif not read.get(streams.key(cursor.show, "media")):
                cursor.held = False
                self._taker.release(cursor.show)
        if wait:
            await asyncio.sleep(RETRY_S)  # once for all of them: other shows are on air meanwhile

    async def _resync_lost(self) -> None:
        """Take the snapshot of each log that has a gap here."""
        now_s = time.monotonic()
        for cursor in self._cursors.values():
            if not cursor.log_lost or now_s < cursor.resync_at_s:
                continue
            cursor.log_lost, cursor.resync_at_s = False, now_s + RESYNC_EVERY_S
            head = await self._join(cursor.show)
            if head is not None:
                self._meter.resynced("redis")
                self._apply_log(cursor, head, lost=True)

    def _apply(self, show: str, data: bytes) -> None:
        for message in _messages(data):
            self._say(show, message)

    def _say(self, show: str, message: Any) -> None:
        """One message; one that speaks of another show than its stream's is passed over."""
        if getattr(message, "show", None) != show:
            log.error("bus_message_refused", show=show, message=type(message).__name__)
            return
        try:
            self._taker.take_remote(message)
        except BusError as exc:
            cursor = self._cursors[show]
            if not cursor.log_lost:
                cursor.log_lost = True
                log.warning("log_lost", show=show, reason=str(exc))
        except Exception as exc:  # legible, and yet no message of ours; its text is another's
            log.error(
                "bus_message_refused",
                show=show,
                message=type(message).__name__,
                error=type(exc).__name__,
            )


def _messages(data: bytes) -> Iterator[Any]:
    """The framed messages in an entry, up to the first that is not legible."""
    try:
        yield from Deframer().feed(data)
    except WireError as exc:
        log.error("bus_message_refused", error=str(exc))
