"""A relay in a process of its own, so that neither its load nor ours disturbs the other."""

import contextlib
import json
import subprocess
import sys
from typing import Any, Self

from bench.faults.__main__ import ARM
from bench.node import ROOT

STOP_TIMEOUT_S = 10.0


class BadLine:
    """``python -m bench.faults`` before one server. Use it as a context manager."""

    def __init__(
        self,
        profile: str,
        *,
        server_url: str,
        udp_port: int | None,
        seed: int = 1,
        after_s: float | None = None,
        lasts_s: float | None = None,
    ) -> None:
        """Without `udp_port` media goes to where the server's first answer says. `after_s` and
        `lasts_s` override when the profile's trouble begins and how long it is."""
        command = [sys.executable, "-m", "bench.faults", "--profile", profile]
        command += ["--server", server_url, "--seed", str(seed)]
        for option, value in (("--udp", udp_port), ("--after", after_s), ("--lasts", lasts_s)):
            command += [option, str(value)] if value is not None else []
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT
        )
        try:
            where = self._heard()
        except BaseException:
            self._end()
            raise
        self.url: str = where["url"]
        """Publish to the same paths as on the server, but here."""
        self.udp_port: int = where["udp"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def whip_url(self, show: str) -> str:
        """A show's WHIP endpoint, through the line."""
        return f"{self.url}/live/{show}/whip"

    def arm(self) -> None:
        """The profile's time begins."""
        if self._process.stdin is None:
            raise RuntimeError("the relay has no input")
        self._process.stdin.write(f"{ARM}\n")
        self._process.stdin.flush()
        self._heard()

    def stop(self) -> dict[str, dict[str, float]]:
        """End it; returns what has passed and what was lost (`Relay.statistics`), once."""
        if self._process.poll() is not None:
            return {}
        self._process.terminate()
        try:
            statistics = self._heard()
            self._process.wait(STOP_TIMEOUT_S)
        finally:
            self._end()
        return dict(statistics)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _heard(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"the relay ended by itself: {self._process.wait(STOP_TIMEOUT_S)}")
        return json.loads(line)
