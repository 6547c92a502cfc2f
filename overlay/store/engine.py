"""The database file: opened, checked, brought up to date, and used through one connection.

A `Store` belongs to the thread that opens it. Its transactions are `write` and `read`; a write
holds SQLite's write lock from its first statement (BEGIN IMMEDIATE), so that what it reads is what
it changes, and is on the platter when it returns (WAL, synchronous=FULL).
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from overlay.errors import StoreUnavailable
from overlay.store.migrations import upgrade
from overlay.store.schema import meta

BUSY_TIMEOUT_MS = 5000
"""How long a write waits for another process's: a backup, or an operator's shell."""

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)


class Store:
    """One SQLite database and the one connection to it."""

    def __init__(self, engine: Engine, connection: Connection, *, epoch: str) -> None:
        self._engine = engine
        self._connection = connection
        self.epoch = epoch
        """The log epoch: made with the database, and gone with it."""

    @classmethod
    def open(cls, path: Path) -> "Store":
        """The database in `path`, made (mode 0600) if it is not there. Its folder must exist.

        Raises `StoreUnavailable`.
        """
        _make_private(path)
        engine = _engine(path)
        connection: Connection | None = None
        try:
            with _said_in_words(f"The shop's database {path} cannot be used"):
                connection = engine.connect()
                _refuse_damaged(connection, path)
                with _begun(connection, "BEGIN IMMEDIATE"):
                    upgrade(connection)
                    epoch = _log_epoch(connection)
        except BaseException:
            if connection is not None:
                connection.close()
            engine.dispose()
            raise
        return cls(engine, connection, epoch=epoch)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may change things: committed at the end, undone by an exception.

        Raises `StoreUnavailable`; nothing has changed then.
        """
        with (
            _said_in_words("The shop's database cannot be written"),
            _begun(self._connection, "BEGIN IMMEDIATE"),
        ):
            yield self._connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view. Raises `StoreUnavailable`."""
        with (
            _said_in_words("The shop's database cannot be read"),
            _begun(self._connection, "BEGIN"),
        ):
            yield self._connection

    def check(self) -> None:
        """Raise `StoreUnavailable` if nothing can be written now."""
        with self.write() as connection:
            connection.execute(meta.update().values(log_epoch=meta.c.log_epoch))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._engine.dispose()


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
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.info.get("begin", "BEGIN"))

    return engine


@contextmanager
def _begun(connection: Connection, statement: str) -> Iterator[None]:
    connection.info["begin"] = statement
    with connection.begin():
        yield


@contextmanager
def _said_in_words(what: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a rule of the schema that our own code broke
    except (DBAPIError, sqlite3.Error) as exc:
        reason = exc.orig if isinstance(exc, DBAPIError) else exc
        raise StoreUnavailable(f"{what}: {reason}.") from exc


def _refuse_damaged(connection: Connection, path: Path) -> None:
    with _begun(connection, "BEGIN"):
        verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if verdict != "ok":
        first = str(verdict).strip().splitlines()[-1]
        raise StoreUnavailable(f"The shop's database {path} is damaged: {first}.")


def _log_epoch(connection: Connection) -> str:
    stored = connection.execute(select(meta.c.log_epoch)).scalar_one_or_none()
    if stored is not None:
        return str(stored)
    made = secrets.token_hex(8)
    connection.execute(insert(meta).values(id=1, log_epoch=made))
    return made
