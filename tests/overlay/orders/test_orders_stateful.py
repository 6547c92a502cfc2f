"""Whatever hosts and viewers do, in any order: stock adds up, and the log tells the whole story."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from overlay.catalog.products import ProductDraft
from overlay.errors import IdempotencyMismatch, InvalidInput, SoldOut, UnknownProduct
from overlay.orders.orders import Order, OrderLine
from overlay.shop import Shop
from overlay.show.fold import ShowState
from overlay.store.engine import Store
from overlay.store.schema import products

NAMES = st.sampled_from(["wine", "jam", "tea"])
LINES = st.lists(st.tuples(NAMES, st.integers(1, 4)), min_size=1, max_size=3)


class Trade(RuleBasedStateMachine):
    """A shop beside a model of it: what each product had, and which key bought what."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.left: dict[str, int] = {}
        self.sold: dict[str, int] = {}
        self.bought: dict[tuple[str, str], tuple[dict[str, int], Order]] = {}
        self.told = ShowState.empty("")

    @initialize()
    def open(self) -> None:
        self.store = Store.open(self.folder / "shop.sqlite3")
        self.shop = Shop(self.store)
        self.told = ShowState.empty(self.shop.epoch)

    def teardown(self) -> None:
        self.shop.close()
        shutil.rmtree(self.folder)

    def _hear(self, events: Any) -> None:
        for event in events:
            self.told = self.told.apply(event)

    @rule(name=NAMES, stock=st.integers(0, 9), price=st.integers(0, 500))
    def put(self, name: str, stock: int, price: int) -> None:
        draft = ProductDraft(
            name=name, facts=(), picture=None, price_minor=price, currency="EUR", stock=stock,
            seller="", returns="",
        )  # fmt: skip
        try:
            put = self.shop.put_product("demo", name, draft)
        except InvalidInput:
            assert stock < self.sold[name]
        else:
            self._hear(put.events)
            assert put.created == (name not in self.left)
            self.left[name] = stock - self.sold.setdefault(name, 0)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        try:
            self._hear(self.shop.delete_product("demo", name))
        except UnknownProduct:
            assert name not in self.left
        else:
            del self.left[name], self.sold[name]

    @rule(viewer=st.sampled_from("ab"), key=st.sampled_from("123"), lines=LINES)
    def buy(self, viewer: str, key: str, lines: list[tuple[str, int]]) -> None:
        wanted: dict[str, int] = {}
        for name, quantity in lines:
            wanted[name] = wanted.get(name, 0) + quantity
        given = [OrderLine(product=name, quantity=quantity) for name, quantity in lines]
        before = self.bought.get((viewer, key))
        try:
            placed = self.shop.place_order("demo", viewer=viewer, key=key, lines=given)
        except IdempotencyMismatch:
            assert before is not None
            assert before[0] != wanted
        except UnknownProduct:
            assert not wanted.keys() <= self.left.keys()
        except SoldOut as exc:
            assert wanted[str(exc.field)] > self.left[str(exc.field)]
        else:
            self._hear(placed.events)
            assert placed.created == (before is None)
            if before is not None:
                assert before == (wanted, placed.order)
                return
            self.bought[viewer, key] = (wanted, placed.order)
            for name, quantity in wanted.items():
                self.left[name] -= quantity
                self.sold[name] += quantity

    @rule()
    def restart(self) -> None:
        epoch = self.shop.epoch
        self.shop.close()
        self.store = Store.open(self.folder / "shop.sqlite3")
        self.shop = Shop(self.store)
        assert self.shop.epoch == epoch

    @invariant()
    def the_stock_is_right(self) -> None:
        with self.store.read() as connection:
            rows = connection.execute(select(products)).mappings().all()
        assert {row["id"]: (row["available"], row["sold"]) for row in rows} == {
            name: (self.left[name], self.sold[name]) for name in self.left
        }

    @invariant()
    def the_events_tell_what_the_database_holds(self) -> None:
        assert self.shop.snapshot("demo") == self.told
        public = {product.id: product.to_plain() for product in self.shop.products("demo")}
        assert self.told.products == public

    @invariant()
    def each_key_bought_once(self) -> None:
        orders = self.shop.orders("demo")
        assert {order.number for order in orders} == {
            order.number for _, order in self.bought.values()
        }


TestTrade = Trade.TestCase
TestTrade.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
