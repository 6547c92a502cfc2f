"""A shop in a file of its own, with a clock that only the shop turns, and things to put into it."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from overlay.catalog.products import ProductDraft
from overlay.orders.orders import OrderLine
from overlay.shop import Placed, Shop
from overlay.show.cues import CueMoment
from overlay.store.engine import Store

MakeDraft = Callable[..., ProductDraft]
MakeMoment = Callable[..., CueMoment]
Order = Callable[..., Placed]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.sqlite3"


@pytest.fixture
def shop(path: Path) -> Iterator[Shop]:
    shop = Shop(Store.open(path), utc_us=count(1_000_000).__next__)
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
