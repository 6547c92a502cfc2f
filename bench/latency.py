"""Glass-to-glass latency: from the painting of a frame in the host's browser to its showing.

A headless Chromium opens the studio page, whose camera is a canvas (854x480, 30 frames a second)
that paints the time into every frame, and publishes it over WHIP. Another headless Chromium watches
and reads that time from every frame it presents. Measured are our watch page at the presets `low`
and `ultra`, by media push and by LL-HLS, and, as peer, hls.js as it comes (its defaults, on a bare
page) at `low`; ours also on a way that after 10 s becomes 50 or 150 ms long (there and back) and
loses 1 % (`bench/slow_line.py` says how, and what it leaves out): by push at both presets, by
LL-HLS at `low`. For our page also how long it took from its address to its first frame. Each is
measured for 60 s: 13 to 14 minutes in all.

What the figures do not say: both browsers and the server share one machine and the loopback, so
there is no network in them, and no camera, screen or GPU. A slow machine shows as latency. A stall
is an event `waiting` of the video, and the table says when it was; playback that was slowed down is
none.
"""

import argparse
import asyncio
import contextlib
import secrets
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from playwright.async_api import Browser, Page

from bench.chromium import (
    CHROMIUM,
    PAGES,
    SeenFrame,
    chromium,
    go_live,
    host_page,
    seen_frames,
    stalls,
    viewer_page,
)
from bench.hls import HlsClient
from bench.machine import CpuTimes
from bench.node import ROOT, Node, NodeError
from bench.polling import eventually
from bench.report import Figure, percentile, print_report
from bench.slow_line import SlowRelay, Trouble
from transcoder.control import LatencyPreset

HLS_JS = ROOT / "overlay/web/node_modules/hls.js/dist/hls.min.js"
SHOW = "bench"
ON_AIR_TIMEOUT_S = 20.0
SEED = 1

NO_PUSH = """
  const Plain = WebSocket;
  window.WebSocket = class extends Plain {
    constructor(url, protocols) {
      super(url, [protocols ?? []].flat().filter((each) => !each.includes("msgpack")));
    }
  };
"""
"""A page whose sockets offer no msgpack plays LL-HLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long each measurement takes."""

    settle_s: float
    """After which it is measured, and the way becomes bad where it does."""
    measure_s: float


