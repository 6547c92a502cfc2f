"""From the host's key to the card on the frame: how many frames the card is off.

A headless Chromium opens the studio, whose camera is a canvas that paints a number into every frame
(854x480, 30 a second), and publishes it over WHIP. Keys are pressed at random moments: one pins a
product, another takes the card away. Another headless Chromium watches, and in the same rendering
step reads the number in the frame it presents and whether the card is there. An error is the
distance between the frame that was on camera when the key went down and the frame beside which the
card came or went; the figures are over absolute errors.

The page plays by media push. The keys are pressed in three rounds, a row of the table each: on a
picture that plays undisturbed; after the page was told to take another rendition; after the gateway
was killed and the page has come back by itself. The whole takes 4 to 5 minutes.

What the figures do not say: the frame on camera is known to the painting, not to the host's eye;
both browsers and the server share one machine and the loopback. A frame that was painted and never
shown, or a presentation that a busy browser skipped, can each cost a frame: so the same figures are
given for those moments alone around which every frame was shown (`steady`).
On a machine so busy that frames reach the server more than 2 s after their painting, the host's
clock is not believed any more, and cards come early by as much: see `idle_share`.
"""

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
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
        await self.until(lambda: len(self.frames) >= frames, f"{frames} frames were presented")

    async def watch_past(self, press: Press, *, frames: int = 30) -> None:
        """Watch until so many frames after the one that `press` met."""

        def past() -> bool:
            last = next((each.counter for each in self.frames[::-1] if each.counter), None)
            return last is not None and distance(press.counter, last) > frames

        await self.until(past, "the frame of the last key was presented")

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Watch until `holds` is true. Raises `TimeoutError`."""

        async def probe() -> bool:
            await self.look()
            return holds()

        await eventually(probe, SEEN_TIMEOUT_S, what)


async def switch_rendition(audience: Audience) -> None:
    """Have the page take another rendition than it plays, and wait until that is on screen."""
    player = audience.page.locator("comptoir-player")
    await player.evaluate(
        """(player) => {
          const names = player.view.renditions.map(({ name }) => name);
          player.choose(names.find((name) => name !== player.dataset.rendition));
        }"""
    )
    height = audience.frames[-1].height
    await audience.until(
        lambda: audience.frames[-1].height != height, "another rendition is on screen"
    )


async def reconnect(stage: Stage, audience: Audience) -> None:
    """Kill the gateway, and wait until both pages are back."""
    (gateway,) = stage.node.pids("gateway")
    os.kill(gateway, signal.SIGKILL)

    async def back() -> bool:
        return stage.node.pids("gateway") not in ({gateway}, set()) and stage.node.ready()

    await eventually(back, SEEN_TIMEOUT_S, "the gateway is there again")
    await audience.look()
    seen = len(audience.frames)
    await audience.until(
        lambda: len(audience.frames) >= seen + SETTLE_FRAMES, "the page plays again"
    )
    await eventually(
        stage.shop.cues, SEEN_TIMEOUT_S, "the studio can reach the server",
        despite=(aiohttp.ClientError,),
    )  # fmt: skip


async def run(pins: int, seed: int) -> tuple[dict[str, Tally], float]:
    """The measurement by rounds, and which share of the machine was idle."""
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
                rounds = await _rounds(stage, audience, pins, luck=random.Random(seed))
                return rounds, before.idle_share_until(CpuTimes.now())
        finally:
            await asyncio.to_thread(node.stop)


async def _rounds(
    stage: Stage, audience: Audience, pins: int, *, luck: random.Random
) -> dict[str, Tally]:
    """Pin and take away in each situation; raises `NodeError` where it is not by push."""
    few = max(2, pins // 4)
    plan: tuple[tuple[str, int, Callable[[], Awaitable[None]] | None], ...] = (
        ("undisturbed", pins - 2 * few, None),
        ("switch", few, lambda: switch_rendition(audience)),
        ("reconnect", few, lambda: reconnect(stage, audience)),
    )
    rounds = {}
    for name, count, prepare in plan:
        if prepare is not None:
            await prepare()
        engine = await audience.page.locator("comptoir-player").get_attribute("data-engine")
        if engine != "push":
            raise NodeError(f"the page plays by {engine}")
        await audience.look()
        known, first = len(await stage.shop.cues()), len(audience.frames)
        pressed = await stage.press(count, luck=luck)
        await audience.watch_past(pressed[-1])
        cues = (await stage.shop.cues())[known:]
        rounds[name] = tally(pressed, cues, audience.frames[max(0, first - 1) :])
    return rounds


def tally(
    pressed: Sequence[Press], cues: Sequence[Mapping[str, Any]], frames: Sequence[SeenFrame]
) -> Tally:
    """Sum up. Raises `NodeError` where the keys did not become cues one by one."""
    if len(cues) != len(pressed):
        raise NodeError(f"{len(pressed)} keys became {len(cues)} cues")
    return Tally(moments=card_moments(pressed, cues, frames), skipped=skipped(frames))


def whole(rounds: Mapping[str, Tally]) -> Tally:
    """All rounds as one."""
    return Tally(
        moments=tuple(moment for each in rounds.values() for moment in each.moments),
        skipped=sum(each.skipped for each in rounds.values()),
    )


def figures_of(rounds: Mapping[str, Tally], idle_share: float) -> dict[str, Figure]:
    """The figures of the JSON line."""
    result = whole(rounds)
    errors, steady = result.errors, result.steady.errors
    figures: dict[str, Figure] = {
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
    for name, each in rounds.items():
        figures[f"{name}_p95_frames"] = percentile(each.errors, 0.95) if each.errors else None
    return figures


def rows_of(rounds: Mapping[str, Tally]) -> list[tuple[str, ...]]:
    """For the table: cards that came and cards that went, of all and of the steady moments."""
    result = whole(rounds)
    kinds = [
        _row(f"{kind}{'' if part is result else ', steady'}", part.of_kind(kind))
        for part in (result, result.steady)
        for kind in KINDS
    ]
    return kinds + [_row(_ROUNDS[name], each) for name, each in rounds.items()]


_ROUNDS = {
    "undisturbed": "undisturbed",
    "switch": "after a switch",
    "reconnect": "after a reconnect",
}


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
        rounds, idle_share = asyncio.run(
            run(QUICK_PINS if options.quick else FULL_PINS, options.seed)
        )
    except (NodeError, TimeoutError) as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    print_report(
        bench="card_to_frame",
        title="Card to frame, in frames of 33 ms",
        columns=("card", "p50", "p95", "range", "cues", "lost", "doubled"),
        rows=rows_of(rounds),
        figures=figures_of(rounds, idle_share),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
