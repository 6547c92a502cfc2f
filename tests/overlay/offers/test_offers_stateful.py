"""Whatever hosts and buyers do with offers, and whatever the machine's clock does: quotas hold,
each price was its offer's, and the log tells what the tables hold."""

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from overlay.catalog.products import ProductDraft
from overlay.clock import ShopClock
from overlay.errors import OfferSettled, ShopError
from overlay.offers.fairness import Report, Seen
from overlay.orders import ops
from overlay.orders.ops import Cancel, ExpireDue, OrderPlaced
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.show.fold import ShowState
from overlay.show.log import MediaTime
from overlay.store.engine import Store
from overlay.verify import rows
from overlay.verify.report import checked

S = 90_000
HOUR_US = 3600 * 1_000_000
VIEWERS = st.sampled_from(["anna", "ben", "cleo"])
GOODS = st.sampled_from(["wine", "jam"])
TERMS: dict[str, dict[str, Any]] = {
    "flash": {"kind": "flash", "product": "wine", "price_minor": 700, "quota": 4, "per_buyer": 3},
    "cut": {"kind": "flash", "product": "jam", "percent_off": 15},
    "coupon": {"kind": "coupon", "percent_off": 50, "quota": 2},
    "once": {"kind": "coupon", "minor_off": 900, "shared_code": False},
    "pack": {
        "kind": "bundle", "price_minor": 1333, "quota": 3,
        "items": [{"product": "wine", "quantity": 2}, {"product": "jam"}],
    },
    "gift": {"kind": "gift", "gift": {"product": "mug"}, "least_total_minor": 900, "quota": 3},
}  # fmt: skip
NAMES = st.sampled_from(sorted(TERMS))


