"""The shop's desk: one order of commits, events after them, and a database that may be away."""

import asyncio
import contextlib
import dataclasses
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mediaserver import shop_desk
from mediaserver.bus.messages import ShowSnapshot
from mediaserver.errors import RequestRefused
from mediaserver.shop_desk import ShopDesk
from overlay.catalog.products import ProductDraft
from overlay.clock import ShopClock
from overlay.errors import StoreAway, StoreUnavailable, UnknownProduct
from overlay.orders import ops
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.show.fold import ShowState
from overlay.store.engine import Store
from overlay.values import ShowEvent

DRAFT = ProductDraft(
    name="Wine",
    facts=(),
    picture=None,
    price_minor=1,
    currency="EUR",
    stock=1,
    seller="",
    returns="",
)


class Follower:
    """A gateway: folds what it hears, and would fail on a gap."""

    def __init__(self) -> None:
        self.states: dict[str, ShowState] = {}
        self.events: list[ShowEvent] = []
        self.begun = asyncio.Event()

    def snapshot(self, snapshot: ShowSnapshot) -> None:
        self.states[snapshot.show] = ShowState.from_plain(snapshot.state)
        self.begun.set()

    def event(self, event: ShowEvent) -> None:
        self.events.append(event)
        self.states[event.show] = self.states[event.show].apply(event)


@contextlib.asynccontextmanager
async def opened(open_shop: Callable[[], Shop], follower: Follower) -> AsyncIterator[ShopDesk]:
    desk = ShopDesk(open_shop, shows=("one",), audience=follower)
    await desk.start()
    try:
        yield desk
    finally:
        await desk.close()


def put(product: str) -> Callable[[Shop], tuple[Any, Any]]:
    def job(shop: Shop) -> tuple[Any, Any]:
        stocked = shop.put_product("one", product, DRAFT)
        return stocked.product, stocked.events

    return job


async def test_events_come_in_offset_order_and_lead_to_the_state(tmp_path: Path) -> None:
    follower = Follower()
    async with opened(lambda: Shop.open(tmp_path / "s"), follower) as desk:
        await asyncio.gather(*(desk.change(put(f"p{n}")) for n in range(20)))
        assert [event.offset for event in follower.events] == list(range(1, 21))
        (snapshot,) = desk.snapshots()
        assert ShowState.from_plain(snapshot.state) == follower.states["one"]
        assert [p["id"] for p in desk.products("one")] == [f"p{n}" for n in range(20)]
    again = Follower()
    async with opened(lambda: Shop.open(tmp_path / "s"), again) as desk:
        assert again.states == follower.states


async def test_the_caller_hears_after_the_gateways_and_they_after_the_commit(
    tmp_path: Path,
) -> None:
    follower = Follower()
    async with opened(lambda: Shop.open(tmp_path / "s"), follower) as desk:
        committed: list[int] = []
        follower.event = lambda event: committed.append(  # type: ignore[method-assign]
            len(Shop.open(tmp_path / "s").products("one"))
        )
        await desk.change(put("a"))
        assert committed == [1]


async def test_a_caller_who_leaves_changes_nothing(tmp_path: Path) -> None:
    follower, gate = Follower(), threading.Event()
    async with opened(lambda: Shop.open(tmp_path / "s"), follower) as desk:

        def slow(shop: Shop) -> tuple[Any, Any]:
            gate.wait(10)
            return put("a")(shop)

        leaving = asyncio.ensure_future(desk.change(slow))
        await asyncio.sleep(0)
        leaving.cancel()
        gate.set()
        await desk.change(put("b"))
        assert [event.data["id"] for event in follower.events] == ["a", "b"]


async def test_what_the_shop_refuses_reaches_the_caller(tmp_path: Path) -> None:
    async with opened(lambda: Shop.open(tmp_path / "s"), Follower()) as desk:
        with pytest.raises(UnknownProduct):
            await desk.change(lambda shop: (None, shop.delete_product("one", "none")))
        assert desk.available


