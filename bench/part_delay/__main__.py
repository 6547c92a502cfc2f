"""From a part's last picture to the part, for each rendition of the default profile.

  worker          the worker process alone: from the last picture's access unit on its socket to
                  the part on the other one; 720p30 and Opus as a host sends them, in real time
  without sound   the same with the video alone: the difference is what the sound's look-ahead adds
                  (the AAC encoder needs two frames past a part's end, and its packets last 20 ms)
  on air          the whole server: from the last picture's packet leaving the publisher (over
                  WHIP, loopback) to the playlist with the part at a viewer who waits for it; which
                  picture a part ends with is read from the number painted into it

A picture on the grid fills its slot at once; one beside it waits for the next (33 ms).

What the figures do not say: the machine that publishes, encodes and watches is one; on air the
sound is sent as soon as it begins, not 20 ms later as a microphone would have it.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import film
from bench.machine import CpuTimes
from bench.node import NodeError
from bench.part_delay import air, worker
from bench.part_delay.figures import Delays
from bench.report import Figure, print_report

FULL_S, QUICK_S, SETTLE_S = 45.0, 6.0, 3.0
LATE_MS = 50.0
"""A publisher that is later than this was the machine's doing."""


def run(seconds: float, clip: Path | None) -> tuple[dict[str, Delays], float, float]:
    """The measurements by name, the machine's idle share, and how late the publisher was (ms).

    Raises `NodeError` and `TimeoutError`.
    """
    with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as made:
        folder = Path(made)
        path = film.make(folder, clip)
        before = CpuTimes.now()
        alone_s = seconds + SETTLE_S
        delays = {
            "worker": worker.measure(path, seconds=alone_s, sound=True, folder=folder / "w"),
            "without sound": worker.measure(
                path, seconds=alone_s, sound=False, folder=folder / "v"
            ),
        }
        on_air, late_ms = asyncio.run(
            air.measure(settle_s=SETTLE_S, seconds=seconds, folder=folder / "a")
        )
        return delays | {"on air": on_air}, before.idle_share_until(CpuTimes.now()), late_ms


def figures_of(
    delays: Mapping[str, Delays], idle_share: float, late_ms: float
) -> dict[str, Figure]:
    """Those of the JSON line: `p50_ms` and `p99_ms` are on air, of the slowest rendition."""
    figures: dict[str, Figure] = {"idle_share": idle_share, "publisher_late_ms": late_ms}
    names = {"": "on air", "worker_": "worker", "video_": "without sound"}
    for prefix, name in names.items():
        figures[f"{prefix}p50_ms"] = delays[name].p(0.5)
        figures[f"{prefix}p99_ms"] = delays[name].p(0.99)
    figures["lookahead_ms"] = delays["worker"].p(0.5) - delays["without sound"].p(0.5)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.part_delay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="shorter: within 45 s")
    parser.add_argument("--clip", type=Path, help="another film, of 120 pictures or more")
    options = parser.parse_args(arguments)
    seconds = QUICK_S if options.quick else FULL_S
    try:
        delays, idle_share, late_ms = run(seconds, options.clip or film.beside())
    except (NodeError, OSError, RuntimeError, TimeoutError, ValueError) as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    if late_ms > LATE_MS:
        print(f"The publisher was {late_ms:.0f} ms late at worst: the machine was too busy.")
    print_report(
        bench="part_delay",
        title="From a part's last picture to the part",
        columns=("", "rendition", "parts", "p50", "p99", "most"),
        rows=[
            (name, rendition, str(len(values)), f"{each.p(0.5, rendition):.1f} ms",
             f"{each.p(0.99, rendition):.1f} ms", f"{max(values):.1f} ms")
            for name, each in delays.items()
            for rendition, values in each.ms.items()
        ],
        figures=figures_of(delays, idle_share, late_ms),
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
