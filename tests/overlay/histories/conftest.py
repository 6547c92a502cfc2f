"""A shelf to buy from, and a process that ledgers are forked from."""

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.histories.checker import check
from bench.histories.clients import ANSWER_S, Crowd, Nursery
from bench.histories.final import read_final
from bench.histories.history import Final
from bench.histories.ledger import SHOW
from overlay.catalog.values import ProductDraft
from overlay.shop import Shop
from overlay.store.database import Location

Shelve = Callable[[Location, dict[str, int]], None]
RunLives = Callable[..., tuple[Crowd, Final]]
MakeDraft = Callable[..., ProductDraft]

SHARE_OPENING = 0.1
"""Of all kills: those while the database is being opened."""


@pytest.fixture
def shelve(draft: MakeDraft) -> Shelve:
    """Put so many units of each product on sale."""

    def put(database: Location, stock: dict[str, int]) -> None:
        shop = Shop.open(database)
        for product, units in stock.items():
            shop.put_product(SHOW, product, draft(stock=units))
        shop.close()

    return put


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with (
        tempfile.TemporaryDirectory(prefix="comptoir-", dir="/tmp") as folder,
        Nursery(Path(folder)) as running,
    ):
        yield running


@pytest.fixture
def run_lives(nursery: Nursery) -> RunLives:
    """Kill so many ledgers over one database while sixteen clients order; then hear the rest."""

    def run(
        database: Location, stock: dict[str, int], *, kills: int, seed: int
    ) -> tuple[Crowd, Final]:
        luck = random.Random(seed)
        crowd = Crowd(seed=seed, clients=16, products=tuple(stock))
        for _ in range(kills):
            opening_s = luck.uniform(0, 0.1) if luck.random() < SHARE_OPENING else ANSWER_S
            life = nursery.begin(str(database))
            crowd.live(life, opening_s=opening_s, alive_s=luck.uniform(0, 0.12))
        crowd.finish(nursery.begin(str(database)))
        final = read_final(database, SHOW)
        assert check(crowd.history, final) == []
        return crowd, final

    return run
