"""Glass-to-glass latency: from the painting of a frame in the host's browser to its showing.

A headless Chromium opens the studio page, whose camera is a canvas (854x480, 30 frames a second)
that paints the time into every frame, and publishes it over WHIP. Another headless Chromium watches
and reads that time from every frame it presents. Measured are our watch page at the presets `low`
and `ultra`, and, as peer, hls.js as it comes (its defaults, on a bare page) at `low`.

What the figures do not say: both browsers and the server share one machine and the loopback, so
there is no network in them, and no camera, screen or GPU. A slow machine shows as latency.
"""

import argparse
import asyncio
import contextlib
import secrets
import statistics
import sys
import tempfile
import urllib.parse
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from transcoder.control import LatencyPreset

HLS_JS = ROOT / "overlay/web/node_modules/hls.js/dist/hls.min.js"
SHOW = "bench"
ON_AIR_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long each measurement takes."""

    settle_s: float
    measure_s: float


FULL, QUICK = Plan(settle_s=12.0, measure_s=30.0), Plan(settle_s=7.0, measure_s=7.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one player showed in the time measured."""

    name: str
    delays_s: tuple[float, ...]
    unreadable: int
    stalls: int
    idle_share: float

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
            str(self.stalls),
            f"{self.idle_share:.0%}",
        )


def measured(
    name: str, frames: Sequence[SeenFrame], *, stalled: int, idle_share: float
) -> Measured:
    """Sum up what a viewer saw. Raises `NodeError` where it saw nothing."""
    delays = tuple(frame.delay_s for frame in frames if frame.delay_s is not None)
    if not delays:
        raise NodeError(f"{name}: of {len(frames)} frames none could be read")
    return Measured(
        name=name,
        delays_s=delays,
        unreadable=len(frames) - len(delays),
        stalls=stalled,
        idle_share=idle_share,
    )


async def run(plan: Plan, *, quick: bool) -> dict[str, Measured]:
    """All measurements, by the name of their figures."""
    results = {}
    async with chromium() as host_browser, chromium() as viewer_browser:
        async with _on_air("low", host_browser) as node:
            watch = f"{node.url}/watch/{SHOW}"
            results["hls_low"] = await _watch("our page, low", viewer_browser, watch, plan)
            async with bare_page(node, SHOW) as page_url:
                results["hlsjs_default"] = await _watch(
                    "hls.js defaults, low", viewer_browser, page_url, plan
                )
        if not quick:
            async with _on_air("ultra", host_browser) as node:
                watch = f"{node.url}/watch/{SHOW}"
                results["hls_ultra"] = await _watch("our page, ultra", viewer_browser, watch, plan)
    return results


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


async def _watch(name: str, browser: Browser, url: str, plan: Plan) -> Measured:
    page = await viewer_page(browser)
    await page.goto(url)
    await asyncio.sleep(plan.settle_s)
    await _forget(page)
    before = CpuTimes.now()
    await asyncio.sleep(plan.measure_s)
    idle_share = before.idle_share_until(CpuTimes.now())
    frames, stalled = await seen_frames(page), await stalls(page)
    await page.close()
    return measured(name, frames, stalled=stalled, idle_share=idle_share)


async def _forget(page: Page) -> None:
    await seen_frames(page)
    await stalls(page)


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
    for name in ("hls_low", "hls_ultra", "hlsjs_default"):
        result = results.get(name)
        figures[f"{name}_p50_s"] = result.p50_s if result else None
        figures[f"{name}_p95_s"] = result.p95_s if result else None
    ours = [each for name, each in results.items() if name.startswith("hls_")]
    figures["stalls"] = sum(each.stalls for each in ours)
    figures["hlsjs_default_stalls"] = results["hlsjs_default"].stalls
    figures["unreadable"] = sum(each.unreadable for each in results.values())
    return figures


def main() -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.latency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="`low` only, shorter: within 45 s")
    options = parser.parse_args()
    for needed, how in ((CHROMIUM, "install the package chromium"), (HLS_JS, "run `make setup`")):
        if not needed.exists():
            print(f"This bench needs {needed.name}: {how}.", file=sys.stderr)
            return 1
    try:
        results = asyncio.run(run(QUICK if options.quick else FULL, quick=options.quick))
    except NodeError as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    print_report(
        bench="latency",
        title="Glass to glass, 854x480 at 30 frames a second",
        columns=("player", "p50", "p95", "frames", "unreadable", "stalls", "idle"),
        rows=[each.row() for each in results.values()],
        figures=figures_of(results),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
