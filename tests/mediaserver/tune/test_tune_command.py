"""The command as a process: Ctrl-C ends it with a report of what is done, and no file too many."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

COMMAND = "from mediaserver.cli import main; main()"
PROFILE = """
name: tiny
rungs:
  - {name: 90p, height: 90, bitrate_bps: 200000, max_bitrate_bps: 200000, preset: ultrafast}
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A second of 160x90."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt, video.thread_count = 160, 90, "yuv420p", 1
        for n in range(30):
            luma = np.roll(np.tile(np.arange(160, dtype=np.uint8), (135, 1)), 4 * n, axis=1)
            frame = av.VideoFrame.from_ndarray(luma, format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, 30)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def until(holds: Callable[[], bool], what: str) -> None:
    pause, deadline_s = threading.Event(), time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline_s, what
        pause.wait(0.02)


def test_interrupted_it_reports_what_is_done_and_cleans_up(film: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "tiny.yaml").write_text(PROFILE)
    factors = ",".join(f"{1 + n / 20:g}" for n in range(200))
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "tune", film, "--profile", "./tiny.yaml",
         "--preset", "ultrafast", "--bitrate", factors, "--json", "out.json", "--yaml", "out.yaml"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(temporary)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        begun: list[Path] = []

        def second_is_begun() -> bool:
            """A rendition came, went and came again: the first variant is done."""
            there = sorted(temporary.glob("*/renditions/*.mp4"))
            if bool(there) != bool(len(begun) % 2):
                begun.append(temporary)
            return len(begun) >= 3 or process.poll() is not None

        until(second_is_begun, "the second variant has begun")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["interrupted"]
    assert told["variants"]
    assert "interrupted" in (tmp_path / "tune.html").read_text()
    assert (tmp_path / "out.yaml").read_text().startswith("# Made by")
    assert list(temporary.iterdir()) == []
