"""A shop on SQLite and on PostgreSQL, with a clock that only the shop turns, and things to put into
it."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bench import postgresql
from bench.postgresql import Cluster
from overlay.catalog.products import ProductDraft
from overlay.orders.values import OrderLine
from overlay.shop import Placed, Shop
from overlay.show.cues import CueMoment
from overlay.store.database import Location
from overlay.store.engine import Store

MakeDraft = Callable[..., ProductDraft]
MakeMoment = Callable[..., CueMoment]
Order = Callable[..., Placed]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.sqlite3"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of the tests' own. Skip where it is not installed; on the build machine that is
    a failure."""
    if (reason := postgresql.missing()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with Cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, path: Path) -> Location:
    """Where a fresh, empty database is: every test that asks runs once on each kind."""
    if request.param == "sqlite":
        return path
    running: Cluster = request.getfixturevalue("cluster")
    return running.fresh()


class Hands:
    """A clock that goes on by 1 µs with each reading, and by what it is turned."""

    def __init__(self) -> None:
        self.us = 1_000_000

    def __call__(self) -> int:
        self.us += 1
        return self.us

    def turn_s(self, seconds: float) -> None:
        self.us += round(seconds * 1e6)


@pytest.fixture
def hands() -> Hands:
    """The shop's clock."""
    return Hands()


@pytest.fixture
def shop(database: Location, hands: Hands) -> Iterator[Shop]:
    shop = Shop(Store.open(database), utc_us=hands)
    yield shop
    shop.close()


@pytest.fixture(scope="session")
def draft() -> MakeDraft:
    """A product that is legal, but for what the test says of it."""

    def make(**changes: Any) -> ProductDraft:
        given: dict[str, Any] = {
            "name": "Crémant de Loire",
            "facts": ("Brut", "75 cl"),
            "picture": "/demo/cremant.svg",
            "price_minor": 1250,
            "currency": "EUR",
            "stock": 3,
            "seller": "Cave Dupont",
            "returns": "14 days",
        }
        return ProductDraft(**{**given, **changes})

    return make


@pytest.fixture(scope="session")
def moment() -> MakeMoment:
    """A moment ten minutes into a broadcast with a window of one, but for what the test says."""

    def make(**changes: Any) -> CueMoment:
        given: dict[str, Any] = {
            "media_epoch": "e-1",
            "pts": 600 * 90_000,
            "exact": False,
            "now_tick": 600 * 90_000,
            "window_ticks": 60 * 90_000,
        }
        return CueMoment(**{**given, **changes})

    return make


@pytest.fixture
def order(shop: Shop) -> Order:
    """Order by product and quantity, each with a key of its own unless given one."""
    keys = count()

    def place(viewer: str = "anna", key: str | None = None, **quantities: int) -> Placed:
        lines = [OrderLine(product=name, quantity=n) for name, n in quantities.items()]
        key = key if key is not None else f"key-{next(keys)}"
        return shop.place_order("demo", viewer=viewer, key=key, lines=lines)

    return place
