"""The gateway's end of the bus: messages into `Shows`, metrics back, publishing as they come.

Everything that one read brought is applied before it is published, so a window that main sends
again costs a few renderings and not one per part.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable

import structlog

from mediaserver.bus.messages import Metrics
from mediaserver.bus.unix import Connection
from mediaserver.errors import BusError
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.shows import Shows
from transcoder.control import Hello
from transcoder.values import Part

log = structlog.get_logger()

METRICS_EVERY_S = 2.0
PRUNE_EVERY_S = 1.0


class Feed:
    """Feeds `shows` from main. When main is gone, what there is stays."""

    def __init__(
        self,
        *,
        shows: Shows,
        metrics: GatewayMetrics,
        gateway_id: str,
        clock_ns: Callable[[], int],
    ) -> None:
        self._shows = shows
        self._metrics = metrics
        self._gateway_id = gateway_id
        self._clock_ns = clock_ns
        self._publishing = False

    async def converse(self, connection: Connection) -> None:
        """Own one connection to main until it ends: the handler for `dial_forever`."""
        connection.send(Hello(role="gateway", id=self._gateway_id, pid=os.getpid()))
        log.info("bus_connected", gateway=self._gateway_id)
        reporter = asyncio.create_task(self._report(connection))
        try:
            async for message in connection:
                self.take(message)
        finally:
            reporter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reporter

    def take(self, message: object) -> None:
        """Apply one message, and publish soon."""
        now_ns = self._clock_ns()
        if not self._shows.apply(message, now_ns):
            return
        if isinstance(message, Part):
            self._metrics.part(self._shows.age_s(message, now_ns))
        if not self._publishing:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish)

    async def prune_forever(self) -> None:
        """Free memory as its time comes, whether main is there or not."""
        while True:
            await asyncio.sleep(PRUNE_EVERY_S)
            self._shows.prune(self._clock_ns())

    def _publish(self) -> None:
        self._publishing = False
        self._metrics.playlists(self._shows.publish_due(self._clock_ns()))

    async def _report(self, connection: Connection) -> None:
        with contextlib.suppress(BusError):
            while True:
                await asyncio.sleep(METRICS_EVERY_S)
                connection.send(Metrics(text=self._metrics.text()))
