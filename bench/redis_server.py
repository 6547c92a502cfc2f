"""A Redis of one's own, for tests and benches: a process on a private socket, without a disk."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

import redis

from bench.node import free_port
from bench.polling import wait_until

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0


def installed() -> bool:
    """Whether there is a redis-server here."""
    return shutil.which("redis-server") is not None


class RedisServer:
    """Use it as a context manager. It forgets everything when it stops."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For a `RedisLink`."""
        return f"redis://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = {
            "--port": self._port, "--bind": "127.0.0.1", "--save": "", "--appendonly": "no",
            "--dir": self._folder, "--daemonize": "no",
        }  # fmt: skip
        with (self._folder / "redis.log").open("ab") as output:
            self._process = subprocess.Popen(
                ["redis-server", *[str(x) for pair in options.items() for x in pair]],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        wait_until(self._answers, START_TIMEOUT_S, "Redis answers")

    def call(self, *command: str | bytes) -> object:
        """The answer to a command."""
        with redis.Redis(host="127.0.0.1", port=self._port) as client:
            return client.execute_command(*command)

    def freeze(self) -> None:
        """Let it answer nobody, as if the network were cut."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it at once, whatever its state."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait(STOP_TIMEOUT_S)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return self.call("PING") in (b"PONG", True)
        return False
