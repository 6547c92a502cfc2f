"""One way of transcoding, with one show more each time, until the machine does not hold it."""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.arrivals import Arrival, Listener
from bench.hls import HlsClient
from bench.ingest.cpu import cpu_ns
from bench.machine import CpuTimes
from bench.node import Node, NodeError
from bench.polling import eventually
from bench.report import percentile
from bench.streams.publishers import FilmPublisher
from bench.streams.where import Spent, by_library, server_cores

ALLOWED_LATE_SHARE = 0.001
"""One part in a thousand may be later than a part is long."""
ON_AIR_TIMEOUT_S = 30.0
QUIET_S = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many shows, and for how long each number is looked at."""

    first: int
    most: int
    settle_s: float
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a number of shows came to."""

    shows: int
    parts: int
    late: int
    missed: int
    """Parts that a viewer was never told of, requests that failed, and publishers that ended."""
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    cores: dict[str, float]
    publishers_cores: float
    idle_share: float

    @property
    def held(self) -> bool:
        """Whether the machine holds so many."""
        return not self.missed and self.late <= ALLOWED_LATE_SHARE * self.parts

    @property
    def core_per_show(self) -> float:
        """All processes of the server; neither publishers nor viewers."""
        return server_cores(self.cores) / self.shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one way of transcoding came to."""

    windows: Sequence[Window]
    libraries: str
    """What `perf` said while the last number ran."""
    quiet_idle_share: float
    """Of the machine, before the first show."""

    @property
    def best(self) -> Window | None:
        """The most shows that were held, one number after the other from the first."""
        best = None
        for window in self.windows:
            if not window.held:
                break
            best = window
        return best


async def run(film: Path, profile: Path, plan: Plan, *, folder: Path) -> Held:
    """The measurement. Raises `NodeError` where a show never comes on air."""
    names = [f"show-{number}" for number in range(1, plan.most + 1)]
    keys = {name: secrets.token_urlsafe(24) for name in names}
    node = Node(folder=folder, shows=keys, settings={"profile": str(profile)})
    await asyncio.to_thread(node.start)
    try:
        before = CpuTimes.now()
        await asyncio.sleep(QUIET_S)
        quiet = before.idle_share_until(CpuTimes.now())
        async with aiohttp.ClientSession() as http, AsyncExitStack() as listeners:
            with ExitStack() as publishers:
                stage = _Stage(node, HlsClient(http), film, listeners, publishers)
                windows = await _until_too_many(stage, names, plan)
                pids = [each.pid for each in node.processes()]
                libraries = await asyncio.to_thread(by_library, pids)
    finally:
        await asyncio.to_thread(node.stop)
    return Held(windows=windows, libraries=libraries, quiet_idle_share=quiet)


async def _until_too_many(stage: "_Stage", names: Sequence[str], plan: Plan) -> list[Window]:
    windows: list[Window] = []
    for number, name in enumerate(names, start=1):
        await stage.add(name)
        if number < plan.first:
            continue
        await asyncio.sleep(plan.settle_s)
        window = await stage.look(plan.window_s)
        if not window.held:  # once more: the newest show's beginning may have been in it
            await stage.mend()
            await asyncio.sleep(plan.settle_s)
            window = await stage.look(plan.window_s)
        windows.append(window)
        if not window.held:
            break
    return windows


class _Stage:
    """The shows on air, each with its publisher and a viewer of its smallest rendition."""

    def __init__(
        self, node: Node, client: HlsClient, film: Path,
        listeners: AsyncExitStack, publishers: ExitStack,
    ) -> None:  # fmt: skip
        self._node, self._client, self._film = node, client, film
        self._listeners_stack, self._publishers_stack = listeners, publishers
        self._publishers: dict[str, FilmPublisher] = {}
        self._listeners: dict[str, Listener] = {}

    async def add(self, show: str) -> None:
        """One more, on air when this returns. Raises `NodeError`."""
        node = self._node
        publisher = FilmPublisher(
            self._film, url=node.whip_url(show), key=node.keys[show],
            log_path=node.folder / f"{show}.log",
        )  # fmt: skip
        self._publishers[show] = self._publishers_stack.enter_context(publisher)
        index = f"{node.url}/live/{show}/index.m3u8"
        try:
            variants = await eventually(
                lambda: self._client.variants(index), ON_AIR_TIMEOUT_S, f"{show} is on air",
                despite=(aiohttp.ClientError,),
            )  # fmt: skip
        except TimeoutError as exc:
            raise NodeError(f"{exc}\n{node.log_end()}\n{_end(node, show)}") from None
        listener = Listener(self._client, variants[-1])
        listener.start()
        self._listeners_stack.push_async_callback(listener.stop)
        self._listeners[show] = listener

    async def mend(self) -> None:
        """Publish anew where a publisher has ended by itself, and say why it has."""
        for show, publisher in list(self._publishers.items()):
            if not publisher.alive:
                print(f"The publisher of {show} ended: {_end(self._node, show)}", file=sys.stderr)
                await self.add(show)

    async def look(self, seconds: float) -> Window:
        """Measure for so long."""
        listeners = list(self._listeners.values())
        marks = [(len(each.arrivals), each.missed + each.failed) for each in listeners]
        cpu, spent, sent = CpuTimes.now(), Spent.now(self._node), self._publishers_s()
        await asyncio.sleep(seconds)
        idle_share = cpu.idle_share_until(CpuTimes.now())
        cores = spent.cores_until(Spent.now(self._node), seconds)
        publishers_cores = (self._publishers_s() - sent) / seconds
        arrivals: list[Arrival] = []
        missed = sum(not each.alive for each in self._publishers.values())
        for listener, (had, failures) in zip(listeners, marks, strict=True):
            new = listener.arrivals[had:]
            arrivals += new
            missed += listener.missed + listener.failed - failures + _never_came(new, seconds)
        lags_ms = [each.lag_s * 1000 for each in arrivals] or [float("inf")]
        return Window(
            shows=len(self._listeners), parts=len(arrivals),
            late=sum(each.late for each in arrivals), missed=missed,
            lag_p50_ms=percentile(lags_ms, 0.5), lag_p99_ms=percentile(lags_ms, 0.99),
            lag_max_ms=max(lags_ms), cores=cores, publishers_cores=publishers_cores,
            idle_share=idle_share,
        )  # fmt: skip

    def _publishers_s(self) -> float:
        used = 0.0
        for publisher in self._publishers.values():
            with contextlib.suppress(OSError):
                used += cpu_ns(publisher.pid) / 1e9
        return used


def _end(node: Node, show: str) -> str:
    """The last words of a publisher."""
    text = (node.folder / f"{show}.log").read_text(encoding="utf-8", errors="replace")
    return text[-1000:].strip() or "it said nothing"


def _never_came(arrivals: Sequence[Arrival], seconds: float) -> int:
    """Parts that the window's length asks for and that did not come, two for its edges forgiven."""
    if not arrivals:
        return 1
    longest_s = max(each.part.duration_s for each in arrivals)
    return max(0, int(seconds / longest_s) - 2 - len(arrivals))
