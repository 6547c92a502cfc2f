"""A TCP relay that is far away, narrow, and loses things, between a page and its server.

`Line` is the pure core: when a chunk that comes in now goes out. A chunk is delayed by half the
round trip; with the probability that one of its segments is lost it is held for one retransmission
timeout more, and everything after it on that connection with it, as TCP delivers in order. While it
is held nothing else is lost: what is lost in one flight is repaired in one. The same seed gives the
same luck to the same chunks.

`Trouble.bps` makes it narrow, with a queue of `QUEUE_S` before it; `SlowRelay.fall_silent` makes
connections what they are when the network under a phone is another: there, and dead.

Not modelled: congestion windows that a loss makes smaller, repair within
one round trip where enough segments follow (so this is the worse case), loss of acknowledgements,
the round trips of TCP's own handshake and of slow start.
"""

import asyncio
import math
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass

HOST = "127.0.0.1"
SEGMENT_BYTES = 1448
MIN_TIMEOUT_S = 0.2
"""Linux's least retransmission timeout."""
CHUNK_BYTES = 64 * 1024
QUEUE_S = 0.25
"""Of a narrow line: so much may wait in it; then nothing more is read from who sends."""
MAX_CHUNKS = 256
"""Waiting in one direction of a connection; past that no more is read until some are out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How bad the way is."""

    rtt_s: float
    loss: float
    bps: float = math.inf

    @property
    def timeout_s(self) -> float:
        """How long what is lost is missed: RFC 6298 §2 with a steady round trip."""
        return max(MIN_TIMEOUT_S, 2 * self.rtt_s)


CLEAN = Trouble(rtt_s=0.0, loss=0.0)


class Line:
    """One direction of one connection."""

    def __init__(self, luck: random.Random) -> None:
        self._luck = luck
        self._free_at_s = 0.0
        self._held_until_s = 0.0
        self.lost = 0
        self.dead = False
        """Nothing comes out any more, and nobody is told."""

    def due_s(self, now_s: float, size: int, trouble: Trouble) -> float:
        """When `size` bytes that come in at `now_s` go out: never before what came earlier."""
        due_s = now_s + trouble.rtt_s / 2
        segments = math.ceil(size / SEGMENT_BYTES)
        is_lost = self._luck.random() < 1 - (1 - trouble.loss) ** segments
        if is_lost and now_s >= self._held_until_s:
            self.lost += 1
            due_s += trouble.timeout_s
            self._held_until_s = now_s + trouble.timeout_s
        self._free_at_s = max(self._free_at_s, due_s) + 8 * size / trouble.bps
        return self._free_at_s


class SlowRelay:
    """Listens on a port of its own and hands everything on. Use it as an async context manager."""

    def __init__(self, target_port: int, *, seed: int) -> None:
        self.trouble = CLEAN
        """Of what comes in from now on."""
        self.port = 0
        self._target_port = target_port
        self._luck = random.Random(seed)
        self._lines: list[Line] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def lost(self) -> int:
        """How many chunks were lost so far."""
        return sum(line.lost for line in self._lines)

    def fall_silent(self) -> None:
        """Every connection that there is carries nothing any more, and stays open; new ones do."""
        for line in self._lines:
            line.dead = True

    async def __aenter__(self) -> "SlowRelay":
        self._server = await asyncio.start_server(self._take, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await _connect(self._target_port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, far_writer))
                    both.create_task(self._pump(far_reader, writer))
            finally:
                far_writer.close()
        except* OSError:
            pass  # either side is gone, which is how connections end
        finally:
            writer.close()

    def _full_until_s(self, due_s: float) -> float:
        """Until when nothing more is taken, where what was taken last comes out at `due_s`."""
        is_narrow = math.isfinite(self.trouble.bps)
        return due_s - self.trouble.rtt_s / 2 - QUEUE_S if is_narrow else 0.0

    @property
    def _bite(self) -> int:
        """Of a narrow line not more at a time than comes out soon."""
        return int(min(CHUNK_BYTES, max(SEGMENT_BYTES, self.trouble.bps / 8 * QUEUE_S / 4)))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(random.Random(self._luck.random()))
        self._lines.append(line)
        waiting = asyncio.Queue[tuple[float, bytes]](MAX_CHUNKS)
        now_s = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as both:
            both.create_task(_deliver(line, waiting, writer, now_s))
            while chunk := await reader.read(self._bite):
                due_s = line.due_s(now_s(), len(chunk), self.trouble)
                await waiting.put((due_s, chunk))
                await asyncio.sleep(max(0.0, self._full_until_s(due_s) - now_s()))
            await waiting.put((line.due_s(now_s(), 0, self.trouble), b""))


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The kernel's own queue on the way is short: what waits, waits where it is counted."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK_BYTES)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
        return await asyncio.open_connection(sock=sock)
    except OSError:
        sock.close()
        raise


async def _deliver(
    line: Line,
    waiting: asyncio.Queue[tuple[float, bytes]],
    writer: asyncio.StreamWriter,
    now_s: Callable[[], float],
) -> None:
    """Write each chunk when it is due; an empty one is the end."""
    while True:
        due_s, chunk = await waiting.get()
        if (wait_s := due_s - now_s()) > 0:
            await asyncio.sleep(wait_s)
        if line.dead:
            continue
        if not chunk:
            if writer.can_write_eof():
                writer.write_eof()
            return
        writer.write(chunk)
        await writer.drain()
