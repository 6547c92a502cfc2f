"""The orders' part of the shop: see `overlay.shop`.

`settle` takes a batch of ledger ops in one transaction: one commit, however many orders. What it
tells the log is throttled (`overlay.orders.teller`); `tell` brings what was left untold.

A write that raises `StoreUnavailable` may have been committed all the same. What the log has been
told is unknown then: it is read again before the next batch, and told what it lacks.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from overlay.errors import StoreUnavailable
from overlay.orders import book, book_offers, ledger, listing, news, ops, recover
from overlay.orders.effects import Effects
from overlay.orders.ledger import Terms
from overlay.orders.listing import Cursor, Page, Search
from overlay.orders.ops import Op, OrderPlaced, Outcome
from overlay.orders.teller import LevelKey, Plan, Teller, offer_key
from overlay.orders.values import Order, OrderLine, OrderRecord
from overlay.orders.view import Needs
from overlay.room import bounded
from overlay.show import events
from overlay.show.fold import ShowState
from overlay.show.log import MediaTime
from overlay.show.room import ShowRoom
from overlay.store.engine import Store
from overlay.store.statements import Statement
from overlay.values import ShowEvent

MAX_ORDERS = listing.MAX_PAGE
"""The most that one `Shop.orders` returns."""

_NUMBER_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing to mistake for something else when it is read out."""

