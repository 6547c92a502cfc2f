"""Each way in which a show's books can be wrong is found, and right ones are proved."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from overlay.catalog.products import ProductDraft
from overlay.errors import StoreUnavailable
from overlay.orders import ops
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.store.database import Location
from overlay.store.engine import Store
from overlay.verify import rows
from overlay.verify.report import MAX_FINDINGS, UnknownShow, checked, prove

MakeDraft = Callable[..., ProductDraft]


@pytest.fixture
def sold(shop: Shop, draft: MakeDraft, hands: Any) -> Shop:
    """A show with all that a ledger can hold: sales of every kind, holds, a product that went."""
    shop.put_product("demo", "wine", draft(stock=50, policy="hold", cap=9))
    shop.put_product("demo", "gone", draft(stock=5))
    lines = [OrderLine(product="wine", quantity=2)]

    def place(key: str, **more: Any) -> str:
        (placed,) = shop.settle(
            [ops.placing("demo", viewer=f"v-{key}", key=key, lines=lines, **more)]
        ).outcomes
        return str(placed.order.number)  # type: ignore[union-attr]

    place("bought")
    gone = [OrderLine(product="gone", quantity=1)]
    shop.settle([ops.placing("demo", viewer="v", key="gone", lines=gone)])
    shop.delete_product("demo", "gone")
    shop.put_product("demo", "gone", draft(stock=2))
    paid, late = place("paid", checkout="handoff"), place("late", checkout="handoff")
    shop.settle([ops.confirming("demo", number=paid, reference="r1")])
    shop.settle([ops.cancelling("demo", number=place("cancelled"))])
    hands.turn_s(3600)
    shop.settle([ops.confirming("demo", number=late, reference="r2")])
    place("waiting", checkout="handoff")
    for name, quantity in (("open", 2), ("part", 3), ("taken", 1)):
        hold = ops.reserving(
            "demo", viewer=f"v-{name}", hold=name, product="wine", quantity=quantity
        )
        shop.settle([hold])
    for name, quantity in (("part", 2), ("taken", 1)):
        own = [OrderLine(product="wine", quantity=quantity)]
        shop.settle([ops.placing("demo", viewer=f"v-{name}", key=name, lines=own)])
    hands.turn_s(1)
    shop.tell()
    return shop


def found(shop: Shop) -> dict[str, tuple[str, ...]]:
    """The findings by promise."""
    checks = checked(rows.read(shop._store, "demo"))
    return {check.promise: check.findings for check in checks if check.findings}


def test_right_books_are_proved(sold: Shop) -> None:
    assert found(sold) == {}


def test_an_empty_show_is_proved(shop: Shop) -> None:
    assert found(shop) == {}


OVERSOLD = "nothing is oversold"
HOLDS = "holds set aside what they say"
ONCE = "each acknowledged order is there once"
PRICES = "prices were the list's or an offer's"
CAPS = "caps are kept"
COUPONS = "coupons are within their quota"
GAP = "the log has no gap"
FOLD = "the log folds to the tables"


@pytest.mark.parametrize(
    ("statement", "promises"),
    [
        (
            "UPDATE variants SET available = available + 1, initial = initial + 1 "
            "WHERE product = 'wine'",
            {OVERSOLD, FOLD},
        ),
        ("UPDATE movements SET available = -100, sold = 100 WHERE kind = 'cancel'",
         {OVERSOLD, ONCE, FOLD}),
        ("DELETE FROM movements WHERE kind = 'confirm'", {OVERSOLD, ONCE, FOLD}),
        ("UPDATE orders SET state = 'confirmed' WHERE state = 'cancelled'", {ONCE, CAPS}),
        ("UPDATE orders SET state = 'expired' WHERE state = 'held'", {ONCE, CAPS}),
        ("UPDATE orders SET total_minor = total_minor + 1", {ONCE}),
        ("UPDATE order_items SET quantity = 3 WHERE quantity = 2", {ONCE, CAPS}),
        ("DELETE FROM replies WHERE idempotency_key = 'bought'", {ONCE}),
        (
            "DELETE FROM order_items WHERE order_number IN "
            "(SELECT number FROM orders WHERE idempotency_key = 'bought')",
            {ONCE, CAPS},
        ),
        (
            "UPDATE movements SET order_number = 'NOBODY' WHERE order_number IN "
            "(SELECT number FROM orders WHERE idempotency_key = 'bought')",
            {ONCE},
        ),
        ("UPDATE order_items SET price_minor = 1, list_minor = 1", {ONCE, PRICES}),
        ("UPDATE order_items SET price_minor = price_minor - 1, offer = NULL", {ONCE, PRICES}),
        ("DELETE FROM prices", {PRICES}),
        ("UPDATE prices SET utc_us = utc_us + 1000000000000", {PRICES}),
        ("UPDATE holds SET quantity = 3 WHERE id = 'open'", {HOLDS, CAPS}),
        ("UPDATE holds SET state = 'released' WHERE id = 'open'", {HOLDS, CAPS}),
        ("DELETE FROM holds WHERE id = 'open'", {HOLDS, CAPS}),
        ("UPDATE purchases SET quantity = quantity + 1 WHERE viewer = 'v-bought'", {CAPS}),
        (
            "INSERT INTO codes (show, code, offer, quota, claimed) "
            "VALUES ('demo', 'SALE', 'o', 5, 5)",
            {COUPONS},
        ),
        ("DELETE FROM log WHERE type = 'stock'", {GAP, FOLD}),
        ("UPDATE log SET version = 9 WHERE type = 'order'", {GAP}),
        ("UPDATE log SET type = 'order', data = '{}' WHERE type = 'stock'", {FOLD}),
    ],
)  # fmt: skip
def test_each_fault_is_found(sold: Shop, statement: str, promises: set[str]) -> None:
    with sold._store.write() as connection:
        assert connection.execute(text(statement)).rowcount
    findings = found(sold)
    assert set(findings) >= promises
    assert all(
        f.endswith(".") or f.startswith("The log cannot")
        for each in findings.values()
        for f in each
    )
    assert all(len(each) <= MAX_FINDINGS for each in findings.values())


def test_more_than_the_cap_is_found(sold: Shop) -> None:
    with sold._store.write() as connection:
        data = "CAST(REPLACE(CAST(data AS TEXT), '\"cap\":9', '\"cap\":1') AS JSON)"
        if sold._store.dialect == "sqlite":
            data = data.replace(" AS JSON", " AS TEXT")
        for spaced in (data, data.replace(":", ": ")):
            connection.exec_driver_sql(f"UPDATE log SET data = {spaced} WHERE type = 'product'")  # noqa: S608
    assert any("is the most" in finding for finding in found(sold)[CAPS])


def test_what_is_opened_to_be_read_is_not_written(sold: Shop, database: Location) -> None:
    store = Store.open_to_read(database)
    try:
        assert not any(check.findings for check in prove(store, "demo"))
        with pytest.raises(UnknownShow, match="has no show 'dmeo'"):
            prove(store, "dmeo")
        with pytest.raises(StoreUnavailable):
            store.check()
    finally:
        store.close()
