"""The shop's clock neither jumps nor runs back."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from overlay.catalog.products import ProductDraft
from overlay.clock import ShopClock
from overlay.orders import ops
from overlay.shop import Shop
from overlay.show.log import MediaTime
from overlay.store.database import Location
from overlay.store.engine import Store
from overlay.store.schema.base import metadata

HOUR_US = 3600 * 1_000_000
STEPS = st.lists(st.tuples(st.integers(0, HOUR_US), st.integers(-HOUR_US, HOUR_US)), max_size=20)


class Machine:
    """A wall clock that may be set, and a steady one."""

    def __init__(self) -> None:
        self.wall_us = 10 * HOUR_US
        self.steady_us = 77

    def clock(self, floor_us: int = 0) -> ShopClock:
        return ShopClock(
            floor_us=floor_us, wall_us=lambda: self.wall_us, steady_us=lambda: self.steady_us
        )

    def pass_us(self, by: int) -> None:
        self.wall_us += by
        self.steady_us += by


@given(steps=STEPS)
def test_it_goes_as_time_does_whatever_the_wall_clock_is_set_to(
    steps: list[tuple[int, int]],
) -> None:
    machine = Machine()
    clock = machine.clock()
    before_us = clock()
    for passed_us, step_us in steps:
        machine.wall_us += step_us
        machine.pass_us(passed_us)
        now_us = clock()
        assert now_us > before_us
        assert abs(now_us - before_us - passed_us) <= passed_us / 100 + 100
        before_us = now_us


def test_it_finds_back_to_the_wall_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    clock()
    machine.wall_us += HOUR_US
    for _ in range(101):
        machine.pass_us(HOUR_US)
        now_us = clock()
    assert abs(now_us - machine.wall_us) < 1_000


def test_after_a_start_it_goes_on_where_it_was() -> None:
    machine = Machine()
    before_us = machine.clock()()
    machine.wall_us -= HOUR_US
    after_us = machine.clock(floor_us=before_us)()
    assert 0 < after_us - before_us < 1_000
    machine.wall_us += 3 * HOUR_US
    assert machine.clock(floor_us=after_us)() >= machine.wall_us


@pytest.mark.parametrize("last", ["movement", "price", "line", "claim"])
def test_a_shop_that_is_opened_goes_on_after_what_it_wrote_last(
    database: Location, draft: Callable[..., ProductDraft], last: str
) -> None:
    """The clock of the machine has gone back by a century since."""
    now_us = 10**15
    shop = Shop(Store.open(database), utc_us=lambda: now_us)
    shop.put_product("demo", "wine", draft(stock=1))
    shop.put_offer("demo", "c", {"kind": "coupon", "percent_off": 5, "currency": "EUR"})
    shop.set_codes("demo", "c", texts=["SUMMER"])
    shop.start_offer("demo", "c", at=AT)
    now_us = 50 * 10**14
    if last == "movement":
        shop.put_product("demo", "wine", draft(stock=2))
    elif last == "price":
        shop.put_product("demo", "wine", draft(stock=1, price_minor=7))
    elif last == "line":
        shop.mark_sold_out("demo", "wine")
    else:
        (outcome,) = shop.settle([ops.claiming("demo", viewer="v", offer="c", at=AT)]).outcomes
        assert not isinstance(outcome, Exception)
    _keep_only(shop, last)
    shop.close()
    again = Shop.open(database)
    assert again._utc_us() > now_us
    again.close()


AT = MediaTime(media_epoch="e", pts=1)


def _keep_only(shop: Shop, last: str) -> None:
    """Of what was written at the end."""
    names = {"movement": "movements", "price": "prices", "line": "log", "claim": "claims"}
    with shop._store.write() as connection:
        for kind, table in names.items():
            if kind != last:
                where: Any = metadata.tables[table]
                connection.execute(delete(where).where(where.c.utc_us > 10**15))
