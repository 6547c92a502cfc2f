"""The ladder's cost and quality beside the FFmpeg command line.

The same film (four seconds of 720p30 as a host's browser sends them, over and over) becomes the
same rungs, those of the default profile: by our pipeline, which is a worker's epoch run (decode,
grid, chained scaling, encoders, AAC, packager) under a virtual clock, and by one FFmpeg process
(decode once, chained scaling with the same scaler, the same x264 options, AAC, fragmented MP4).
Both take the same H.264 and Opus packets. They take turns, round after round, each on one core; CPU
is user and system time of the whole process on a long film less that on a short one, so starting
is left out of both. With `passthrough: always` the source's 720p is the top rung as it is, and only
the rungs below are encoded.

  cpu_vs_ffmpeg       our CPU over FFmpeg's, the median of the rounds
  core, ffmpeg_core   cores that the whole ladder takes at 30 frames a second
  passthrough_vs_all  our CPU with the top rung passed through over all encoded
  vmaf_delta          by how much VMAF of our worst rung lies below FFmpeg's (of 100)

VMAF is that of the decoded rendition, scaled to 720p, beside the host's film.

What the figures do not say: nothing here waits for a clock, so the cost of waking up for each
packet and of receiving it is left out (`bench.streams` has it). FFmpeg's own build has an x264 and
a scaler of another version than the library that we use.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench import film
from bench.machine import CpuTimes
from bench.report import Figure, print_report
from bench.transcode import peer
from bench.transcode.cost import CommandFailed, Lengths, alternating, ours, ratio, vmaf
from mediaserver.profiles import find_profile
from transcoder.grid import make_grid
from transcoder.profiles import Profile, RungPlan, plan_rungs


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    rounds: int
    long_rounds: int
    """The long film: so many times the short one."""
    vmaf_every: int


FULL, QUICK = (
    Plan(rounds=5, long_rounds=4, vmaf_every=1),
    Plan(rounds=1, long_rounds=2, vmaf_every=4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured."""

    shares: Mapping[str, Sequence[float]]
    """Cores, round by round: `ours`, `ffmpeg` and, where the profile knows it, `passed`."""
    vmaf: Mapping[str, tuple[float, float]]
    """For each rung: ours, FFmpeg's."""
    idle_share: float

    @property
    def figures(self) -> dict[str, Figure]:
        """Those of the JSON line; null for what was not measured."""
        shares = self.shares
        passed = shares.get("passed")
        return {
            "idle_share": self.idle_share,
            "cpu_vs_ffmpeg": ratio(shares["ours"], shares["ffmpeg"]),
            "passthrough_vs_all": ratio(passed, shares["ours"]) if passed else None,
            "vmaf_delta": max(theirs - ours for ours, theirs in self.vmaf.values()),
            "core": statistics.median(shares["ours"]),
            "ffmpeg_core": statistics.median(shares["ffmpeg"]),
            "passthrough_core": statistics.median(passed) if passed else None,
        }

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """For the table."""
        names = {"ours": "ours", "ffmpeg": "FFmpeg", "passed": "ours, 720p passed through"}
        costs = [
            (names[name], f"{statistics.median(values):.3f} cores",
             " ".join(f"{value:.3f}" for value in values))
            for name, values in self.shares.items()
        ]  # fmt: skip
        qualities = [
            (f"VMAF of {rung}", f"{ours:.2f}", f"FFmpeg {theirs:.2f}")
            for rung, (ours, theirs) in self.vmaf.items()
        ]
        return costs + qualities


def run(plan: Plan, clip: Path | None, folder: Path) -> Results:
    """The measurement. Raises `CommandFailed`."""
    profile = find_profile("default")
    rungs = plan_rungs(profile, film.WIDTH, film.HEIGHT)
    short = film.make(folder, clip)
    long = film.longer(short, plan.long_rounds)
    encoded = _written(folder / "encoded.yaml", profile, passthrough="never")
    passed = _written(folder / "passed.yaml", profile, passthrough="always")

    def theirs(path: Path, out: Path | None) -> list[str]:
        grid = make_grid(
            frames_per_second=profile.frames_per_second, latency="low",
            idr_interval_s=profile.idr_interval_s, segment_s=profile.segment_s,
        )  # fmt: skip
        return peer.command(path, rungs, profile=profile, grid=grid, out=out)

    more_s = film.SECONDS * (plan.long_rounds - 1.0)
    ways = {
        "ours": Lengths(
            short=ours(short, encoded, None), long=ours(long, encoded, None), seconds=more_s
        ),
        "ffmpeg": Lengths(short=theirs(short, None), long=theirs(long, None), seconds=more_s),
    }
    ways["passed"] = Lengths(
        short=ours(short, passed, None), long=ours(long, passed, None), seconds=more_s
    )
    core = max(os.sched_getaffinity(0))
    before = CpuTimes.now()
    shares = alternating(ways, rounds=plan.rounds, core=core, log_path=folder / "log")
    idle_share = before.idle_share_until(CpuTimes.now())
    our_folder, their_folder = folder / "ours", folder / "theirs"
    for made, command in (
        (our_folder, ours(short, encoded, our_folder)),
        (their_folder, theirs(short, their_folder)),
    ):
        made.mkdir()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    quality = {
        rung.name: _qualities(rung, our_folder, their_folder, short, plan.vmaf_every)
        for rung in rungs
    }
    return Results(shares=shares, vmaf=quality, idle_share=idle_share)


def _qualities(
    rung: RungPlan, ours: Path, theirs: Path, reference: Path, every: int
) -> tuple[float, float]:
    name = f"{rung.name}.mp4"
    return (
        vmaf(ours / name, reference, every=every),
        vmaf(theirs / name, reference, every=every),
    )


def _written(path: Path, profile: Profile, *, passthrough: str) -> Path:
    plain = profile.to_plain()
    plain["passthrough"] = passthrough
    # stills are nothing that the peer makes
    plain["pictures"] |= {"poster_every_s": 0, "thumbnail_every_s": 0}
    path.write_text(yaml.safe_dump(plain), encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.transcode",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="one round, within 45 s")
    parser.add_argument("--rounds", type=int, help=f"default: {FULL.rounds}")
    parser.add_argument("--clip", type=Path, help="another film, of 120 pictures or more")
    options = parser.parse_args(arguments)
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = Plan(rounds=options.rounds, long_rounds=plan.long_rounds, vmaf_every=plan.vmaf_every)
    clip = options.clip or film.beside()
    try:
        with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as folder:
            results = run(plan, clip, Path(folder))
    except (CommandFailed, OSError, ValueError, subprocess.CalledProcessError) as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    print(f"The film is {clip.name if clip else 'the painted scene'}, 1280x720 at 30 a second.")
    print_report(
        bench="transcode",
        title="The default ladder: cores at 30 frames a second, and VMAF",
        columns=("", "median", "rounds / beside"),
        rows=results.rows,
        figures=results.figures,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
