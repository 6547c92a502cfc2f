"""One publish under one profile: ours, and beside it the peer's on a line with the same luck."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp

from bench.faults.process import BadLine
from bench.faults.profiles import PROFILES, Profile
from bench.hls import HlsClient
from bench.ingest.figures import Outcome, Span, Watched
from bench.ingest.processes import PublisherProcess, StockProcess
from bench.ingest.watch import Watch
from bench.node import Node

TAIL_S = 1.5
"""From capture to the playlist: what was captured by the run's end is served by then."""

ONE_RUNG = """name: bench
rungs:
  - {name: 360p, height: 360, bitrate_bps: 800000, max_bitrate_bps: 1000000, preset: ultrafast}
"""
"""An encoder profile that leaves the machine to the ingest."""


def settings(folder: Path) -> dict[str, object]:
    """Of the server: one cheap rung, and a publisher that comes back is let in."""
    path = folder / "one-rung.yaml"
    path.write_text(ONE_RUNG, encoding="utf-8")
    return {"profile": str(path), "webrtc": {"second_publisher": "take_over"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long each stretch of a run is."""

    lead_s: float
    """Calm, before the profile's time begins."""
    run_s: float
    after_s: float | None = None
    lasts_s: float | None = None
    """Where given, a passing trouble comes and goes at other times than its profile says."""
    settle_s: float = 0.0
    """A run goes on for at least so long after a passing trouble, however short `run_s` is."""

    def length_s(self, profile: Profile) -> float:
        """How long a run under this profile is, which is one of `profile`."""
        if profile.lasts_s is None and not profile.new_source_port:
            return self.run_s
        return max(self.run_s, profile.after_s + (profile.lasts_s or 0.0) + self.settle_s)

    def profile(self, name: str) -> Profile:
        """The profile as this plan has it; a trouble for the whole run stays one."""
        profile = PROFILES[name]
        if self.after_s is None or not profile.after_s:
            return profile
        return profile.scaled(after_s=self.after_s, lasts_s=self.lasts_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a line did to the datagrams of the publisher."""

    passed: int
    lost: int
    """By the profile's will."""
    overflowed: int = 0
    """Not by its will: where there are any, the run is no measurement."""
    latest_ms: float = 0.0
    """How late the relay's delivery was at worst."""

    @property
    def sent(self) -> int:
        """All that came to the line."""
        return self.passed + self.lost + self.overflowed

    @property
    def lost_share(self) -> float:
        """Which share of it was lost."""
        return self.lost / self.sent if self.sent else 0.0

    @classmethod
    def of(cls, up: Mapping[str, float]) -> Self:
        """From what a relay counted (`bench.faults.relay.Counts`)."""
        return cls(
            passed=int(up["datagrams"]), lost=int(up["lost"]),
            overflowed=int(up["overflowed"]), latest_ms=up["latest_ms"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResult:
    """What came of one profile."""

    profile: str
    run: Span
    """When the profile's time was (Unix time, s)."""
    ours: Outcome
    stock: Outcome | None
    late_ms: float
    """How late the publisher's packets were at worst."""
    publishes: int
    """More than one (or one each, with the peer) where the publisher had to come back."""
    epochs: int
    """More than one where a show ended in between."""
    holes: int
    line: Carried
    stock_line: Carried | None = None
    watched: Watched = field(repr=False, default=Watched(pictures=(), beeps_s=()))
    """What a viewer of ours had."""

    @property
    def lost(self) -> int:
        """Datagrams of the publisher that our line lost."""
        return self.line.lost

    @property
    def latest_ms(self) -> float:
        """How late a relay's delivery was at worst."""
        return max(self.line.latest_ms, self.stock_line.latest_ms if self.stock_line else 0.0)

    @property
    def peer_evaded(self) -> bool:
        """Whether what was sent to the peer went another way than through its line: its outcome
        says nothing then. (A peer whose connection is lost for a while is sent less.)"""
        return self.stock_line is not None and self.stock_line.sent < self.line.sent / 4


async def run_profile(
    name: str,
    plan: Plan,
    *,
    node: Node,
    show: str,
    clip_path: Path,
    folder: Path,
    seed: int,
    beside_stock: bool,
) -> ProfileResult:
    """Publish through the profile and judge what is served meanwhile.

    Raises `TimeoutError` where the show never came on air.
    """
    profile = plan.profile(name)
    with ExitStack() as stack:
        site = _Site(stack, profile, seed=seed, log_path=folder / f"{name}.log")
        ours, theirs = await asyncio.gather(
            asyncio.to_thread(site.ours, node, show),
            asyncio.to_thread(site.theirs if beside_stock else site.nobody),
        )
        lines = [way.line for way in (ours, theirs) if way is not None]
        targets = {way.url: way.key for way in (ours, theirs) if way is not None}
        publisher = stack.enter_context(PublisherProcess(clip_path, targets, site.log_path))
        watch, run = await watch_run(node, show, lines, plan, plan.length_s(profile))
        stock = theirs.stock if theirs is not None else None
        figures, carried, noted = await asyncio.to_thread(_stop, publisher, lines, stock)
    watched = await asyncio.to_thread(watch.recording.read)
    return ProfileResult(
        profile=name,
        run=run,
        ours=judge(watched, profile, run),
        stock=judge(noted[name], profile, run) if name in noted else None,
        late_ms=figures["late_ms"],
        publishes=int(figures["publishes"]),
        epochs=watch.recording.epochs,
        holes=watch.recording.holes,
        line=carried[0],
        stock_line=carried[1] if beside_stock else None,
        watched=watched,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A way from the publisher to one receiver."""

    line: BadLine
    url: str
    key: str
    stock: StockProcess | None = None


class _Site:
    """Starts what a run needs; `stack` ends it."""

    def __init__(self, stack: ExitStack, profile: Profile, *, seed: int, log_path: Path) -> None:
        self._stack, self._profile, self._seed = stack, profile, seed
        self.log_path = log_path

    def ours(self, node: Node, show: str) -> _Way:
        """To our server."""
        line = self._line(node.url, node.udp_port)
        return _Way(line=line, url=line.whip_url(show), key=node.keys[show])

    def theirs(self) -> _Way:
        """To a stock aiortc of its own."""
        stock = self._stack.enter_context(StockProcess(self.log_path))
        line = self._line(stock.url, None)
        url = line.whip_url(self._profile.name)
        return _Way(line=line, url=url, key="the-peer-asks-for-none", stock=stock)

    def nobody(self) -> None:
        """No peer."""

    def _line(self, server_url: str, udp_port: int | None) -> BadLine:
        line = BadLine(
            self._profile.name,
            server_url=server_url,
            udp_port=udp_port,
            seed=self._seed,
            after_s=self._profile.after_s,
            lasts_s=self._profile.lasts_s,
        )
        return self._stack.enter_context(line)


def _stop(
    publisher: PublisherProcess, lines: Sequence[BadLine], stock: StockProcess | None
) -> tuple[dict[str, float], list[Carried], dict[str, Watched]]:
    """End them in this order; returns what each has to say."""
    figures = publisher.stop()
    carried = [Carried.of(line.stop()["up"]) for line in lines]
    return figures, carried, stock.stop() if stock is not None else {}


async def watch_run(
    node: Node, show: str, lines: Sequence[BadLine], plan: Plan, run_s: float
) -> tuple[Watch, Span]:
    """Watch a show that is about to begin, through the lead, `run_s` of the run and its tail.

    Returns the watch, stopped, and when the profile's time was. Raises `TimeoutError` where the
    show never came on air.
    """
    async with aiohttp.ClientSession() as http:
        watch = Watch(HlsClient(http), f"{node.url}/live/{show}/index.m3u8")
        await watch.start()
        await asyncio.sleep(plan.lead_s)
        for line in lines:
            line.arm()
        start_s = time.time()
        await asyncio.sleep(run_s)
        run = Span(start_s=start_s, end_s=time.time())
        await asyncio.sleep(TAIL_S)
        await watch.stop()
    return watch, run


def judge(watched: Watched, profile: Profile, run: Span, *, numbered: bool = False) -> Outcome:
    """What came of a run under a profile."""
    start_s = run.start_s + profile.after_s
    endless = profile.lasts_s is None and not profile.new_source_port
    end_s = run.end_s if endless else start_s + (profile.lasts_s or 0.0)
    trouble = Span(start_s=start_s, end_s=end_s)
    return Outcome.of(watched, run=run, trouble=trouble, endless=endless, numbered=numbered)
