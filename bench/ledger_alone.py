"""The ledger without HTTP: reservations a second on SQLite, in batches and one by one.

The peer of the group commit is the very same code, schema and file system with a transaction for
each request: WAL, synchronous=FULL, both.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from overlay.catalog.products import ProductDraft
from overlay.orders import ops
from overlay.orders.ops import Op, OrderPlaced, Reserved
from overlay.orders.values import OrderLine
from overlay.shop import Shop

BATCH = 256
SHOW = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """Operations a second."""

    reservations_per_s: float
    orders_per_s: float
    single_per_s: float
    """Reservations, each in a transaction of its own."""


def measure(*, grouped: int, single: int) -> Alone:
    """Settle so many ops of each kind, in a folder of their own, and time it."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.open(Path(folder) / "shop.sqlite3")
        try:
            shop.put_product(SHOW, "wine", _wine(grouped * 2 + single))
            return Alone(
                reservations_per_s=_rate(shop, _reservations("g", grouped), BATCH),
                orders_per_s=_rate(shop, _orders(grouped), BATCH),
                single_per_s=_rate(shop, _reservations("s", single), 1),
            )
        finally:
            shop.close()


def _rate(shop: Shop, batch: Sequence[Op], size: int) -> float:
    begin_s = time.perf_counter()
    for at in range(0, len(batch), size):
        outcomes = shop.settle(batch[at : at + size]).outcomes
        if not all(isinstance(outcome, Reserved | OrderPlaced) for outcome in outcomes):
            raise RuntimeError(f"the ledger refused what it has: {outcomes[0]!r}")
    return len(batch) / (time.perf_counter() - begin_s)


def _reservations(prefix: str, count: int) -> list[Op]:
    return [
        ops.reserving(
            SHOW, viewer=f"v{n % 20_000}", hold=f"{prefix}{n}", product="wine", quantity=1
        )
        for n in range(count)
    ]


def _orders(count: int) -> list[Op]:
    line = [OrderLine(product="wine", quantity=1)]
    return [
        ops.placing(SHOW, viewer=f"o{n % 20_000}", key=f"k{n}", lines=line) for n in range(count)
    ]


def _wine(stock: int) -> ProductDraft:
    return ProductDraft(
        name="Wine", price_minor=1250, currency="EUR", stock=stock, seller="", returns="",
        policy="hold",
    )  # fmt: skip
