"""A whole server as a process of its own, on free ports, for benches and end-to-end tests.

``comptoir serve`` is started with a configuration file in a folder of its own. Every process of the
server inherits a mark in its environment, by which they are all found, and none but they.
"""

import contextlib
import json
import os
import random
import secrets
import select
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from bench.polling import wait_until

ROOT = Path(__file__).resolve().parent.parent
COMPTOIR = Path(sys.executable).with_name("comptoir")
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0

_LOG_LINES = 40
_PORTS = (20_000, 32_000)
_PORT_ATTEMPTS = 100
_MARK = "BENCH_NODE_MARK"
"""No name of ours: a child gets none of the server's settings."""


class NodeError(Exception):
    """The server did not do what it was started for; the message ends with its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProcess:
    """One process of a server."""

    pid: int
    role: str
    """`supervisor`, `main`, `gateway`, `ingest` or `worker`."""


class Node:
    """One server. Use it as a context manager, or call `start` and `stop`."""

    def __init__(
        self, *, folder: Path, shows: Mapping[str, str], settings: Mapping[str, Any] | None = None
    ) -> None:
        """`shows` maps names to host keys; `settings` are more keys of the configuration."""
        self.folder = folder
        self.http_port, self.admin_port = free_port(), free_port()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.keys = dict(shows)
        self.log_path = folder / "server.log"
        self._mark = secrets.token_hex(8)
        self._process: subprocess.Popen[bytes] | None = None
        config: dict[str, Any] = {
            "http": {"host": "127.0.0.1", "port": self.http_port},
            "admin": {"host": "127.0.0.1", "port": self.admin_port},
            "webrtc": {"port": self.udp_port},
            "data": str(folder / "data"),
            "shows": {name: {"title": name, "host_key": key} for name, key in shows.items()},
            "log": {"format": "json"},
        }
        merge(config, settings or {})
        self.config_path = folder / "comptoir.yaml"
        self.config_path.write_text(yaml.safe_dump(config), encoding="utf-8")

    @property
    def url(self) -> str:
        """Where the server is reached; `localhost`, so that browsers call it secure."""
        return f"http://localhost:{self.http_port}"

    def whip_url(self, show: str) -> str:
        """A show's WHIP endpoint."""
        return f"http://127.0.0.1:{self.http_port}/live/{show}/whip"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it is ready. Raises `NodeError`."""
        with self.log_path.open("ab") as output:
            self._process = subprocess.Popen(
                [COMPTOIR, "serve", "--config", self.config_path],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={**os.environ, _MARK: self._mark},
                start_new_session=True,
            )
        try:
            wait_until(self.ready, READY_TIMEOUT_S, "the server is ready")
        except TimeoutError as exc:
            self.kill()
            raise NodeError(f"{exc}\n{self.log_end()}") from None

    def ready(self) -> bool:
        """Whether every dependency is there. Raises `NodeError` when the server has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise NodeError(
                f"the server ended by itself: {self._process.returncode}\n{self.log_end()}"
            )
        url = f"http://127.0.0.1:{self.admin_port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def stop(self) -> None:
        """End the server as Ctrl-C does. Raises `NodeError` unless it ends well and leaves nothing.

        Well is: status 0 within `STOP_TIMEOUT_S`, and no process of its own left behind.
        """
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.send_signal(signal.SIGINT)
            status = process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            status = None
        left = [each for each in self.processes() if each.pid != process.pid]
        self._process = process
        self.kill()
        if status is None:
            raise NodeError(f"the server did not end within {STOP_TIMEOUT_S:g} s\n{self.log_end()}")
        if status != 0:
            raise NodeError(f"the server ended with status {status}\n{self.log_end()}")
        if left:
            raise NodeError(f"the server left processes behind: {left}\n{self.log_end()}")

    def kill(self) -> None:
        """End all of it at once, whatever its state, and let go of its ports: a thread that waits
        for a disk holds them for a while after the kill."""
        with contextlib.ExitStack() as stack:
            ending = []
            while alive := self.processes():
                for each in alive:
                    with contextlib.suppress(ProcessLookupError):
                        ending.append(os.pidfd_open(each.pid))
                        stack.callback(os.close, ending[-1])
                        os.kill(each.pid, signal.SIGKILL)
            for ended in ending:
                gone = select.poll()
                gone.register(ended, select.POLLIN)
                gone.poll(1000 * STOP_TIMEOUT_S)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What the server has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def log_end(self) -> str:
        """The last lines of that."""
        return "\n".join(self.log().splitlines()[-_LOG_LINES:])

    def processes(self) -> list[NodeProcess]:
        """Every process of this server that is alive."""
        return [
            NodeProcess(pid=pid, role=_role(argv)) for pid, argv in _marked(f"{_MARK}={self._mark}")
        ]

    def pids(self, role: str) -> set[int]:
        """The processes of one role."""
        return {each.pid for each in self.processes() if each.role == role}

    def worker_of(self, show: str) -> int:
        """The transcoder worker that a show was last given, as the log has it."""
        entries = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        worker = [
            entry["process"]
            for entry in entries
            if entry["event"] == "epoch_started" and entry["show"] == show
        ][-1]
        started = [entry for entry in entries if entry["event"] == "process_started"]
        return int([entry["pid"] for entry in started if entry["child"] == worker][-1])


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that was free a moment ago, of those that no outgoing connection is given: so it is
    still there for a server that is started anew. Raises `OSError` when none is to be had."""
    for _ in range(_PORT_ATTEMPTS):
        port = random.randrange(*_PORTS)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port of {_PORTS} is free")


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Lay nested `more` over nested `into`, in place."""
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def _marked(mark: str) -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                argv = (entry / "cmdline").read_bytes().decode().split("\0")
                yield int(entry.name), argv


def _role(argv: list[str]) -> str:
    if "mediaserver.workers.child" not in argv:
        return "supervisor"
    return argv[argv.index("mediaserver.workers.child") + 1]
