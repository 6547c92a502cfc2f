"""Two buyers, one unit, one real database: exactly one of them gets it."""

import subprocess
import sys
from collections.abc import Callable
from threading import Barrier, Thread

from overlay.catalog.products import ProductDraft
from overlay.errors import SoldOut
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.store.database import Location

MakeDraft = Callable[..., ProductDraft]

BUYER = """
import sys
from overlay.errors import SoldOut
from overlay.orders.values import OrderLine
from overlay.shop import Shop

shop = Shop.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for n in range(20):
    try:
        line = OrderLine(product="wine", quantity=1)
        shop.place_order("demo", viewer=sys.argv[2], key=str(n), lines=[line])
    except SoldOut:
        print("sold_out", flush=True)
    else:
        print("bought", flush=True)
shop.close()
"""


def test_threads_race_for_the_last_unit(shop: Shop, database: Location, draft: MakeDraft) -> None:
    rounds, racers = 10, 3
    for n in range(rounds):
        shop.put_product("demo", f"unit-{n}", draft(stock=1))
    start = Barrier(racers, timeout=30)
    outcomes: list[tuple[int, str]] = []

    def race(viewer: str) -> None:
        own = Shop.open(database)
        for n in range(rounds):
            start.wait()
            try:
                line = OrderLine(product=f"unit-{n}", quantity=1)
                own.place_order("demo", viewer=viewer, key=str(n), lines=[line])
                outcomes.append((n, "bought"))
            except SoldOut:
                outcomes.append((n, "sold_out"))
        own.close()

    threads = [Thread(target=race, args=(f"viewer-{n}",)) for n in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for n in range(rounds):
        outcome = sorted(what for number, what in outcomes if number == n)
        assert outcome == ["bought", "sold_out", "sold_out"]
    assert all(product.sold_out for product in shop.products("demo"))
    offsets = [event.offset for event in shop.events_since("demo", 0)]
    assert offsets == list(range(1, 3 * rounds + 1))


def test_processes_race_for_few_units(shop: Shop, database: Location, draft: MakeDraft) -> None:
    shop.put_product("demo", "wine", draft(stock=25))
    buyers = [
        subprocess.Popen(
            [sys.executable, "-c", BUYER, str(database), viewer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for viewer in ("anna", "bert")
    ]
    for buyer in buyers:
        assert buyer.stdout is not None
        assert buyer.stdout.readline() == "ready\n"
    for buyer in buyers:
        assert buyer.stdin is not None
        buyer.stdin.write("go\n")
        buyer.stdin.flush()
    said = [buyer.communicate(timeout=60)[0].split() for buyer in buyers]
    assert [len(words) for words in said] == [20, 20]
    assert sum(words.count("bought") for words in said) == 25
    assert shop.products("demo")[0].available == 0
    assert len(shop.orders("demo")) == 25
