"""Whatever hosts, buyers, clocks and power cuts do, in any order: the ledger does as a plain model
of it does, and its books can be proved at every step."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from overlay.catalog.products import ProductDraft
from overlay.clock import ShopClock
from overlay.errors import (
    CapReached,
    HoldGone,
    IdempotencyMismatch,
    InvalidInput,
    NotLive,
    OrderSettled,
    SoldOut,
)
from overlay.orders import ops
from overlay.orders.ops import ExpireDue, Op, Release, ReleaseOrder
from overlay.orders.values import Order, OrderLine
from overlay.shop import Shop
from overlay.show.log import MediaTime
from overlay.store.database import Location
from overlay.store.engine import Store
from overlay.verify import rows
from overlay.verify.report import checked

CAP = 6
NAMES = ("wine", "jam")
PRODUCTS = st.sampled_from(NAMES)
VIEWERS = st.sampled_from("ab")
HOLDS = st.sampled_from(["h1", "h2", "h3"])
UNITS = st.integers(1, 4)
AT = MediaTime(media_epoch="e", pts=1)
Policy = Literal["hold", "first_paid"]
YEAR_US = 365 * 86_400 * 1_000_000


@dataclass
class Held:
    viewer: str
    product: str
    units: int
    expires_us: int
    state: str = "held"


@dataclass
class Sale:
    viewer: str
    units: dict[str, int]
    expires_us: int | None
    state: str
    reference: str | None = None


class Trade(RuleBasedStateMachine):
    """A shop beside a model of it."""

    fresh: Callable[[], Location]

    def __init__(self) -> None:
        super().__init__()
        self.location = type(self).fresh()
        self.wall_us = 50 * YEAR_US
        self.steady_us = 0
        self.left: dict[str, int] = {}
        self.holds: dict[str, Held] = {}
        self.sales: dict[str, Sale] = {}
        self.keys: dict[tuple[str, str], tuple[dict[str, int], str, Order]] = {}
        self.last_us = 0
        self.terms: dict[str, tuple[Policy, bool]] = dict.fromkeys(NAMES, ("hold", False))

    @initialize(stocks=st.tuples(st.integers(0, 12), st.integers(0, 12)))
    def begin(self, stocks: tuple[int, int]) -> None:
        self._open()
        for name, stock in zip(NAMES, stocks, strict=True):
            self.shop.put_product("demo", name, _draft(name, stock))
            self.left[name] = stock

    def _open(self) -> None:
        store = Store.open(self.location)
        floor_us = self.last_us
        clock = ShopClock(
            floor_us=floor_us, wall_us=lambda: self.wall_us, steady_us=lambda: self.steady_us
        )
        self.shop = Shop(store, utc_us=clock)
        self.shop.recover("demo", self.shop.snapshot("demo"))

    def teardown(self) -> None:
        if self.left:
            self._prove(whole=True)
            self.shop.close()

    def _prove(self, *, whole: bool) -> None:
        if whole:
            self.shop.recover("demo", self.shop.snapshot("demo"))
        books = rows.read(self.shop._store, "demo")
        found = [
            finding
            for check in checked(books)
            for finding in check.findings
            if whole or not check.of_the_log
        ]
        assert found == []

    def _now_us(self) -> int:
        now_us = self.shop._utc_us()
        assert now_us > self.last_us, "the shop's clock does not run back"
        self.last_us = now_us
        return now_us

    def _one(self, op: Op) -> Any:
        (outcome,) = self.shop.settle([op]).outcomes
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    # The model's own rules

    def _end_hold(self, hold: Held, state: str) -> None:
        hold.state = state
        self.left[hold.product] += hold.units

    def _end_sale(self, sale: Sale, state: str) -> None:
        sale.state = state
        for product, units in sale.units.items():
            self.left[product] += units

    def _lapse(self, sale: Sale, now_us: int) -> None:
        if sale.state == "held" and sale.expires_us is not None and sale.expires_us <= now_us:
            self._end_sale(sale, "expired")

    def _has(self, viewer: str, product: str) -> int:
        held = sum(
            h.units
            for h in self.holds.values()
            if h.state == "held" and (h.viewer, h.product) == (viewer, product)
        )
        bought = sum(
            s.units.get(product, 0)
            for s in self.sales.values()
            if s.viewer == viewer and s.state in ("held", "confirmed")
        )
        return held + bought

    # What may happen

    @rule(name=PRODUCTS, stock=st.integers(0, 14))
    def restock(self, name: str, stock: int) -> None:
        taken = sum(h.units for h in self.holds.values() if (h.state, h.product) == ("held", name))
        taken += sum(
            s.units.get(name, 0) for s in self.sales.values() if s.state in ("held", "confirmed")
        )
        try:
            self.shop.put_product("demo", name, _draft(name, stock, *self.terms[name]))
        except InvalidInput:
            assert stock < taken
        else:
            assert stock >= taken
            self.left[name] = stock - taken

    @rule(name=PRODUCTS, policy=st.sampled_from(["hold", "first_paid"]), live_only=st.booleans())
    def set_terms(self, name: str, policy: Policy, live_only: bool) -> None:
        self.terms[name] = (policy, live_only)
        (stock,) = (
            v.initial for p in self.shop.products("demo") if p.id == name for v in p.variants
        )
        self.shop.put_product("demo", name, _draft(name, stock, policy, live_only))

    @rule(name=HOLDS, viewer=VIEWERS, product=PRODUCTS, units=UNITS, on_air=st.booleans())
    def reserve(self, name: str, viewer: str, product: str, units: int, on_air: bool) -> None:
        now_us = self._now_us()
        known = self.holds.get(name)
        mine = known is not None and (known.viewer, known.product) == (viewer, product)
        if known is not None and mine and known.state == "held" and known.expires_us <= now_us:
            self._end_hold(known, "expired")
        more = units - (known.units if known is not None and known.state == "held" else 0)
        op = ops.reserving(
            "demo", viewer=viewer, hold=name, product=product, quantity=units,
            at=AT if on_air else None,
        )  # fmt: skip
        policy, live_only = self.terms[product]
        try:
            hold = self._one(op).hold
        except InvalidInput:
            assert (known is not None and not mine) or (more > 0 and policy == "first_paid")
        except NotLive:
            assert more > 0
            assert live_only
            assert not on_air
        except HoldGone:
            assert known is not None
            assert known.state != "held"
        except SoldOut:
            assert more > self.left[product]
        except CapReached:
            assert self._has(viewer, product) + more > CAP
        else:
            if known is None:
                self.holds[name] = Held(viewer, product, units, hold.expires_us)
            else:
                assert (known.state, known.expires_us) == ("held", hold.expires_us)
                known.units = units
            self.left[product] -= more
            assert more <= 0 or (policy == "hold" and (on_air or not live_only))

    @rule(name=HOLDS, viewer=VIEWERS)
    def release(self, name: str, viewer: str) -> None:
        self._one(Release(show="demo", viewer=viewer, hold=name))
        hold = self.holds.get(name)
        if hold is not None and hold.viewer == viewer and hold.state == "held":
            self._end_hold(hold, "over")

    @rule(
        viewer=VIEWERS,
        key=st.sampled_from("123456"),
        units=st.dictionaries(PRODUCTS, UNITS, min_size=1),
        checkout=st.sampled_from(["form", "handoff"]),
    )
    def buy(self, viewer: str, key: str, units: dict[str, int], checkout: str) -> None:
        now_us = self._now_us()
        before = self.keys.get((viewer, key))
        own: dict[str, list[Held]] = {}
        if before is None:
            for hold in self.holds.values():
                if hold.state == "held" and hold.viewer == viewer and hold.product in units:
                    if hold.expires_us <= now_us:
                        self._end_hold(hold, "expired")
                    else:
                        own.setdefault(hold.product, []).append(hold)
        mine = {product: sum(h.units for h in own.get(product, ())) for product in units}
        lines = [OrderLine(product=product, quantity=n) for product, n in units.items()]
        op = ops.placing("demo", viewer=viewer, key=key, lines=lines, checkout=checkout, at=AT)
        try:
            placed = self._one(op)
        except IdempotencyMismatch:
            assert before is not None
            assert before[:2] != (units, checkout)
        except SoldOut as exc:
            assert units[str(exc.field)] > self.left[str(exc.field)] + mine[str(exc.field)]
        except CapReached as exc:
            product = str(exc.field)
            more = units[product] - min(units[product], mine[product])
            assert self._has(viewer, product) + more > CAP
        else:
            assert placed.created == (before is None)
            if before is not None:
                assert before == (units, checkout, placed.order)
                return
            self._bought(viewer, key, units, checkout, placed.order, own)

    def _bought(
        self, viewer: str, key: str, units: dict[str, int], checkout: str, order: Order,
        own: dict[str, list[Held]],
    ) -> None:  # fmt: skip
        self.keys[viewer, key] = (units, checkout, order)
        state = "confirmed" if checkout == "form" else "held"
        self.sales[order.number] = Sale(viewer, dict(units), order.expires_us, state)
        for product, wanted in units.items():
            left = wanted
            for hold in own.get(product, ()):
                part = min(left, hold.units)
                left -= part
                if part == hold.units:
                    hold.state = "over"
                else:
                    hold.units -= part
            self.left[product] -= left

    @precondition(lambda self: self.sales)
    @rule(data=st.data(), reference=st.sampled_from(["p1", "p2"]))
    def pay(self, data: Any, reference: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.sales)))
        sale = self.sales[number]
        self._lapse(sale, self._now_us())
        try:
            settled = self._one(ops.confirming("demo", number=number, reference=reference))
        except OrderSettled:
            assert sale.state == "cancelled" or sale.reference not in (None, reference)
            return
        if sale.reference is None:
            assert sale.state != "cancelled"
            sale.reference = reference
            sale.state = "confirmed" if sale.state in ("held", "confirmed") else "paid_late"
        assert settled.state == sale.state

    @precondition(lambda self: self.sales)
    @rule(data=st.data(), by_buyer=st.booleans())
    def cancel(self, data: Any, by_buyer: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.sales)))
        sale = self.sales[number]
        self._lapse(sale, self._now_us())
        if by_buyer:
            op: Op = ReleaseOrder(show="demo", number=number)
            over = {"released", "expired"}
        else:
            op, over = ops.cancelling("demo", number=number), {"cancelled"}
        try:
            settled = self._one(op)
        except OrderSettled:
            legal = {"held"} if by_buyer else {"held", "confirmed", "paid_late"}
            assert sale.state not in legal | over
            return
        if sale.state == "held":
            self._end_sale(sale, "released")
        elif sale.state == "confirmed":
            self._end_sale(sale, "cancelled")
        elif sale.state == "paid_late":
            sale.state = "cancelled"
        assert settled.state == sale.state

    @rule()
    def sweep(self) -> None:
        now_us = self._now_us()
        for hold in self.holds.values():
            if hold.state == "held" and hold.expires_us <= now_us:
                self._end_hold(hold, "expired")
        for sale in self.sales.values():
            self._lapse(sale, now_us)
        self._one(ExpireDue())

    @rule(seconds=st.sampled_from([0, 1, 90, 400, 700, 1900]))
    def time_goes_on(self, seconds: int) -> None:
        self.wall_us += seconds * 1_000_000
        self.steady_us += seconds * 1_000_000

    @rule(hours=st.sampled_from([-1, 1]))
    def the_wall_clock_is_set(self, hours: int) -> None:
        before_us = self._now_us()
        self.wall_us += hours * 3600 * 1_000_000
        assert self._now_us() - before_us < 1_000, "nothing happens to the shop's clock"

    @rule()
    def tell(self) -> None:
        self.shop.tell()

    @rule()
    def crash(self) -> None:
        self.shop.close()
        self._open()
        self._prove(whole=True)

    @invariant()
    def the_stock_is_right(self) -> None:
        if self.left:
            stock = {p.id: p.available for p in self.shop.products("demo")}
            assert stock == self.left
            self._prove(whole=False)


def _draft(name: str, stock: int, policy: Policy = "hold", live_only: bool = False) -> ProductDraft:
    return ProductDraft(
        name=name, price_minor=100, currency="EUR", stock=stock, seller="", returns="",
        policy=policy, cap=CAP, live_only=live_only,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_ledger_does_as_its_model(kind: str, request: pytest.FixtureRequest) -> None:
    folder = Path(tempfile.mkdtemp())
    if kind == "sqlite":
        made = iter(range(10_000))
        fresh: Callable[[], Location] = lambda: folder / f"{next(made)}.sqlite3"  # noqa: E731
        examples = 25
    else:
        fresh = request.getfixturevalue("cluster").fresh
        examples = 4
    machine = type("Machine", (Trade,), {"fresh": staticmethod(fresh)})
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        shutil.rmtree(folder)
