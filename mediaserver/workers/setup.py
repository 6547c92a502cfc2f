"""What a child process is told when it starts, and where a node's sockets lie."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediaserver import config as configuration
from mediaserver.config import Config

Role = Literal["main", "gateway", "ingest", "worker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The node's Unix sockets, in a folder that only this user may enter.

    It is a short path of its own and not the data folder, because the path of a Unix socket is
    limited to 107 bytes (``sun_path`` in unix(7)).
    """

    path: Path

    @property
    def bus(self) -> Path:
        """Where main listens for the other processes."""
        return self.path / "main.sock"

    @property
    def main_http(self) -> Path:
        """Where main answers the HTTP requests that gateways hand on."""
        return self.path / "http.sock"

    @property
    def supervisor(self) -> Path:
        """Where the supervisor listens for main's `WantWorkers`."""
        return self.path / "supervisor.sock"

    def access_units(self, name: str) -> Path:
        """Where the worker called `name` listens for access units."""
        return self.path / f"au-{name}.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSetup:
    """The one line of JSON that a child reads from its standard input.

    Standard input and not the environment or the command line, because it carries keys. The pipe
    then stays open: its end tells the child that the supervisor is gone. Main alone gets the keys:
    the other processes handle strangers' bytes.
    """

    role: Role
    name: str
    run_folder: Path
    config: Config

    def to_line(self) -> bytes:
        """The line, newline included."""
        plain = {
            "role": self.role,
            "name": self.name,
            "run_folder": str(self.run_folder),
            "config": configuration.to_plain(
                self.config, keys=self.role == "main", cluster=self.role == "gateway"
            ),
        }
        return json.dumps(plain).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "ChildSetup":
        """The inverse of `to_line`."""
        plain = json.loads(line)
        return cls(
            role=plain["role"],
            name=plain["name"],
            run_folder=Path(plain["run_folder"]),
            config=configuration.from_plain(plain["config"]),
        )
