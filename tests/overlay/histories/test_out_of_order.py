"""The disk is full, or the database server is gone: orders are refused in a sentence, nothing that
was acknowledged is lost, and the shop sells again as soon as it can. The ledger lives on."""

import resource
from collections.abc import Callable
from pathlib import Path

from bench.histories.checker import check
from bench.histories.clients import ANSWER_S, Crowd, Life, Nursery
from bench.histories.final import read_final
from bench.histories.ledger import SHOW
from bench.postgresql import Cluster
from overlay.store.database import Location

Shelve = Callable[[Location, dict[str, int]], None]

STOCK = {"wine": 1_000_000, "jam": 50}
UNWRITTEN = "The shop's database cannot be written: "
UNREAD = "The shop's database cannot be read: "


def sold(crowd: Crowd) -> int:
    return sum(entry.kind == "ok" for entry in crowd.history)


def refusals(crowd: Crowd) -> set[str]:
    return {entry.reason for entry in crowd.history if entry.kind == "unknown" and entry.reason}


def order_until(crowd: Crowd, life: Life, done: Callable[[], bool]) -> None:
    crowd.order_while(life, lambda: not done(), at_most_s=ANSWER_S)
    assert done()


def interrupt(
    crowd: Crowd, life: Life, stop: Callable[[], None], go_on: Callable[[], None]
) -> None:
    """Sell, be stopped, be refused, go on, sell."""
    assert life.answer(ANSWER_S) == "ready"
    order_until(crowd, life, lambda: sold(crowd) >= 20)
    stop()
    order_until(crowd, life, lambda: bool(refusals(crowd)))
    before = sold(crowd)
    go_on()
    order_until(crowd, life, lambda: sold(crowd) >= before + 20)


def test_a_disk_that_is_full(path: Path, shelve: Shelve, nursery: Nursery) -> None:
    shelve(path, STOCK)
    crowd = Crowd(seed=3, clients=16, products=tuple(STOCK))
    life = nursery.begin(str(path))
    limits = resource.prlimit(life.pid, resource.RLIMIT_FSIZE)

    def fill() -> None:
        longest = max(file.stat().st_size for file in path.parent.iterdir())
        resource.prlimit(life.pid, resource.RLIMIT_FSIZE, (longest, limits[1]))

    def clear() -> None:
        resource.prlimit(life.pid, resource.RLIMIT_FSIZE, limits)

    interrupt(crowd, life, fill, clear)
    crowd.hang_up(life)
    (said,) = refusals(crowd)
    assert said.startswith(UNWRITTEN), "a full disk can be read"
    assert said.endswith(".")
    assert check(crowd.history, read_final(path, SHOW)) == []


def test_a_server_that_is_gone(shelve: Shelve, nursery: Nursery, cluster: Cluster) -> None:
    """Killed as by a power cut, amid orders; some of which are committed and not answered. After a
    commit that may have failed the shop first reads what is true, so either may be refused."""
    with Cluster() as own:
        database = own.fresh()
        shelve(database, STOCK)
        crowd = Crowd(seed=3, clients=16, products=tuple(STOCK))
        life = nursery.begin(database)
        interrupt(crowd, life, lambda: own.stop(crash=True), own.start)
        crowd.hang_up(life)
        for said in refusals(crowd):
            assert said.startswith((UNWRITTEN, UNREAD))
        assert check(crowd.history, read_final(database, SHOW)) == []
