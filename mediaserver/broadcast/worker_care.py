"""The transcoder workers of one show: reserved for a publish, employed, replaced when they die."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from mediaserver.broadcast.run import EpochRun
from mediaserver.errors import BusError, PublishRefused
from mediaserver.workers.pool import Worker, WorkerPool

WORKER_WAIT_S = 5.0
"""How long a publish waits for a worker: a spare is there at once, a new one takes about 2 s."""
ADOPT_WAIT_S = 3.0
"""After main's restart: how long a worker and a publish may take to dial in again."""
MAX_WORKER_DEATHS = 5
DEATHS_WITHIN_S = 60.0
"""A publish that kills this many workers in this time is taken off air."""

log = structlog.get_logger()


class WorkerCare:
    """Keeps an epoch in workers. `employed` is told when a replacement has begun, `lost` of a
    worker that was gone before it began; `give_up` is awaited, with the reason, when there is to be
    none."""

    def __init__(
        self,
        *,
        show: str,
        pool: WorkerPool,
        employed: Callable[[EpochRun], None],
        lost: Callable[[Worker], None],
        give_up: Callable[[str], Awaitable[None]],
    ) -> None:
        self._show = show
        self._pool = pool
        self._employed = employed
        self._lost = lost
        self._give_up = give_up
        self._deaths: deque[float] = deque(maxlen=MAX_WORKER_DEATHS)

    async def reserved(self, epoch: EpochRun) -> Worker:
        """The worker of the epoch, or one to employ or release. Raises `PublishRefused`."""
        if epoch.worker is not None:
            return epoch.worker
        try:
            return await self._pool.acquire(timeout_s=WORKER_WAIT_S)
        except BusError:
            raise PublishRefused(
                503, "no_transcoder", "Every transcoder is busy; try again in a moment."
            ) from None

    def release(self, epoch: EpochRun, worker: Worker) -> None:
        """A reserved worker is not needed after all."""
        if epoch.worker is not worker:
            self._pool.release(worker)

    def employ(self, epoch: EpochRun, worker: Worker) -> bool:
        """Let a reserved worker encode the epoch; False when another one does already."""
        if epoch.worker is not None and epoch.worker is not worker:
            self._pool.release(worker)
            return False
        if epoch.worker is None and not epoch.start(worker):
            self._lost(worker)
        return True

    def died(self) -> None:
        """A worker of the show has died on air."""
        self._deaths.append(time.monotonic())

    async def replace(self, epoch: EpochRun) -> None:
        """Bring another worker, unless this publish has killed too many."""
        now = time.monotonic()
        if len(self._deaths) == MAX_WORKER_DEATHS and now - self._deaths[0] < DEATHS_WITHIN_S:
            log.error("publish_kills_workers", show=self._show)
            await self._give_up("its media could not be transcoded")
            return
        try:
            worker = await self._pool.acquire(timeout_s=DEATHS_WITHIN_S)
        except BusError as exc:
            log.error("no_worker", show=self._show, reason=str(exc))
            await self._give_up("no transcoder was free")
            return
        if epoch.ending or epoch.ended:
            self._pool.release(worker)
        else:
            self.employ(epoch, worker)
            self._employed(epoch)

    async def ensure(self, epoch: EpochRun) -> None:
        """After main's restart: bring one where the old one has not dialled in."""
        await asyncio.sleep(ADOPT_WAIT_S)
        if epoch.worker is None and not (epoch.ending or epoch.ended):
            await self.replace(epoch)
