"""The bench's own processes, each started, asked and ended by its owner."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bench.ingest.display import Decoded, displayed, zero_s
from bench.ingest.figures import Seen, Watched
from bench.ingest.publisher import KEYS_VARIABLE
from bench.node import ROOT

STOP_TIMEOUT_S = 20.0


class _Process:
    """A module of ours as a process that says one JSON line when it has ended."""

    def __init__(
        self, module: str, arguments: Sequence[str], log_path: Path, env: Mapping[str, str]
    ) -> None:
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                cwd=ROOT, env={**os.environ, **env}, start_new_session=True,
            )  # fmt: skip
        self._log_path = log_path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def _said(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            log = self._log_path.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"a process of the bench ended by itself:\n{log[-2000:]}")
        return json.loads(line)

    def _stop(self) -> Any:
        self._process.terminate()
        said = self._said()
        self._process.wait(STOP_TIMEOUT_S)
        return said


class PublisherProcess(_Process):
    """`bench.ingest.publisher`, which publishes to several endpoints, each with its key."""

    def __init__(self, clip_path: Path, targets: Mapping[str, str], log_path: Path) -> None:
        arguments = ["--clip", str(clip_path)]
        for url in targets:
            arguments += ["--url", url]
        keys = {KEYS_VARIABLE: ",".join(targets.values())}
        super().__init__("bench.ingest.publisher", arguments, log_path, keys)

    def stop(self) -> dict[str, float]:
        """End it as its owner would; returns `bench.ingest.publisher.Publisher.figures`."""
        return dict(self._stop())


class StockProcess(_Process):
    """`bench.ingest.stock`."""

    def __init__(self, log_path: Path, *, decode: bool = True) -> None:
        arguments = [] if decode else ["--no-decode"]
        super().__init__("bench.ingest.stock", arguments, log_path, {})
        try:
            self.url: str = self._said()["url"]
        except BaseException:
            self.__exit__()
            raise
        self.let_go = 0
        """How many frames were put together and not decoded; known after `stop`."""

    def whip_url(self, name: str) -> str:
        """Where to publish."""
        return f"{self.url}/live/{name}/whip"

    def stop(self) -> dict[str, Watched]:
        """End it; returns what each publish gave."""
        said = self._stop()
        self.let_go = int(said["let_go"])
        return {name: _watched(publishes) for name, publishes in said["publishes"].items()}


def _watched(publishes: Sequence[Mapping[str, Any]]) -> Watched:
    """What a viewer had who sees the publishes one after the other on a display of constant rate;
    sound is laid by its labels, however late it came."""
    pictures: list[Seen] = []
    beeps_s: list[float] = []
    for notes in publishes:
        decoded = [
            Decoded(came_s=came_s, label_s=label_s, counter=counter)
            for came_s, label_s, counter in notes["pictures"]
        ]
        pictures += displayed(decoded)
        if (zero := zero_s(decoded)) is not None:
            beeps_s += [zero + label_s for label_s in notes["beeps"]]
    return Watched(pictures=pictures, beeps_s=beeps_s)
