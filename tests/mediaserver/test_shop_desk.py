"""The shop's desk: one order of commits, events after them, and a database that may be away."""

import asyncio
import contextlib
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
from overlay.errors import StoreUnavailable, UnknownProduct
from overlay.shop import Shop
from overlay.show.fold import ShowState
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
