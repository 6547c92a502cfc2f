"""From every older schema to the newest one, on both databases, with what was sold still sold."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, create_engine, func, insert, inspect, select, table, text
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import column

from overlay.orders.ops import placing
from overlay.orders.values import Order, OrderLine
from overlay.store import migrations, schema
from overlay.store.database import Location, database_at
from overlay.store.engine import Store
from overlay.store.migrations import upgrade

NUMBERS = ("available", "held", "sold")


@contextmanager
def raw(database: Location) -> Iterator[Connection]:
    """A write past the store: no migration is run."""
    opened = database_at(database)
    connection = opened.connect(alone=False)
    with opened.begun(connection, "write"):
        yield connection
    connection.close()
    opened.close()


@pytest.fixture
def first_sale(database: Location) -> Location:
    """A database as version 0001 left it: two shows, three orders, one product taken away again."""
    with raw(database) as connection:
        upgrade(connection, to="0001")
        for name, rows in _first_sale().items():
            wanted = table(name, *(column(key) for key in rows[0]))
            connection.execute(insert(wanted), rows)
    return database


def _first_sale() -> dict[str, list[dict[str, Any]]]:
    """In the order of their foreign keys. JSON as texts."""
    jam, wine = _product("jam", 10, 4, None), _product("wine", 7, 0, "/w.svg")
    lines = [
        ("product", '{"id":"jam","price_minor":690,"available":10,"sold_out":false}'),
        ("cue", '{"id":"c1"}'),
        ("stock", '{"product":"jam","available":6,"sold_out":false}'),
        ("order", '{"product":"jam","quantity":4}'),
        ("product_gone", '{"id":"tea"}'),
    ]  # fmt: skip
    return {
        "meta": [{"id": 1, "log_epoch": "abcdef"}],
        "log": [
            {"show": show, "offset": n, "utc_us": n, "type": kind, "data": data,
             "cue_id": "c1" if kind == "cue" else None, "media_epoch": "e", "pts": 90_000 * n}
            for show in ("demo", "late")
            for n, (kind, data) in enumerate(lines, start=1)
        ],
        "products": [jam, wine],
        "orders": [_order("A", "anna", 1), _order("B", "bert", 2), _order("C", "anna", 3)],
        "order_items": [
            _item("A", 0, "jam", 1), _item("B", 0, "jam", 2), _item("B", 1, "tea", 5),
            _item("C", 0, "jam", 1),
        ],
    }  # fmt: skip


def _product(name: str, initial: int, sold: int, picture: str | None) -> dict[str, Any]:
    return {
        "show": "demo", "id": name, "position": 1, "name": name.title(), "facts": '["Brut"]',
        "picture": picture, "price_minor": 690, "currency": "EUR", "seller": "S", "returns": "R",
        "initial": initial, "available": initial - sold, "sold": sold,
    }  # fmt: skip


def _order(number: str, viewer: str, utc_us: int) -> dict[str, Any]:
    return {
        "number": number, "show": "demo", "viewer": viewer, "idempotency_key": f"k-{number}",
        "request_sha256": "0" * 64, "utc_us": utc_us, "total_minor": 690, "currency": "EUR",
    }  # fmt: skip


def _item(number: str, line: int, product: str, quantity: int) -> dict[str, Any]:
    return {
        "order_number": number, "line": line, "product": product, "name": product.title(),
        "quantity": quantity, "price_minor": 690,
    }  # fmt: skip


def rows_of(connection: Connection, which: Table) -> list[dict[str, Any]]:
    keys = list(which.primary_key.columns)
    return [dict(row) for row in connection.execute(select(which).order_by(*keys)).mappings()]


def test_stock_and_sales_come_through(first_sale: Location) -> None:
    store = Store.open(first_sale)
    assert store.epoch == "abcdef"
    with store.read() as connection:
        stock = {row["product"]: row for row in rows_of(connection, schema.variants)}
        goods = {row["id"]: row for row in rows_of(connection, schema.products)}
        orders = rows_of(connection, schema.orders)
        items = rows_of(connection, schema.order_items)
        bought = rows_of(connection, schema.purchases)
        prices = rows_of(connection, schema.prices)
    assert {name: [row[n] for n in ("initial", *NUMBERS)] for name, row in stock.items()} == {
        "jam": [10, 6, 0, 4], "wine": [7, 7, 0, 0],
    }  # fmt: skip
    assert [row["id"] for row in stock.values()] == ["default"] * 2
    assert (goods["wine"]["pictures"], goods["jam"]["pictures"]) == (["/w.svg"], [])
    assert goods["jam"]["facts"] == ["Brut"]
    assert [(row["number"], row["state"], row["rehearsal"]) for row in orders] == [
        ("A", "confirmed", False), ("B", "confirmed", False), ("C", "confirmed", False),
    ]  # fmt: skip
    assert {row["contact"] for row in orders} == {None}
    assert [(row["quantity"], row["list_minor"]) for row in items] == [
        (1, 690), (2, 690), (5, 690), (1, 690),
    ]  # fmt: skip
    assert [(row["viewer"], row["product"], row["quantity"]) for row in bought] == [
        ("anna", "jam", 2), ("bert", "jam", 2), ("bert", "tea", 5),
    ]  # fmt: skip
    assert [(row["product"], row["price_minor"]) for row in prices] == [("jam", 690), ("wine", 690)]
    store.close()


def test_an_old_key_still_gives_the_old_order(first_sale: Location) -> None:
    store = Store.open(first_sale)
    with store.read() as connection:
        stored = {row["idempotency_key"]: row for row in rows_of(connection, schema.replies)}
        digests = {row["idempotency_key"]: row["request_sha256"]
                   for row in rows_of(connection, schema.orders)}  # fmt: skip
    store.close()
    order = Order.from_plain(stored["k-B"]["reply"]["order"])
    assert (order.number, [item.product for item in order.items]) == ("B", ["jam", "tea"])
    again = placing(
        "demo",
        viewer="bert",
        key="k-B",
        lines=[OrderLine(product="tea", quantity=5), OrderLine(product="jam", quantity=2)],
    )
    assert stored["k-B"]["request_sha256"] == again.digest == digests["k-B"]


def test_the_movements_add_up_to_the_stock(first_sale: Location) -> None:
    store = Store.open(first_sale)
    moved = schema.movements.c
    with store.read() as connection:
        sums = connection.execute(
            select(moved.product, *(func.sum(moved[name]) for name in NUMBERS))
            .group_by(moved.product)
            .order_by(moved.product)
        ).all()
        steps = rows_of(connection, schema.movements)
    assert [tuple(map(int, row[1:])) for row in sums] == [(6, 0, 4), (0, 0, 0), (7, 0, 0)]
    running = dict.fromkeys(("jam", "tea", "wine"), 0)
    for step in steps:
        running[step["product"]] += step["available"]
        assert running[step["product"]] >= 0, step
    assert sorted(step["order_number"] for step in steps if step["order_number"]) == [
        "A", "B", "B", "C",
    ]  # fmt: skip
    store.close()


@pytest.mark.parametrize(("sold", "kinds"), [(4, "stock order order order"),
    (1, "stock order order gone order"), (2, "stock order order order stock"),
    (5, "stock order order order stock"), (0, "stock order order order gone")])  # fmt: skip
def test_sales_of_a_product_that_was_made_anew(first_sale: Location, sold: int, kinds: str) -> None:
    with raw(first_sale) as connection:
        numbers = {"sold": sold, "left": 10 - sold}
        change = "UPDATE products SET sold = :sold, available = :left WHERE id = 'jam'"
        connection.execute(text(change), numbers)
    store = Store.open(first_sale)
    with store.read() as connection:
        steps = [r for r in rows_of(connection, schema.movements) if r["product"] == "jam"]
    store.close()
    assert " ".join(step["kind"] for step in steps) == kinds
    sums = [sum(step[name] for step in steps) for name in NUMBERS]
    assert sums == [10 - sold, 0, sold]


def test_the_log_is_the_same_log_in_todays_words(first_sale: Location) -> None:
    store = Store.open(first_sale)
    with store.read() as connection:
        lines = rows_of(connection, schema.log)
    assert [(line["show"], line["offset"]) for line in lines] == [
        (show, n) for show in ("demo", "late") for n in range(1, 6)
    ]
    assert {line["version"] for line in lines} == {1}
    product, cue, stock, order, gone = (line["data"] for line in lines[:5])
    assert product["variants"][0]["available"] == product["available"] == 10
    assert cue == {"id": "c1"}
    assert stock == {"product": "jam", "variant": "default", "available": 6, "sold_out": False}
    assert order == {"product": "jam", "quantity": 4, "orders": 1}
    assert gone == {"id": "tea"}
    assert (lines[1]["cue_id"], lines[1]["pts"]) == ("c1", 180_000)
    store.close()


def test_nothing_old_is_left(first_sale: Location) -> None:
    store = Store.open(first_sale)
    with store.read() as connection:
        names = inspect(connection).get_table_names()
    assert sorted(names) == sorted([*schema.metadata.tables, "alembic_version"])
    store.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(first_sale: Location) -> None:
    with raw(first_sale) as connection:
        connection.execute(text("CREATE TABLE variants (id INTEGER)"))
    with pytest.raises(Exception, match=r"variants"):
        Store.open(first_sale)
    with raw(first_sale) as connection:
        assert connection.execute(text("SELECT sum(sold) FROM products")).scalar_one() == 4
        connection.execute(text("DROP TABLE variants"))
    Store.open(first_sale).close()


def test_the_migrations_make_the_schema(database: Location) -> None:
    store = Store.open(database)
    with store.read() as connection:
        made = _described(connection, "public")
    store.close()
    assert made == _declared(database)
    assert len(made) > 20


def test_the_newest_is_known_without_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.NEWEST]


def _declared(database: Location) -> list[Any]:
    if not isinstance(database, str):
        with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
            schema.metadata.create_all(connection)
            return _described(connection, "public")
    with raw(database) as connection:
        connection.execute(text("CREATE SCHEMA declared"))
        connection.execute(text("SET LOCAL search_path = declared"))
        schema.metadata.create_all(connection)
        return _described(connection, "declared")


def _described(connection: Connection, where: str) -> list[Any]:
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE name != 'alembic_version' AND sql != ''"
        return sorted(_clauses(row[0]) for row in connection.execute(text(query)))
    queries = (
        "SELECT table_name, column_name, data_type, is_nullable, character_maximum_length,"
        " replace(column_default, 'declared.', '') FROM information_schema.columns"
        " WHERE table_schema = :schema",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = CAST(:schema AS regnamespace)",
        "SELECT tablename, indexname, replace(indexdef, 'declared.', 'public.') FROM pg_indexes"
        " WHERE schemaname = :schema",
    )
    found = [
        tuple(str(each).removeprefix(f"{where}.") for each in row)
        for query in queries
        for row in connection.execute(text(query), {"schema": where})
    ]
    return sorted(row for row in found if "alembic_version" not in row[0])


def _clauses(sql: str) -> tuple[str, list[str]]:
    """The statement with its clauses in alphabetical order: theirs means nothing."""
    head, _, clauses = " ".join(sql.split()).partition("(")
    return head, sorted(clause.strip(" )") for clause in clauses.split(","))
