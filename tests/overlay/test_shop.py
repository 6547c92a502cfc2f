"""The shop as a whole: snapshots that follow the log, pages of events, and what it imports."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from overlay.catalog.products import ProductDraft
from overlay.shop import Placed, Shop
from overlay.show import room
from overlay.store.database import Location

MakeDraft = Callable[..., ProductDraft]
Order = Callable[..., Placed]


def test_an_empty_show(shop: Shop) -> None:
    state = shop.snapshot("demo")
    assert (state.epoch, state.offset, state.cues) == (shop.epoch, 0, ())
    assert shop.events_since("demo", 0) == ()


def test_a_snapshot_sees_what_another_connection_appended(
    shop: Shop, database: Location, draft: MakeDraft
) -> None:
    shop.put_product("demo", "wine", draft())
    assert shop.snapshot("demo").offset == 1
    other = Shop.open(database)
    other.put_product("demo", "jam", draft())
    other.close()
    assert list(shop.snapshot("demo").products) == ["wine", "jam"]
    assert shop.put_product("demo", "tea", draft()).events[0].offset == 3


def test_offsets_count_for_each_show(shop: Shop, draft: MakeDraft) -> None:
    for show in ("demo", "other"):
        assert shop.put_product(show, "wine", draft()).events[0].offset == 1
    assert [event.show for event in shop.events_since("other", 0)] == ["other"]


def test_events_come_in_pages(
    shop: Shop, draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_EVENTS", 3)
    for stock in range(9):
        shop.put_product("demo", "wine", draft(stock=stock))
    assert [event.offset for event in shop.events_since("demo", 0, 99)] == [1, 2, 3]
    assert [event.offset for event in shop.events_since("demo", 8, 2)] == [9]
    assert shop.events_since("demo", 10**30) == ()
    assert shop.events_since("demo", 0, -1) == ()
    assert shop.snapshot("demo").offset == 9


def test_what_an_event_was_is_what_is_read_again(
    shop: Shop, draft: MakeDraft, order: Order
) -> None:
    name = "<i>Crémant</i> 🍾 יין"
    told = [*shop.put_product("demo", "wine", draft(name=name)).events, *order(wine=3).events]
    assert shop.events_since("demo", 0) == tuple(told)
    assert told[0].data["name"] == name


def test_folding_needs_no_database() -> None:
    check = "import overlay.show.fold, sys; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=30).returncode == 0
