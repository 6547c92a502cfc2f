"""Main's end of Redis, for one show: claims it, says what is new, and rewrites what is lost.

One task (`run`) and one queue. While Redis is away nothing is queued: what was missed is found out
afterwards. The last entry of a stream says up to where it is whole, and what main's own window and
its last events have beyond that is appended: after a FLUSHALL that is everything, after a
disturbance of the line little or nothing. So nobody need remember what got through.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable

import structlog

from mediaserver.bus import streams
from mediaserver.bus.messages import ShowOwner
from mediaserver.bus.redis_lease import Lease
from mediaserver.bus.redis_link import RedisLink, Value
from mediaserver.bus.said import Said, ShowBase
from mediaserver.bus.streams import Entry, Stream
from mediaserver.errors import BusError
from transcoder.stills.shelf import MAX_THUMBNAILS
from transcoder.wire import frame

log = structlog.get_logger()

RETRY_S = 0.2
MAX_QUEUED_BYTES = 32 * 1024 * 1024
"""A Redis that is so far behind is treated as one that is away."""
SNAPSHOT_EVERY = 500
"""Events after which the snapshot for late gateways is written anew."""
SPARE_ENTRIES = 64
"""Of the media stream, for init sections and the steps that exceed the window."""


class Lost(Exception):
    """The show is another node's."""


class Refused(Exception):
    """Redis knows nothing of our generation, or has newer ids than ours: begin anew."""


