"""A session's way to its transcoder worker: access units over the worker's Unix socket.

Owned by a session from its opening to its end. The socket may vanish and come back, or the session
may be routed to another worker's: what falls between is dropped and counted, the new connection
begins with `SourceStart`, and a keyframe is wished for. Nothing here ever waits for the worker: a
connection that has left its buffer's bound unread is cut (`mediaserver.bus.unix`).
"""

import asyncio
import contextlib
from collections.abc import Callable

from mediaserver.bus.unix import Connection, dial_forever
from mediaserver.errors import BusError
from transcoder.control import KeyframeRequest, SourceEnd, SourceStart
from transcoder.values import AccessUnit, Anchor

_CLOSE_TIMEOUT_S = 1.0
_MAX_BUFFER_BYTES = 4 * 1024 * 1024
"""About eight seconds of a fast publish: a worker that far behind is of no use to anybody."""


class Outlet:
    """Where one source's access units go. `wish_keyframe` is called when the worker needs one."""

    def __init__(
        self, path: str, *, epoch: str, source: int, wish_keyframe: Callable[[], None]
    ) -> None:
        self._path = path
        self._epoch = epoch
        self._source = source
        self._wish_keyframe = wish_keyframe
        self._anchor: Anchor | None = None
        self._connection: Connection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        """The last one dials; the ones before are letting go of an earlier worker."""
        self.sent = 0
        self.dropped = 0
        """Access units for which there was no worker."""

    def start(self) -> None:
        """Begin to dial."""
        self._tasks = [task for task in self._tasks if not task.done()]
        dialling = dial_forever(self._path, self._serve, max_buffer_bytes=_MAX_BUFFER_BYTES)
        self._tasks.append(asyncio.create_task(dialling))

    def route(self, path: str) -> None:
        """From now on, send to the worker at `path`."""
        for task in self._tasks:
            task.cancel()
        self._connection = None
        self._path = path
        self.start()

    def send(self, unit: AccessUnit, anchor: Anchor) -> None:
        """Send an access unit of an epoch that begins at `anchor`, or drop it."""
        try:
            if self._connection is None:
                raise BusError("there is no worker")
            if self._anchor is None:
                self._anchor = anchor
                self._greet(self._connection, anchor)
            self._connection.send(unit)
        except BusError:
            self._anchor = anchor
            self.dropped += 1
        else:
            self.sent += 1

    async def close(self) -> None:
        """Tell the worker that the source has ended; returns within a second or two."""
        if self._connection is not None and self._anchor is not None:
            with contextlib.suppress(BusError):
                self._connection.send(SourceEnd(source=self._source))
        await self._stop()

    async def _serve(self, connection: Connection) -> None:
        if self._anchor is not None:
            self._greet(connection, self._anchor)
        self._connection = connection
        self._wish_keyframe()
        try:
            async for message in connection:
                if isinstance(message, KeyframeRequest) and message.source == self._source:
                    self._wish_keyframe()
        finally:
            if self._connection is connection:
                self._connection = None

    def _greet(self, connection: Connection, anchor: Anchor) -> None:
        connection.send(SourceStart(epoch=self._epoch, source=self._source, anchor=anchor))

    async def _stop(self) -> None:
        # Cancelled, a connection first sends what is queued; cancelled again, it does not.
        while waiting := {task for task in self._tasks if not task.done()}:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting, timeout=_CLOSE_TIMEOUT_S)
