"""A copy of the shop's database while it sells, and the way back.

A backup is one consistent view: what was committed before it began is in it, whatever is sold
meanwhile. SQLite's is a database file by itself; PostgreSQL's is `pg_dump`'s custom format. A
restore needs the shop closed, checks what it is given first, and begins a new log epoch: viewers
and gateways that knew the other log are given the whole state again.

Every function raises `StoreUnavailable` with a sentence, and leaves nothing half-made behind.
"""

import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from overlay.errors import StoreUnavailable
from overlay.store.database import Location, database_at
from overlay.store.engine import Store
from overlay.store.sqlite import SqliteDatabase, lock_file

_SQLITE_MAGIC = b"SQLite format 3\0"
_PG_DUMP_MAGIC = b"PGDMP"


def backup(location: Location, target: Path) -> None:
    """Copy the database at `location` into the new file `target` (mode 0600)."""
    if target.exists():
        raise StoreUnavailable(f"{target} exists already: give the backup a name of its own.")
    database = database_at(location)
    with _made_whole(target) as partial:
        if isinstance(database, SqliteDatabase):
            _copy_sqlite(Path(location), partial)
        else:
            from overlay.store import pg_tools

            pg_tools.dump(str(location), partial)


def restore(source: Path, location: Location) -> str:
    """Put the backup `source` in the place of the database at `location`: its new log epoch.

    Refused while a server runs the shop. A file that is replaced is kept beside, under a name that
    says when.
    """
    _refuse_another_kind(source, location)
    if isinstance(location, str) and "://" in location:
        from overlay.store import pg_tools

        with _alone(location):
            pg_tools.load(source, location)
            return _renewed(location)
    return _restore_sqlite(source, Path(location))


@contextmanager
def _made_whole(target: Path) -> Iterator[Path]:
    """A name to write to; the file gets its own when it is whole, and on the disk."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        yield partial
        _sync(partial)
        partial.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise StoreUnavailable(f"{target} cannot be made: {reason}.") from None
    finally:
        partial.unlink(missing_ok=True)


def _copy_sqlite(path: Path, into: Path) -> None:
    """One step, so one view; in WAL mode no writer waits for it."""
    if not path.exists():
        raise StoreUnavailable(f"There is no database {path} yet.")
    with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as source:
        source.execute("PRAGMA busy_timeout = 5000")
        with closing(sqlite3.connect(into)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    _refuse_damaged(into)


def _refuse_damaged(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as opened:
            (verdict,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
            strangers = opened.execute("PRAGMA foreign_key_check").fetchall()
            tables = {row[0] for row in opened.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as exc:
        raise StoreUnavailable(f"{path} cannot be read: {exc}.") from None
    if verdict != "ok" or strangers:
        raise StoreUnavailable(f"{path} is damaged: {verdict}.")
    if not {"meta", "alembic_version", "log"} <= tables:
        raise StoreUnavailable(f"{path} is a database, and not a shop's.")


def _restore_sqlite(source: Path, path: Path) -> str:
    _refuse_damaged(source)
    lock = lock_file(path)
    beside = path.with_name(f"{path.name}.restored")
    try:
        beside.unlink(missing_ok=True)
        with _made_whole(beside) as partial:
            with (
                closing(sqlite3.connect(source)) as given,
                closing(sqlite3.connect(partial)) as new,
            ):
                given.backup(new)
            epoch = _renewed(partial)
            _one_file(partial)
        _set_aside(path)
        beside.rename(path)
        _sync(path.parent)
    except OSError as exc:
        raise StoreUnavailable(f"{path} cannot be restored: {exc.strerror}.") from None
    finally:
        os.close(lock)
    return epoch


def _one_file(path: Path) -> None:
    """Without a write-ahead log beside it."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")


def _set_aside(path: Path) -> None:
    """Keep what is there, its write-ahead log too, under names that belong together."""
    if not path.exists():
        return
    kept = path.with_name(f"{path.name}.before-{time.strftime('%Y%m%dT%H%M%S')}")
    for suffix in ("-wal", "-shm", ""):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(kept.with_name(kept.name + suffix))


@contextmanager
def _alone(location: Location) -> Iterator[None]:
    """No server runs the shop meanwhile."""
    from overlay.store.database import said_in_words

    database = database_at(location)
    try:
        with said_in_words(f"The shop's database {database.name} cannot be used"):
            connection = database.connect(alone=True)
        try:
            yield
        finally:
            connection.close()
    finally:
        database.close()


def _renewed(location: Location) -> str:
    """Bring the tables up to date, and begin a new log epoch."""
    store = Store.open(location)
    try:
        with store.write() as connection:
            epoch = secrets.token_hex(8)
            connection.exec_driver_sql(f"UPDATE meta SET log_epoch = '{epoch}'")  # noqa: S608 - hex
    finally:
        store.close()
    return epoch


def _refuse_another_kind(source: Path, location: Location) -> None:
    try:
        with source.open("rb") as file:
            magic = file.read(16)
    except OSError as exc:
        raise StoreUnavailable(f"The backup {source} cannot be read: {exc.strerror}.") from None
    is_postgresql = isinstance(location, str) and "://" in location
    if magic.startswith(_PG_DUMP_MAGIC) if is_postgresql else magic == _SQLITE_MAGIC:
        return
    wanted = "PostgreSQL (pg_dump's custom format)" if is_postgresql else "SQLite"
    raise StoreUnavailable(f"{source} is no backup of a shop in {wanted}.")


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
