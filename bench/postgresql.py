"""A PostgreSQL of our own for tests and benchmarks: a private cluster in a temporary folder.

Debian's binaries, made by `initdb`, listening on a Unix socket alone, with `fsync=on`. PostgreSQL
refuses to run as root: the cluster is then the user `postgres`'s, or `nobody`'s. It dies with the
process that started it.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

BINARIES = Path("/usr/lib/postgresql")
START_S = 30.0
STOP_S = 20.0

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
}


def missing() -> str | None:
    """What is not here, as a sentence; None where a cluster can be made."""
    if _binaries() is None:
        return f"PostgreSQL is not installed: there is no {BINARIES}/*/bin/initdb"
    if shutil.which("setpriv") is None:
        return "setpriv (util-linux) is not installed"
    return None


class Cluster:
    """`with Cluster() as cluster:` started; `cluster.fresh()` makes a database and names it."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self._user = _user()

    def __enter__(self) -> "Cluster":
        # A short path: that of a Unix socket has 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="comptoir-pg-", dir="/tmp"))
        if os.getuid() == 0:
            os.chown(self._folder, pwd.getpwnam(self._user).pw_uid, -1)
        try:
            self._run("initdb", "-D", self._data, "-A", "trust", "-U", "comptoir",
                      "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions")  # fmt: skip
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        self._remove()

    def fresh(self) -> str:
        """A new database's address."""
        name = f"shop_{next(self._numbers)}"
        with self._session() as session:
            session.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.address(name)

    def address(self, name: str) -> str:
        """``postgresql://…`` of a database."""
        return f"postgresql://comptoir@/{name}?host={self._folder}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(
                    "postgres", "-D", self._data, "-k", str(self._folder), *settings
                ),
                stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while True:
            try:
                self._session().close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop(self, *, crash: bool = False) -> None:
        """End it: in good order, or as a power cut would (every process of it, no checkpoint)."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _session(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.address("postgres"), autocommit=True)

    def _command(self, program: str, *arguments: str) -> list[str]:
        binaries = _binaries()
        assert binaries is not None, missing()
        become = []
        if os.getuid() == 0:
            become = [f"--reuid={self._user}", "--regid", _group(self._user), "--clear-groups"]
        return ["setpriv", "--pdeathsig", "INT", *become, str(binaries / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._command(program, *arguments), check=True, capture_output=True, cwd="/",
            timeout=120,
        )  # fmt: skip

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _binaries() -> Path | None:
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


def _user() -> str:
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid()).pw_name
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"


def _group(user: str) -> str:
    return str(pwd.getpwnam(user).pw_gid)
