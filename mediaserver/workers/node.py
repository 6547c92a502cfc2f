"""A node from its configuration: what must be had before the first process starts, then all of it.

Everything that can be known to fail is tried here, so that it fails as one sentence and not as a
child process that dies again and again.
"""

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mediaserver.addresses import bindable
from mediaserver.certificates import read_credentials
from mediaserver.config import Config
from mediaserver.errors import StartError
from mediaserver.profiles import check_profiles
from mediaserver.workers.setup import RunFolder
from mediaserver.workers.supervisor import Supervisor, supervise

_RUN_PREFIX = "comptoir-"


async def run_node(config: Config, *, on_start: Callable[[Supervisor], None] | None = None) -> None:
    """Run every process of a node until SIGINT or SIGTERM.

    Raises `StartError` or `ConfigError`, a sentence each, when something needed is not to be had.
    """
    check_profiles(config)
    if "gateway" in config.roles and (tls := config.http.tls.files) is not None:
        read_credentials(tls)
    with _data_folder(config.data), _run_folder(config.data / "run-folder") as folder:
        _check_ports(config)
        await supervise(config, folder, on_start=on_start)


@contextmanager
def _data_folder(path: Path) -> Iterator[None]:
    """Make the data folder, and hold it: two servers on one folder would undo each other's work."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "comptoir.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StartError(f"The data folder {path} cannot be written: {exc.strerror}.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(f"Another Comptoir uses the data folder {path} already.") from None
        yield
    finally:
        os.close(lock)


@contextmanager
def _run_folder(note: Path) -> Iterator[RunFolder]:
    """A new folder for the sockets. `note` remembers it, so that the next start removes what a
    killed server left behind."""
    if note.is_file():
        earlier = Path(note.read_text(encoding="utf-8").strip())
        if earlier.name.startswith(_RUN_PREFIX) and earlier.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(earlier, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=_RUN_PREFIX))
    note.write_text(str(path), encoding="utf-8")
    try:
        yield RunFolder(path=path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _check_ports(config: Config) -> None:
    if "gateway" in config.roles:
        _check_port("http.port", socket.SOCK_STREAM, config.http.host, config.http.port)
    _check_port("admin.port", socket.SOCK_STREAM, config.admin.host, config.admin.port)
    if "ingest" in config.roles:
        udp_host = bindable(config.webrtc.host)
        _check_port("webrtc.port", socket.SOCK_DGRAM, udp_host, config.webrtc.port)


def _check_port(key: str, kind: socket.SocketKind, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc)
            raise StartError(
                f"{key}: port {port} on {host} cannot be opened: {reason}. "
                f"Choose another one, or stop what uses it."
            ) from None
