"""Transactions that hold, one shop per database, and a schema that refuses: on both databases."""

import traceback
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select, text

from overlay.errors import StoreAway, StoreUnavailable
from overlay.store import postgresql
from overlay.store.database import Location, RuleBroken
from overlay.store.engine import Store
from overlay.store.schema import products, variants

PRODUCT: dict[str, Any] = {
    "show": "demo", "id": "a", "position": 1, "name": "A", "description": "", "facts": [],
    "pictures": [], "options": [], "currency": "EUR", "seller": "", "returns": "", "related": [],
    "live_only": False, "policy": "hold",
}  # fmt: skip
VARIANT: dict[str, Any] = {
    "show": "demo", "product": "a", "id": "default", "position": 1, "options": [], "sku": "",
    "price_minor": 1,
}  # fmt: skip


def test_the_log_epoch_is_the_databases(database: Location, store: Store) -> None:
    again = Store.open(database)
    assert again.epoch == store.epoch
    assert len(store.epoch) == 16
    again.close()


def test_the_dialect_is_known(database: Location, store: Store) -> None:
    assert store.dialect == ("postgresql" if isinstance(database, str) else "sqlite")


def test_an_exception_undoes_the_transaction(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            connection.execute(text("UPDATE meta SET log_epoch = 'lost'"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.read() as connection:
        assert connection.execute(text("SELECT log_epoch FROM meta")).scalar_one() == store.epoch
    store.check()


def test_a_read_is_one_view(database: Location, store: Store) -> None:
    other = Store.open(database)
    query = text("SELECT log_epoch FROM meta")
    with store.read() as connection:
        before = connection.execute(query).scalar_one()
        with other.write() as writer:
            writer.execute(text("UPDATE meta SET log_epoch = 'new'"))
        assert connection.execute(query).scalar_one() == before
    with store.read() as connection:
        assert connection.execute(query).scalar_one() == "new"
    other.close()


@pytest.mark.parametrize(
    "numbers",
    [
        {"initial": 1, "available": -1, "held": 0, "sold": 2},
        {"initial": 2, "available": 1, "held": 0, "sold": 2},
        {"initial": 1, "available": 2, "held": 0, "sold": -1},
        {"initial": 1, "available": 2, "held": -1, "sold": 0},
        {"initial": 2, "available": 1, "held": 0, "sold": 0},
    ],
)
def test_the_schema_refuses_stock_that_does_not_add_up(
    store: Store, numbers: dict[str, int]
) -> None:
    with store.write() as connection:
        connection.execute(insert(products).values(**PRODUCT))
    broken = pytest.raises(RuleBroken, match=r"variants_(never_oversold|.*_not_negative|stock_)")
    with broken as raised, store.write() as connection:
        connection.execute(insert(variants).values(**VARIANT, **numbers))
    assert "demo" not in "".join(traceback.format_exception(raised.value)), "nothing of the row"
    with store.read() as connection:
        assert connection.execute(select(variants)).all() == []


def test_an_error_does_not_show_what_was_given(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            connection.execute(
                text("INSERT INTO nowhere VALUES (:it)"), {"it": "anna@shop.example"}
            )

    with pytest.raises(StoreUnavailable) as raised:
        fail()
    assert "anna@" not in "".join(traceback.format_exception(raised.value))


def test_a_session_that_is_not_to_be_had(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: Any) -> None:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(store._database, "connect", refused)
    monkeypatch.setattr(store._database, "lost", lambda _: True)
    with pytest.raises(KeyError), store.write():
        raise KeyError
    with pytest.raises(StoreAway, match="cannot be written: connection refused"):
        store.check()
    monkeypatch.undo()
    store.check()


def test_one_shop_per_database(database: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT_MS", 10)
    first = Store.open(database, alone=True)
    with pytest.raises(StoreUnavailable, match=r"Another server runs the shop in .*stop it first"):
        Store.open(database, alone=True)
    Store.open(database).close()  # a tool may look on
    first.check()
    first.close()
    Store.open(database, alone=True).close()


def test_a_shop_that_is_refused_lets_go(
    database: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed to open does not stand in its own way later."""
    with monkeypatch.context() as broken:
        broken.setattr("overlay.store.engine._log_epoch", _fail)
        with pytest.raises(StoreUnavailable, match="cannot be used: no such table"):
            Store.open(database, alone=True)
    Store.open(database, alone=True).close()


def _fail(_connection: object) -> str:
    import sqlite3

    raise sqlite3.OperationalError("no such table")


@pytest.mark.parametrize("address", ["postgresql://host:/:/:x", "postgres://host:port/x"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(StoreUnavailable, match="address that cannot be read"):
        Store.open(address)


def test_a_password_is_never_shown() -> None:
    database = postgresql.PostgresqlDatabase("postgresql://anna:secret1@nowhere.invalid/shop")
    assert "secret1" not in database.name + repr(database) + str(database)
    assert "secret1" in database.url
    with pytest.raises(StoreUnavailable) as refusal:
        Store.open("postgresql://anna:secret1@127.0.0.1:1/shop?password=secret1")
    assert "secret1" not in str(refusal.value)
    assert "anna:***@127.0.0.1:1/shop cannot be used" in str(refusal.value)