async def test_one_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop_desk, "MAX_WAITING", 3)
    gate = threading.Event()
    async with opened(lambda: Shop.open(tmp_path / "s"), Follower()) as desk:
        waiting = [asyncio.ensure_future(desk.read(lambda shop: gate.wait(10))) for _ in range(5)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        gate.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        refused = [r for r in results if isinstance(r, RequestRefused)]
        assert refused
        assert all(r.status == 503 for r in refused)


async def test_a_damaged_database_costs_the_shop_alone_and_is_opened_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop_desk, "CHECK_INTERVAL_S", 0.0)
    path, follower = tmp_path / "s", Follower()
    path.write_bytes(b"this is no database at all" * 100)
    async with opened(lambda: Shop.open(path), follower) as desk:
        assert not desk.available
        assert desk.snapshots() == []
        with pytest.raises(StoreUnavailable):
            desk.products("one")
        with pytest.raises(StoreUnavailable):
            await desk.change(put("a"))
        path.unlink()
        await follower.begun.wait()
        await desk.change(put("a"))
        assert list(follower.states["one"].products) == ["a"]


def order(n: int) -> ops.PlaceOrder:
    lines = [OrderLine(product="wine", quantity=1)]
    return ops.placing("one", viewer=f"v{n}", key="k", lines=lines)


def stocked(stock: int) -> Callable[[Shop], tuple[Any, Any]]:
    draft = dataclasses.replace(DRAFT, stock=stock)
    return lambda shop: (None, shop.put_product("one", "wine", draft).events)


async def test_orders_that_wait_share_a_commit_and_jobs_keep_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    settle, gate = Shop.settle, threading.Event()

    def counted(shop: Shop, batch: Any) -> Any:
        batches.append(sum(isinstance(op, ops.PlaceOrder) for op in batch))
        return settle(shop, batch)

    monkeypatch.setattr(Shop, "settle", counted)
    async with opened(lambda: Shop.open(tmp_path / "s"), Follower()) as desk:
        await desk.change(stocked(7))
        held = asyncio.ensure_future(desk.read(lambda shop: gate.wait(10)))
        await asyncio.sleep(0)
        first = [asyncio.ensure_future(desk.settle(order(n))) for n in range(5)]
        await asyncio.sleep(0)
        between = asyncio.ensure_future(desk.read(lambda shop: shop.products("one")[0].available))
        await asyncio.sleep(0)
        rest = [asyncio.ensure_future(desk.settle(order(n))) for n in range(5, 10)]
        await asyncio.sleep(0)
        gate.set()
        await held
        outcomes = await asyncio.gather(*first, *rest, return_exceptions=True)
        assert await between == 2
    assert [type(outcome).__name__ for outcome in outcomes] == ["OrderPlaced"] * 7 + ["SoldOut"] * 3
    assert [count for count in batches if count] == [5, 5]


async def test_a_batch_whose_commit_fails_fails_wholly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(lambda: Shop.open(tmp_path / "s"), Follower()) as desk:
        await desk.change(stocked(7))

        def away(*_: Any) -> None:
            raise StoreUnavailable("It is away.")

        monkeypatch.setattr(Shop, "settle", away)
        outcomes = await asyncio.gather(
            *(desk.settle(order(n)) for n in range(3)), return_exceptions=True
        )
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        assert not desk.available
        monkeypatch.undo()
        assert (await desk.settle(order(1))).created


async def test_what_a_batch_leaves_untold_is_told_soon(tmp_path: Path) -> None:
    follower = Follower()
    told = asyncio.Event()
    hear = follower.event

    def event(event: ShowEvent) -> None:
        hear(event)
        if follower.states["one"].totals.get("wine", {}).get("orders") == 3:
            told.set()

    follower.event = event  # type: ignore[method-assign]
    async with opened(lambda: Shop.open(tmp_path / "s"), follower) as desk:
        await desk.change(stocked(7))
        for n in range(3):
            await desk.settle(order(n))
        await asyncio.wait_for(told.wait(), 10)
        left = follower.states["one"].products["wine"]["available"]
        assert left == 4


