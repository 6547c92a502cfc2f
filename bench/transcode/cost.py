"""What a command costs, and what its pictures are worth."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from bench.film import FPS, HEIGHT, WIDTH

_UNTAGGED = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
"""FFmpeg converts between pictures with and without colour tags; only samples are compared."""


class CommandFailed(Exception):
    """A command of the bench ended badly; the message is its own last words."""


def cpu_s(command: Sequence[str], *, core: int, log_path: Path) -> float:
    """CPU seconds (user and system) of a command and all its threads, on one core.

    On one core the threads of a process do not disturb each other, which on a machine whose cores
    share their units would cost more or less by chance. Raises `CommandFailed`.
    """
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        words = log_path.read_text(encoding="utf-8", errors="replace")
        raise CommandFailed(f"{command[0]} ended with {process.returncode}: {words[-2000:]}")
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """One way of making the ladder, on a short film and on a longer one."""

    short: Sequence[str]
    long: Sequence[str]
    seconds: float
    """By how much the one is longer."""


def core_share(lengths: Lengths, *, core: int, log_path: Path) -> float:
    """CPU seconds for each second of media: what the longer film costs more than the shorter one,
    so that whatever starting costs is left out."""
    long = cpu_s(lengths.long, core=core, log_path=log_path)
    return (long - cpu_s(lengths.short, core=core, log_path=log_path)) / lengths.seconds


def alternating(
    ways: Mapping[str, Lengths], *, rounds: int, core: int, log_path: Path
) -> dict[str, list[float]]:
    """The core share of each way in each round; every other round goes the other way about."""
    shares: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else reversed(list(ways)):
            shares[name].append(core_share(ways[name], core=core, log_path=log_path))
    return shares


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def vmaf(encoded: Path, reference: Path, *, every: int) -> float:
    """The mean VMAF (v0.6.1) of a rendition, scaled to the film's size, beside the film.

    Picture n of the one beside picture n of the other; each `every`-th counts.
    """
    with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as folder:
        log = Path(folder) / "vmaf.json"
        filters = (
            f"[0:v]{_UNTAGGED},scale={WIDTH}:{HEIGHT}:flags=bicubic,settb=1/{FPS},setpts=N[a];"
            f"[1:v]{_UNTAGGED},settb=1/{FPS},setpts=N[b];"
            f"[a][b]libvmaf=log_fmt=json:log_path={log}:shortest=1:n_subsample={every}:n_threads=2"
        )
        subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", encoded,
             "-i", reference, "-filter_complex", filters, "-f", "null", "-"],
            check=True,
        )  # fmt: skip
        return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


def ours(film: Path, profile: Path, out: Path | None) -> list[str]:
    """Our pipeline's command (`bench.transcode.ours`)."""
    words = [sys.executable, "-m", "bench.transcode.ours", "--film", str(film),
             "--profile", str(profile)]  # fmt: skip
    return [*words, *(["--out", str(out)] if out else [])]
