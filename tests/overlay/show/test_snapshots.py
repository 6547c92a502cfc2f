"""Stored folds: written now and then, read at opening, never believed over the log."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete, insert, select, update

from overlay.shop import Shop
from overlay.show import snapshots
from overlay.store.database import Location
from overlay.store.engine import Store
from overlay.store.schema import log
from overlay.store.schema import snapshots as table

Write = Callable[[int], None]


@pytest.fixture
def store(database: Location) -> Iterator[Store]:
    store = Store.open(database)
    yield store
    store.close()


@pytest.fixture
def write(store: Store) -> Write:
    """So many more lines of the log of `demo`."""
    written = 0

    def append(count: int) -> None:
        nonlocal written
        rows = [
            {
                "show": "demo", "offset": n, "version": 1, "utc_us": n, "type": "order",
                "data": {"product": f"p{n % 3}", "quantity": 2, "orders": 1},
            }
            for n in range(written + 1, written + count + 1)
        ]  # fmt: skip
        with store.write() as connection:
            connection.execute(insert(log), rows)
        written += count

    return append


def kept(store: Store) -> list[int]:
    with store.read() as connection:
        return list(connection.execute(select(table.c.offset).order_by(table.c.offset)).scalars())


def test_a_snapshot_every_thousand_lines_the_last_two_kept(store: Store, write: Write) -> None:
    shop = Shop(store)
    write(snapshots.LINES - 1)
    shop.snapshot("demo")
    assert shop.keep_snapshots() == 0
    for lines in (1, 5, snapshots.LINES, 3 * snapshots.LINES):
        write(lines)
        shop.keep_snapshots()
    assert kept(store) == [2005, 5005]
    assert shop.keep_snapshots() == 0


def test_opening_reads_the_snapshot_and_the_rest(store: Store, write: Write) -> None:
    write(1500)
    first = Shop(store)
    first.snapshot("demo")
    assert first.keep_snapshots() == 1
    write(700)
    whole = first.snapshot("demo")
    with store.write() as connection:  # what is folded already is not read again
        connection.execute(delete(log).where(log.c.offset <= 1500))
    opened = Shop(store).snapshot("demo")
    assert opened == whole
    assert opened.offset == 2200


def test_a_shop_that_opens_goes_on_counting_from_the_snapshot(store: Store, write: Write) -> None:
    write(1500)
    first = Shop(store)
    first.snapshot("demo")
    first.keep_snapshots()
    second = Shop(store)
    write(999)
    second.snapshot("demo")
    assert second.keep_snapshots() == 0
    write(1)
    assert second.keep_snapshots() == 1


@pytest.mark.parametrize("spoilt", [{"version": 0}, {"state": {"offset": 1}}, {"state": []}])
def test_a_snapshot_that_cannot_be_used_is_passed_over(
    spoilt: dict[str, object], store: Store, write: Write
) -> None:
    shop = Shop(store)
    for _ in range(2):
        write(1000)
        shop.snapshot("demo")
        shop.keep_snapshots()
    with store.write() as connection:
        connection.execute(update(table).where(table.c.offset == 2000).values(**spoilt))
    assert Shop(store).snapshot("demo") == shop.snapshot("demo")
    with store.write() as connection:
        connection.execute(update(table).values(**spoilt))
    assert Shop(store).snapshot("demo") == shop.snapshot("demo")


def test_a_restored_database_has_the_same_log_in_a_new_epoch(store: Store, write: Write) -> None:
    write(1000)
    shop = Shop(store)
    shop.snapshot("demo")
    shop.keep_snapshots()
    store.epoch = "new"
    opened = Shop(store).snapshot("demo")
    assert (opened.epoch, opened.offset) == ("new", 1000)
    assert opened.to_plain() == {**shop.snapshot("demo").to_plain(), "epoch": "new"}
