"""The database file: made, opened again, or refused in a sentence; full, locked, damaged."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from overlay.errors import StoreUnavailable
from overlay.store import sqlite
from overlay.store.engine import Store
from overlay.store.statements import Statement

LINE = Statement(
    'INSERT INTO log (show, "offset", version, utc_us, type, data)'
    " VALUES ('demo', :offset, 1, 1, 'order', :data)"
)
LAST = Statement('SELECT max("offset"), count(*) FROM log')


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    yield store
    store.close()


def append(store: Store, offset: int, *, data: str = "{}") -> None:
    with store.write() as connection:
        LINE.run(connection, {"offset": offset, "data": data})


def last(store: Store) -> int:
    with store.read() as connection:
        ((offset, count),) = LAST.all(connection, {})
    assert count == (offset or 0)
    return int(count)


def test_a_new_database_is_its_owners_only(path: Path) -> None:
    store = Store.open(path, alone=True)
    store.check()
    names = {each.name for each in path.parent.iterdir()}
    assert names >= {"shop.sqlite3", "shop.sqlite3-wal", "shop.sqlite3.lock"}
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    store.close()


def test_an_open_file_is_closed_to_others(path: Path) -> None:
    path.touch(mode=0o644)
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_commits_reach_the_platter(store: Store) -> None:
    with store.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1


def test_two_files_are_two_logs(store: Store, tmp_path: Path) -> None:
    other = Store.open(tmp_path / "other.sqlite3")
    assert store.epoch != other.epoch
    other.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened: No such file or directory"):
        Store.open(tmp_path / "nowhere" / "shop.sqlite3")


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"This is a letter. " * 500)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        Store.open(path)


def test_a_damaged_database(path: Path) -> None:
    store = Store.open(path)
    for n in range(1, 50):
        append(store, n, data=f'"{"x" * 4000}"')
    store.close()
    content = bytearray(path.read_bytes())
    content[8192 : len(content) - 4096] = bytes(len(content) - 4096 - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"shop.sqlite3 (is damaged|cannot be used): "):
        Store.open(path)


def test_a_database_of_a_newer_version(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StoreUnavailable, match=r"newer Comptoir \(schema 9999\)"):
        Store.open(path)


def test_a_database_that_cannot_be_written(store: Store) -> None:
    append(store, 1)
    with store.read() as connection:
        connection.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(StoreUnavailable, match=r"cannot be written: .*readonly"):
        append(store, 2)
    with pytest.raises(StoreUnavailable):
        store.check()
    assert last(store) == 1
    with store.read() as connection:
        connection.execute(text("PRAGMA query_only = OFF"))
    append(store, 2)
    store.check()


def test_a_disk_that_is_full(store: Store) -> None:
    with store.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 5}"))
    stored = 0

    def fill() -> None:
        nonlocal stored
        for stored in range(500):
            append(store, stored + 1, data=f'"{"x" * 400}"')

    with pytest.raises(StoreUnavailable, match="cannot be written: database or disk is full"):
        fill()
    assert last(store) == stored > 0
    with store.read() as connection:
        connection.execute(text("PRAGMA max_page_count = 100000"))
    append(store, stored + 1)


def test_a_database_that_someone_else_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PRAGMAS", [*sqlite.PRAGMAS, "PRAGMA busy_timeout = 1"])
    store = Store.open(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"):
        append(store, 1)
    assert last(store) == 0
    other.execute("ROLLBACK")
    other.close()
    append(store, 1)
    store.close()
