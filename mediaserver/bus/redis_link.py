"""A connection to Redis: commands in, plain answers out, every failure a `BusError`.

No command is tried again here: an append whose answer is lost may have been carried out, and only
its writer knows how to find out. `redis` keeps a pool of connections, at most `MAX_CONNECTIONS`;
one more command waits for its turn, within the time limit.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from mediaserver.bus.streams import Entry, entry
from mediaserver.errors import BusError

MAX_CONNECTIONS = 64
TIMEOUT_S = 3.0
"""For an answer, and to connect. A blocking read asks for less."""

Value = str | bytes | int


class RedisLink:
    """One event loop only; `close` it in the end."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """`url` is `redis://`, `rediss://` or `unix://`. It may hold a password: never log it."""
        self.timeout_s = timeout_s
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
        )
        self._password = pool.connection_kwargs.get("password") or ""
        self._client = redis.asyncio.Redis(connection_pool=pool)

    async def call(self, *command: Value) -> Any:
        """The answer to one command. Raises `BusError`."""
        task = asyncio.current_task()
        cancelled = 0 if task is None else task.cancelling()
        answer: Any = None
        failure: str | None = None
        try:
            answer = await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except Exception as exc:
            # Any kind: the client trips over answers of a wrong shape, uvloop raises RuntimeError
            # for a connection that was lost between its making and the first write.
            failure = self._told(exc)
        if task is not None and task.cancelling() > cancelled:
            # The client uses `asyncio.wait_for`, which in Python 3.11 forgets a cancellation that
            # comes together with what was waited for (cpython#86296), be it a failure.
            raise asyncio.CancelledError
        if failure is not None:
            raise BusError(f"Redis does not answer: {failure}")
        return answer

    async def run(self, script: str, keys: Sequence[str], *arguments: Value) -> Any:
        """The answer of a script. Raises `BusError`."""
        return await self.call("EVAL", script, len(keys), *keys, *arguments)

    async def read(
        self, positions: Mapping[str, str], *, count: int, block_ms: int
    ) -> list[tuple[str, list[Entry]]]:
        """Entries after these ids, of each stream at most `count`; waits for the first one at most
        `block_ms`, or not at all. What is no entry of ours is passed over. Raises `BusError`."""
        blocking = ("BLOCK", block_ms) if block_ms else ()
        answer = await self.call(
            "XREAD", "COUNT", count, *blocking, "STREAMS", *positions, *positions.values()
        )
        try:
            return [(stream.decode(), _entries(found)) for stream, found in answer]
        except (TypeError, ValueError, AttributeError) as exc:
            raise BusError(f"Redis gave no streams: {type(exc).__name__}") from None

    async def newest(self, stream: str) -> Entry | None:
        """The last entry of a stream. Raises `BusError`."""
        answer = await self.call("XREVRANGE", stream, "+", "-", "COUNT", 1)
        try:
            found = _entries(answer)
        except (TypeError, ValueError, AttributeError) as exc:
            raise BusError(f"Redis gave no entries: {type(exc).__name__}") from None
        return found[0] if found else None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    def _told(self, exc: Exception) -> str:
        """A failure in words. Redis repeats commands that it does not know, were it AUTH."""
        if not isinstance(exc, RedisError | OSError | RuntimeError):
            return type(exc).__name__
        text = str(exc)
        return text.replace(self._password, "…") if self._password else text


def _entries(found: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[Entry]:
    entries = []
    for raw_id, raw in found:
        try:
            entries.append(entry(raw_id, raw))
        except ValueError:
            entries.append(Entry(id=raw_id.decode(), data=b"", at_ms=0))
    return entries
