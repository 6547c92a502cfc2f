"""The database file: made, opened again, or refused in a sentence; transactions that hold."""

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from overlay.catalog.products import ProductDraft
from overlay.errors import StoreUnavailable
from overlay.shop import Shop
from overlay.store import engine
from overlay.store.engine import Store
from overlay.store.schema import metadata, products

MakeDraft = Callable[..., ProductDraft]


def test_a_new_database_is_its_owners_only(path: Path) -> None:
    store = Store.open(path)
    with store.write() as connection:
        connection.execute(text("UPDATE meta SET log_epoch = log_epoch"))
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    store.close()


def test_an_open_file_is_closed_to_others(path: Path) -> None:
    path.touch(mode=0o644)
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_log_epoch_is_the_databases(path: Path, tmp_path: Path) -> None:
    first, other = Store.open(path), Store.open(tmp_path / "other.sqlite3")
    first.close()
    again = Store.open(path)
    assert again.epoch == first.epoch != other.epoch
    again.close()
    other.close()


def test_commits_reach_the_platter(path: Path) -> None:
    store = Store.open(path)
    with store.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    store.close()


def test_an_exception_undoes_the_transaction(path: Path) -> None:
    store = Store.open(path)

    def fail() -> None:
        with store.write() as connection:
            connection.execute(text("UPDATE meta SET log_epoch = 'lost'"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.read() as connection:
        assert connection.execute(text("SELECT log_epoch FROM meta")).scalar_one() == store.epoch
    store.close()


@pytest.mark.parametrize(
    "numbers",
    [
        {"initial": 1, "available": -1, "sold": 2},
        {"initial": 2, "available": 1, "sold": 2},
        {"initial": 1, "available": 2, "sold": -1},
    ],
)
def test_the_schema_refuses_stock_that_does_not_add_up(path: Path, numbers: dict[str, int]) -> None:
    store = Store.open(path)
    row = {
        "show": "demo", "id": "a", "position": 1, "name": "A", "facts": [], "price_minor": 1,
        "currency": "EUR", "seller": "", "returns": "",
    }  # fmt: skip
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(insert(products).values(**row, **numbers))
    with store.read() as connection:
        assert connection.execute(select(products)).all() == []
    store.close()


def test_the_migrations_make_the_schema(path: Path) -> None:
    Store.open(path).close()
    declared = create_engine("sqlite://", poolclass=NullPool)
    with declared.connect() as connection, sqlite3.connect(path) as migrated:
        metadata.create_all(connection)
        query = "SELECT name, sql FROM sqlite_master WHERE name != 'alembic_version' AND sql != ''"
        wanted = {row[0]: _statement(row[1]) for row in connection.execute(text(query))}
        made = {row[0]: _statement(row[1]) for row in migrated.execute(query)}
    migrated.close()
    assert made == wanted


def _statement(sql: str) -> tuple[str, list[str]]:
    """The statement with its clauses in alphabetical order: theirs means nothing."""
    head, _, clauses = " ".join(sql.split()).partition("(")
    return head, sorted(clause.strip(" )") for clause in clauses.split(","))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened: No such file or directory"):
        Store.open(tmp_path / "nowhere" / "shop.sqlite3")


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"This is a letter. " * 500)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        Store.open(path)


def test_a_damaged_database(path: Path, draft: MakeDraft) -> None:
    shop = Shop.open(path)
    for n in range(50):
        shop.put_product("demo", f"p{n}", draft())
    shop.close()
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


def test_a_database_that_cannot_be_written(path: Path, draft: MakeDraft) -> None:
    shop = Shop.open(path)
    shop.put_product("demo", "a", draft())
    shop.check()
    with shop._store.read() as connection:
        connection.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(StoreUnavailable, match=r"cannot be written: .*readonly"):
        shop.put_product("demo", "b", draft())
    with pytest.raises(StoreUnavailable):
        shop.check()
    assert [product.id for product in shop.products("demo")] == ["a"]
    with shop._store.read() as connection:
        connection.execute(text("PRAGMA query_only = OFF"))
    assert shop.put_product("demo", "b", draft()).created
    shop.close()


def test_a_disk_that_is_full(path: Path, draft: MakeDraft) -> None:
    shop = Shop.open(path)
    with shop._store.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 5}"))
    stored = 0

    def fill() -> None:
        nonlocal stored
        for stored in range(500):
            shop.put_product("demo", f"p{stored}", draft(returns="x" * 300))

    with pytest.raises(StoreUnavailable, match="cannot be written: database or disk is full"):
        fill()
    assert stored > 0
    assert len(shop.products("demo")) == shop.snapshot("demo").offset == stored
    with shop._store.read() as connection:
        connection.execute(text("PRAGMA max_page_count = 100000"))
    assert shop.put_product("demo", f"p{stored}", draft()).created
    shop.close()


def test_a_database_that_someone_else_holds(
    path: Path, draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    pragmas = tuple(p for p in engine._PRAGMAS if "busy" not in p)
    monkeypatch.setattr(engine, "_PRAGMAS", (*pragmas, "PRAGMA busy_timeout = 1"))
    shop = Shop.open(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"):
        shop.put_product("demo", "a", draft())
    assert shop.products("demo") == ()
    other.execute("ROLLBACK")
    other.close()
    assert shop.put_product("demo", "a", draft()).created
    shop.close()
