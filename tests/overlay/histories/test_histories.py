"""kill -9 at any moment, two hundred times: the history of what buyers were told agrees with what
is in the database."""

from collections import Counter
from collections.abc import Callable

import pytest

from bench.histories.clients import Crowd
from bench.histories.history import Final
from overlay.store.database import Location

Shelve = Callable[[Location, dict[str, int]], None]
RunLives = Callable[..., tuple[Crowd, Final]]

STOCK = {"wine": 1_000_000, "jam": 90, "tea": 30}
"""One that lasts, and two that sell out on the way."""


def lived(
    database: Location, shelve: Shelve, run_lives: RunLives, *, kills: int, seed: int
) -> None:
    shelve(database, STOCK)
    crowd, final = run_lives(database, STOCK, kills=kills, seed=seed)
    kinds = Counter(entry.kind for entry in crowd.history)
    print(f"{kills} kills: {dict(kinds)}, {len(final.orders)} orders")
    assert kinds["ok"] >= kills
    assert kinds["unknown"] >= kills / 2
    assert any(entry.reason == "sold_out" for entry in crowd.history)
    assert _resolved(crowd) > 0, "no kill hit the moment between a commit and its answer"


def _resolved(crowd: Crowd) -> int:
    """How many orders were made by an attempt that was not answered."""
    unknown = {entry.request.key for entry in crowd.history if entry.kind == "unknown"}
    return sum(entry.kind == "ok" and entry.request.key in unknown for entry in crowd.history)


@pytest.mark.timeout(120)
def test_a_hundred_kills(database: Location, shelve: Shelve, run_lives: RunLives) -> None:
    lived(database, shelve, run_lives, kills=100, seed=7)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_five_hundred_kills(database: Location, shelve: Shelve, run_lives: RunLives) -> None:
    lived(database, shelve, run_lives, kills=500, seed=11)
