"""SQLite: one file, WAL, synchronous=FULL. A commit is on the platter when it returns.

A writer holds the database's write lock from its first statement (BEGIN IMMEDIATE), so that what it
reads is what it changes. A shop that is alone holds a lock on ``<file>.lock``; the kernel lets go
of it when the process dies, however it dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from overlay.errors import StoreUnavailable
from overlay.store.database import Access

BUSY_TIMEOUT_MS = 5000
"""How long a write waits for another process's: a backup, or an operator's shell."""

PRAGMAS = [
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # A crowd's keys are random: with 2 MB of cache and a checkpoint every 4 MB of log, half of the
    # ledger's time goes into reading pages again and writing them back.
    "PRAGMA cache_size = -65536",
    "PRAGMA wal_autocheckpoint = 8000",
]
"""Of every connection."""
_BEGIN: dict[Access, str] = {"write": "BEGIN IMMEDIATE", "read": "BEGIN"}


class SqliteDatabase:
    """The database in one file, made (mode 0600) if it is not there. Its folder must exist."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _engine(path)
        self._lock: int | None = None

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def connect(self, *, alone: bool) -> Connection:
        """Raises `StoreUnavailable` for a file that is damaged, or another shop's."""
        _make_private(self._path)
        if alone and self._lock is None:
            self._lock = lock_file(self._path)
        connection = self._engine.connect()
        try:
            self._refuse_damaged(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def begun(self, connection: Connection, access: Access) -> Iterator[None]:
        """One transaction."""
        connection.info["begin"] = _BEGIN[access]
        with connection.begin():
            yield

    def lost(self, connection: Connection) -> bool:
        """Never: an error of the file system may pass."""
        return False

    def close(self) -> None:
        """Let go of the lock."""
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _refuse_damaged(self, connection: Connection) -> None:
        with self.begun(connection, "read"):
            verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if verdict != "ok":
            first = str(verdict).strip().splitlines()[-1]
            raise StoreUnavailable(f"The shop's database {self._path} is damaged: {first}.")


def lock_file(path: Path) -> int:
    """Be the one shop of this database file until the descriptor is closed, or the process dies.

    Raises `StoreUnavailable` where another is.
    """
    beside = path.with_name(path.name + ".lock")
    try:
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreUnavailable(f"{beside} cannot be opened: {exc.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StoreUnavailable(
            f"Another server runs the shop in {path}: stop it first, or give this one a data "
            "folder of its own."
        ) from None
    return lock


def _make_private(path: Path) -> None:
    """Have the file there, for its owner only: SQLite gives its companions the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as exc:
        raise StoreUnavailable(
            f"The shop's database {path} cannot be opened: {exc.strerror}."
        ) from None


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: `begun` does
        for pragma in PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.info.get("begin", "BEGIN"))

    return engine
