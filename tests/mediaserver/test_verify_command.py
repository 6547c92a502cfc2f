"""``comptoir verify``: a report, and a status that says whether the show is proven."""

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from overlay.catalog.products import ProductDraft
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.store.engine import Store

COMPTOIR = Path(sys.executable).with_name("comptoir")


def _verify(data: Path, show: str = "demo") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMPTOIR, "verify", show, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_show_is_proven_and_then_it_is_not(tmp_path: Path) -> None:
    file = tmp_path / "shop.sqlite3"
    shop = Shop.open(file)
    wine = ProductDraft(name="Wine", price_minor=5, currency="EUR", stock=9, seller="", returns="")
    shop.put_product("demo", "wine", wine)
    lines = [OrderLine(product="wine", quantity=2)]
    shop.place_order("demo", viewer="anna", key="k", lines=lines)
    shop.close()
    proven = _verify(tmp_path)
    assert proven.returncode == 0, proven.stderr
    assert "nothing is oversold" in proven.stdout
    store = Store.open(file)
    with store.write() as connection:
        connection.execute(text("DELETE FROM movements WHERE kind = 'order'"))
    store.close()
    wrong = _verify(tmp_path)
    assert wrong.returncode == 1
    assert "its movements add up to 9 available" in wrong.stdout
    assert "demo is not proven" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_without_a_database_there_is_a_sentence(tmp_path: Path) -> None:
    nothing = _verify(tmp_path)
    assert nothing.returncode == 1
    assert "There is no shop's database" in nothing.stderr


def _refused(data: Path, show: str = "demo") -> str:
    refused = _verify(data, show)
    assert refused.returncode == 1, refused.stdout
    assert "Traceback" not in refused.stderr
    return " ".join(refused.stderr.split())


def test_a_show_that_is_not_there_is_not_proven(tmp_path: Path) -> None:
    Shop.open(tmp_path / "shop.sqlite3").close()
    assert "has no show 'dmeo': nothing is proven." in _refused(tmp_path, "dmeo")


def test_a_database_of_another_schema_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "shop.sqlite3"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        before = list(connection.execute("SELECT * FROM sqlite_schema"))
        assert "does not have the schema 0002 of this version" in _refused(tmp_path)
        assert list(connection.execute("SELECT * FROM sqlite_schema")) == before
