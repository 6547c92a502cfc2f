"""Plays main: gives the show to whoever dials, at its exact times. Lives in the bench's process.

The gateway dials the bus, where it is sent what main would send: status, log, init sections and a
whole window, then a step of all renditions at a time. Peers dial `steps` and get finished bytes. A
static server dials nothing: its folder is filled.
"""

import asyncio
import contextlib
import time
from pathlib import Path

from bench.fanout.air import WATCHED, WINDOW_S, Air, Show, Steps
from mediaserver.bus.messages import Metrics, Replay
from mediaserver.bus.unix import Connection, serve
from mediaserver.errors import BusError
from transcoder.values import Part

_KEPT_FILES = 64


class Feeder:
    """On air from `__aenter__` to `__aexit__`."""

    def __init__(self, air: Air, *, bus: Path, steps: Path, static: Path | None = None) -> None:
        self._air = air
        self._bus_path, self._steps_path, self._static = bus, steps, static
        now_ns = time.monotonic_ns()
        self._show = Show(
            air, begin_ns=now_ns - WINDOW_S * 1_000_000_000, utc_us=time.time_ns() // 1000
        )
        self._steps = Steps(air)
        self._window: list[Part] = []
        self._last_step = b""
        self._gateways: set[Connection] = set()
        self._peers: set[asyncio.StreamWriter] = set()
        self.dialled = asyncio.Event()
        """Set once a server has been given the window."""
        self.metrics = b""
        """What our gateway reported last."""

    async def __aenter__(self) -> "Feeder":
        while self._show.due_ns <= time.monotonic_ns():
            self._step(self._show.due_ns)
        self._bus = await serve(self._bus_path, self._gateway)
        self._peer_server = await asyncio.start_unix_server(self._peer, path=str(self._steps_path))
        self._airing = asyncio.create_task(self._air_it())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._airing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._airing
        for server in (self._bus, self._peer_server):
            server.close()
        for gateway in self._gateways:
            gateway.abort()
        for peer in self._peers:
            peer.transport.abort()

    async def _air_it(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(max(0, self._show.due_ns - time.monotonic_ns()) / 1e9)
            self._step(time.monotonic_ns())
            count += 1
            if self._air.cue_every and count % self._air.cue_every == 0:
                if not self._air.cue_after_part:
                    await asyncio.sleep(self._air.part_s / 2)
                self._send(self._show.cue(time.monotonic_ns()))

    def say_cue(self) -> None:
        """A cue, now."""
        self._send(self._show.cue(time.monotonic_ns()))

    def _step(self, now_ns: int) -> None:
        made = self._show.step(now_ns)
        self._window = [*self._window, *made][-3 * round(WINDOW_S / self._air.part_s) :]
        for part in made:
            self._send(part)
        watched = next(part for part in made if part.rendition == WATCHED)
        self._last_step = self._steps.step(watched)
        for peer in self._peers:
            peer.write(self._last_step)
        if self._static is not None:
            _write_files(self._static, watched, self._steps.playlist())

    def _send(self, message: object) -> None:
        for gateway in tuple(self._gateways):
            with contextlib.suppress(BusError):
                gateway.send(message)

    async def _gateway(self, connection: Connection) -> None:
        head = [Replay(done=False), self._show.status(), self._show.snapshot(), *self._show.inits()]
        for message in (*head, *self._window, Replay(done=True)):
            connection.send(message)
        self._gateways.add(connection)
        self.dialled.set()
        async for message in connection:
            if isinstance(message, Metrics):
                self.metrics = message.text
        self._gateways.discard(connection)

    async def _peer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._last_step)
        self._peers.add(writer)
        self.dialled.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        self._peers.discard(writer)
        writer.close()


def _write_files(folder: Path, part: Part, playlist: str) -> None:
    """As a static server would be given them: the part is there before the playlist says so."""
    (folder / f"part-{part.number}.m4s").write_bytes(part.data)
    fresh = folder / "media.m3u8.new"
    fresh.write_text(playlist, encoding="ascii")
    fresh.rename(folder / "media.m3u8")
    (folder / f"part-{part.number - _KEPT_FILES}.m4s").unlink(missing_ok=True)
