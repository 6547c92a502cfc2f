"""Main's end of the bus: takes each process that dials, and hands on what it says."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from mediaserver.broadcast.feed import GatewayFeed
from mediaserver.broadcast.health import HealthBoard
from mediaserver.broadcast.ladders import Ladders
from mediaserver.broadcast.show import ShowRunner
from mediaserver.bus.messages import (
    HostMoment,
    PlayheadReports,
    RungsAsked,
    SessionAnswer,
    SessionEvent,
    SessionHealth,
    SessionInfo,
    SessionRefused,
    ViewerCounts,
)
from mediaserver.bus.unix import Connection
from mediaserver.ingest.link import IngestLink
from mediaserver.workers.pool import Worker, WorkerPool
from transcoder.control import (
    CueUnsent,
    EndEpoch,
    Hello,
    Listening,
    Metrics,
    WorkerBusy,
    WorkerIdle,
)
from transcoder.ladder_state import LadderState
from transcoder.stills.values import Still
from transcoder.values import EpochEnd, InitSection, Part

log = structlog.get_logger()


class Hub:
    """Dispatches every message that reaches main, by who sent it."""

    def __init__(
        self,
        *,
        shows: Mapping[str, ShowRunner],
        pool: WorkerPool,
        ingest: IngestLink,
        feed: GatewayFeed,
        ladders: Ladders,
        au_socket: Callable[[str], Path],
        reported: Callable[[PlayheadReports | RungsAsked | ViewerCounts], None],
    ) -> None:
        """`reported` is told what gateways say of their viewers."""
        self._shows = shows
        self._pool = pool
        self._ingest = ingest
        self._feed = feed
        self._ladders = ladders
        self._au_socket = au_socket
        self._reported = reported
        self.metrics: dict[str, bytes] = {}
        """The last metrics of each connected process, in Prometheus text form."""
        self.health = HealthBoard()

    async def accept(self, connection: Connection) -> None:
        """Own one connection until it ends."""
        messages = aiter(connection)
        hello = await anext(messages, None)
        if not isinstance(hello, Hello):
            return
        try:
            if hello.role == "gateway":
                await self._gateway(hello, connection, messages)
            elif hello.role == "ingest":
                await self._ingest_process(hello, connection, messages)
            elif hello.role == "worker":
                await self._worker(hello, connection, messages)
        finally:
            self.metrics.pop(hello.id, None)

    async def _gateway(
        self, hello: Hello, connection: Connection, messages: AsyncIterator[Any]
    ) -> None:
        log.debug("gateway_connected", gateway=hello.id)
        try:
            await self._feed.attach(connection)
            async for message in messages:
                if isinstance(message, PlayheadReports | RungsAsked | ViewerCounts):
                    self._reported(message)
                else:
                    self._keep_metrics(hello, message)
        finally:
            self._feed.detach(connection)

    async def _ingest_process(
        self, hello: Hello, connection: Connection, messages: AsyncIterator[Any]
    ) -> None:
        log.debug("ingest_connected", ingest=hello.id)
        self._ingest.attach(connection)
        try:
            async for message in messages:
                if isinstance(message, SessionAnswer | SessionRefused | HostMoment):
                    self._ingest.replied(message)
                elif isinstance(message, SessionHealth):
                    self.health.heard(message)
                elif isinstance(message, SessionEvent):
                    self.health.session_event(message)
                    for show in self._shows.values():
                        show.session_event(message)
                elif isinstance(message, SessionInfo):
                    self._adopt_session(message)
                else:
                    self._keep_metrics(hello, message)
        finally:
            if self._ingest.detach(connection):
                self.health.clear()
                for show in self._shows.values():
                    show.ingest_lost()

    def _adopt_session(self, info: SessionInfo) -> None:
        show = self._shows.get(info.show)
        if show is None or not show.adopt_session(info):
            self._ingest.close(info.session)

    async def _worker(
        self, hello: Hello, connection: Connection, messages: AsyncIterator[Any]
    ) -> None:
        log.debug("worker_connected", worker=hello.id, pid=hello.pid)
        worker = Worker(name=hello.id, au_socket=self._au_socket(hello.id), connection=connection)
        try:
            async for message in messages:
                if isinstance(message, WorkerIdle):
                    self._pool.attach_idle(worker)
                elif isinstance(message, WorkerBusy):
                    self._adopt_worker(worker, message)
                else:
                    self._worker_said(hello, worker, message)
        finally:
            self._pool.detach(worker)
            self._ladders.lost(worker)
            for show in self._shows.values():
                show.worker_lost(worker)

    def _adopt_worker(self, worker: Worker, busy: WorkerBusy) -> None:
        self._pool.attach_busy(worker)
        show = self._shows.get(busy.show)
        if show is None or not show.adopt_worker(worker, busy.epoch):
            log.info("worker_not_wanted", worker=worker.name, show=busy.show)
            worker.send(EndEpoch(epoch=busy.epoch))

    def _worker_said(self, hello: Hello, worker: Worker, message: Any) -> None:
        if isinstance(message, Part | InitSection | Still | EpochEnd):
            show = self._shows.get(message.show)
            if show is None:
                return
            if isinstance(message, Part):
                show.worker_part(worker, message)
            elif isinstance(message, InitSection | Still):
                show.worker_made(worker, message)
            else:
                show.worker_ended(worker)
        elif isinstance(message, LadderState):
            self._ladders.heard(worker, message, time.monotonic())
        elif isinstance(message, CueUnsent):
            for show in self._shows.values():
                show.cue_unsent(worker, message)
        elif isinstance(message, Listening):
            log.debug("worker_listening", worker=worker.name, epoch=message.epoch)
        else:
            self._keep_metrics(hello, message)

    def _keep_metrics(self, hello: Hello, message: Any) -> None:
        if isinstance(message, Metrics):
            self.metrics[hello.id] = message.text
