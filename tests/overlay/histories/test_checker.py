"""The judge is judged: a good history passes, and each seeded lie is found."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.histories.checker import check
from bench.histories.history import Entry, Final, Request, Stock, StoredOrder


def good_history(seed: int, *, attempts: int = 60, initial: int = 40) -> tuple[list[Entry], Final]:
    """What a right ledger would give: answers, lost answers, repetitions, and a sell-out."""
    luck = random.Random(seed)
    history: list[Entry] = []
    orders: dict[str, StoredOrder] = {}
    left = initial
    for n in range(attempts):
        request = Request(
            viewer=f"v{n % 5}", key=f"k{n}", product="wine", quantity=luck.randint(1, 3)
        )
        for life in range(3):
            history.append(Entry(kind="invoke", request=request))
            happens = luck.random() < 0.7
            if happens and request.key not in orders and request.quantity <= left:
                left -= request.quantity
                orders[request.key] = StoredOrder(
                    number=f"N{n}", viewer=request.viewer, key=request.key,
                    units={"wine": request.quantity},
                )  # fmt: skip
            if life < 2 and (not happens or luck.random() < 0.4):
                history.append(Entry(kind="unknown", request=request))
                continue
            if request.key in orders:
                history.append(Entry(kind="ok", request=request, number=orders[request.key].number))
            elif happens and request.quantity > left:
                history.append(Entry(kind="fail", request=request, reason="sold_out"))
            else:
                history.append(Entry(kind="unknown", request=request))
            break
    counters = Stock(initial=initial, available=left, held=0, sold=initial - left)
    final = Final(orders=tuple(orders.values()), stock={"wine": counters}, moved={"wine": counters})
    return history, final


@given(st.integers(0, 2**32))
def test_a_good_history_passes(seed: int) -> None:
    history, final = good_history(seed)
    assert check(history, final) == []


def test_the_good_ones_are_not_empty() -> None:
    history, final = good_history(3)
    kinds = {entry.kind for entry in history}
    assert kinds == {"invoke", "ok", "fail", "unknown"}
    assert len(final.orders) > 10


def first_ok(history: list[Entry]) -> Entry:
    return next(entry for entry in history if entry.kind == "ok")


@given(st.integers(0, 2**32))
def test_a_lost_acknowledged_order_is_found(seed: int) -> None:
    history, final = good_history(seed)
    lost = first_ok(history).number
    orders = tuple(order for order in final.orders if order.number != lost)
    assert any("acknowledged and is lost" in each for each in check(history, with_(final, orders)))


@given(st.integers(0, 2**32))
def test_an_oversell_is_found(seed: int) -> None:
    """Every counter agrees with the orders but the number there ever was."""
    history, final = good_history(seed)
    stock = final.stock["wine"]
    sold_to_the_end = replace(stock, initial=stock.sold - 1, available=-1)
    lie = replace(final, stock={"wine": sold_to_the_end}, moved={"wine": sold_to_the_end})
    assert any(each.startswith("Oversold") for each in check(history, lie))


@given(st.integers(0, 2**32))
def test_a_doubled_order_is_found(seed: int) -> None:
    """The same key twice in the database, every counter right."""
    history, final = good_history(seed)
    number = first_ok(history).number
    (order,) = (each for each in final.orders if each.number == number)
    doubled = with_(final, (*final.orders, replace(order, number="again")))
    assert any("as 2 orders" in each for each in check(history, doubled))


@given(st.integers(0, 2**32))
def test_a_key_acknowledged_as_two_orders_is_found(seed: int) -> None:
    history, final = good_history(seed)
    told = first_ok(history)
    history += [Entry(kind="invoke", request=told.request), replace(told, number="other")]
    assert any("acknowledged as 2 orders" in each for each in check(history, final))


def with_(final: Final, orders: tuple[StoredOrder, ...]) -> Final:
    """Other orders, and counters that hide it."""
    sold = sum(order.units["wine"] for order in orders)
    before = final.stock["wine"]
    stock = replace(before, sold=sold, available=before.initial - sold)
    return Final(orders=orders, stock={"wine": stock}, moved={"wine": stock})


WINE = Request(viewer="v", key="k", product="wine", quantity=2)
ORDER = StoredOrder(number="N", viewer="v", key="k", units={"wine": 2})
STOCK = Stock(initial=5, available=3, held=0, sold=2)
TOLD = [Entry(kind="invoke", request=WINE), Entry(kind="ok", request=WINE, number="N")]


@pytest.mark.parametrize(
    ("history", "orders", "stock", "moved", "finding"),
    [
        (TOLD[1:], (ORDER,), STOCK, STOCK, "k was answered (ok) without having been asked."),
        ([], (ORDER,), STOCK, STOCK, "Nobody asked for order N."),
        (TOLD, (replace(ORDER, units={"wine": 1}),), replace(STOCK, available=4, sold=1), None,
         "Order N is not what k asked for."),
        (TOLD, (replace(ORDER, viewer="w"),), STOCK, STOCK, "Order N is not what k asked for."),
        ([TOLD[0], Entry(kind="fail", request=WINE, reason="sold_out")], (), Stock(
            initial=5, available=5, held=0, sold=0), None,
         "k was told sold out, and 5 of wine are left."),
        ([TOLD[0], Entry(kind="fail", request=WINE, reason="sold_out")], (ORDER,), STOCK, STOCK,
         "k was refused, and is order N."),
        ([TOLD[0], Entry(kind="fail", request=WINE, reason="invalid")], (), Stock(
            initial=1, available=1, held=0, sold=0), None, "k was refused with invalid."),
        (TOLD, (ORDER,), replace(STOCK, sold=1, available=4), None,
         "1 of wine count as sold, 2 are in orders."),
        (TOLD, (ORDER,), replace(STOCK, initial=9), None,
         f"The counters of wine do not add up: {replace(STOCK, initial=9)}."),
        (TOLD, (ORDER,), replace(STOCK, held=-1, available=4), None,
         f"A counter of wine is negative: {replace(STOCK, held=-1, available=4)}."),
        (TOLD, (ORDER,), STOCK, replace(STOCK, sold=1),
         "The movements of wine do not add up to its counters."),
    ],
)  # fmt: skip
def test_each_lie_is_found(
    history: list[Entry],
    orders: tuple[StoredOrder, ...],
    stock: Stock,
    moved: Stock | None,
    finding: str,
) -> None:
    final = Final(orders=orders, stock={"wine": stock}, moved={"wine": moved or stock})
    assert finding in check(history, final)


def test_what_was_never_answered_may_be_either() -> None:
    history = [TOLD[0], Entry(kind="unknown", request=WINE)]
    for orders, stock in (((ORDER,), STOCK), ((), replace(STOCK, available=5, sold=0))):
        assert check(history, Final(orders=orders, stock={"wine": stock})) == []