FULL, QUICK = Plan(settle_s=10.0, measure_s=60.0), Plan(settle_s=7.0, measure_s=7.0)
RTT_50, RTT_150 = Trouble(rtt_s=0.05, loss=0.01), Trouble(rtt_s=0.15, loss=0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One player in one situation."""

    title: str
    preset: LatencyPreset
    how: Literal["push", "hls", "bare"]
    trouble: Trouble | None = None


CASES: Mapping[str, Case] = {
    "push_low": Case(title="our page by push, low", preset="low", how="push"),
    "hls_low": Case(title="our page by LL-HLS, low", preset="low", how="hls"),
    "hlsjs_default": Case(title="hls.js defaults, low", preset="low", how="bare"),
    "push_rtt50": Case(
        title="push, low, 50 ms and 1 % loss", preset="low", how="push", trouble=RTT_50,
    ),
    "push_rtt150": Case(
        title="push, low, 150 ms and 1 % loss", preset="low", how="push", trouble=RTT_150,
    ),
    "hls_rtt50": Case(
        title="LL-HLS, low, 50 ms and 1 % loss", preset="low", how="hls", trouble=RTT_50,
    ),
    "hls_rtt150": Case(
        title="LL-HLS, low, 150 ms and 1 % loss", preset="low", how="hls", trouble=RTT_150,
    ),
    "push_ultra": Case(title="our page by push, ultra", preset="ultra", how="push"),
    "hls_ultra": Case(title="our page by LL-HLS, ultra", preset="ultra", how="hls"),
    "push_ultra_rtt50": Case(
        title="push, ultra, 50 ms and 1 % loss", preset="ultra", how="push", trouble=RTT_50,
    ),
    "push_ultra_rtt150": Case(
        title="push, ultra, 150 ms and 1 % loss", preset="ultra", how="push", trouble=RTT_150,
    ),
}  # fmt: skip
QUICK_CASES = ("push_low", "hlsjs_default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one player showed in the time measured."""

    name: str
    delays_s: tuple[float, ...]
    unreadable: int
    stalls_s: tuple[float, ...]
    """When playback stood still, since the measurement (and any trouble) began."""
    idle_share: float
    first_frame_s: float
    """From the page's address to its first frame."""

    @property
    def p50_s(self) -> float:
        """The median delay glass to glass."""
        return statistics.median(self.delays_s)

    @property
    def p95_s(self) -> float:
        """What 95 % of the frames do not exceed."""
        return percentile(self.delays_s, 0.95)

    def row(self) -> tuple[str, ...]:
        """For the table."""
        return (
            self.name,
            f"{self.p50_s:.2f} s",
            f"{self.p95_s:.2f} s",
            str(len(self.delays_s)),
            str(self.unreadable),
            " ".join([str(len(self.stalls_s)), *(f"({at_s:.1f} s)" for at_s in self.stalls_s[:3])]),
            f"{self.first_frame_s:.2f} s",
            f"{self.idle_share:.0%}",
        )


def measured(
    name: str,
    frames: Sequence[SeenFrame],
    *,
    stalls_s: Sequence[float],
    idle_share: float,
    first_frame_s: float,
) -> Measured:
    """Sum up what a viewer saw. Raises `NodeError` where it saw nothing."""
    delays = tuple(frame.delay_s for frame in frames if frame.delay_s is not None)
    if not delays:
        raise NodeError(f"{name}: of {len(frames)} frames none could be read")
    return Measured(
        name=name,
        delays_s=delays,
        unreadable=len(frames) - len(delays),
        stalls_s=tuple(stalls_s),
        idle_share=idle_share,
        first_frame_s=first_frame_s,
    )


async def run(plan: Plan, names: Collection[str]) -> dict[str, Measured]:
    """The measurements of these cases, by their names."""
    results = {}
    chosen = {name: case for name, case in CASES.items() if name in names}
    presets = dict.fromkeys(case.preset for case in chosen.values())
    async with chromium() as host_browser, chromium() as viewer_browser:
        for preset in presets:
            async with _on_air(preset, host_browser) as node:
                for name, case in chosen.items():
                    if case.preset == preset:
                        results[name] = await _measure(case, viewer_browser, node, plan)
    return {name: results[name] for name in chosen}


async def _measure(case: Case, browser: Browser, node: Node, plan: Plan) -> Measured:
    path = f"/watch/{SHOW}"
    if case.trouble is not None:
        async with SlowRelay(node.http_port, seed=SEED) as relay:
            return await _watch(
                case, browser, f"http://localhost:{relay.port}{path}", plan, relay=relay
            )
    if case.how == "bare":
        async with bare_page(node, SHOW) as url:
            return await _watch(case, browser, url, plan)
    return await _watch(case, browser, f"{node.url}{path}", plan)


@contextlib.asynccontextmanager
async def _on_air(preset: LatencyPreset, browser: Browser) -> AsyncIterator[Node]:
    """A server with the painted camera on air; both end with the context."""
    key = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as folder:
        node = Node(folder=Path(folder), shows={SHOW: key}, settings={"latency": preset})
        await asyncio.to_thread(node.start)
        try:
            page = await host_page(browser, monitor=False)
            await go_live(page, url=node.url, show=SHOW, key=key)
            await until_on_air(node, SHOW)
            yield node
            await page.close()
        finally:
            await asyncio.to_thread(node.stop)


async def until_on_air(node: Node, show: str) -> None:
    """Wait until the show's playlist is there. Raises `NodeError`."""
    url = f"{node.url}/live/{show}/index.m3u8"
    async with aiohttp.ClientSession() as http:
        probe = HlsClient(http).variants
        try:
            await eventually(
                lambda: probe(url), ON_AIR_TIMEOUT_S, "the show is on air",
                despite=(aiohttp.ClientError,),
            )  # fmt: skip
        except TimeoutError as exc:
            raise NodeError(f"{exc}\n{node.log_end()}") from None


async def _watch(
    case: Case, browser: Browser, url: str, plan: Plan, *, relay: SlowRelay | None = None
) -> Measured:
    page = await viewer_page(browser)
    if case.how == "hls":
        await page.add_init_script(NO_PUSH)
    await page.goto(url)
    await asyncio.sleep(plan.settle_s)
    seen = await seen_frames(page)
    if not seen:
        raise NodeError(f"{case.title}: nothing was shown in {plan.settle_s:g} s")
    opened_ms = float(await page.evaluate("performance.timeOrigin"))
    await stalls(page)
    begun_ms = time.time() * 1000
    if case.how != "bare":
        await _check_engine(page, case)
    if relay is not None and case.trouble is not None:
        relay.trouble = case.trouble
    before = CpuTimes.now()
    await asyncio.sleep(plan.measure_s)
    idle_share = before.idle_share_until(CpuTimes.now())
    frames, stalled = await seen_frames(page), await stalls(page)
    if case.how != "bare":
        await _check_engine(page, case)
    await page.close()
    return measured(
        case.title,
        frames,
        stalls_s=[(at_ms - begun_ms) / 1000 for at_ms in stalled],
        idle_share=idle_share,
        first_frame_s=(seen[0].shown_at_ms - opened_ms) / 1000,
    )


async def _check_engine(page: Page, case: Case) -> None:
    """Raises `NodeError` where another engine plays than the one to be measured."""
    engine = await page.locator("comptoir-player").get_attribute("data-engine")
    if engine != case.how:
        raise NodeError(f"{case.title}: the page plays by {engine}")


@contextlib.asynccontextmanager
async def bare_page(node: Node, show: str) -> AsyncIterator[str]:
    """The address of a page that plays `show` with nothing but hls.js, on a server of its own."""
    app = web.Application()
    for path, file in (("/hlsjs.html", PAGES / "hlsjs.html"), ("/hls.min.js", HLS_JS)):
        app.router.add_get(path, _file(file))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        source = urllib.parse.quote(f"{node.url}/live/{show}/index.m3u8", safe="")
        yield f"http://{host}:{port}/hlsjs.html?source={source}"
    finally:
        await runner.cleanup()


def _file(path: Path) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path)

    return handler


