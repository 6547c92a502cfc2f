"""A backup while the shop sells: what was sold before it is in it, and it adds up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.histories.checker import check
from bench.histories.clients import ANSWER_S, Crowd, Nursery
from bench.histories.final import read_final
from bench.histories.ledger import SHOW
from bench.polling import wait_until
from overlay.errors import StoreUnavailable
from overlay.store.backup import backup, restore
from overlay.store.database import Location
from overlay.store.engine import Store

Shelve = Callable[[Location, dict[str, int]], None]

STOCK = {"wine": 1_000_000, "jam": 1_000_000}


def sells_on(crowd: Crowd) -> None:
    """Wait for ten more orders."""
    so_far = len(crowd.history)
    wait_until(
        lambda: sum(entry.kind == "ok" for entry in crowd.history[so_far:]) >= 10,
        20, "the shop sells on",
    )  # fmt: skip


def test_a_backup_under_load_is_whole(
    database: Location, shelve: Shelve, nursery: Nursery, tmp_path: Path
) -> None:
    shelve(database, STOCK)
    crowd = Crowd(seed=5, clients=16, products=tuple(STOCK))
    first = nursery.begin(str(database))
    crowd.live(first, opening_s=ANSWER_S, alive_s=0.2)
    acknowledged = {entry.number for entry in crowd.history if entry.kind == "ok"}
    second = nursery.begin(str(database))
    with crowd.ordering(second):
        sells_on(crowd)
        backup(database, tmp_path / "copy")
        sells_on(crowd)
        with pytest.raises(StoreUnavailable, match="Another server runs the shop"):
            restore(tmp_path / "copy", database)
    later = read_final(database, SHOW)
    assert len(later.orders) > len(acknowledged)
    before = Store.open(database)
    before.close()
    epoch = restore(tmp_path / "copy", database)
    assert epoch != before.epoch
    restored = read_final(database, SHOW)
    assert acknowledged <= {order.number for order in restored.orders}
    lost = "was acknowledged and is lost"
    assert [each for each in check(crowd.history, restored) if lost not in each] == []