class Machine(RuleBasedStateMachine):
    """A show on air whose shop is opened anew now and then, on a wall clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.wall_us = self.steady_us = 10**15
        self.floor_us = 0
        self.second = 100.0
        self.on_air = True
        self.keys = 0
        self.numbers: list[str] = []
        self.codes: dict[str, list[str]] = {}
        self.starts = 0
        self.reports: dict[str, list[Report]] = {}

        self._open()
        self.told = ShowState.empty(self.shop.epoch)
        for name, price, stock in (("wine", 1000, 30), ("jam", 399, 30), ("mug", 500, 3)):
            draft = ProductDraft(
                name=name, price_minor=price, currency="EUR", stock=stock, seller="", returns=""
            )
            self._hear(self.shop.put_product("demo", name, draft).events)

    def _open(self) -> None:
        store = Store.open(self.folder / "shop.sqlite3")
        clock = ShopClock(
            floor_us=self.floor_us, wall_us=lambda: self.wall_us, steady_us=lambda: self.steady_us
        )
        self.shop = Shop(store, utc_us=clock)

    def teardown(self) -> None:
        self.shop.close()
        shutil.rmtree(self.folder)

    def _hear(self, events: Any) -> None:
        for event in events:
            self.told = self.told.apply(event)

    def _at(self) -> MediaTime | None:
        return MediaTime(media_epoch="e", pts=round(self.second * S)) if self.on_air else None

    def _settle(self, op: Any) -> Any:
        batch = self.shop.settle([op])
        self._hear(batch.events)
        (outcome,) = batch.outcomes
        assert (
            outcome is None or not isinstance(outcome, Exception) or isinstance(outcome, ShopError)
        )
        return outcome

    @rule(seconds=st.floats(0, 30), jump=st.sampled_from([0, 0, 0, HOUR_US, -HOUR_US]))
    def time_passes(self, seconds: float, jump: int) -> None:
        passed = round(seconds * 1e6)
        self.steady_us += passed
        self.wall_us += passed + jump
        self.second += seconds
        self._hear(self.shop.turn_offers("demo", at=self._at()))
        self._settle(ExpireDue())
        self._hear(self.shop.tell())

    @rule(
        name=NAMES,
        duration_s=st.none() | st.integers(5, 60),
        announce_s=st.sampled_from([0, 0, 10]),
    )
    def start(self, name: str, duration_s: int | None, announce_s: int) -> None:
        self.starts += 1
        offer = f"{name}-{self.starts}"
        self.shop.put_offer("demo", offer, {**TERMS[name], "currency": "EUR"})
        if name == "once":
            self.shop.set_codes("demo", offer, make=2)
        started = self.shop.start_offer(
            "demo",
            offer,
            duration_ms=None if duration_s is None else duration_s * 1000,
            announce_ms=announce_s * 1000,
            at=self._at(),
        )
        self._hear(started.events)

    @rule(data=st.data(), take_back=st.booleans())
    def stop(self, data: Any, take_back: bool) -> None:
        known = [offer.id for offer in self.shop.offers("demo")]
        if known:
            stop = self.shop.cancel_offer if take_back else self.shop.end_offer
            offer = data.draw(st.sampled_from(known))
            with contextlib.suppress(OfferSettled):
                self._hear(stop("demo", offer, at=self._at()).events)

    @rule(viewer=VIEWERS, behind=st.floats(0, 20))
    def report(self, viewer: str, behind: float) -> None:
        arrived = round(self.second * S)
        trail = self.reports.setdefault(viewer, [])
        pts = max(trail[-1].pts if trail else 0, round((self.second - behind) * S))
        trail.append(Report(arrived=arrived, pts=min(pts, arrived)))

    @rule(viewer=VIEWERS, data=st.data())
    def claim(self, viewer: str, data: Any) -> None:
        known = [o.id for o in self.shop.offers("demo") if o.terms.kind == "coupon"]
        if known:
            op = ops.claiming(
                "demo", viewer=viewer, offer=data.draw(st.sampled_from(known)), at=self._at(),
                seen=self._seen(viewer),
            )  # fmt: skip
            outcome = self._settle(op)
            if not isinstance(outcome, Exception):
                self.codes.setdefault(viewer, []).append(outcome.claim.code)

    @rule(
        viewer=VIEWERS,
        lines=st.lists(st.tuples(GOODS, st.integers(1, 3)), max_size=2),
        packs=st.integers(0, 1),
        use_code=st.booleans(),
        checkout=st.sampled_from(["form", "handoff"]),
        data=st.data(),
    )
    def buy(
        self, viewer: str, lines: Any, packs: int, use_code: bool, checkout: str, data: Any
    ) -> None:
        known = [o.id for o in self.shop.offers("demo") if o.terms.kind == "bundle"]
        bundles = (
            [ops.WantedBundle(offer=data.draw(st.sampled_from(known)), quantity=packs)]
            if packs and known
            else []
        )
        if not lines and not bundles:
            return
        self.keys += 1
        outcome = self._settle(
            ops.placing(
                "demo",
                viewer=viewer,
                key=f"k{self.keys}",
                lines=[OrderLine(product=name, quantity=n) for name, n in lines],
                bundles=bundles,
                coupon=self.codes[viewer][-1] if use_code and viewer in self.codes else None,
                checkout=checkout,
                at=self._at(),
                seen=self._seen(viewer),
            )
        )
        if isinstance(outcome, OrderPlaced):
            assert outcome.order.total_minor >= 0
            self.numbers.append(outcome.order.number)

    @rule(data=st.data(), paid=st.booleans())
    def settle_one(self, data: Any, paid: bool) -> None:
        if self.numbers:
            number = data.draw(st.sampled_from(self.numbers))
            if paid:
                self._settle(ops.confirming("demo", number=number, reference=f"p-{number}"))
            else:
                self._settle(Cancel(show="demo", number=number, note=""))

    @rule()
    def the_air_comes_and_goes(self) -> None:
        self.on_air = not self.on_air

    @rule()
    def restart(self) -> None:
        self._hear(self.shop.recover("demo", self.shop.snapshot("demo")))
        self.floor_us = self.shop._utc_us()
        self.shop.close()
        self._open()

    def _seen(self, viewer: str) -> Seen | None:
        trail = self.reports.get(viewer)
        return None if trail is None else Seen(media_epoch="e", reports=tuple(trail[-8:]))

    @invariant()
    def it_is_proven(self) -> None:
        self._hear(self.shop.recover("demo", self.shop.snapshot("demo")))
        findings = [f for c in checked(rows.read(self.shop._store, "demo")) for f in c.findings]
        assert findings == []
        assert self.shop.snapshot("demo") == self.told


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