_SHOWS = Statement("SELECT DISTINCT show FROM variants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch of ops is settled."""

    outcomes: tuple[Outcome | Exception, ...]
    """One for each op: its outcome, or the `ShopError` that refuses it."""
    events: tuple[ShowEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order is stored. Not `created`: its key had been used, and this is the stored order."""

    order: Order
    events: tuple[ShowEvent, ...]
    created: bool


class OrdersRoom(ShowRoom):
    """What was sold, and to whom."""

    def __init__(self, store: Store, *, utc_us: Callable[[], int] | None = None) -> None:
        super().__init__(store, utc_us=utc_us)
        self._teller = Teller()
        self._unsure: frozenset[str] | None = None
        self._media_time: dict[str, MediaTime] = {}
        self.terms = Terms()
        """How long stock is set aside."""

    def settle(self, batch: Sequence[Op]) -> Batch:
        """Settle the ops in order, in one transaction.

        An op that is refused costs its neighbours nothing. Where the batch as a whole fails for a
        reason that no rule foresees, each op is tried in a transaction of its own, and only the
        one that fails again is given its exception. Raises `StoreUnavailable`: nothing is done
        then, or, where the database went at the very commit, all of it.
        """
        mended = self._mended()
        settled = self._settle(batch)
        return replace(settled, events=(*mended, *settled.events)) if mended else settled

    def _settle(self, batch: Sequence[Op]) -> Batch:
        try:
            return self._settled(batch)
        except StoreUnavailable:
            raise
        except Exception as exc:
            if len(batch) == 1:
                return Batch(outcomes=(exc,), events=())
        alone = [self._alone(op) for op in batch]
        return Batch(
            outcomes=tuple(outcome for each in alone for outcome in each.outcomes),
            events=tuple(event for each in alone for event in each.events),
        )

    def tell(self) -> tuple[ShowEvent, ...]:
        """Write the lines of the log that are due; see `untold_us`."""
        mended = self._mended()
        now_us = self._utc_us()
        plan = self._teller.due(now_us)
        if plan.empty:
            return mended
        with self._telling() as connection:
            told = self._told(connection, plan)
        self._teller.commit(plan)
        return (*mended, *told)

    def untold_us(self) -> int | None:
        """How long until something is due to be told; None while everything is told."""
        if self._unsure is not None:
            return 0
        return self._teller.wait_us(self._utc_us())

    def recover(self, show: str, state: ShowState) -> tuple[ShowEvent, ...]:
        """Tell what `state`, the show's log folded, does not know of stock and sales.

        For a shop that has just been opened: the one before may have died between a sale and its
        line.
        """
        with self._store.write() as connection:
            plan = recover.missing(connection, show, state, now_us=self._utc_us())
            return self._told(connection, plan)

    def place_order(
        self,
        show: str,
        *,
        viewer: str,
        key: str,
        lines: Sequence[OrderLine],
        at: MediaTime | None = None,
    ) -> Placed:
        """Place one order by form, in a transaction of its own; see `ops.PlaceOrder`.

        Raises `InvalidInput`, `UnknownProduct`, `SoldOut`, `CapReached`, `NotLive`,
        `IdempotencyMismatch`.
        """
        op = ops.placing(show, viewer=viewer, key=key, lines=lines, at=at)
        batch = self.settle([op])
        outcome = batch.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        if not isinstance(outcome, OrderPlaced):
            raise TypeError("an order has another outcome")
        return Placed(order=outcome.order, events=batch.events, created=outcome.created)

    def orders(self, show: str, *, limit: int = MAX_ORDERS) -> tuple[Order, ...]:
        """The last orders of the show, the newest first; at most `limit` and `MAX_ORDERS`."""
        search = listing.searching(limit=max(1, bounded(limit, MAX_ORDERS)))
        return tuple(record.order for record in self.find_orders(show, search).orders)

    def find_orders(self, show: str, search: Search) -> Page:
        """A page of the show's orders for staff."""
        with self._store.read() as connection:
            return listing.page(connection, show, search)

    def order(self, show: str, number: str) -> OrderRecord:
        """One order for staff. Raises `UnknownOrder`."""
        with self._store.read() as connection:
            return listing.find(connection, show, number)

    def own_orders(self, show: str, viewer: str, number: str | None = None) -> tuple[Order, ...]:
        """A buyer's own last orders, or the one of them. Raises `UnknownOrder`."""
        with self._store.read() as connection:
            return listing.own(connection, show, viewer, number)

    def note_order(self, show: str, number: str, text: str) -> OrderRecord:
        """Write staff's note of an order. Raises `InvalidInput`, `UnknownOrder`."""
        with self._store.write() as connection:
            return listing.note(connection, show, number, text, now_us=self._utc_us())

    def export_orders(self, show: str, after: Cursor | None = None) -> tuple[str, Cursor | None]:
        """A part of the show's orders as CSV, and what the next part comes `after`; None: all."""
        with self._store.read() as connection:
            return listing.export(connection, show, after)

    def _settled(self, batch: Sequence[Op]) -> Batch:
        now_us = self._utc_us()
        with self._telling() as connection:
            settled, plan = self._within(connection, batch, now_us)
        self._teller.commit(plan)
        return settled

    def _within(
        self, connection: Connection, batch: Sequence[Op], now_us: int
    ) -> tuple[Batch, Plan]:
        """Settle inside the caller's transaction. The plan is the teller's once that commits."""
        view = book.load(connection, Needs.of(batch), now_us=now_us)
        decision = ledger.decide(view, batch, now_us=now_us, terms=self.terms, draw=_number)
        book.save(connection, view, decision.effects)
        if self._outbox.listening(connection):
            happened = news.of(connection, decision.effects)
            self._outbox.write(connection, happened, now_us=now_us)
        self._note_times(decision.effects)
        plan = self._teller.after(decision.effects)
        told = self._told(connection, plan)
        return Batch(outcomes=decision.outcomes, events=told), plan

    @contextmanager
    def _telling(self) -> Iterator[Connection]:
        """A transaction that tells what the teller remembers, or has it remember."""
        try:
            with self._store.write() as connection:
                yield connection
        except StoreUnavailable:
            self._unsure = (self._unsure or frozenset()) | self._teller.discard()
            raise

    def _mended(self) -> tuple[ShowEvent, ...]:
        """Tell each show's log what it lacks, where the outcome of a commit is unknown."""
        if self._unsure is None:
            return ()
        with self._store.read() as connection:
            stocked = {show for (show,) in _SHOWS.all(connection, {})}
        states = {
            show: self.snapshot(show) for show in sorted({*self._unsure, *stocked, *self._states})
        }
        told: list[ShowEvent] = []
        with self._store.write() as connection:
            for show, state in states.items():
                plan = recover.missing(connection, show, state, now_us=self._utc_us())
                told += self._told(connection, plan)
        self._teller.discard()  # the log knows of it now
        self._unsure = None
        return tuple(told)

    def _alone(self, op: Op) -> Batch:
        try:
            return self._settled([op])
        except Exception as exc:
            return Batch(outcomes=(exc,), events=())

    def _note_times(self, effects: Effects) -> None:
        self._media_time.update(effects.at)

    def _told(self, connection: Connection, plan: Plan) -> tuple[ShowEvent, ...]:
        """Write the plan's lines: what is left first, because pages act on it."""
        told: list[ShowEvent] = []
        known = _looked_up(connection, plan)
        for key, available in plan.stock.items():
            left = known.get(key) if available is None else available
            if left is not None and len(key) == 3:
                line = events.stock(key[1], key[2], left)
                told.append(self._line(connection, key[0], "stock", line))
            elif left is not None:
                line = events.offer_left(key[2], left)
                told.append(self._line(connection, key[0], "offer_left", line))
        for (show, product), (units, orders) in plan.sales.items():
            line = events.order(product, quantity=units, orders=orders)
            told.append(self._line(connection, show, "order", line))
        return tuple(told)

    def _line(
        self, connection: Connection, show: str, kind: events.EventType, data: dict[str, object]
    ) -> ShowEvent:
        at = self._media_time.get(show)
        return self._writer(show).append(connection, kind, data, at=at)


def _looked_up(connection: Connection, plan: Plan) -> dict[LevelKey, int]:
    """How many are left now of what the plan tells without saying how many."""
    unknown = [key for key, left in plan.stock.items() if left is None]
    if not unknown:
        return {}
    variants = [key for key in unknown if len(key) == 3]
    offers = [(key[0], key[2]) for key in unknown if len(key) == 4]
    left = book_offers.left(connection, offers)
    found: dict[LevelKey, int] = {}
    found.update(book.available(connection, variants).items())
    found.update({offer_key(show, offer): n for (show, offer), n in left.items()})
    return found


def _number() -> str:
    """Eight of 32 characters: 40 bits, so that nobody guesses another's."""
    bits = int.from_bytes(os.urandom(5), "big")
    letters = "".join(_NUMBER_ALPHABET[bits >> shift & 31] for shift in range(0, 40, 5))
    return f"{letters[:4]}-{letters[4:]}"
