"""The power goes at any moment, and with it all that was written and not synced: what a buyer was
told is still so. The same cut with less care than ours does lose orders, so the disk forgets."""

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import powercut
from bench.histories.checker import check
from bench.histories.clients import ANSWER_S, Crowd, Nursery
from bench.histories.final import read_final
from bench.histories.ledger import SHOW
from bench.powercut import Disk
from overlay.store.database import Location

Shelve = Callable[[Location, dict[str, int]], None]

STOCK = {"wine": 1_000_000, "jam": 60}
CUTS = 20


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if (reason := powercut.missing()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    built = tmp_path_factory.mktemp("disk") / "disk.so"
    Disk.build(built)
    return built


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="comptoir-", dir="/tmp") as at:
        folders = Path(at, "data"), Path(at, "kept")
        for folder in folders:
            folder.mkdir()
        yield folders


def cut_often(
    library: Path, folders: tuple[Path, Path], shelve: Shelve, *, seed: int, synchronous: str | None
) -> list[str]:
    """What the checker finds after so many lives, each ended by a power cut."""
    folder, kept = folders
    database = folder / "shop.sqlite3"
    disk = Disk(folder=folder, kept=kept, library=library)
    shelve(database, STOCK)
    disk.settle()
    luck = random.Random(seed)
    crowd = Crowd(seed=seed, clients=16, products=tuple(STOCK))
    environment = disk.environment(seed=seed)
    with Nursery(folder.parent, environment=environment) as nursery:
        for _ in range(CUTS):
            life = nursery.begin(str(database), synchronous=synchronous)
            crowd.live(life, opening_s=ANSWER_S, alive_s=luck.uniform(0.01, 0.15))
            disk.cut()
        crowd.finish(nursery.begin(str(database), synchronous=synchronous))
        disk.cut()
    assert sum(entry.kind == "ok" for entry in crowd.history) > CUTS
    return check(crowd.history, read_final(database, SHOW))


@pytest.mark.parametrize("seed", [0, 3])
def test_what_was_acknowledged_outlasts_the_power(
    seed: int, library: Path, folders: tuple[Path, Path], shelve: Shelve
) -> None:
    assert cut_often(library, folders, shelve, seed=seed, synchronous=None) == []


@pytest.mark.parametrize("level", ["NORMAL", "OFF"])
def test_less_care_loses_orders(
    level: str, library: Path, folders: tuple[Path, Path], shelve: Shelve
) -> None:
    findings = cut_often(library, folders, shelve, seed=0, synchronous=level)
    assert any("was acknowledged and is lost" in finding for finding in findings)
