"""A server that goes away and comes back, and one that would lose what it was given."""

import os
import signal
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from bench.postgresql import Cluster
from overlay.errors import StoreAway, StoreUnavailable
from overlay.store import postgresql
from overlay.store.engine import Store


@pytest.fixture
def address(cluster: Cluster) -> str:
    return cluster.fresh()


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    store = Store.open(address, alone=True)
    yield store
    store.close()


def backend(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def set_epoch(store: Store, value: str) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE meta SET log_epoch = :value"), {"value": value})


def test_commits_reach_the_platter(store: Store) -> None:
    with store.read() as connection:
        for name, wanted in (("synchronous_commit", "on"), ("fsync", "on")):
            given = connection.execute(text(f"SHOW {name}")).scalar_one()
            assert given == wanted
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == (
            "repeatable read"
        )
    with store.write() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == (
            "read committed"
        )


def test_a_role_that_commits_without_waiting_is_made_to_wait(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as session:
        name = session.info.dbname
        session.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = Store.open(address)
    with store.read() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    store.close()


def test_a_session_that_is_lost_is_replaced(store: Store) -> None:
    before = backend(store)
    os.kill(before, signal.SIGTERM)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        store.check()
    store.check()
    assert backend(store) != before


def test_a_session_that_is_lost_in_a_transaction(store: Store) -> None:
    def lose() -> None:
        with store.write() as connection:
            connection.execute(text("UPDATE meta SET log_epoch = 'half'"))
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreUnavailable):
        lose()
    store.check()
    with store.read() as connection:
        assert connection.execute(text("SELECT log_epoch FROM meta")).scalar_one() == store.epoch


def test_a_server_that_crashes_and_comes_back() -> None:
    with Cluster() as own:
        store = Store.open(own.fresh(), alone=True)
        own.stop(crash=True)
        for error in (StoreUnavailable, StoreAway):
            with pytest.raises(error, match=r"^The shop's database cannot be written: "):
                store.check()
        own.start()
        store.check()
        store.close()


def test_another_database_under_the_same_address_is_not_ours(store: Store) -> None:
    set_epoch(store, "another")
    os.kill(backend(store), signal.SIGTERM)
    with pytest.raises(StoreUnavailable):
        store.check()
    with pytest.raises(StoreUnavailable, match="is another one than before: start the server"):
        store.check()


def test_the_lock_of_a_dead_shop_frees_itself(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Store.open(address, alone=True)
    os.kill(backend(first), signal.SIGTERM)
    second = Store.open(address, alone=True)
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT_MS", 10)
    with pytest.raises(StoreUnavailable):
        first.check()
    with pytest.raises(StoreUnavailable, match="Another server runs the shop"):
        first.check()
    second.close()
    first.check()
    first.close()


def test_writers_follow_one_another(address: str, store: Store) -> None:
    other = Store.open(address)
    with store.read() as connection:
        connection.execute(text("SET lock_timeout = 10"))
    with other.write(), pytest.raises(StoreUnavailable, match="lock timeout"):
        store.check()
    store.check()
    other.close()


def test_a_careless_server_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = ("CREATE FUNCTION pg_temp.current_setting(text) RETURNS text LANGUAGE sql AS "
              "$$ SELECT CASE WHEN $1 = 'fsync' THEN 'off' ELSE 'on' END $$",)  # fmt: skip
    monkeypatch.setattr(postgresql, "_SETTINGS", (*postgresql._SETTINGS, *shadow))
    monkeypatch.setattr(postgresql, "_CAREFUL", postgresql._CAREFUL.replace(
        "current_setting(", "pg_temp.current_setting("))  # fmt: skip
    with pytest.raises(StoreUnavailable, match="runs with fsync = off: it would lose orders"):
        Store.open(address)


def test_a_database_that_does_not_exist(cluster: Cluster) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot be used: .*does not exist"):
        Store.open(cluster.address("nowhere"))
