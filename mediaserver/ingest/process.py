"""The ingest process: strangers' UDP on one side, main and the workers on the other.

It holds no shop and no HTTP, so nothing but media delays media. main's connection may come and go:
sessions and their access units do not depend on it, and main is told of them when it is back.
"""

import asyncio
import itertools
import os
import time
from pathlib import Path

import structlog

from mediaserver.bus.messages import (
    AskHostMoment,
    CloseSession,
    HostMoment,
    Metrics,
    OpenSession,
    RouteSession,
    SessionAnswer,
    SessionEvent,
    SessionRefused,
)
from mediaserver.bus.unix import Connection, dial_forever
from mediaserver.config import WebRtcConfig
from mediaserver.errors import BusError, PublishRefused
from mediaserver.ingest.health import LOOK_INTERVAL_S, HealthDesk
from mediaserver.ingest.metrics import IngestMetrics
from mediaserver.ingest.offer import read_offer
from mediaserver.ingest.selftest import check_internals
from mediaserver.ingest.session import Session
from mediaserver.ingest.udp import UdpPort
from transcoder.control import Hello

log = structlog.get_logger()

METRICS_EVERY_LOOKS = 5


async def run(*, bus_path: Path, settings: WebRtcConfig, ingest_id: str) -> None:
    """Be the ingest process until cancelled. Raises `StartError` when it cannot start."""
    await check_internals()
    port = await UdpPort.open(settings.host, settings.port, settings.advertise)
    log.info("ingest_started", port=port.port, candidates=[c.host for c in port.candidates()])
    ingest = Ingest(port=port, settings=settings, ingest_id=ingest_id)
    try:
        await dial_forever(bus_path, ingest.serve_main)
    finally:
        await ingest.close()
        await port.close()
        log.info("ingest_stopped")


class Ingest:
    """The sessions of this process and the conversation with main."""

    def __init__(self, *, port: UdpPort, settings: WebRtcConfig, ingest_id: str) -> None:
        self._port = port
        self._settings = settings
        self._id = ingest_id
        self._sessions: dict[str, Session] = {}
        self._main: Connection | None = None
        self._metrics = IngestMetrics()
        self._health = HealthDesk()

    async def serve_main(self, connection: Connection) -> None:
        """Introduce ourselves and the live sessions, then do what main asks until it is gone."""
        connection.send(Hello(role="ingest", id=self._id, pid=os.getpid()))
        for session in self._sessions.values():
            connection.send(session.info())
        self._main = connection
        reporting = asyncio.create_task(self._report_metrics(connection))
        try:
            async for message in connection:
                await self._obey(message)
        finally:
            self._main = None
            reporting.cancel()
            await asyncio.wait({reporting})

    async def close(self) -> None:
        """End every session."""
        sessions = list(self._sessions.values())
        await asyncio.gather(*(session.close("the server stops") for session in sessions))

    async def _obey(self, message: object) -> None:
        if isinstance(message, OpenSession):
            self._reply(await self._opened(message))
        elif isinstance(message, CloseSession):
            session = self._sessions.get(message.session)
            if session is not None:
                session.end("the session was ended")
        elif isinstance(message, RouteSession):
            session = self._sessions.get(message.session)
            if session is not None:
                session.route(message.au_socket)
        elif isinstance(message, AskHostMoment):
            session = self._sessions.get(message.session)
            pts = None if session is None else session.host_moment(message.host_utc_us)
            self._reply(HostMoment(request=message.request, pts=pts))

    async def _opened(self, order: OpenSession) -> SessionAnswer | SessionRefused:
        try:
            return SessionAnswer(request=order.request, answer=await self._open(order))
        except PublishRefused as refusal:
            log.info("session_refused", show=order.show, code=refusal.code, reason=str(refusal))
            return SessionRefused(
                request=order.request,
                status=refusal.status,
                code=refusal.code,
                message=str(refusal),
            )
        except Exception:
            # One offer's surprise must not cost the other sessions their line to main.
            log.exception("session_open_failed", show=order.show)
            return SessionRefused(
                request=order.request,
                status=500,
                code="ingest_failed",
                message="This offer could not be answered; the server's log says why.",
            )

    async def _open(self, order: OpenSession) -> str:
        if order.session in self._sessions:
            raise PublishRefused(409, "session_exists", "This session is open already.")
        if len(self._sessions) >= self._settings.max_sessions:
            raise PublishRefused(
                503,
                "ingest_full",
                f"This server takes {self._settings.max_sessions} publishes at once, and has them.",
            )
        offer = read_offer(order.offer)
        session = Session(
            order, offer, port=self._port, settings=self._settings, report=self._heard
        )
        answer = await session.open()
        self._sessions[order.session] = session
        return answer

    def _heard(self, event: SessionEvent) -> None:
        if event.state == "closed":
            self._sessions.pop(event.session, None)
        self._reply(event)

    def _reply(self, value: object) -> None:
        """Tell main; when it is away, it will hear of the sessions when it is back."""
        if self._main is None:
            return
        try:
            self._main.send(value)
        except BusError as exc:
            log.info("bus_peer_lost", error=str(exc))

    async def _report_metrics(self, connection: Connection) -> None:
        """The health of every publish each second; the page of figures, which costs more, rarer."""
        looks = itertools.count()
        while not connection.closed:
            figures = [session.figures() for session in self._sessions.values()]
            health = self._health.look(figures, time.monotonic())
            for each in health:
                self._reply(each)
            if next(looks) % METRICS_EVERY_LOOKS == 0:
                self._metrics.update(figures, health, self._port.dropped)
                self._metrics.show_tasks(len(asyncio.all_tasks()))
                self._reply(Metrics(text=self._metrics.text()))
            await asyncio.sleep(LOOK_INTERVAL_S)
