"""Bad lines: what is left of picture, sound and lip sync, and what receiving costs.

A publisher (aiortc as sender, 640x360, 30 frames a second, 0.7 Mb/s with sound, a keyframe each
second whether asked for or not) goes through a seeded relay (`bench/faults`) to the server, whose
smallest rendition is fetched as a viewer does. Each frame carries its number and each second a
beep, read back from what the gateway served:

  lost      share of the publisher's datagrams that the line lost, the calm before it included
  shown     share of the frames captured that were shown; the profile's time alone
  >200 >500 freezes: pauses between new pictures over so many milliseconds; the longest of them
  skew      |picture - sound| in ms, median/95th percentile: before the trouble, and from ten
            seconds after it (where it does not end: from ten seconds after its beginning)
  back      from the end of the trouble to a picture that does not freeze for two seconds
  cuts      discontinuities: new init sections within an epoch

Beside it, in the same run, the same packets go through a line with the same luck to stock aiortc,
an RTCPeerConnection with its own jitter buffer and REMB on uvloop. Its viewer gets the display that
ours has: 30 slots a second, in each the newest picture that has come; it waits for 400 ms, which
is the longest that ours ever does. Its tracks are laid as its MediaRecorder does, from their first
packets on, and follow their labels; sound counts however late it came. Both publishers stand behind
a NAT: their offers name no address. A picture that losses have damaged counts where its number can
be read.

cpu_vs_aiortc: CPU time of the ingest process for each megabit over that of the same peer with its
decoders and their threads taken out; both get the same 1280x720 (2.6 Mb/s) publishes over the clean
loopback at the same time; median of several windows. Ours includes handing the frames to the
transcoder and its metrics, theirs nothing behind the jitter buffer.

With `--publisher chromium` the studio publishes instead (854x480, transport-wide feedback,
keyframes on request), without the peer; its page's sound is late against its picture from the
start, so compare lip sync after with before.

What the figures do not say: aiortc as a sender neither adapts its rate nor makes keyframes when
asked, so `slow-300k` shows a line that loses two thirds, not how a browser backs off; the picture
is read on the server's constant grid, where a frame stands up to 33 ms early; the viewer's own
network and player are left out.

A run lasts until 30 s after a passing trouble at least. `--keep FILE` adds what was measured to
what the file holds, and prints all of it, so that the profiles can be run a few at a time; CPU is
measured once.

freezes_500ms_2pct is given for five minutes, freezes_500ms_burst for one, whatever the run's
length. A run in which the publisher or the relay was late by over 100 ms says so: its machine was
too busy.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.chromium import CHROMIUM
from bench.faults.profiles import PROFILES
from bench.ingest.clip import HEIGHT, WIDTH, Clip
from bench.ingest.cpu import measure_cpu
from bench.ingest.kept import Results, in_order
from bench.ingest.report import COLUMNS, figures_of, notes_of, rows_of
from bench.ingest.run import Plan, ProfileResult, run_profile, settings
from bench.ingest.studio import run_studio
from bench.machine import CpuTimes
from bench.node import Node, NodeError
from bench.report import print_report

QUICK_PROFILES = ("random-2", "burst-5")
QUICK = Plan(lead_s=1.0, run_s=12.5, after_s=2.0, lasts_s=2.0)
LEAD_S, SETTLE_S = 8.0, 30.0
CPU_SHOWS = ("cpu-1", "cpu-2")
CPU_SIZE = (1280, 720)


async def run(
    names: Sequence[str],
    plan: Plan,
    *,
    seed: int,
    at_once: int,
    windows: int,
    window_s: float,
    from_studio: bool = False,
) -> Results:
    """The measurement; without `windows` the CPU is left out."""
    keys = {name: secrets.token_urlsafe(24) for name in (*names, *CPU_SHOWS)}
    with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as made:
        folder = Path(made)
        clip_path, cpu_clip_path = folder / "clip", folder / "cpu-clip"
        making = asyncio.ensure_future(asyncio.to_thread(_make_clip, clip_path))
        node = Node(folder=folder, shows=keys, settings=settings(folder))
        await asyncio.to_thread(node.start)
        try:
            await making
            making = asyncio.ensure_future(asyncio.to_thread(_make_clip, cpu_clip_path, *CPU_SIZE))
            before = CpuTimes.now()

            async def one(name: str) -> ProfileResult:
                if from_studio:
                    return await run_studio(name, plan, node=node, show=name, seed=seed)
                return await run_profile(
                    name, plan, node=node, show=name, clip_path=clip_path, folder=folder,
                    seed=seed, beside_stock=True,
                )  # fmt: skip

            results: list[ProfileResult] = []
            for first in range(0, len(names), at_once):
                batch = names[first : first + at_once]
                results += await asyncio.gather(*(one(name) for name in batch))
            idle_share = before.idle_share_until(CpuTimes.now())
            await making
            cpu = None
            if windows:
                cpu = await measure_cpu(
                    node=node, shows=list(CPU_SHOWS), clip_path=cpu_clip_path, folder=folder,
                    windows=windows, window_s=window_s,
                )  # fmt: skip
            return Results(profiles=in_order(results), cpu=cpu, idle_share=idle_share)
        finally:
            await asyncio.to_thread(node.stop)


def _make_clip(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    Clip.make(width, height).save(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.publisher == "chromium" and not CHROMIUM.exists():
        print(f"This needs {CHROMIUM.name}: install the package chromium.", file=sys.stderr)
        return 1
    try:
        kept = Results.load(options.keep) if options.keep else None
        results = asyncio.run(_measured(options, cpu_too=kept is None or kept.cpu is None))
    except (NodeError, RuntimeError, TimeoutError, ValueError) as exc:
        print(f"The measurement failed: {exc or type(exc).__name__}", file=sys.stderr)
        return 1
    results = kept.and_then(results) if kept is not None else results
    if options.keep:
        results.save(options.keep)
    for note in notes_of(results.profiles):
        print(note)
    print_report(
        bench="ingest",
        title="Bad lines",
        columns=COLUMNS,
        rows=rows_of(results.profiles),
        figures=figures_of(results.profiles, results.cpu, results.idle_share),
    )
    return 0


async def _measured(options: argparse.Namespace, *, cpu_too: bool) -> Results:
    lasting = Plan(lead_s=LEAD_S, run_s=options.minutes * 60, settle_s=SETTLE_S)
    windows, window_s = (4, 1.5) if options.quick else (10, 6.0)
    return await run(
        options.profiles or (QUICK_PROFILES if options.quick else tuple(PROFILES)),
        QUICK if options.quick else lasting,
        seed=options.seed,
        at_once=options.at_once,
        windows=windows if cpu_too else 0,
        window_s=window_s,
        from_studio=options.publisher == "chromium",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.ingest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="two profiles, within 45 s")
    parser.add_argument(
        "--profiles", type=_names, help=f"some of {','.join(PROFILES)}; separated by commas"
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="a profile's time, default: 5")
    parser.add_argument("--seed", type=int, default=1, help="of the lines' luck, default: 1")
    parser.add_argument(
        "--at-once", type=int, default=2, help="profiles that run at the same time, default: 2"
    )
    parser.add_argument("--keep", type=Path, help="add to the results in this file, and print all")
    parser.add_argument(
        "--publisher", choices=("aiortc", "chromium"), default="aiortc",
        help="chromium goes live from the studio, 854x480, without the peer beside it",
    )  # fmt: skip
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in PROFILES]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"there is no profile {unknown[0]!r}; there are: {', '.join(PROFILES)}"
        )
    return names


if __name__ == "__main__":
    sys.exit(main())