async def test_holds_end_without_anybody_asking(tmp_path: Path) -> None:
    """Two hours are over between the shop that made the hold and the one that is opened."""
    wall_us = [10**15]

    def open_shop() -> Shop:
        return Shop(Store.open(tmp_path / "s"), utc_us=ShopClock(wall_us=lambda: wall_us[0]))

    draft = dataclasses.replace(DRAFT, policy="hold")
    async with opened(open_shop, Follower()) as desk:
        await desk.change(lambda shop: (None, shop.put_product("one", "wine", draft).events))
        await desk.settle(ops.reserving("one", viewer="v", hold="h", product="wine", quantity=1))
        assert desk.products("one")[0]["available"] == 0
    wall_us[0] += 7200 * 1_000_000
    follower, freed = Follower(), asyncio.Event()
    follower.event = lambda event: freed.set()  # type: ignore[method-assign]
    async with opened(open_shop, follower) as desk:
        await asyncio.wait_for(freed.wait(), 10)
        assert desk.products("one")[0]["available"] == 1


async def test_a_show_that_is_not_configured_has_no_audience(tmp_path: Path) -> None:
    def elsewhere(shop: Shop) -> tuple[Any, Any]:
        return "stored", shop.put_product("left", "wine", DRAFT).events

    follower = Follower()
    async with opened(lambda: Shop.open(tmp_path / "s"), follower) as desk:
        assert await desk.change(elsewhere) == "stored"
        lines = [OrderLine(product="wine", quantity=1)]
        placed = await desk.settle(ops.placing("left", viewer="v", key="k", lines=lines))
        assert placed.created
        assert follower.events == []


@pytest.mark.parametrize(("name", "interval"), [("settle", "EXPIRE"), ("check", "CHECK")])
async def test_an_error_that_nobody_foresaw_ends_no_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, interval: str
) -> None:
    monkeypatch.setattr(shop_desk, f"{interval}_INTERVAL_S", 0.0)
    real, calls, again = getattr(Shop, name), [0], asyncio.Event()
    loop = asyncio.get_running_loop()

    def failing(shop: Shop, *arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] in (2, 3):
            raise KeyError("nobody foresaw this")
        if calls[0] == 4:
            loop.call_soon_threadsafe(again.set)
        return real(shop, *arguments)

    monkeypatch.setattr(Shop, name, failing)
    async with opened(lambda: Shop.open(tmp_path / "s"), Follower()):
        await asyncio.wait_for(again.wait(), 10)


async def test_nobody_waits_for_another_try_of_a_database_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop_desk, "EXPIRE_INTERVAL_S", 3600.0)
    tries, gate, back = [0], threading.Event(), [False]
    check = Shop.check

    def away(*_: Any) -> Any:
        tries[0] += 1
        gate.wait(10)
        raise StoreAway("It is away.")

    def look(shop: Shop) -> None:
        if not back[0]:
            raise StoreAway("It is away.")
        check(shop)

    async with opened(lambda: Shop.open(tmp_path / "s"), Follower()) as desk:
        await desk.change(stocked(7))
        monkeypatch.setattr(Shop, "settle", away)
        waiting = [asyncio.ensure_future(desk.settle(order(0)))]
        await asyncio.sleep(0)
        for n in range(1, 4):
            waiting += [asyncio.ensure_future(desk.settle(order(n)))]
            waiting += [asyncio.ensure_future(desk.change(away))]
        await asyncio.sleep(0)
        gate.set()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["It is away."] * 7
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        with pytest.raises(StoreUnavailable, match=r"It is away\."):
            await desk.settle(order(9))
        assert tries == [1]
        monkeypatch.undo()
        monkeypatch.setattr(Shop, "check", look)
        back[0] = True
        await desk._ask(job=shop_desk._check, looking=True)
        assert (await desk.settle(order(1))).created


async def test_what_was_committed_unseen_is_seen_by_the_audience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, settle = Follower(), Shop.settle

    def lost(shop: Shop, batch: Any) -> Any:
        settle(shop, batch)
        raise StoreUnavailable("The session went at the very commit.")

    async with opened(lambda: Shop.open(tmp_path / "s"), follower) as desk:
        await desk.change(stocked(7))
        monkeypatch.setattr(Shop, "settle", lost)
        with pytest.raises(StoreUnavailable):
            await desk.settle(order(1))
        monkeypatch.undo()
        await desk.read(Shop.check)
        assert follower.states["one"].products["wine"]["available"] == 6
