"""The shop's database: opened, checked, brought up to date, and used through one connection.

A `Store` belongs to the thread that opens it. Its transactions are `write` and `read`; a write has
the database to itself, so that what it reads is what it changes, and it outlasts a power cut once
it has returned. `overlay.store.sqlite` and `overlay.store.postgresql` say how each does that.

A session that is lost costs the transactions until the server is back: each later one connects
anew. A lost session leaves one thing unknown: whether the commit in hand took place. Whoever was
told `StoreUnavailable` then asks again with the same idempotency key.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from overlay.errors import StoreAway, StoreUnavailable
from overlay.store.database import Access, Database, Location, database_at, said_in_words
from overlay.store.schema import meta


class Store:
    """One database and the one connection to it."""

    def __init__(
        self, database: Database, connection: Connection, *, epoch: str, alone: bool
    ) -> None:
        self._database = database
        self._connection: Connection | None = connection
        self._alone = alone
        self.epoch = epoch
        """The log epoch: made with the database, and gone with it."""

    @classmethod
    def open(cls, location: Location, *, alone: bool = False) -> "Store":
        """The database at `location`, its tables made or brought up to date if need be.

        `alone`: be its only shop, until closed or dead. Raises `StoreUnavailable`.
        """
        return cls._opened(location, _up_to_date, access="write", alone=alone)

    @classmethod
    def open_to_read(cls, location: Location) -> "Store":
        """The database as it is, for `read` alone: whatever would change it is refused.

        Raises `StoreUnavailable`, also for one of another schema.
        """
        return cls._opened(location, _as_it_is, access="read", alone=False)

    @classmethod
    def _opened(
        cls,
        location: Location,
        prepared: Callable[[Connection], str],
        *,
        access: Access,
        alone: bool,
    ) -> "Store":
        database = database_at(location)
        connection: Connection | None = None
        try:
            with said_in_words(f"The shop's database {database.name} cannot be used"):
                connection = database.connect(alone=alone)
                with database.begun(connection, access):
                    epoch = prepared(connection)
        except BaseException:
            if connection is not None:
                connection.close()
            database.close()
            raise
        return cls(database, connection, epoch=epoch, alone=alone)

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._database.dialect

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction that may change things: committed at the end, undone by an exception.

        Raises `StoreUnavailable`; nothing has changed then, or else the session was lost at the
        very commit. `StoreAway` where there is no session, and none to be had.
        """
        return self._transaction("write", "The shop's database cannot be written")

    def read(self) -> AbstractContextManager[Connection]:
        """One consistent view. Raises `StoreUnavailable`."""
        return self._transaction("read", "The shop's database cannot be read")

    def check(self) -> None:
        """Raise `StoreUnavailable` if nothing can be written now."""
        with self.write() as connection:
            connection.execute(meta.update().values(log_epoch=meta.c.log_epoch))

    def close(self) -> None:
        """Close the file, or end the session."""
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None
        self._database.close()

    @contextmanager
    def _transaction(self, access: Access, what: str) -> Iterator[Connection]:
        with said_in_words(what):
            connection = self._connected(what)
            try:
                with self._database.begun(connection, access):
                    yield connection
            except BaseException:
                self._drop_if_lost(connection)
                raise

    def _connected(self, what: str) -> Connection:
        if self._connection is None:
            try:
                with said_in_words(what):
                    self._connection = self._connect()
            except StoreUnavailable as exc:
                raise StoreAway(str(exc)) from exc
        return self._connection

    def _connect(self) -> Connection:
        connection = self._database.connect(alone=self._alone)
        try:
            self._refuse_another(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_another(self, connection: Connection) -> None:
        with self._database.begun(connection, "read"):
            epoch = connection.execute(select(meta.c.log_epoch)).scalar_one_or_none()
        if epoch != self.epoch:
            raise StoreUnavailable(
                f"The shop's database {self._database.name} is another one than before: start "
                "the server again."
            )

    def _drop_if_lost(self, connection: Connection) -> None:
        if not self._database.lost(connection):
            return
        self._connection = None
        with suppress(SQLAlchemyError):
            connection.invalidate()
        connection.close()


def _up_to_date(connection: Connection) -> str:
    """Bring the tables to the newest schema: the log epoch."""
    from overlay.store.migrations import upgrade

    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    upgrade(connection)
    return _log_epoch(connection)


def _as_it_is(connection: Connection) -> str:
    """Read the log epoch, and let nothing be written from now on."""
    from overlay.store.migrations import refuse_another

    refuse_another(connection)
    epoch = connection.execute(select(meta.c.log_epoch)).scalar_one_or_none()
    if epoch is None:
        raise StoreUnavailable("The shop's database has never been opened by a shop.")
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    else:
        connection.execute(text("PRAGMA query_only = ON"))
    return str(epoch)


def _log_epoch(connection: Connection) -> str:
    stored = connection.execute(select(meta.c.log_epoch)).scalar_one_or_none()
    if stored is not None:
        return str(stored)
    made = secrets.token_hex(8)
    connection.execute(insert(meta).values(id=1, log_epoch=made))
    return made
