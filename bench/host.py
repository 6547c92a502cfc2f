"""The demo's host as a publisher that can be killed: `mediaserver.demo.host` as a process."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from bench.node import ROOT
from mediaserver.demo.host import KEY_VARIABLE

STOP_TIMEOUT_S = 10.0


class DemoHost:
    """One host of one show. Use it as a context manager."""

    def __init__(self, *, whip_url: str, key: str, log_path: Path, size: str = "640x360") -> None:
        self.log_path = log_path
        with log_path.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mediaserver.demo.host", "--url", whip_url, "--size", size],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, KEY_VARIABLE: key},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send the process a signal: SIGSTOP makes it fall silent, SIGCONT brings it back."""
        self._process.send_signal(number)

    def log(self) -> str:
        """What the host has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the publish as its owner would."""
        if not self.alive:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """End the process at once: the publish just falls silent."""
        self._process.kill()
        self._process.wait()
