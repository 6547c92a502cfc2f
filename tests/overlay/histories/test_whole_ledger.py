"""kill -9 amid carts, payments, cancellations, coupons and expiries: what shoppers were told is so,
and `comptoir verify` finds nothing."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.histories.clients import ANSWER_S, Nursery
from bench.histories.history import Entry, Step
from bench.histories.ledger import SHOW
from bench.histories.promises import broken
from bench.histories.shoppers import COUPON, Shoppers, told
from overlay.catalog.values import ProductDraft
from overlay.orders import ops
from overlay.shop import Shop
from overlay.store.database import Location
from overlay.store.engine import Store
from overlay.verify import rows
from overlay.verify.report import checked
from overlay.verify.rows import Books

STOCK = {"wine": 1_000_000, "jam": 40}
TERMS = {"hold_us": 100_000, "checkout_us": 200_000}
"""Short enough for some to run out amid all this."""
KILLS = 40


def _shelved(database: Location, draft: Callable[..., ProductDraft]) -> None:
    shop = Shop.open(database)
    for product, units in STOCK.items():
        shop.put_product(SHOW, product, draft(stock=units, policy="hold"))
    terms = {"kind": "coupon", "percent_off": 10, "currency": "EUR", "quota": 12}
    shop.put_offer(SHOW, COUPON, terms)
    shop.start_offer(SHOW, COUPON)
    shop.close()


def _closed(database: Location) -> Books:
    """All that is due is over, and all is told."""
    shop = Shop.open(database)
    while True:
        (expired,) = shop.settle([ops.ExpireDue()]).outcomes
        if isinstance(expired, ops.Expired) and not expired.more:
            break
    shop.recover(SHOW, shop.snapshot(SHOW))
    shop.close()
    store = Store.open_to_read(database)
    try:
        return rows.read(store, SHOW)
    finally:
        store.close()


@pytest.mark.timeout(180)
def test_nothing_that_was_said_is_lost(
    database: Location, draft: Callable[..., ProductDraft], nursery: Nursery
) -> None:
    _shelved(database, draft)
    luck = random.Random(17)
    shoppers = Shoppers(seed=17, clients=16, products=tuple(STOCK))
    for _ in range(KILLS):
        life = nursery.begin(str(database), terms=TERMS)
        shoppers.live(life, opening_s=ANSWER_S, alive_s=luck.uniform(0, 0.12))
    shoppers.finish(nursery.begin(str(database), terms=TERMS))
    books = _closed(database)
    assert list(broken(shoppers.history, books)) == []
    assert [finding for check in checked(books) for finding in check.findings] == []
    _refuse_a_dull_history(shoppers.history, books)


def _refuse_a_dull_history(history: list[Entry], books: Books) -> None:
    done = {op: len(answers) for op, answers in told(history).items()}
    states = Counter(sale.state for sale in books.sales)
    kinds = Counter(move.kind for move in books.movements)
    print(done, dict(states), dict(kinds))
    assert {"place", "reserve", "release", "confirm", "cancel", "give_up", "claim", "expire"} <= (
        done.keys()
    )
    assert {"confirmed", "released", "cancelled"} <= states.keys()
    assert {"take", "expire"} <= kinds.keys()
    assert any(entry.kind == "unknown" for entry in history)


def test_a_promise_that_was_broken_is_found(shop: Shop, draft: Callable[..., ProductDraft]) -> None:
    shop.put_product(SHOW, "wine", draft(stock=9, policy="hold"))
    books = rows.read(shop._store, SHOW)
    lines = {
        "place": ("N", "is lost"),
        "confirm": ("confirmed", "said to be confirmed"),
        "reserve": ("k", "The hold k was acknowledged"),
        "claim": ("CODE", "The claim of v"),
    }
    for op, (answer, finding) in lines.items():
        step = Step(
            viewer="v", key="k", product="wine", quantity=1, asked={"op": op, "number": "N"}
        )
        entry = Entry(kind="ok", request=step, number=answer)
        assert finding in " ".join(broken([entry], books))
        refused = replace(entry, kind="fail", number=None, reason="odd")
        assert list(broken([refused], books)) == ["k was refused with odd."]
