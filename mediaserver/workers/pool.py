"""Main's side of the transcoder workers: which are idle, which encode, how many to want.

The supervisor starts processes; a started worker dials main and is idle until `acquire` reserves
it. A worker serves one epoch and exits.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from mediaserver.bus.messages import WantWorkers
from mediaserver.errors import BusError

log = structlog.get_logger()


class Peer(Protocol):
    """What the pool needs of a connection (`mediaserver.bus.unix.Connection`)."""

    def send(self, value: object) -> None:
        """Queue one wire value. Raises `BusError` when the peer is gone."""


@dataclass(eq=False, slots=True)
class Worker:
    """One transcoder process, connected."""

    name: str
    au_socket: Path
    connection: Peer
    lost: bool = False

    def send(self, value: object) -> bool:
        """Tell the worker something; False when it is gone (its loss is reported separately)."""
        try:
            self.connection.send(value)
        except BusError:
            return False
        return True


class WorkerPool:
    """Idle workers, and the count that the supervisor is asked to keep alive."""

    def __init__(self, *, spares: int, want: Callable[[WantWorkers], None]) -> None:
        self._spares = spares
        self._want = want
        self._idle: deque[Worker] = deque()
        self._busy: set[Worker] = set()
        self._waiting: deque[asyncio.Future[Worker]] = deque()

    @property
    def idle(self) -> int:
        """How many workers wait for an epoch."""
        return len(self._idle)

    @property
    def busy(self) -> int:
        """How many workers encode."""
        return len(self._busy)

    def tell_supervisor(self) -> None:
        """Send the wanted count (again)."""
        waiting = sum(not future.done() for future in self._waiting)
        self._want(WantWorkers(count=len(self._busy) + max(self._spares, waiting)))

    def attach_idle(self, worker: Worker) -> None:
        """A worker without an epoch has connected: somebody who waits gets it."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                self._busy.add(worker)
                future.set_result(worker)
                return self.tell_supervisor()
        return self._idle.append(worker)

    def attach_busy(self, worker: Worker) -> None:
        """A worker that has been encoding all the while has found main again."""
        self._busy.add(worker)
        self.tell_supervisor()

    def release(self, worker: Worker) -> None:
        """A reserved worker was not needed after all."""
        self._busy.discard(worker)
        if not worker.lost:
            self.attach_idle(worker)
        self.tell_supervisor()

    def detach(self, worker: Worker) -> None:
        """A worker's connection has ended."""
        worker.lost = True
        self._busy.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        self.tell_supervisor()

    async def acquire(self, *, timeout_s: float) -> Worker:
        """Reserve an idle worker, or the next one to come. Raises `BusError` after `timeout_s`."""
        if self._idle:
            worker = self._idle.popleft()
            self._busy.add(worker)
            self.tell_supervisor()
            return worker
        future: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self.tell_supervisor()
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise BusError("no transcoder worker is free") from None
