"""``python -m bench.ingest.publisher``: publish the clip to WHIP endpoints, and keep publishing.

Host keys come from the environment variable BENCH_KEYS, one for each ``--url``, separated by
commas. SIGTERM ends it with a DELETE for each; the last line on standard output is
``{"late_ms": …, "publishes": …, "since_ns": …}``.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import uvloop

from bench.ingest.clip import Clip, ClipSource
from mediaserver.config import LogConfig
from mediaserver.demo.host import keep_publishing, offer_loopback
from mediaserver.demo.publish import Publish
from mediaserver.demo.whip import WhipClient
from mediaserver.errors import PublishRefused
from mediaserver.logs import configure

KEYS_VARIABLE = "BENCH_KEYS"
PATIENCE_S = 45.0
"""The publisher does not give up by itself before its consent is lost (RFC 7675, 30 s): a line that
comes back sooner finds it still sending."""


class Publisher:
    """All the publishes of this process, which are of one camera, and how punctual they were."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._since_ns = clip, time.monotonic_ns()
        self._sources: list[ClipSource] = []

    async def keep(self, http: aiohttp.ClientSession, url: str, key: str) -> None:
        """Publish to one endpoint until cancelled. Raises `PublishRefused`."""
        client = WhipClient(http=http, endpoint=url, token=key)
        await keep_publishing(lambda: self._publish(client))

    def figures(self) -> dict[str, float]:
        """The worst lateness, how many publishes there have been, and when the camera began
        (monotonic, ns)."""
        late_ms = max((source.late_ms for source in self._sources), default=0.0)
        publishes = len(self._sources)
        return {"late_ms": round(late_ms, 1), "publishes": publishes, "since_ns": self._since_ns}

    def _publish(self, client: WhipClient) -> Publish:
        self._sources.append(ClipSource(self._clip, since_ns=self._since_ns))
        return Publish(client=client, source=self._sources[-1], silent_after_s=PATIENCE_S)


async def run(clip: Clip, urls: Sequence[str], keys: Sequence[str]) -> None:
    """Publish to all of them until SIGTERM or SIGINT."""
    publisher = Publisher(clip)
    async with aiohttp.ClientSession() as http:
        tasks = [
            asyncio.ensure_future(publisher.keep(http, url, key))
            for url, key in zip(urls, keys, strict=True)
        ]
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, _cancel, tasks)
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, PublishRefused):
                raise outcome
    print(json.dumps(publisher.figures()), flush=True)


def _cancel(tasks: Sequence["asyncio.Future[None]"]) -> None:
    for task in tasks:
        task.cancel()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest.publisher", description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--url", action="append", required=True)
    options = parser.parse_args(arguments)
    keys = os.environ.pop(KEYS_VARIABLE, "").split(",")
    configure(LogConfig(format="json"), process="publisher")
    offer_loopback()
    uvloop.run(run(Clip.load(options.clip), options.url, keys))
    return 0


if __name__ == "__main__":
    sys.exit(main())
