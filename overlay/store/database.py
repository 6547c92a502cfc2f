"""What a `Store` needs of the database behind it, and which one a location names."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal, Protocol

import sqlalchemy.exc
from sqlalchemy import Connection

from overlay.errors import StoreUnavailable

Location = Path | str
"""A file, for SQLite; or ``postgresql://user:password@host/name``."""
Access = Literal["read", "write"]

_DRIVERS = ("sqlite3", "psycopg")
_SCHEMES = ("postgresql://", "postgres://")
_SQLITE_RULES = frozenset({"CHECK", "FOREIGN KEY", "NOT NULL", "UNIQUE"})


class RuleBroken(Exception):
    """A rule of the schema was broken, or a value fits no column: our own code is to blame.

    It says which rule, and nothing of the row.
    """


class Database(Protocol):
    """SQLite's file or PostgreSQL's server. Any method may raise what the driver raises."""

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""

    @property
    def name(self) -> str:
        """How sentences call it: no password is in it."""

    def connect(self, *, alone: bool) -> Connection:
        """A connection in good order. `alone`: refuse where another shop has one that is alone.

        Raises `StoreUnavailable`.
        """

    def begun(self, connection: Connection, access: Access) -> AbstractContextManager[None]:
        """One transaction: a writer waits until it is the only one."""

    def lost(self, connection: Connection) -> bool:
        """Whether nothing more will come of this connection."""

    def close(self) -> None:
        """Give back what `connect` took: the right to be alone too."""


def database_at(location: Location) -> Database:
    """The database that `location` names; nothing is opened yet.

    Raises `StoreUnavailable` for an address that cannot be read.
    """
    if isinstance(location, str) and location.startswith(_SCHEMES):
        from overlay.store.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(location)
    from overlay.store.sqlite import SqliteDatabase

    return SqliteDatabase(Path(location))


@contextmanager
def said_in_words(what: str) -> Iterator[None]:
    """Whatever the driver raises becomes `StoreUnavailable`, a sentence that begins with `what`.

    Not what our own code is to blame for, a rule of the schema that it broke or a value that no
    column takes: that becomes `RuleBroken`, and what the driver says of the row is dropped.
    """
    try:
        yield
    except Exception as exc:
        said = exc.orig if isinstance(exc, sqlalchemy.exc.DBAPIError) and exc.orig else exc
        names = {kind.__name__ for kind in type(said).__mro__ if kind.__module__ in _DRIVERS}
        if names & {"IntegrityError", "DataError"}:
            raise RuleBroken(_rule(said)) from None
        if not names and not isinstance(exc, sqlalchemy.exc.DBAPIError):
            raise
        raise StoreUnavailable(f"{what}: {_reason(said)}.") from exc


def _rule(exc: BaseException) -> str:
    """The error's class, and the constraint or column. The driver's words may quote a buyer."""
    diagnosis = getattr(exc, "diag", None)  # psycopg's
    if diagnosis is not None:
        rule = diagnosis.constraint_name or diagnosis.column_name
    else:
        kind, _, rule = str(exc).partition(" constraint failed")
        rule = f"{kind}{rule}" if kind in _SQLITE_RULES else None
    return f"{type(exc).__name__} ({rule})" if rule else type(exc).__name__


def _reason(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(exc).__name__
