"""kill -9 at any moment: the database opens, adds up, and holds every order that was answered."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from overlay.catalog.products import ProductDraft
from overlay.orders.orders import OrderLine
from overlay.shop import Shop
from overlay.store.engine import Store
from overlay.store.schema import order_items, products

MakeDraft = Callable[..., ProductDraft]

SELLER = """
import sys
from itertools import count
from pathlib import Path
from overlay.orders.orders import OrderLine
from overlay.shop import Shop

shop = Shop.open(Path(sys.argv[1]))
for n in count():
    key = f"{sys.argv[2]}-{n}"
    lines = [OrderLine(product=name, quantity=1) for name in ("wine", "jam")]
    placed = shop.place_order("demo", viewer="anna", key=key, lines=lines)
    print(key, placed.order.number, flush=True)
"""
KILLS = 5


def test_a_killed_seller_loses_no_answered_order(path: Path, draft: MakeDraft) -> None:
    shop = Shop.open(path)
    for name in ("wine", "jam"):
        shop.put_product("demo", name, draft(stock=100_000))
    shop.close()
    answered: dict[str, str] = {}
    chance = random.Random(7)
    for life in range(KILLS):
        answered |= _sell_until_killed(path, life, replies=chance.randint(1, 40))
    assert len(answered) >= KILLS
    _check_everything(path, answered)


def _sell_until_killed(path: Path, life: int, *, replies: int) -> dict[str, str]:
    seller = subprocess.Popen(
        [sys.executable, "-c", SELLER, str(path), str(life)], stdout=subprocess.PIPE, text=True
    )
    assert seller.stdout is not None
    said = [seller.stdout.readline() for _ in range(replies)]
    assert said[-1], "the seller died by itself"
    seller.kill()
    said += seller.communicate(timeout=30)[0].splitlines(keepends=True)
    answers = (line.split() for line in said if line.endswith("\n"))
    return {answer[0]: answer[1] for answer in answers}


def _check_everything(path: Path, answered: dict[str, str]) -> None:
    store = Store.open(path)
    shop = Shop(store)
    with store.read() as connection:
        rows = connection.execute(select(products)).mappings().all()
        for row in rows:
            units = select(func.sum(order_items.c.quantity)).where(
                order_items.c.product == row["id"]
            )
            assert connection.execute(units).scalar_one() == row["sold"]
            assert row["initial"] == row["available"] + row["sold"]
    orders = shop.orders("demo", limit=1000)
    assert set(answered.values()) <= {order.number for order in orders}
    state = shop.snapshot("demo")
    assert state.offset == 2 + 4 * len(orders)
    assert state.products == {product.id: product.to_plain() for product in shop.products("demo")}
    lines = [OrderLine(product=name, quantity=1) for name in ("wine", "jam")]
    for key, number in answered.items():
        again = shop.place_order("demo", viewer="anna", key=key, lines=lines)
        assert (again.order.number, again.created) == (number, False)
    shop.close()