def figures_of(results: dict[str, Measured]) -> dict[str, Figure]:
    """The figures of the JSON line; null for what was not measured."""
    figures: dict[str, Figure] = {"idle_share": min(each.idle_share for each in results.values())}
    for name, case in CASES.items():
        result = results.get(name)
        figures[f"{name}_p50_s"] = result.p50_s if result else None
        figures[f"{name}_p95_s"] = result.p95_s if result else None
        if case.how != "bare":
            figures[f"{name}_first_frame_s"] = result.first_frame_s if result else None
        if case.how == "bare" or case.trouble is not None:
            figures[f"{name}_stalls"] = len(result.stalls_s) if result else None
    ours = [
        result
        for name, result in results.items()
        if CASES[name].how != "bare" and CASES[name].trouble is None
    ]
    figures["stalls"] = sum(len(each.stalls_s) for each in ours)
    figures["unreadable"] = sum(each.unreadable for each in results.values())
    return figures


def main() -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.latency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="two of them, shorter: within 45 s")
    parser.add_argument("--only", nargs="+", choices=CASES, metavar="CASE",
                        help=f"these alone: {', '.join(CASES)}")  # fmt: skip
    options = parser.parse_args()
    for needed, how in ((CHROMIUM, "install the package chromium"), (HLS_JS, "run `make setup`")):
        if not needed.exists():
            print(f"This bench needs {needed.name}: {how}.", file=sys.stderr)
            return 1
    try:
        plan, names = (QUICK, QUICK_CASES) if options.quick else (FULL, tuple(CASES))
        results = asyncio.run(run(plan, options.only or names))
    except NodeError as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    print_report(
        bench="latency",
        title="Glass to glass, 854x480 at 30 frames a second",
        columns=("player", "p50", "p95", "frames", "unreadable", "stalls", "opening", "idle"),
        rows=[each.row() for each in results.values()],
        figures=figures_of(results),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
