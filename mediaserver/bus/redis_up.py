"""What gateways tell the owner of a show on another node: through the show's stream `up`.

A node's main sends what its own gateways said; the owner reads from the moment it owns the show.
Nothing of it is precious: reports are dropped while Redis is away, and the stream is short.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any

import structlog

from mediaserver.bus import streams
from mediaserver.bus.messages import PlayheadReports, RungsAsked, ViewerCounts
from mediaserver.bus.redis_link import RedisLink
from mediaserver.bus.streams import Entry
from mediaserver.errors import BusError
from transcoder.errors import WireError
from transcoder.wire import Deframer, frame

log = structlog.get_logger()

Report = PlayheadReports | RungsAsked | ViewerCounts

MAX_WAITING = 256
"""Reports that wait to be sent; one more is dropped."""
RETRY_S = 0.2
LOOK_AGAIN_S = 5.0
"""Ids of this stream are Redis' own time. Where that went back, with all that it held, entries come
below the place that was read last, and would be heard by nobody."""
BLOCK_MS = 500
COUNT = 64


class Upstream:
    """Both ends. One per main; `run` until cancelled."""

    def __init__(
        self,
        link: RedisLink,
        *,
        owned: Callable[[], Collection[str]],
        heard: Callable[[str, Report], None],
    ) -> None:
        """`heard` is given what other nodes' gateways say of a show that `owned` names."""
        self._link = link
        self._owned = owned
        self._heard = heard
        self._waiting: asyncio.Queue[tuple[str, Report]] = asyncio.Queue(MAX_WAITING)
        self._at: dict[str, str] = {}
        self._look_at_s = 0.0
        self.dropped = 0

    def say(self, show: str, report: Report) -> None:
        """Tell the owner of `show`. Never waits."""
        try:
            self._waiting.put_nowait((show, report))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Send and read."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_forever())
            tasks.create_task(self._read_forever())

    async def _send_forever(self) -> None:
        while True:
            show, report = await self._waiting.get()
            now_ms = time.time_ns() // 1_000_000
            entry = Entry(id="*", data=frame(report), at_ms=now_ms)
            try:
                await self._link.run(
                    streams.TELL, (streams.key(show, "up"),),
                    streams.UP_ENTRIES, round(streams.LIFE_S * 1000), *entry.fields,
                )  # fmt: skip
            except BusError:
                self.dropped += 1

    async def _read_forever(self) -> None:
        while True:
            try:
                await self._read()
            except BusError:
                await asyncio.sleep(RETRY_S)
            except Exception as exc:  # whatever others said: main and its shows go on
                log.error("bus_message_refused", error=type(exc).__name__)
                await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        owned = self._owned()
        for show in [show for show in self._at if show not in owned]:
            del self._at[show]
        for show in owned:
            if show not in self._at:
                newest = await self._link.newest(streams.key(show, "up"))
                self._at[show] = "0-0" if newest is None else newest.id
        await self._look_again()
        if not self._at:
            await asyncio.sleep(RETRY_S)
            return
        shows = {streams.key(show, "up"): show for show in self._at}
        positions = {name: self._at[show] for name, show in shows.items()}
        for name, entries in await self._link.read(positions, count=COUNT, block_ms=BLOCK_MS):
            for entry in entries:
                self._at[shows[name]] = entry.id
                self._take(shows[name], entry.data)

    async def _look_again(self) -> None:
        """Begin a stream again that is an older one than was read."""
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_AGAIN_S
        for show, at in self._at.items():
            newest = await self._link.newest(streams.key(show, "up"))
            if newest is not None and streams.place(newest.id) < streams.place(at):
                self._at[show] = "0-0"

    def _take(self, show: str, data: bytes) -> None:
        try:
            messages: list[Any] = list(Deframer().feed(data))
        except WireError as exc:
            log.error("bus_message_refused", show=show, error=str(exc))
            return
        for message in messages:
            if isinstance(message, Report):
                self._heard(show, message)
