"""Lists of orders cost what they show, however many orders there are."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from overlay.catalog.products import ProductDraft
from overlay.errors import UnknownOrder
from overlay.orders import listing, ops
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.store.schema import orders

ORDERS = 3_000


@pytest.fixture
def sold(shop: Shop, draft: Callable[..., ProductDraft], hands: Any) -> Shop:
    """Thousands of orders; all those of a batch are of the same microsecond."""
    shop.put_product("demo", "wine", draft(stock=ORDERS))
    line = [OrderLine(product="wine", quantity=1)]
    for at in range(0, ORDERS, 500):
        shop.settle(
            [
                ops.placing("demo", viewer=f"v{n % 7}", key=f"k{n}", lines=line)
                for n in range(at, at + 500)
            ]
        )
    with shop._store.write() as connection:
        if shop._store.dialect == "postgresql":
            connection.exec_driver_sql("ANALYZE orders")
    return shop


def _plan(connection: Connection, query: Any) -> str:
    """How the database goes about it."""
    words = query.compile(connection, compile_kwargs={"literal_binds": True})
    how = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    rows = connection.exec_driver_sql(f"{how} {words}".replace("%", "%%")).all()
    return " ".join(str(cell) for row in rows for cell in row)


def test_an_export_has_every_order_once(sold: Shop) -> None:
    text, after = sold.export_orders("demo")
    parts = 1
    while after is not None:
        part, after = sold.export_orders("demo", after)
        text, parts = text + part, parts + 1
    numbers = [row["number"] for row in csv.DictReader(io.StringIO(text))]
    assert len(numbers) == len(set(numbers)) == ORDERS
    assert parts == ORDERS // listing.EXPORT_ORDERS


def test_a_deep_page_begins_where_the_one_before_ended(sold: Shop) -> None:
    """The index leads to its first row: what is before is not read, nor sorted."""
    with sold._store.read() as connection:
        middle = connection.execute(
            select(orders.c.utc_us, orders.c.number)
            .order_by(orders.c.utc_us, orders.c.number)
            .offset(ORDERS // 2)
            .limit(1)
        ).one()
        search = listing.Search(state=None, query="", after=tuple(middle), limit=100)
        plan = _plan(connection, listing.page_query("demo", search))
    assert "orders_by_time" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
    if sold._store.dialect == "sqlite":
        assert "SEARCH" in plan
        assert "(utc_us,number)<" in plan
    else:
        condition = plan.split("Index Cond:")[1]
        assert "ROW(utc_us" in condition


def test_a_buyers_own_orders_are_found_by_index(sold: Shop) -> None:
    with sold._store.read() as connection:
        plan = _plan(connection, listing.own_query("demo", "v3"))
    assert "orders_of_a_viewer" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


@pytest.fixture(params=["\x00", "a\ud800", "", "x" * 65, "’; DROP"])
def odd(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_odd_number_is_no_order(shop: Shop, odd: str) -> None:
    for look in (
        lambda: shop.order("demo", odd),
        lambda: shop.own_orders("demo", "v", odd),
        lambda: shop.note_order("demo", odd, "x"),
    ):
        with pytest.raises(UnknownOrder):
            look()
