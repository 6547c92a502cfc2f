"""The gateway's end of the bus: messages into `Shows`, metrics back, publishing as they come.

Everything that one read brought is applied before it is published, and everything of a `Replay`: a
window that main sends again costs a few renderings and not one per part, and no playlist that a
restarted gateway serves ends earlier than the ones before it did. A replay that breaks off is not
shown: the next connection brings a whole one. Where a show's log has a gap the connection is
dropped: main sends its snapshot to whoever dials.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable

import structlog

from mediaserver.bus.messages import Metrics, Replay
from mediaserver.bus.unix import Connection
from mediaserver.errors import BusError
from mediaserver.gateway.event_reports import SEND_EVERY_S, PlayheadOutbox
from mediaserver.gateway.event_room import LogLost
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.shows import Shows
from transcoder.control import Hello
from transcoder.values import Part

log = structlog.get_logger()

METRICS_EVERY_S = 2.0
PRUNE_EVERY_S = 1.0

RESYNC_EVERY_S = 2
"""Dropping the connection costs a whole replay: a main that errs is not asked more often."""


class Feed:
    """Feeds `shows` from main. When main is gone, what there is stays."""

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
        self._publishing = False
        self._replaying = False
        self._resync_at_ns = 0
        self._lost: LogLost | None = None
        """Why main must be dialled anew, as soon as that may be."""

    async def converse(self, connection: Connection) -> None:
        """Own one connection to main until it ends: the handler for `dial_forever`."""
        self._lost = None
        connection.send(Hello(role="gateway", id=self._gateway_id, pid=os.getpid()))
        log.info("bus_connected", gateway=self._gateway_id)
        reporter = asyncio.gather(self._report(connection), self._pass_playheads(connection))
        try:
            async for message in connection:
                self.take(message)
        finally:
            reporter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reporter

    def take(self, message: object) -> None:
        """Apply one message, and publish soon. Raises `LogLost` where main must be dialled anew."""
        now_ns = self._clock_ns()
        if isinstance(message, Replay):
            self._replaying = True
            if message.done:
                self._replay_over()
            return
        try:
            if self._shows.apply(message, now_ns):
                self._publish_soon(message, now_ns)
        except LogLost as exc:
            self._lost = exc
        if self._lost is not None and now_ns >= self._resync_at_ns:
            self._resync_at_ns = now_ns + RESYNC_EVERY_S * 1_000_000_000
            log.warning("log_lost", reason=str(self._lost))
            raise self._lost

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
            self._publish()

    def _publish(self) -> None:
        self._publishing = False
        if self._replaying:
            return
        self._metrics.playlists(self._shows.publish_due(self._clock_ns()))

    async def _pass_playheads(self, connection: Connection) -> None:
        with contextlib.suppress(BusError):
            while True:
                await asyncio.sleep(SEND_EVERY_S)
                for batch in self._playheads.take(self._clock_ns()):
                    connection.send(batch)

    async def _report(self, connection: Connection) -> None:
        with contextlib.suppress(BusError):
            while True:
                await asyncio.sleep(METRICS_EVERY_S)
                connection.send(Metrics(text=self._metrics.text()))
