"""PostgreSQL: one session, and the same behaviour as SQLite's file.

**Isolation.** A write is READ COMMITTED under one advisory lock that every writer takes first: so
writers follow one another, each sees what the last one committed, and nothing has to be tried
again. A read is REPEATABLE READ, READ ONLY: one consistent view. **Durability.** A commit returns
after the server's flush: `synchronous_commit` is turned on where it is off, and a server with
`fsync = off` is refused. **Alone.** A session advisory lock that PostgreSQL frees with the session;
the server is told to look for dead clients, so that a lost machine's lock does not stay. It rules
out a pooler that shares sessions between clients (PgBouncer in transaction mode).

Every wait ends: connecting, locks, statements, and a peer that has vanished.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from overlay.errors import StoreUnavailable
from overlay.store.database import Access

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_MS = 5000
"""How long a write waits for another session's, and a new shop for a dead one's session to end."""
STATEMENT_TIMEOUT_MS = 30_000

ALONE_KEY = 0x636F6D70_746F6972
"""The session lock of the one shop; `WRITER_KEY` is the lock of one transaction."""
WRITER_KEY = ALONE_KEY + 1

logging.getLogger("psycopg").setLevel(logging.ERROR)
"""What it warns of, a session that is lost, is raised as well."""

_CONNECT: dict[str, Any] = {
    "autocommit": True,  # the driver begins nothing by itself: `begun` does
    "connect_timeout": CONNECT_TIMEOUT_S,
    "client_encoding": "utf8",
    "application_name": "comptoir",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SETTINGS = (
    f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}",
    "SET idle_in_transaction_session_timeout = 60000",
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    "SET TIME ZONE 'UTC'",
)
_BEGIN: dict[Access, str] = {
    "write": "BEGIN ISOLATION LEVEL READ COMMITTED",
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_LOCK = f"SELECT pg_advisory_xact_lock({WRITER_KEY})"
_CAREFUL = (
    "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
    " current_setting('server_encoding'), pg_is_in_recovery()"
)


class PostgresqlDatabase:
    """The database at ``postgresql://…``, which must exist and be UTF-8."""

    dialect = "postgresql"

    def __init__(self, address: str) -> None:
        try:
            self._url = make_url(address).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            raise StoreUnavailable(
                "The shop's database has an address that cannot be read; it must be like "
                "postgresql://user:password@host/name."
            ) from None
        self._engine = _engine(self._url)

    @property
    def name(self) -> str:
        """The address with the password masked."""
        return self._url.set(drivername="postgresql", query={}).render_as_string()

    @property
    def url(self) -> str:
        """The address with everything in it, for PostgreSQL's own programs. Not to be shown."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    def connect(self, *, alone: bool) -> Connection:
        """Raises `StoreUnavailable` for a server that may lose commits, or another shop's."""
        connection = self._engine.connect()
        try:
            self._refuse_careless(connection)
            if alone:
                self._be_alone(connection)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        return connection

    @contextmanager
    def begun(self, connection: Connection, access: Access) -> Iterator[None]:
        """One transaction."""
        connection.info["begin"] = _BEGIN[access]
        with connection.begin():
            if access == "write":
                _driver(connection).execute(_LOCK)
            yield

    def lost(self, connection: Connection) -> bool:
        """Whether the session has ended."""
        if connection.invalidated or connection.closed:
            return True
        driver = connection.connection.driver_connection
        return bool(driver is None or driver.closed or driver.broken)

    def close(self) -> None:
        """The session's locks go with the session."""
        self._engine.dispose()

    def _refuse_careless(self, connection: Connection) -> None:
        driver = _driver(connection)
        fsync, synchronous, encoding, standby = driver.execute(_CAREFUL).fetchone() or (None,) * 4
        if fsync != "on":
            raise StoreUnavailable(
                f"The shop's database {self.name} runs with fsync = {fsync}: it would lose "
                "orders when the power goes. Turn it on."
            )
        if encoding != "UTF8":
            raise StoreUnavailable(
                f"The shop's database {self.name} has the encoding {encoding}; it must be UTF8."
            )
        if standby:
            raise StoreUnavailable(
                f"The shop's database {self.name} is a standby, which cannot be written."
            )
        if synchronous == "off":
            driver.execute("SET synchronous_commit = on")

    def _be_alone(self, connection: Connection) -> None:
        try:
            _driver(connection).execute(f"SELECT pg_advisory_lock({ALONE_KEY})")
        except psycopg.errors.LockNotAvailable:
            raise StoreUnavailable(
                f"Another server runs the shop in {self.name}: stop it first, or give this one a "
                "database of its own."
            ) from None


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


def _engine(url: Any) -> Engine:
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        pool_reset_on_return=None,  # what is given back is closed, and may be lost already
        connect_args=_CONNECT,
        use_native_hstore=False,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        for setting in _SETTINGS:
            connection.execute(setting)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin = connection.info.get("begin")
        if begin:
            _driver(connection).execute(begin)

    return engine
