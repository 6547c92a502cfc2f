"""The gateway's end of the bus: messages into `Shows`, metrics back, publishing as they come.

Everything that one read brought is applied before it is published, and everything of a `Replay`: a
window that main sends again costs a few renderings and not one per part, and no playlist that a
restarted gateway serves ends earlier than the ones before it did. Of a replay that breaks off
nothing is shown: the next connection brings a whole one. Where a show's log has a gap the
connection is dropped: main sends its snapshot to whoever dials.

In a cluster our own main speaks for some shows, and all others come through Redis; the same
messages then, one show at a time (`mediaserver.bus.redis_reader`).
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection
from functools import partial

import structlog

from mediaserver.bus.messages import (
    Beat,
    Metrics,
    Replay,
    ShowOwner,
    ShowsHere,
    ViewerCount,
    ViewerCounts,
)
from mediaserver.bus.unix import Connection
from mediaserver.errors import BusError
from mediaserver.gateway.event_reports import SEND_EVERY_S, PlayheadOutbox
from mediaserver.gateway.event_room import LogLost
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.remote import Anchors
from mediaserver.gateway.shows import Shows
from transcoder.control import Hello
from transcoder.values import InitSection, Part

log = structlog.get_logger()

METRICS_EVERY_S = 2.0
COUNT_EVERY_S = 2.5
ASKED_EVERY_S = 2.0
PRUNE_EVERY_S = 1.0

RESYNC_EVERY_S = 2
"""Dropping the connection costs a whole replay: a main that errs is not asked more often."""


class Feed:
    """Feeds `shows`. When main or Redis is gone, what there is stays."""

    def __init__(
        self,
        *,
        shows: Shows,
        metrics: GatewayMetrics,
        gateway_id: str,
        clock_ns: Callable[[], int],
        playheads: PlayheadOutbox | None = None,
    ) -> None:
        self._shows = shows
        self._metrics = metrics
        self._gateway_id = gateway_id
        self._clock_ns = clock_ns
        self._playheads = PlayheadOutbox() if playheads is None else playheads
        self._anchors = Anchors()
        self._here: frozenset[str] = frozenset()
        self._held: set[str] = set()
        self._owners: dict[str, str] = {}
        self._publishing = False
        self._asked_soon = False
        self._replaying = False
        self._partial: set[str] = set()
        """The shows that a replay which is not over has told of."""
        self._resync_at_ns = 0
        self._lost: LogLost | None = None
        """Why main must be dialled anew, as soon as that may be."""

    async def converse(self, connection: Connection) -> None:
        """Own one connection to main until it ends: the handler for `dial_forever`."""
        self._lost = None
        connection.send(Hello(role="gateway", id=self._gateway_id, pid=os.getpid()))
        log.info("bus_connected", gateway=self._gateway_id)
        reporter = asyncio.gather(
            _every(METRICS_EVERY_S, partial(self._report, connection)),
            _every(SEND_EVERY_S, partial(self._pass_playheads, connection)),
            _every(COUNT_EVERY_S, partial(self._count, connection)),
            _every(ASKED_EVERY_S, partial(self._tell_asked, connection)),
        )
        self._shows.watching.urgent = partial(self._tell_asked_soon, connection)
        try:
            async for message in connection:
                self.take(message)
        finally:
            self._here = frozenset()
            self._replaying = False
            self._shows.watching.urgent = lambda: None
            self._metrics.reconnected("unix")
            reporter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reporter

    def take(self, message: object) -> None:
        """Apply one message, and publish soon. Raises `LogLost` where main must be dialled anew."""
        now_ns = self._clock_ns()
        match message:
            case Replay():
                self._replaying = True
                if message.done:
                    self._replay_over()
                return
            case ShowsHere():
                self._here = frozenset(message.shows)
                self._held -= self._here
                return
            case Beat():
                self._metrics.lag("unix", max(0, now_ns - message.monotonic_ns) / 1e9)
                return
        if self._replaying:
            self._partial.add(getattr(message, "show", ""))
        try:
            if self._shows.apply(message, now_ns):
                self._publish_soon(message, now_ns)
        except LogLost as exc:
            self._lost = exc
        if self._lost is not None and now_ns >= self._resync_at_ns:
            self._resync_at_ns = now_ns + RESYNC_EVERY_S * 1_000_000_000
            log.warning("log_lost", reason=str(self._lost))
            self._metrics.resynced("unix")
            raise self._lost

    def take_remote(self, message: object) -> None:
        """Apply one message that came through Redis. Raises `LogLost` where the snapshot is
        needed."""
        now_ns = self._clock_ns()
        if isinstance(message, ShowOwner):
            self._owners[message.show] = message.address
            return
        self._whole(getattr(message, "show", ""))
        if isinstance(message, InitSection):
            message = self._anchors.local(message, now_ns=now_ns, utc_ns=time.time_ns())
        if self._shows.apply(message, now_ns):
            self._publish_soon(message, now_ns)

    @property
    def here(self) -> Collection[str]:
        """The shows that our own main speaks for; none while it is away."""
        return self._here

    def owner_of(self, show: str) -> str | None:
        """Where the main of another node answers for a show; None where that is not known."""
        return None if show in self._here else self._owners.get(show)

    def hold(self, show: str) -> None:
        """Publish nothing of a show that comes through Redis before all of it is there."""
        if show not in self._here:
            self._held.add(show)

    def release(self, show: str) -> None:
        """It is there."""
        if show in self._held:
            self._held.remove(show)
            self._whole(show)
            self._publish()

    def log_place(self, show: str) -> tuple[str, int] | None:
        """Log epoch and offset that are known of a show."""
        return self._shows.log_place(show)

    def _publish_soon(self, news: object, now_ns: int) -> None:
        if isinstance(news, Part):
            self._metrics.part(self._shows.age_s(news, now_ns))
        if not self._publishing:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish)

    async def prune_forever(self) -> None:
        """Free memory as its time comes, whether main is there or not."""
        while True:
            await asyncio.sleep(PRUNE_EVERY_S)
            self._shows.prune(self._clock_ns())

    def _replay_over(self) -> None:
        """Show viewers what the replay brought, all of it at once."""
        if self._replaying:
            self._replaying = False
            self._partial.clear()
            self._publish()

    def _whole(self, show: str) -> None:
        """Redis has told all of a show that our own main does not speak for: no replay is due."""
        if show not in self._held and show not in self._here:
            self._partial.discard(show)

    def _publish(self) -> None:
        self._publishing = False
        but = self._held | self._partial
        self._metrics.playlists(self._shows.publish_due(self._clock_ns(), but))

    def _pass_playheads(self, connection: Connection) -> None:
        for batch in self._playheads.take(self._clock_ns()):
            connection.send(batch)

    def _count(self, connection: Connection) -> None:
        """Say how many watch here. A show without viewers is not named."""
        counts = tuple(
            ViewerCount(show=show, viewers=viewers)
            for show, viewers in self._shows.viewers().items()
            if viewers
        )
        connection.send(ViewerCounts(gateway=self._gateway_id, counts=counts))

    def _tell_asked(self, connection: Connection) -> None:
        """Say which renditions are watched here."""
        self._asked_soon = False
        for asked in self._shows.rungs_asked(self._clock_ns()):
            connection.send(asked)

    def _tell_asked_soon(self, connection: Connection) -> None:
        """A rendition is asked for that main may have let doze: all that this turn asks for."""
        if not self._asked_soon:
            self._asked_soon = True
            asyncio.get_running_loop().call_soon(self._tell_asked_now, connection)

    def _tell_asked_now(self, connection: Connection) -> None:
        with contextlib.suppress(BusError):
            self._tell_asked(connection)

    def _report(self, connection: Connection) -> None:
        connection.send(Metrics(text=self._metrics.text()))


async def _every(period_s: float, report: partial[None]) -> None:
    """Report until main is gone. What cannot be reported is lost, and the next is tried: no fault
    in it may end the bus, or the gateway."""
    while True:
        await asyncio.sleep(period_s)
        try:
            report()
        except BusError:
            return
        except Exception as exc:
            # its text could hold what a viewer has sent
            log.error("report_failed", report=report.func.__name__, error=type(exc).__name__)
