"""``python -m mediaserver.demo.host``: publish the demo's picture, and keep publishing it.

The host key comes from the environment variable COMPTOIR_DEMO_KEY, since a command line can be
read by every user of the machine. When the connection is lost, or the server is not there, busy or
taken (refused, 409, 429, 5xx), the host tries again with growing pauses, for ever; any other
refusal ends it with status 1. With ``--sell`` it keeps a shop beside the picture: goods on the
shelf, one after the other pinned; a shop that fails is logged, and the picture goes on. SIGINT,
SIGTERM and the end of a piped standard input end the publish with a DELETE and status 0.
"""

import argparse
import asyncio
import os
import random
import signal
import stat
import sys
from collections.abc import Callable, Sequence

import aiohttp
import aioice.ice
import structlog

from mediaserver import logs
from mediaserver.config import LogConfig
from mediaserver.demo.publish import Picture, Publish
from mediaserver.demo.scene import SceneRenderer
from mediaserver.demo.shopkeeper import ApiRefused, Shopkeeper, api_url
from mediaserver.demo.source import LiveSource
from mediaserver.demo.whip import WhipClient
from mediaserver.errors import BusError, PublishRefused

log = structlog.get_logger()

KEY_VARIABLE = "COMPTOIR_DEMO_KEY"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0


def pause_s(failures: int, *, luck: float) -> float:
    """How long to wait after `failures` failures in a row; `luck` (0 to 1) spreads many hosts."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * (1 << min(failures - 1, 10)))
    return longest * (0.5 + luck / 2)


def worth_retrying(status: int) -> bool:
    """Whether a refusal with this HTTP status may pass by itself."""
    return status in (408, 409, 425, 429) or status >= 500


async def keep_publishing(make: Callable[[], Publish]) -> None:
    """Publish again and again until cancelled. Raises `PublishRefused` where that is pointless."""
    failures = 0
    while True:
        publish = make()
        try:
            await publish.run()
        except PublishRefused as exc:
            if not worth_retrying(exc.status):
                raise
            reason = str(exc)
        except (BusError, aiohttp.ClientError, OSError) as exc:
            reason = str(exc) or type(exc).__name__
        failures = 1 if publish.connected else failures + 1
        pause = pause_s(failures, luck=random.random())  # noqa: S311 - jitter, not secrets
        log.warning("demo_publish_lost", reason=reason, again_in_s=round(pause, 1))
        await asyncio.sleep(pause)


async def run(*, url: str, key: str, picture: Picture, sell: bool) -> None:
    """Publish `picture` to the WHIP endpoint `url` until SIGINT or SIGTERM; `sell` keeps a shop."""
    scene = SceneRenderer(picture.width, picture.height)

    def source() -> LiveSource:
        return LiveSource(scene=scene, frames_per_second=picture.frames_per_second)

    async with aiohttp.ClientSession() as http:
        client = WhipClient(http=http, endpoint=url, token=key)
        task = asyncio.ensure_future(
            keep_publishing(lambda: Publish(client=client, source=source()))
        )
        shop = asyncio.ensure_future(_keep_shop(http, url, key)) if sell else None
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, task.cancel)
        _at_end_of_input(loop, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            log.info("demo_host_stopped")
        finally:
            if shop is not None:
                shop.cancel()
                await asyncio.wait([shop])


async def _keep_shop(http: aiohttp.ClientSession, url: str, key: str) -> None:
    try:
        await Shopkeeper(http=http, show_url=api_url(url), key=key).run()
    except ApiRefused as exc:
        log.error("demo_shop_refused", error=str(exc))


def _at_end_of_input(loop: asyncio.AbstractEventLoop, end: Callable[[], object]) -> None:
    """Call `end` when standard input ends, where that is a pipe: who started us is gone."""
    mode = os.fstat(0).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            end()

    loop.add_reader(0, read)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    options = _parser().parse_args(arguments)
    key = os.environ.pop(KEY_VARIABLE, "")
    if not key:
        print(f"Set {KEY_VARIABLE} to the show's host key.", file=sys.stderr)
        return 2
    settings = LogConfig(format=options.log_format, level=options.log_level)
    logs.configure(settings, process="demo")
    offer_loopback()
    if options.sell:
        try:
            api_url(options.url)
        except ValueError as exc:
            print(f"--sell: {exc}.", file=sys.stderr)
            return 2
    width, height = options.size
    picture = Picture(width=width, height=height, frames_per_second=options.fps)
    try:
        asyncio.run(run(url=options.url, key=key, picture=picture, sell=options.sell))
    except PublishRefused as exc:
        log.error("demo_publish_refused", status=exc.status, error=str(exc))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mediaserver.demo.host",
        description=f"Publish the demo's picture over WHIP. The host key is read from "
        f"{KEY_VARIABLE}.",
    )
    parser.add_argument("--url", required=True, help="the WHIP endpoint: http://…/live/demo/whip")
    parser.add_argument("--size", type=_size, default=(1280, 720), help="default: 1280x720")
    parser.add_argument("--fps", type=_fps, default=30, help="frames a second, default: 30")
    parser.add_argument(
        "--sell", action="store_true", help="put goods on the show's shelf and pin them in turn"
    )
    parser.add_argument("--log-format", choices=("console", "json"), default="console")
    parser.add_argument("--log-level", choices=("info", "warning", "error"), default="info")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 1280x720")
    size = int(width), int(height)
    if not (320 <= size[0] <= 1920 and 180 <= size[1] <= 1080) or size[0] % 2 or size[1] % 2:
        raise argparse.ArgumentTypeError(
            f"{text!r}: even numbers from 320x180 to 1920x1080 are legal"
        )
    return size


def _fps(text: str) -> int:
    if not (text.isdecimal() and 5 <= int(text) <= 60):
        raise argparse.ArgumentTypeError(f"{text!r}: 5 to 60 frames a second are legal")
    return int(text)


def offer_loopback() -> None:
    """Let ICE use 127.0.0.1 too: aioice leaves it out, and a demo must run without a network."""
    found = aioice.ice.get_host_addresses

    def with_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [*found(use_ipv4, use_ipv6), *(["127.0.0.1"] if use_ipv4 else [])]

    aioice.ice.get_host_addresses = with_loopback


if __name__ == "__main__":
    sys.exit(main())
