"""One piece of the bench: a server, a crowd, and what the crowd cost the server.

CPU is the server's own, by the scheduler's clock, over the seconds measured, and includes what it
needs for the show itself: the bus, and rendering. Interference is what anything but server,
generator and feeder has used of the machine meanwhile. The two cores are meant to be busy then, so
the idle share is taken before the crowd comes.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.fanout import build, load, servers
from bench.fanout.air import Air
from bench.fanout.load import Crowd, Result
from bench.fanout.processes import cpu_s, machine_busy_s, rss_kb
from bench.fanout.servers import Kind, Running
from bench.machine import CpuTimes

OPEN_DOOR: dict[str, Any] = {
    "max_connections": 18_000,
    "connections_per_address": 20_000,
    "max_load": 1.0,
}
"""For ours: the bench looks for the breaking point that admission is there to avoid."""

_IDLE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is to be measured."""

    what: str
    """Which claim it belongs to."""
    kind: Kind
    crowd: Crowd
    air: Air
    seconds: float = 6.0
    settle_s: float = 1.0
    drain_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was measured."""

    piece: Piece
    result: Result
    server_cpu_s: float
    seconds: float
    """Between the two readings of the clocks."""
    feeder_cpu_s: float
    idle_share: float
    """Of the machine, just before the crowd came."""
    interference: float
    """Share of the machine that others used while it was measured."""
    rss_kb_per_viewer: float
    rss_kb: int

    @property
    def us_per_part(self) -> float:
        """CPU of the server for each viewer and part, in microseconds."""
        return self.server_cpu_s * 1e6 / self.result.parts if self.result.parts else float("inf")

    @property
    def core_share(self) -> float:
        """Of one core, the server's use."""
        return self.server_cpu_s / self.seconds

    @property
    def expected_parts(self) -> float:
        """How many parts the crowd's viewers should have had in that time."""
        crowd = self.piece.crowd
        return (crowd.pull + crowd.poll + crowd.push) * self.seconds / self.piece.air.part_s

    @property
    def held(self) -> bool:
        """Whether every viewer had every part, 99 % of them before the next one was due."""
        delivery, crowd = self.result.delivery, self.piece.crowd
        watching = crowd.pull + crowd.poll + crowd.push
        in_time = delivery is None or delivery.p99 < self.piece.air.part_s * 1000
        whole = watching == 0 or (
            delivery is not None and self.result.parts >= 0.97 * self.expected_parts
        )
        no_skips = not self.result.counts["skipped"]
        everyone = self.result.connected >= crowd.viewers and not self.result.errors
        return in_time and whole and everyone and no_skips


class _Clocks:
    """Readings at the beginning and the end of what is measured."""

    def __init__(self, server: Running) -> None:
        self._pid = server.pid
        self.server: list[float] = []
        self.own: list[float] = []
        self.wall: list[float] = []
        self.machine: list[CpuTimes] = []
        self.rss_kb = 0

    def read(self, moment: str) -> None:
        """The generator says that the moment has come."""
        self.server.append(cpu_s(self._pid))
        self.own.append(time.process_time())
        self.wall.append(time.monotonic())
        self.machine.append(CpuTimes.now())
        if moment == "measured":
            self.rss_kb = rss_kb(self._pid)


async def play(piece: Piece, *, programs: Path, settings: dict[str, Any] | None = None) -> Outcome:
    """Start the server, measure, stop it. Raises `RuntimeError` where a program fails."""
    wanted = OPEN_DOOR if settings is None else settings
    async with servers.running(piece.kind, piece.air, programs=programs, settings=wanted) as server:
        return await measure(piece, server, programs=programs)


async def measure(piece: Piece, server: Running, *, programs: Path) -> Outcome:
    """One piece on a server that is running."""
    before = CpuTimes.now()
    await asyncio.sleep(_IDLE_S)
    idle_share = before.idle_share_until(CpuTimes.now())
    empty_kb = rss_kb(server.pid)
    clocks = _Clocks(server)
    result = await load.run(
        build.load(programs),
        port=server.port,
        crowd=piece.crowd,
        seconds=piece.seconds,
        settle_s=piece.settle_s,
        drain_s=piece.drain_s,
        at=clocks.read,
    )
    wall_s = clocks.wall[1] - clocks.wall[0]
    server_cpu_s = clocks.server[1] - clocks.server[0]
    own_cpu_s = clocks.own[1] - clocks.own[0]
    busy_s = machine_busy_s(*clocks.machine)
    others_s = busy_s - server_cpu_s - own_cpu_s - result.cpu_s
    return Outcome(
        piece=piece,
        result=result,
        server_cpu_s=server_cpu_s,
        seconds=wall_s,
        feeder_cpu_s=own_cpu_s,
        idle_share=idle_share,
        interference=max(0.0, others_s / (wall_s * (os.cpu_count() or 1))),
        rss_kb_per_viewer=(clocks.rss_kb - empty_kb) / max(1, piece.crowd.viewers),
        rss_kb=clocks.rss_kb,
    )
