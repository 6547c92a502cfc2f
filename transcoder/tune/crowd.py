"""How many shows of a profile this machine carries: so many at once, each in a process of its own.

Each goes as fast as it can; where the slowest makes a second of media in a second or less, they all
keep up with real time. A process says when it is ready, and all are let go together.

``python -m transcoder.tune.crowd FOLDER`` is one of them: the profile comes as a line of JSON on
standard input, then an empty line to begin; the figures go out as a line of JSON.
"""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from transcoder.errors import TranscoderError
from transcoder.profiles import Profile
from transcoder.tune.clip import load_clip
from transcoder.tune.errors import TuneError
from transcoder.tune.show import run_show
from transcoder.tune.values import CrowdRun, Headroom, Variant

MAX_SHOWS = 64
MAX_RUNS = 6
_READY_S = 60.0
_CHECK_S = 0.2
_SLOWEST = 0.1
"""A process that is slower than a tenth of real time is ended."""


def headroom(
    variant: Variant,
    *,
    folder: Path,
    media_s: float,
    cores_a_show: float,
    most: int = MAX_SHOWS,
    on_run: Callable[[int], None] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Headroom:
    """Find the most shows that fit, beginning with what one show costs. Raises `TuneError`.

    At most `MAX_RUNS` runs; where these did not find the border, the most that fitted is a lower
    bound. `check` is called while we wait; what it raises ends everything.
    """
    shows: int | None = first_guess(cores_a_show, cores=os.cpu_count() or 1, most=most)
    runs: dict[int, CrowdRun] = {}
    while shows is not None and len(runs) < MAX_RUNS:
        if on_run is not None:
            on_run(shows)
        runs[shows] = run_crowd(variant.profile, shows, folder=folder, media_s=media_s, check=check)
        shows = next_guess(runs, most=most)
    return Headroom(variant=variant, runs=tuple(runs[shows] for shows in sorted(runs)))


def first_guess(cores_a_show: float, *, cores: int, most: int) -> int:
    """What would fit by the cost of one."""
    return max(1, min(most, int(cores / max(cores_a_show, 0.01))))


def next_guess(runs: dict[int, CrowdRun], *, most: int) -> int | None:
    """One more while all fit, one less while none does; None where the border is known."""
    fitted = [shows for shows, run in runs.items() if run.fits]
    failed = [shows for shows, run in runs.items() if not run.fits]
    if not failed:
        return max(fitted) + 1 if max(fitted) < most else None
    if not fitted:
        return min(failed) - 1 or None
    between = min(failed) - 1
    return between if between > max(fitted) else None


def run_crowd(
    profile: Profile,
    shows: int,
    *,
    folder: Path,
    media_s: float,
    check: Callable[[], None] = lambda: None,
) -> CrowdRun:
    """`shows` processes at once. Raises `TuneError` when one of them fails; `check` may too."""
    members = [_Member(folder) for _ in range(shows)]
    timer = threading.Timer(_READY_S + media_s / _SLOWEST, _end_all, [members])
    timer.start()
    try:
        for member in members:
            member.tell(json.dumps(profile.to_plain()))
        for member in members:
            member.hear("ready", check)
        begun_s = time.monotonic()
        for member in members:
            member.tell("")
        done = [member.hear("wall_s", check) for member in members]
        wall_s = time.monotonic() - begun_s
    finally:
        timer.cancel()
        _end_all(members)
    return CrowdRun(
        shows=shows,
        speed=min(one["media_s"] / one["wall_s"] for one in done),
        cores=sum(one["cpu_s"] for one in done) / wall_s,
    )


class _Member:
    """One show's process."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "transcoder.tune.crowd", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )

    def tell(self, line: str) -> None:
        try:
            _open(self._process.stdin).write(line + "\n")
            _open(self._process.stdin).flush()
        except OSError:
            raise TuneError("A show of several at once ended before it began.") from None

    def hear(self, key: str, check: Callable[[], None]) -> dict[str, float]:
        """The next line, which must have `key`. Raises `TuneError`.

        There is never more than one line in the pipe, so none hides in its buffer.
        """
        pipe = _open(self._process.stdout)
        while not select.select([pipe], [], [], _CHECK_S)[0]:
            check()
        line = pipe.readline()
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            said = {}
        if key not in said:
            why = said.get("error") or "it ended early, or was far too slow"
            raise TuneError(f"One of several shows at once failed: {why}.")
        return said

    def end(self) -> None:
        """Kill it if it still runs. Again is harmless."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except OSError:
                    continue


def _end_all(members: Sequence[_Member]) -> None:
    for member in members:
        member.end()


def _open(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise TuneError("A process has no pipe.")
    return pipe


def main(folder: Path) -> None:
    """One show of the crowd."""
    try:
        profile = Profile.from_plain(json.loads(sys.stdin.readline()))
        clip = load_clip(folder)
        print(json.dumps({"ready": True}), flush=True)
        sys.stdin.readline()
        wall_s, cpu_s = time.monotonic(), time.process_time()
        shown = run_show(clip, profile, folder=None)
        figures = {
            "media_s": shown.media_s,
            "wall_s": time.monotonic() - wall_s,
            "cpu_s": time.process_time() - cpu_s,
        }
        print(json.dumps(figures), flush=True)
    except TranscoderError as exc:
        print(json.dumps({"error": str(exc).rstrip(".")}), flush=True)


if __name__ == "__main__":
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    main(Path(sys.argv[1]))
