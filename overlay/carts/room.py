"""The carts' part of the shop: see `overlay.shop`.

A cart and what it holds of the stock change in one transaction: all of it, or nothing. A version
counts its changes, so that a viewer and a merchant who change it at once do not undo each other.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from overlay import checks
from overlay.carts import prices, rows, rules
from overlay.carts.rules import Change
from overlay.carts.values import Cart, CartItem, StoredCart
from overlay.errors import CartChanged, ShopError
from overlay.hooks.values import News
from overlay.offers.fairness import Seen
from overlay.orders import book
from overlay.orders.ops import MAX_KEY_CHARS, Release
from overlay.orders.room import Batch, OrdersRoom
from overlay.orders.view import Needs
from overlay.show.log import MediaTime
from overlay.values import ShowEvent

KEEP_US = 30 * 24 * 3600 * 1_000_000
"""Carts that nobody has changed for so long are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carted:
    """A cart is as it was asked to be. Not `changed`: it was already."""

    cart: Cart
    events: tuple[ShowEvent, ...]
    changed: bool


class CartsRoom(OrdersRoom):
    """What viewers are about to buy."""

    def cart(
        self, show: str, viewer: str, *, at: MediaTime | None = None, seen: Seen | None = None
    ) -> Cart:
        """A viewer's cart as it is now."""
        known = checks.token(viewer, "viewer", most=MAX_KEY_CHARS)
        with self._store.write() as connection:  # prices and holds are read as the ledger does
            stored = rows.find(connection, show, known)
            return self._shown(connection, show, known, stored, at, seen)

    def put_cart(
        self,
        show: str,
        viewer: str,
        wishes: Any,
        *,
        version: int | None = None,
        at: MediaTime | None = None,
        seen: Seen | None = None,
    ) -> Carted:
        """Make the cart hold what is wished, and nothing else.

        `version` is that of the cart it was made from; None: whatever it is. Raises `CartChanged`,
        `InvalidInput`, `UnknownProduct`; and for a line that is new or has grown, `SoldOut`,
        `CapReached`, `NotLive`. What was in the cart before and cannot be held again stays there
        unheld.
        """
        known = checks.token(viewer, "viewer", most=MAX_KEY_CHARS)
        wanted = rules.checked(wishes)
        now_us = self._utc_us()
        with self._telling() as connection:
            stored = rows.find(connection, show, known)
            if version is not None and version != stored.version:
                raise CartChanged(
                    f"The cart is of version {stored.version} by now: look at it again.",
                    field="version",
                )
            products = {(show, wish.product) for wish in wanted}
            needs = Needs(products=products, holds=_holds(stored))
            view = book.load(connection, needs, now_us=now_us)
            change = rules.change(
                view, show, known, stored=stored.items, wishes=wanted, at=at, now_us=now_us
            )
            settled, plan = self._within(connection, change.ops, now_us)
            target = StoredCart(version=stored.version, items=_items(change, settled))
            changed = target != stored
            if changed:
                target = replace(target, version=stored.version + 1)
                rows.save(connection, show, known, target, now_us=now_us)
            cart = self._shown(connection, show, known, target, at, seen)
            if changed:
                news = News(
                    show=show, event="cart.changed", data={"viewer": known, "cart": cart.to_plain()}
                )
                self._outbox.write(connection, [news], now_us=now_us)
        self._teller.commit(plan)
        return Carted(cart=cart, events=settled.events, changed=changed)

    def prune_carts(self) -> int:
        """Forget some of what is too old: how many. Ask again while that is many."""
        with self._store.write() as connection:
            return rows.prune(connection, before_us=self._utc_us() - KEEP_US)

    def _shown(
        self,
        connection: Connection,
        show: str,
        viewer: str,
        stored: StoredCart,
        at: MediaTime | None,
        seen: Seen | None,
    ) -> Cart:
        if not stored.items:
            return Cart(version=stored.version, lines=(), currency=None)
        now_us = self._utc_us()
        needs = Needs.of([prices.as_order(show, viewer, stored.items, at=at)])
        needs.holds |= _holds(stored)
        view = book.load(connection, needs, now_us=now_us)
        items = [i for i in stored.items if i.variant in view.shelves.get((show, i.product), {})]
        if not items:
            return Cart(version=stored.version, lines=(), currency=None)
        order = prices.as_order(show, viewer, items, at=at, seen=seen)
        return Cart(
            version=stored.version,
            lines=prices.lines(view, order, items, now_us=now_us),
            currency=view.shelves[show, items[0].product][items[0].variant].currency,
        )


def _items(change: Change, settled: Batch) -> tuple[CartItem, ...]:
    """The lines, with the holds that could be had. Raises what refuses a line that has grown."""
    lost: set[str] = set()
    for op, outcome in zip(change.ops, settled.outcomes, strict=True):
        if not isinstance(outcome, Exception):
            continue
        if isinstance(op, Release) or not isinstance(outcome, ShopError) or op.hold in change.grown:
            raise outcome
        lost.add(op.hold)
    return tuple(replace(item, hold=None) if item.hold in lost else item for item in change.items)


def _holds(stored: StoredCart) -> set[str]:
    return {item.hold for item in stored.items if item.hold is not None}
