"""FFmpeg's command line as a subprocess: found, asked what it can do, run with a bound in time.

It only ever reads and writes files (`-protocol_whitelist`), in the folder it is run in, so names
need no escaping in filter graphs. It is killed when the caller is interrupted.
"""

import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transcoder.tune.errors import TuneError

INSTALL = "pip install '.[tune]' in Comptoir's folder"
_PROBE_S = 20
_TAIL_CHARACTERS = 300

MODELS = {
    "vmaf": "version=vmaf_v0.6.1",
    "vmaf_neg": "version=vmaf_v0.6.1neg",
    "vmaf_phone": r"version=vmaf_v0.6.1\:enable_transform=true",
}
"""libvmaf's built-in models; the phone model is the default one with its score transform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ffmpeg:
    """The program and what of our metrics it can measure."""

    path: str
    version: str
    metrics: tuple[str, ...]

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        timeout_s: float,
        on_frame: Callable[[int], None] | None = None,
    ) -> None:
        """Run it in `folder`. `on_frame` hears how many pictures are done.

        Raises `TuneError` with the end of what it said when it fails or takes too long.
        """
        command = [
            self.path, "-hide_banner", "-nostdin", "-loglevel", "error", "-y",
            "-progress", "pipe:1", *arguments,
        ]  # fmt: skip
        with tempfile.TemporaryFile(mode="w+", errors="replace", dir=folder) as complaints:
            process = subprocess.Popen(  # noqa: S603 - a list, no shell; the names are ours
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
            timer = threading.Timer(timeout_s, process.kill)
            timer.start()
            try:
                for line in process.stdout or ():
                    key, _, value = line.partition("=")
                    if key == "frame" and on_frame is not None and value.strip().isdigit():
                        on_frame(int(value))
                status = process.wait()
            finally:
                timer.cancel()
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
            if status != 0:
                complaints.seek(0)
                raise TuneError(_complaint(complaints.read(), status))


def find_ffmpeg() -> Ffmpeg:
    """The FFmpeg of `imageio-ffmpeg`. Raises `TuneError` when it is not installed."""
    try:
        import imageio_ffmpeg

        path = str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise TuneError(f"FFmpeg is needed to judge pictures; install it: {INSTALL}") from None
    said = _ask(path, ["-version"])
    found = re.match(r"ffmpeg version (\S+)", said)
    if found is None:
        raise TuneError(f"{path} cannot be run; install FFmpeg anew: {INSTALL}")
    filters = set(re.findall(r"^ \S+ +(\w+) +V+->V", _ask(path, ["-filters"]), re.MULTILINE))
    return Ffmpeg(path=path, version=found.group(1), metrics=tuple(_metrics(path, filters)))


def _metrics(path: str, filters: set[str]) -> list[str]:
    models = MODELS if "libvmaf" in filters else {}
    metrics = [name for name, model in models.items() if _can_load(path, model)]
    return metrics + [name for name in ("ssim", "xpsnr") if name in filters]


def _can_load(path: str, model: str) -> bool:
    picture = "color=s=64x64:r=1:d=1,format=yuv420p"
    graph = f"{picture}[a];{picture}[b];[a][b]libvmaf=model='{model}'"
    return _status(path, ["-lavfi", graph, "-f", "null", "-"]) == 0


def _ask(path: str, arguments: list[str]) -> str:
    return _asked(path, arguments).stdout


def _status(path: str, arguments: list[str]) -> int:
    return _asked(path, ["-nostdin", "-loglevel", "error", *arguments]).returncode


def _asked(path: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - a list, no shell
            [path, "-hide_banner", *arguments],
            capture_output=True, text=True, timeout=_PROBE_S, check=False, errors="replace",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return subprocess.CompletedProcess([path], 1, "", "")


def _complaint(said: str, status: int) -> str:
    if status < 0:
        return "FFmpeg was stopped because it took too long"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"FFmpeg failed: {lines[-1][-_TAIL_CHARACTERS:] if lines else f'status {status}'}"
