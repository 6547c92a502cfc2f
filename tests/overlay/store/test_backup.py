"""Copies that are whole or not at all, and a way back that looks before it leaps."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from overlay.errors import StoreUnavailable
from overlay.store import pg_tools
from overlay.store.backup import backup, restore
from overlay.store.database import Location
from overlay.store.engine import Store
from overlay.store.statements import Statement

LINE = Statement(
    'INSERT INTO log (show, "offset", version, utc_us, type, data)'
    " VALUES ('demo', :offset, 1, 1, 'order', '{}')"
)
COUNT = Statement("SELECT count(*) FROM log")


@pytest.fixture
def store(database: Location) -> Iterator[Store]:
    store = Store.open(database, alone=True)
    yield store
    store.close()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copies" / "shop.backup"


def append(store: Store, *offsets: int) -> None:
    with store.write() as connection:
        LINE.many(connection, [{"offset": offset} for offset in offsets])


def lines(database: Location) -> int:
    store = Store.open(database)
    with store.read() as connection:
        ((count,),) = COUNT.all(connection, {})
    store.close()
    return int(count)


def test_there_and_back(database: Location, store: Store, copy: Path) -> None:
    copy.parent.mkdir()
    append(store, 1, 2)
    backup(database, copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    append(store, 3)
    store.close()
    epoch = restore(copy, database)
    assert lines(database) == 2
    again = Store.open(database, alone=True)
    assert again.epoch == epoch != store.epoch
    append(again, 3)
    again.close()
    assert [each.name for each in copy.parent.iterdir()] == [copy.name]


def test_a_restore_into_an_empty_place(database: Location, store: Store, copy: Path) -> None:
    copy.parent.mkdir()
    append(store, 1)
    backup(database, copy)
    store.close()
    if isinstance(database, Path):
        for each in database.parent.glob(f"{database.name}*"):
            each.unlink()
    restore(copy, database)
    assert lines(database) == 1


def test_a_running_server_is_left_alone(database: Location, store: Store, copy: Path) -> None:
    copy.parent.mkdir()
    backup(database, copy)
    append(store, 1)
    with pytest.raises(StoreUnavailable, match="Another server runs the shop"):
        restore(copy, database)
    store.check()
    assert lines(database) == 1


def test_no_file_is_written_over(database: Location, store: Store, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(StoreUnavailable, match="exists already"):
        backup(database, taken)
    assert taken.read_text() == "mine"


def test_a_folder_that_is_not_there(database: Location, store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be made: No such file or directory"):
        backup(database, tmp_path / "nowhere" / "copy")


def test_what_is_no_backup_changes_nothing(database: Location, store: Store, copy: Path) -> None:
    copy.parent.mkdir()
    append(store, 1)
    backup(database, copy)
    store.close()
    whole = copy.read_bytes()
    torn = whole[: len(whole) // 2]
    letter = b"This is a letter. " * 500
    other = b"PGDMP" + whole[5:] if isinstance(database, Path) else b"SQLite format 3\0" + whole
    for spoilt in (torn, letter, other, b"", whole[:100]):
        copy.write_bytes(spoilt)
        with pytest.raises(StoreUnavailable) as refusal:
            restore(copy, database)
        assert str(refusal.value).endswith(".")
        assert lines(database) == 1
    with pytest.raises(StoreUnavailable, match="cannot be read: No such file"):
        restore(copy.with_name("other"), database)


def test_another_programs_database(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "photos") as photos:
        photos.execute("CREATE TABLE photos (id INTEGER)")
    photos.close()
    with pytest.raises(StoreUnavailable, match="is a database, and not a shop's"):
        restore(tmp_path / "photos", path)
    assert not path.exists()


def test_what_is_replaced_is_kept_beside(path: Path, tmp_path: Path) -> None:
    store = Store.open(path)
    backup(path, tmp_path / "copy")
    append(store, 1)
    with store.read():
        pass
    restore(tmp_path / "copy", path)
    store.close()
    (kept,) = [each for each in tmp_path.glob("*.before-*") if each.suffix[-4:] != "-wal"
               and not each.name.endswith("-shm")]  # fmt: skip
    assert lines(kept) == 1
    assert lines(path) == 0


def test_a_backup_of_a_newer_version(path: Path, tmp_path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    backup(path, tmp_path / "copy")
    with pytest.raises(StoreUnavailable, match=r"newer Comptoir \(schema 9999\)"):
        restore(tmp_path / "copy", tmp_path / "other.sqlite3")
    assert not (tmp_path / "other.sqlite3").exists()


def test_there_is_nothing_to_copy(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="There is no database"):
        backup(path, tmp_path / "copy")
    assert not path.exists()


def test_tools_that_are_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pg_tools, "_DEBIAN", tmp_path)
    with pytest.raises(StoreUnavailable, match=r"pg_dump is not installed; .*postgresql-client"):
        backup("postgresql://anna:secret1@localhost/shop", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
