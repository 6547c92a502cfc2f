"""All connections of a gateway: the listening sockets, what connections share, and the sweep.

One pass a second over all of them keeps every time limit, counts who pulls media, and looks at the
load; so a limit is kept to within a second, and no viewer has a timer.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from email.utils import formatdate

from mediaserver.addresses import Network
from mediaserver.gateway.hot.admission import (
    MAX_TURNED_AWAY,
    Admission,
    Limits,
    Load,
    Refusal,
)
from mediaserver.gateway.hot.cold import Cold, Handle
from mediaserver.gateway.hot.connection import HotConnection
from mediaserver.gateway.hot.crowd import Crowd
from mediaserver.gateway.hot.head import HeadParser
from mediaserver.gateway.hot.metrics import HotMetrics
from mediaserver.gateway.hot.shortcuts import Shortcuts
from mediaserver.gateway.hot.targets import Targets
from mediaserver.gateway.hot.tls_door import TlsDoor
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.tls import TlsKeeper
from mediaserver.gateway.turns import Turns

BACKLOG = 4096
SWEEP_EVERY_S = 1.0
PULLING_S = 10
NOTSENT_BYTES = 128 * 1024
"""The kernel takes no more than this ahead; else it hides a stalled reader for megabytes."""

_SECOND_NS = 1_000_000_000


class Listener:
    """Serves viewers from `start` to `stop`. One event loop only."""

    def __init__(
        self,
        *,
        origin: Origin,
        handle: Handle,
        metrics: HotMetrics,
        limits: Limits,
        exempt: Sequence[Network] = (),
        tls: TlsKeeper | None = None,
        turns: Turns | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        cpu_ns: Callable[[], int] = time.process_time_ns,
    ) -> None:
        """`handle` answers what is not hot. `exempt` are not limited by address. Without `tls`
        HTTP is spoken in clear."""
        self.origin = origin
        self.targets = Targets()
        self.heads = HeadParser()
        self.metrics = metrics
        self.limits = limits
        self.cold = Cold(handle)
        self.crowd = Crowd(Turns() if turns is None else turns)
        self.shortcuts = Shortcuts()
        origin.watch(self.shortcuts.forget)
        self.clock_ns = clock_ns
        self.idle_ns = int(limits.idle_timeout_s * _SECOND_NS)
        self.busy = False
        self.pulling: Counter[str] = Counter()
        """By show: connections that asked for its media within `PULLING_S`."""
        self._admission = Admission(limits, exempt=exempt)
        self._exempt = exempt
        self._tls = tls
        self._door: TlsDoor | None = None
        self._load = Load(cpu_ns, clock_ns())
        self._connections: set[HotConnection] = set()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._date = date_line()

    def __len__(self) -> int:
        return len(self._connections)

    async def start(self, host: str, port: int, *, reuse_port: bool) -> int:
        """Listen; the port. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: HotConnection(self),
            host,
            port,
            backlog=BACKLOG,
            reuse_port=reuse_port or None,
            start_serving=False,
        )
        for listening in self._server.sockets:
            # Linux gives these to every connection that is accepted here.
            with contextlib.suppress(OSError):
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)
        bound: int = self._server.sockets[0].getsockname()[1]
        if self._tls is None:
            await self._server.start_serving()
        else:
            self._start_tls(self._server, self._tls)
        self._timer = loop.call_later(SWEEP_EVERY_S, self._sweep_on)
        return bound

    def _start_tls(self, server: asyncio.Server, tls: TlsKeeper) -> None:
        """Have the door accept on the sockets of `server`, which has bound them and ends here."""
        self._door = TlsDoor(
            context=lambda: tls.context,
            connect=lambda: HotConnection(self),
            meter=self.metrics,
            room=lambda: self.limits.max_connections + MAX_TURNED_AWAY - len(self),
            exempt=self._exempt,
        )
        self.metrics.certificate_ends = lambda: tls.credentials.ends.timestamp()
        bound = [socket.socket(fileno=os.dup(each.fileno())) for each in server.sockets]
        server.close()
        self._server = None
        for each in bound:
            each.listen(BACKLOG)
        self._door.start(bound)

    async def stop(self, timeout_s: float) -> None:
        """Stop listening, and close all connections within about `timeout_s`."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        if self._door is not None:
            await self._door.close()
        for connection in tuple(self._connections):
            connection.leave()
        await self.cold.close(timeout_s)
        for connection in tuple(self._connections):
            connection.drop()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def opened(self, connection: HotConnection, address: str) -> tuple[str | None, Refusal | None]:
        """Count it. Whom it counts for, and why it is refused, if it is."""
        self._connections.add(connection)
        party, refusal = self._admission.enter(address)
        if refusal is not None:
            self.metrics.refused(refusal)
            if self._admission.overrun(party):
                connection.drop()
        return party, refusal

    def closed(self, connection: HotConnection, party: str | None, refusal: Refusal | None) -> None:
        """It is gone."""
        self._connections.discard(connection)
        self._admission.leave(party, refusal)

    def date(self) -> bytes:
        """The ``Date`` line, as it was when the last sweep came."""
        return self._date

    def sweep(self, now_ns: int) -> None:
        """Keep the time limits, and take the figures."""
        since_ns = now_ns - PULLING_S * _SECOND_NS
        pulling: Counter[str] = Counter()
        expired = []
        for connection in self._connections:
            if connection.deadline_ns <= now_ns:
                expired.append(connection)
            if connection.pulled_ns > since_ns:
                pulling[connection.show] += 1
        for connection in expired:
            connection.expire(now_ns)
        self._date = date_line()
        self.shortcuts.forget()
        self.pulling = pulling
        self.metrics.pulling = pulling.total()
        self.metrics.connections = len(self._connections)
        self.metrics.load = self._load.sample(now_ns)
        self.busy = self.metrics.load > self.limits.max_load

    def _sweep_on(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SWEEP_EVERY_S, self._sweep_on)
        self.sweep(self.clock_ns())


def date_line() -> bytes:
    """What a response made now says of it (RFC 9110 §6.6.1)."""
    return f"Date: {formatdate(time.time(), usegmt=True)}\r\n".encode()
