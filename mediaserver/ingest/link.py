"""Main's side of the ingest process: asks it to answer offers, hears how its sessions fare."""

import asyncio
import itertools
from dataclasses import replace
from typing import Any

from mediaserver.bus.messages import (
    AskHostMoment,
    CloseSession,
    HostMoment,
    OpenSession,
    RouteSession,
    SessionAnswer,
    SessionRefused,
)
from mediaserver.bus.unix import Connection
from mediaserver.errors import BusError, PublishRefused

ANSWER_TIMEOUT_S = 8.0
MOMENT_TIMEOUT_S = 0.5
"""A host waits for the card; the time of arrival is at hand."""

AWAY = "The ingest process is restarting; try again in a moment."


class IngestLink:
    """At most one connection to the ingest process of this node."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._requests = itertools.count(1)
        self._pending: dict[int, asyncio.Future[SessionAnswer | SessionRefused]] = {}
        self._asked: dict[int, asyncio.Future[int | None]] = {}

    @property
    def connected(self) -> bool:
        """Whether offers can be answered now."""
        return self._connection is not None and not self._connection.closed

    def attach(self, connection: Connection) -> None:
        """The ingest process has dialled; it replaces an earlier connection."""
        self._connection = connection

    def detach(self, connection: Connection) -> bool:
        """The connection has ended: who waits for an answer is told. False for a replaced one."""
        if self._connection is not connection:
            return False
        self._connection = None
        for future in self._pending.values():
            if not future.done():
                future.set_exception(PublishRefused(503, "ingest_away", AWAY))
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(None)
        return True

    async def open(self, offer: OpenSession) -> str:
        """The SDP answer to `offer` (its `request` is set here). Raises `PublishRefused`."""
        request = next(self._requests)
        future: asyncio.Future[SessionAnswer | SessionRefused] = (
            asyncio.get_running_loop().create_future()
        )
        self._pending[request] = future
        try:
            self._send(replace(offer, request=request))
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reply = await future
        except (BusError, TimeoutError):
            raise PublishRefused(503, "ingest_away", AWAY) from None
        finally:
            del self._pending[request]
        if isinstance(reply, SessionRefused):
            raise PublishRefused(reply.status, reply.code, reply.message)
        return reply.answer

    async def host_moment(self, session: str, host_utc_us: int) -> int | None:
        """The tick captured when the host's clock read this; None where ingest cannot say so."""
        request = next(self._requests)
        future: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._asked[request] = future
        try:
            self._send(AskHostMoment(request=request, session=session, host_utc_us=host_utc_us))
            async with asyncio.timeout(MOMENT_TIMEOUT_S):
                return await future
        except (BusError, TimeoutError):
            return None
        finally:
            del self._asked[request]

    def close(self, session: str) -> None:
        """End a session, if ingest is there to do so."""
        self._tell(CloseSession(session=session))

    def route(self, session: str, au_socket: str) -> None:
        """Send a session's access units to another worker."""
        self._tell(RouteSession(session=session, au_socket=au_socket))

    def replied(self, reply: SessionAnswer | SessionRefused | HostMoment) -> None:
        """An answer has come; one that nobody waits for any more is dropped."""
        if isinstance(reply, HostMoment):
            asked = self._asked.get(reply.request)
            if asked is not None and not asked.done():
                asked.set_result(reply.pts)
            return
        future = self._pending.get(reply.request)
        if future is not None and not future.done():
            future.set_result(reply)

    def _tell(self, value: Any) -> None:
        try:
            self._send(value)
        except BusError:
            return

    def _send(self, value: Any) -> None:
        if self._connection is None:
            raise BusError("the ingest process is away")
        self._connection.send(value)
