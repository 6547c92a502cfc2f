"""From the host's key to the card on the frame: how many frames the card is off.

A headless Chromium opens the studio, whose camera is a canvas that paints a number into every frame
(854x480, 30 a second), and publishes it over WHIP. Keys are pressed at random moments: one pins a
product, another takes the card away. Another headless Chromium watches, and in the same rendering
step reads the number in the frame it presents and whether the card is there. An error is the
distance between the frame that was on camera when the key went down and the frame beside which the
card came or went; the figures are over absolute errors.

What the figures do not say: the frame on camera is known to the painting, not to the host's eye;
both browsers and the server share one machine and the loopback. A frame that was painted and never
shown, or a presentation that a busy browser skipped, can each cost a frame: so the same figures are
given for those moments alone around which every frame was shown (`steady`).
"""

import argparse
import asyncio
import contextlib
import random
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page

from bench.chromium import (
    CHROMIUM,
    Press,
    SeenFrame,
    chromium,
    go_live,
    host_page,
    presses,
    seen_frames,
    viewer_page,
)
from bench.cues import KINDS, Tally, card_moments, distance, skipped
from bench.hls import HlsClient
from bench.machine import CpuTimes
from bench.node import Node, NodeError
from bench.polling import eventually
from bench.report import Figure, percentile, print_report
from bench.shop import ShopClient
from mediaserver.demo.stock import GOODS

SHOW = "bench"
FULL_PINS, QUICK_PINS = 100, 12
ON_AIR_TIMEOUT_S, SEEN_TIMEOUT_S = 20.0, 30.0
STUDIO_TIMEOUT_MS = 20_000
SETTLE_FRAMES = 150
"""What a viewer sees before it counts: joining, and the first move up the ladder."""
BETWEEN_S = (0.7, 1.2)
"""Bounds of the random pause after each key; a part is 333 ms, so every phase of it comes up."""
UNPIN_KEY = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A show on air from a painted camera, with goods on its shelf."""

    node: Node
    shop: ShopClient
    host: Page

    async def press(self, pins: int, *, luck: random.Random) -> list[Press]:
        """Pin and take away, `pins` times, at random moments."""
        for number in range(pins):
            for key in (str(1 + number % len(GOODS)), UNPIN_KEY):
                await self.host.keyboard.press(key)
                await asyncio.sleep(luck.uniform(*BETWEEN_S))
        return await presses(self.host)


@contextlib.asynccontextmanager
async def on_stage(browser: Browser, node: Node, show: str, key: str) -> AsyncIterator[Stage]:
    """Put goods on the shelf and go live from the studio; ends with the context."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        shop = ShopClient(http=http, url=node.url, show=show, key=key)
        await shop.fill()
        page = await host_page(browser)
        await go_live(page, url=node.url, show=show, key=key)
        probe = HlsClient(http).variants
        await eventually(
            lambda: probe(f"{node.url}/live/{show}/index.m3u8"),
            ON_AIR_TIMEOUT_S, "the show is on air", despite=(aiohttp.ClientError,),
        )  # fmt: skip
        await page.get_by_text(GOODS[-1].name).first.wait_for(timeout=STUDIO_TIMEOUT_MS)
        yield Stage(node=node, shop=shop, host=page)
        await page.close()


class Audience:
    """One page that watches, and every frame that it has presented."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[SeenFrame] = []

    async def look(self) -> None:
        """Take in what was presented since."""
        self.frames.extend(await seen_frames(self.page))

    async def settle(self, frames: int = SETTLE_FRAMES) -> None:
        """Watch until `frames` have been presented."""
        await self._until(lambda: len(self.frames) >= frames, f"{frames} frames were presented")

    async def watch_past(self, press: Press, *, frames: int = 30) -> None:
        """Watch until so many frames after the one that `press` met."""

        def past() -> bool:
            last = next((each.counter for each in self.frames[::-1] if each.counter), None)
            return last is not None and distance(press.counter, last) > frames

        await self._until(past, "the frame of the last key was presented")

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        async def probe() -> bool:
            await self.look()
            return holds()

        await eventually(probe, SEEN_TIMEOUT_S, what)


async def run(pins: int, seed: int) -> tuple[Tally, float]:
    """The measurement, and which share of the machine was idle."""
    key = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as folder:
        node = Node(folder=Path(folder), shows={SHOW: key})
        await asyncio.to_thread(node.start)
        try:
            async with (
                chromium() as host_browser,
                chromium() as viewer_browser,
                on_stage(host_browser, node, SHOW, key) as stage,
            ):
                audience = Audience(await viewer_page(viewer_browser))
                await audience.page.goto(f"{node.url}/watch/{SHOW}")
                await audience.settle()
                before = CpuTimes.now()
                pressed = await stage.press(pins, luck=random.Random(seed))
                idle_share = before.idle_share_until(CpuTimes.now())
                await audience.watch_past(pressed[-1])
                return tally(pressed, await stage.shop.cues(), audience.frames), idle_share
        finally:
            await asyncio.to_thread(node.stop)


def tally(
    pressed: Sequence[Press], cues: Sequence[Mapping[str, Any]], frames: Sequence[SeenFrame]
) -> Tally:
    """Sum up. Raises `NodeError` where the keys did not become cues one by one."""
    if len(cues) != len(pressed):
        raise NodeError(f"{len(pressed)} keys became {len(cues)} cues")
    return Tally(moments=card_moments(pressed, cues, frames), skipped=skipped(frames))


def figures_of(result: Tally, idle_share: float) -> dict[str, Figure]:
    """The figures of the JSON line."""
    errors, steady = result.errors, result.steady.errors
    return {
        "idle_share": idle_share,
        "p50_frames": percentile(errors, 0.5) if errors else None,
        "p95_frames": percentile(errors, 0.95) if errors else None,
        "max_frames": max(errors) if errors else None,
        "steady_p95_frames": percentile(steady, 0.95) if steady else None,
        "cues": len(result.moments),
        "steady": len(steady),
        "lost": result.lost,
        "doubled": result.doubled,
        "skipped": result.skipped,
    }


def rows_of(result: Tally) -> list[tuple[str, ...]]:
    """For the table: cards that came and cards that went, of all and of the steady moments."""
    return [
        _row(f"{kind}{'' if part is result else ', steady'}", part.of_kind(kind))
        for part in (result, result.steady)
        for kind in KINDS
    ]


def _row(name: str, part: Tally) -> tuple[str, ...]:
    errors = part.errors
    signed = [each.error for each in part.moments if each.error is not None]
    return (
        name,
        f"{percentile(errors, 0.5):g}" if errors else "–",
        f"{percentile(errors, 0.95):g}" if errors else "–",
        f"{min(signed):+d} … {max(signed):+d}" if signed else "–",
        str(len(part.moments)),
        str(part.lost),
        str(part.doubled),
    )


def main() -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.card_to_frame",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_PINS} pins instead of {FULL_PINS}"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random moments, default: 0")
    options = parser.parse_args()
    if not CHROMIUM.exists():
        print(f"This bench needs {CHROMIUM.name}: install the package chromium.", file=sys.stderr)
        return 1
    try:
        result, idle_share = asyncio.run(
            run(QUICK_PINS if options.quick else FULL_PINS, options.seed)
        )
    except (NodeError, TimeoutError) as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    print_report(
        bench="card_to_frame",
        title="Card to frame, in frames of 33 ms",
        columns=("card", "p50", "p95", "range", "cues", "lost", "doubled"),
        rows=rows_of(result),
        figures=figures_of(result, idle_share),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
