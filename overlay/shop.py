"""The shop as one object: what the server asks of it. Synchronous, one database connection.

Open, use and close a `Shop` **on one thread**; each method is one transaction. A method that
changes something returns only after the commit, together with the `ShowEvent`s that it appended
to the show's log, in log order: publish them then, and never before. A method that raises has
changed nothing.

Every method may raise `StoreUnavailable`. Arguments are hostile until proven: whatever they hold,
the outcome is success or a `ShopError`. Only `show` is trusted: the caller knows its shows.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overlay.catalog import products as catalog
from overlay.catalog.products import Product, ProductDraft
from overlay.orders import orders as ledger
from overlay.orders.orders import Order, OrderLine
from overlay.show import cues as cue_rules
from overlay.show import log as show_log
from overlay.show.cues import CueDraft, CueMoment
from overlay.show.fold import ShowState
from overlay.show.log import MediaTime
from overlay.store.engine import Store
from overlay.values import Cue, ShowEvent

MAX_EVENTS = 1000
"""The most that one `Shop.events_since` returns, and that a fold reads at once."""
MAX_ORDERS = 1000
"""The most that one `Shop.orders` returns."""

_LAST_OFFSET = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A cue is in the log. Not `created`: it was there already, and `events` is empty."""

    cue: Cue
    events: tuple[ShowEvent, ...]
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """A product is as it was asked to be; `events` is empty where it already was."""

    product: Product
    events: tuple[ShowEvent, ...]
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order is stored. Not `created`: its key had been used, and this is the stored order."""

    order: Order
    events: tuple[ShowEvent, ...]
    created: bool


class Shop:
    """All shows of one database."""

    def __init__(self, store: Store, *, utc_us: Callable[[], int] | None = None) -> None:
        self._store = store
        self._utc_us = utc_us or _wall_clock_us
        self._states: dict[str, ShowState] = {}

    @classmethod
    def open(cls, path: Path) -> "Shop":
        """The shop in the database file `path`, made or brought up to date if need be.

        Raises `StoreUnavailable` for a file that is damaged, read-only or of a newer version.
        """
        return cls(Store.open(path))

    @property
    def epoch(self) -> str:
        """The log epoch."""
        return self._store.epoch

    def close(self) -> None:
        """Let go of the database; the shop cannot be used afterwards."""
        self._store.close()

    def check(self) -> None:
        """Raise `StoreUnavailable` if the database cannot be written now (readiness)."""
        self._store.check()

    # Cues

    def pin(self, show: str, draft: CueDraft, moment: CueMoment) -> Pinned:
        """Store a cue, pin or unpin, at `moment.pts`.

        The same id with the same content gives the stored cue, whatever the time now. Raises
        `InvalidInput`, `UnknownProduct`, `CueConflict`, `CueRefused`.
        """
        with self._store.write() as connection:
            cue, event = cue_rules.place(connection, self._writer(show), draft=draft, moment=moment)
        return Pinned(cue=cue, events=(event,) if event else (), created=event is not None)

    def cues(self, show: str) -> tuple[Cue, ...]:
        """The last cues of the newest media epoch that has one, in log order."""
        return self.snapshot(show).cues

    # Products

    def put_product(
        self, show: str, product: str, draft: ProductDraft, *, at: MediaTime | None = None
    ) -> Stocked:
        """Create the product, or make it as `draft` says. Raises `InvalidInput`.

        `draft.stock` is all that there ever was to sell, sold units included: giving the same
        again changes nothing, and it cannot be less than what is sold. It may be None for a
        product that exists: leave the stock alone.
        """
        with self._store.write() as connection:
            stored, event, created = catalog.put(
                connection, self._writer(show), product=product, draft=draft, at=at
            )
        return Stocked(product=stored, events=(event,) if event else (), created=created)

    def delete_product(
        self, show: str, product: str, *, at: MediaTime | None = None
    ) -> tuple[ShowEvent, ...]:
        """Take the product out of the show; its orders stay. Raises `UnknownProduct`."""
        with self._store.write() as connection:
            return (catalog.delete(connection, self._writer(show), product=product, at=at),)

    def products(self, show: str) -> tuple[Product, ...]:
        """The products of the show in the order of their creation."""
        with self._store.read() as connection:
            return catalog.in_show(connection, show)

    # Orders

    def place_order(
        self,
        show: str,
        *,
        viewer: str,
        key: str,
        lines: Sequence[OrderLine],
        at: MediaTime | None = None,
    ) -> Placed:
        """Take the stock and store the order, all of it or nothing.

        `key` is the viewer's idempotency key: the same key with the same lines gives the stored
        order. Raises `InvalidInput`, `UnknownProduct`, `SoldOut`, `IdempotencyMismatch`.
        """
        with self._store.write() as connection:
            order, events = ledger.place(
                connection, self._writer(show), viewer=viewer, key=key, lines=lines, at=at
            )
        return Placed(order=order, events=events, created=bool(events))

    def orders(self, show: str, *, limit: int = MAX_ORDERS) -> tuple[Order, ...]:
        """The last orders of the show, the newest first; at most `limit` and `MAX_ORDERS`."""
        with self._store.read() as connection:
            return ledger.in_show(connection, show, limit=_bounded(limit, MAX_ORDERS))

    # The log

    def snapshot(self, show: str) -> ShowState:
        """The whole log folded: `state.epoch`, `state.offset` (0 for an empty log), the rest."""
        state = self._states.get(show) or ShowState.empty(self.epoch)
        while events := self.events_since(show, state.offset):
            for event in events:
                state = state.apply(event)
        self._states[show] = state
        return state

    def events_since(
        self, show: str, offset: int, limit: int = MAX_EVENTS
    ) -> tuple[ShowEvent, ...]:
        """The events after `offset`, in order; at most `limit` and `MAX_EVENTS`."""
        with self._store.read() as connection:
            return show_log.read_since(
                connection, self.epoch, show, min(offset, _LAST_OFFSET), _bounded(limit, MAX_EVENTS)
            )

    def _writer(self, show: str) -> show_log.LogWriter:
        return show_log.LogWriter(show=show, epoch=self.epoch, utc_us=self._utc_us())


def _bounded(limit: int, most: int) -> int:
    return max(0, min(limit, most))


def _wall_clock_us() -> int:
    return time.time_ns() // 1000