class ShowOutlet:
    """One show. `say` never waits and never raises; `run` until cancelled."""

    def __init__(
        self,
        *,
        lease: Lease,
        link: RedisLink,
        owner: ShowOwner,
        base: Callable[[], ShowBase],
        owned: Callable[[str, bool], None],
    ) -> None:
        """`owned` hears when the show becomes this node's, and when it ceases to be."""
        self._lease = lease
        self._link = link
        self._owner = owner
        self._base = base
        self._owned = owned
        self._show = lease.show
        self._head = streams.key(self._show, "head")
        self._queue: deque[Said] = deque()
        self._queued_bytes = 0
        self._events: deque[Said] = deque(maxlen=streams.LOG_ENTRIES)
        self._news = asyncio.Event()
        self._whole = False
        """Whether Redis has all that was said before what is queued."""
        self._anew = False
        """Whether only a new generation helps."""
        self._count = 0
        self._last_step = ("", -1)
        """Epoch and number of the last step in the media stream."""
        self._window = 0
        self._thumbnails = ("", 0)
        """Their epoch, and how many of it were added."""
        self._since_snapshot = 0
        self.owns = False
        self.connected: bool | None = None
        """Whether Redis answered when last asked; None before that."""
        self.refills = 0

    @property
    def waiting(self) -> int:
        """How many of what was said are on their way to Redis."""
        return len(self._queue)

    def say(self, said: Said) -> None:
        """Have gateways of other nodes hear it."""
        if said.kind == "event":
            self._events.append(said)
        if not self._whole:
            return
        self._queue.append(said)
        self._queued_bytes += len(said.data)
        if self._queued_bytes > MAX_QUEUED_BYTES:
            log.warning("redis_behind", show=self._show, bytes=self._queued_bytes)
            self._forget_queue()
        self._news.set()

    async def run(self) -> None:
        """Own the show whenever it is to be had, and say everything, until cancelled."""
        try:
            while True:
                try:
                    await self._work()
                except Lost:
                    self._lose()
                except Refused:
                    self._forget_queue()
                    self._anew = True
                    await asyncio.sleep(RETRY_S)
                except BusError as exc:
                    self._note_away(str(exc))
                    await asyncio.sleep(RETRY_S)
                except Exception as exc:  # it may speak of anything, but main and the show go on
                    self._note_away(f"its answer or our news cannot be used: {type(exc).__name__}")
                    await asyncio.sleep(RETRY_S)
        finally:
            self._forget_queue()

    async def release(self) -> None:
        """Hand the show over: the node stops. Not while `run` does."""
        with contextlib.suppress(BusError):
            await self._lease.release()

    def _note_away(self, why: str) -> None:
        self._forget_queue()
        if self.connected is not False:
            self.connected = False
            log.warning("redis_away", show=self._show, error=why)

    async def _work(self) -> None:
        if self._lease.generation is None:
            if not await self._lease.stand_by():
                self.connected = True
                await asyncio.sleep(self._lease.look_every_s)
                return
            self.owns = True
            self._owned(self._show, True)
        if not self._whole or self._lease.renewal_in_s == 0:
            await self._renew()
        if not self._whole:
            await self._refill()
        self.connected = True
        if not self._whole:
            return  # the generation changed meanwhile, or too much was said: fill it again
        await self._wait()
        while self._queue and self._lease.renewal_in_s > 0:
            said = self._queue[0]
            await self._append(said)
            if self._queue:
                self._queue.popleft()
                self._queued_bytes -= len(said.data)

    async def _wait(self) -> None:
        """Until there is something to say, or the lease is to be renewed."""
        if not self._queue:
            self._news.clear()
            try:
                async with asyncio.timeout(self._lease.renewal_in_s):
                    await self._news.wait()
            except TimeoutError:
                return

    async def _keep(self) -> None:
        """Renew the lease if it is time, in the midst of something that may last."""
        if self._lease.renewal_in_s == 0:
            await self._renew()

    async def _renew(self) -> None:
        before = self._lease.generation
        if not await (self._lease.anew() if self._anew else self._lease.renew()):
            raise Lost
        self._anew = False
        if self._lease.generation != before:
            self._forget_queue()
        await self._lease.announce()

    def _lose(self) -> None:
        self._lease.generation = None
        self._forget_queue()
        self._events.clear()
        if self.owns:
            self.owns = False
            log.warning("show_lost_to_another_node", show=self._show)
            self._owned(self._show, False)

    def _forget_queue(self) -> None:
        self._whole = False
        self._queue.clear()
        self._queued_bytes = 0

    async def _refill(self) -> None:
        """Make Redis whole: everything that main has and the streams' ends do not know of.

        `filling` tells gateways that start meanwhile to show nothing yet.
        """
        last_media = await self._link.newest(streams.key(self._show, "media"))
        last_log = await self._link.newest(streams.key(self._show, "log"))
        base = self._base()
        self._whole = True  # what is said from here on is queued, and comes after
        self._window = base.window_steps + SPARE_ENTRIES
        await self._write_head(
            "filling", 1,
            "owner", frame(self._owner),
            "status", base.status.data,
            "audience", base.audience.data,
            "inits", _inits(base),
        )  # fmt: skip
        await self._refill_log(base.log, last_log)
        if last_media is not None:
            self._last_step = (last_media.epoch, last_media.number)
        missing = _missing_media(base, last_media)
        for said in missing:
            await self._keep()
            await self._add("media", said, self._window)
        self._thumbnails = ("", 0)
        for said in base.media:
            if said.kind in ("poster", "thumbnail"):
                await self._add_still(said)
        owner = Said(show=self._show, kind="status", data=frame(self._owner))
        for said in (owner, base.status, base.audience):
            await self._add("news", said, streams.NEWS_ENTRIES)
        await self._write_head("filling", 0)
        self.refills += 1
        log.info("redis_filled", show=self._show, media=len(missing))

    async def _refill_log(self, snapshot: Said | None, last: Entry | None) -> None:
        if snapshot is None:
            return
        await self._write_snapshot(snapshot)
        if last is not None and (last.epoch, last.number) == (snapshot.epoch, snapshot.number):
            return
        missing = _missing_events(self._events, snapshot, last)
        for said in missing or [snapshot]:
            await self._keep()
            await self._add("log", said, streams.LOG_ENTRIES)

    async def _append(self, said: Said) -> None:
        if said.kind == "event":
            await self._add("log", said, streams.LOG_ENTRIES)
            self._since_snapshot += 1
            if self._since_snapshot >= SNAPSHOT_EVERY and (snapshot := self._base().log):
                await self._write_snapshot(snapshot)
        elif said.kind == "snapshot":
            raise Refused  # the database was opened: the log may be another one
        elif said.kind in ("status", "audience"):
            await self._write_head(said.kind, said.data)
            await self._add("news", said, streams.NEWS_ENTRIES)
        elif said.kind == "viewer":
            await self._add("news", said, streams.NEWS_ENTRIES)
        elif said.kind in ("poster", "thumbnail"):
            await self._add_still(said)
        else:
            if said.kind == "init":
                base = self._base()
                self._window = base.window_steps + SPARE_ENTRIES
                await self._write_head("inits", _inits(base))
            await self._add("media", said, self._window)

    async def _write_snapshot(self, snapshot: Said) -> None:
        at = f"{self._lease.generation}-{snapshot.number}"
        await self._write_head("log", snapshot.data, "log_at", at)
        self._since_snapshot = 0

    async def _add_still(self, still: Said) -> None:
        """A gateway that has it already passes it over. Thumbnails of an epoch that is over leave
        with the first of the next."""
        if still.kind == "poster":
            await self._add("poster", still, 1)
            return
        epoch, count = self._thumbnails
        count = min(MAX_THUMBNAILS, count + 1 if epoch == still.epoch else 1)
        await self._add("thumbs", still, count)
        self._thumbnails = still.epoch, count

    async def _add(self, stream: Stream, said: Said, keep: int) -> None:
        self._count += 1
        place = said.number
        if stream == "media":
            place = self._placed(said)
        entry = Entry(
            id=f"{self._lease.generation}-{said.number if stream == 'log' else self._count}",
            data=said.data,
            at_ms=time.time_ns() // 1_000_000,
            epoch=said.epoch,
            number=place,
        )
        answer = await self._link.run(
            streams.APPEND,
            (self._head, streams.key(self._show, stream)),
            self._lease.generation or 0,
            keep,
            entry.id,
            *entry.fields,
        )
        _judge(answer)

    def _placed(self, said: Said) -> int:
        """Up to which step the media stream is whole with this entry."""
        epoch, number = self._last_step
        number = number if said.epoch == epoch else -1
        self._last_step = (said.epoch, max(number, said.number))
        return self._last_step[1]

    async def _write_head(self, *fields: Value) -> None:
        answer = await self._link.run(
            streams.WRITE_HEAD, (self._head,), self._lease.generation or 0, *fields
        )
        _judge(answer)


def _judge(answer: bytes) -> None:
    if answer == b"taken":
        raise Lost
    if answer != b"ok":
        raise Refused


def _inits(base: ShowBase) -> bytes:
    return b"".join(said.data for said in base.media if said.kind == "init")


def _missing_media(base: ShowBase, last: Entry | None) -> list[Said]:
    """What the media stream lacks. Init sections and the end are said again with it: a gateway may
    have missed one, and takes none twice."""
    known = -1 if last is None else last.number
    media = [said for said in base.media if said.kind in ("init", "step", "end")]
    if last is None or all(said.epoch != last.epoch for said in media):
        return media
    return [said for said in media if said.kind != "step" or said.number > known]


def _missing_events(events: "deque[Said]", snapshot: Said, last: Entry | None) -> list[Said]:
    """The events from the stream's end to the snapshot; none where some of them are not known."""
    if last is None or last.epoch != snapshot.epoch:
        return []
    missing = [
        said
        for said in events
        if said.epoch == snapshot.epoch and last.number < said.number <= snapshot.number
    ]
    whole = len(missing) == snapshot.number - last.number
    return missing if whole else []
