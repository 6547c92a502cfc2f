"""Where main has pictures made: uploads at once, those of an import one after the other later.

Each picture is a child process with bounded memory and time; at most `MAX_AT_ONCE` run. The queue
of products with pictures to fetch holds `MAX_WAITING`; what does not fit, or is left when the
server stops, stays at the merchant's address, which works as well, and is fetched by the next
import.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgpack
import structlog

from mediaserver.errors import RequestRefused
from mediaserver.pictures.limits import MAX_BYTES
from mediaserver.pictures.store import PictureStore
from overlay.errors import InvalidInput, ShopError, StoreUnavailable
from overlay.outgoing import Outgoing, OutgoingFailed

log = structlog.get_logger()

MAX_AT_ONCE = 2
MAX_WAITING = 2000
SHRINK_TIMEOUT_S = 20.0
MAX_FILES_BYTES = 16 * 1024 * 1024
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A product's pictures that are still at the merchant's."""

    show: str
    product: str
    sources: tuple[str, ...]


Settle = Callable[[Wanted, Mapping[str, str]], Awaitable[None]]
"""Have the product name these addresses here, by those they were fetched from: all of a product's
at once, because viewers are told of each change. Raises `ShopError`."""


class PictureDesk:
    """Makes pictures. `start` it for those of imports, `close` it in the end."""

    def __init__(self, *, store: PictureStore, outgoing: Outgoing) -> None:
        self.store = store
        self._outgoing = outgoing
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._queue: asyncio.Queue[Wanted] = asyncio.Queue(MAX_WAITING)
        self._task: asyncio.Task[None] | None = None

    def start(self, settle: Settle) -> None:
        """Begin with what is wanted; `settle` is told of each that is here."""
        self._task = asyncio.ensure_future(self._work(settle))

    async def close(self) -> None:
        """Stop; what is still wanted stays where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing is wanted."""
        await self._queue.join()

    def want(self, wanted: Wanted) -> bool:
        """Fetch it when its turn comes; False where too many wait already."""
        try:
            self._queue.put_nowait(wanted)
        except asyncio.QueueFull:
            log.warning("picture_not_queued", show=wanted.show, product=wanted.product)
            return False
        return True

    async def keep(self, content: bytes, *, source: str | None = None) -> str:
        """Make it ours: its address. Raises `InvalidInput`, `StoreUnavailable`."""
        async with self._slots:
            files = await _shrunk(content)
        try:
            return await asyncio.to_thread(self.store.add, files, source=source)
        except OSError as exc:
            raise StoreUnavailable(f"The picture cannot be kept: {exc.strerror}.") from None

    async def fetch(self, source: str) -> str:
        """The address here of the picture at `source`, fetched if it is not here yet.

        Raises `InvalidInput`, `OutgoingFailed`, `StoreUnavailable`.
        """
        known = self.store.local(source)
        if known is not None:
            return known
        reply = await self._outgoing.request("GET", source, max_bytes=MAX_BYTES)
        if reply.status != 200:
            raise OutgoingFailed(f"There is no picture: status {reply.status}.")
        return await self.keep(reply.body, source=source)

    async def _work(self, settle: Settle) -> None:
        while True:
            wanted = await self._queue.get()
            try:
                here = await self._fetched(wanted)
                if here:
                    await settle(wanted, here)
            except (ShopError, RequestRefused) as exc:
                _unsettled(wanted, exc)
            except Exception:
                log.exception("picture_failed", show=wanted.show, product=wanted.product)
            finally:
                self._queue.task_done()

    async def _fetched(self, wanted: Wanted) -> dict[str, str]:
        """Those that could be had."""
        here: dict[str, str] = {}
        for source in wanted.sources:
            try:
                here[source] = await self.fetch(source)
            except ShopError as exc:
                _unsettled(wanted, exc)
        return here


def _unsettled(wanted: Wanted, reason: Exception) -> None:
    log.warning(
        "picture_not_fetched",
        show=wanted.show,
        product=wanted.product,
        reason=str(reason)[:200],
    )


async def _shrunk(content: bytes) -> dict[str, bytes]:
    """By a child that inherits nothing. Raises `InvalidInput`."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "mediaserver.pictures.shrink",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath},
        cwd="/",
    )
    try:
        async with asyncio.timeout(SHRINK_TIMEOUT_S):
            said = await _converse(child, content)
            await child.wait()
    except TimeoutError:
        raise InvalidInput("The picture takes too long to decode.", field="picture") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return _files(said)


async def _converse(child: asyncio.subprocess.Process, content: bytes) -> bytes:
    """What the child says to the picture, within `MAX_FILES_BYTES`; it listens first."""
    assert child.stdin is not None  # noqa: S101 - both are pipes, `_shrunk` made them so
    assert child.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(content)
        await child.stdin.drain()
    child.stdin.close()
    said = bytearray()
    while len(said) <= MAX_FILES_BYTES and (chunk := await child.stdout.read(_READ_BYTES)):
        said += chunk
    return bytes(said[:MAX_FILES_BYTES])


def _files(said: bytes) -> dict[str, bytes]:
    try:
        answer: Any = msgpack.unpackb(said)
    except ValueError:
        raise InvalidInput("The picture cannot be decoded.", field="picture") from None
    if "refused" in answer:
        raise InvalidInput(str(answer["refused"]), field="picture")
    return {str(name): bytes(content) for name, content in answer["files"].items()}
