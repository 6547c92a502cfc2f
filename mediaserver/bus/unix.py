"""The Unix-socket engine of the bus: framed wire values over asyncio streams.

`Connection.send` never waits: what the peer does not take is queued up to `max_buffer_bytes`, and
past that the connection is aborted. A stalled process is so cut off instead of stalling others; it
dials again and is brought up to date.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from mediaserver.errors import BusError
from transcoder.errors import WireError
from transcoder.wire import Deframer, frame

log = structlog.get_logger()

DIAL_RETRY_S = 0.1
MAX_BUFFER_BYTES = 64 * 1024 * 1024
"""Room for the windows of a node's shows, which a gateway is sent when it dials."""
_READ_BYTES = 256 * 1024


class Connection:
    """One peer process. Iterate it for its messages; the iteration ends when the peer is gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        max_buffer_bytes: int = MAX_BUFFER_BYTES,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._max_buffer_bytes = max_buffer_bytes
        self._deframer = Deframer()

    @property
    def closed(self) -> bool:
        """True once either side has closed or been cut off."""
        return self._writer.transport.is_closing()

    def send(self, value: object) -> None:
        """Queue one wire value. Raises `BusError` when the peer is gone or hopelessly behind."""
        self.send_framed(frame(value))

    def send_framed(self, data: bytes) -> None:
        """Queue bytes made once with `transcoder.wire.frame`, for many receivers."""
        transport = self._writer.transport
        if transport.is_closing():
            raise BusError("the peer process has closed its connection")
        if transport.get_write_buffer_size() > self._max_buffer_bytes:
            transport.abort()
            raise BusError(f"the peer process left {self._max_buffer_bytes} bytes unread")
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was queued."""
        try:
            await self._writer.drain()
        except ConnectionError as exc:
            raise BusError("the peer process has closed its connection") from exc

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while data := await self._reader.read(_READ_BYTES):
                for value in self._deframer.feed(data):
                    yield value
        except ConnectionError:
            return
        except WireError as exc:
            log.error("bus_message_refused", error=str(exc))
            self._writer.transport.abort()

    def abort(self) -> None:
        """Cut the connection at once."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Send what is queued and close."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


Handler = Callable[[Connection], Awaitable[None]]


async def serve(path: Path, handler: Handler) -> asyncio.Server:
    """Listen on `path` (mode 0600); `handler` owns a connection, which closes when it returns."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        try:
            await handler(connection)
        except BusError as exc:
            log.info("bus_peer_lost", error=str(exc))
        except asyncio.CancelledError:
            pass  # the process stops; Python 3.11's streams would log the cancelled task as a fault
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await connection.close()

    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(accept, path=str(path))
    path.chmod(0o600)
    return server


async def dial(path: Path | str, *, timeout_s: float = 5.0) -> Connection:
    """Connect to `path`, trying again while nobody listens there. Raises `BusError` in the end."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _dial(path, MAX_BUFFER_BYTES)
    except TimeoutError as exc:
        raise BusError(f"nobody listens at {Path(path).name}") from exc


async def dial_forever(
    path: Path | str, handler: Handler, *, max_buffer_bytes: int = MAX_BUFFER_BYTES
) -> None:
    """Keep a connection to `path`: `handler` owns it; when that returns or fails, dial again."""
    while True:
        connection = await _dial(path, max_buffer_bytes)
        try:
            await handler(connection)
        except BusError as exc:
            log.info("bus_peer_lost", error=str(exc))
        finally:
            await connection.close()
        await asyncio.sleep(DIAL_RETRY_S)


async def _dial(path: Path | str, max_buffer_bytes: int) -> Connection:
    while True:
        try:
            streams = await asyncio.open_unix_connection(str(path))
        except OSError:  # nobody listens, or there is no descriptor left: either passes
            await asyncio.sleep(DIAL_RETRY_S)
        else:
            return Connection(*streams, max_buffer_bytes=max_buffer_bytes)
