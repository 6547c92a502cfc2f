"""The rules of the ledger, without any I/O: a batch of ops is decided over a view in memory.

Each op is all or nothing: it is checked wholly before it changes the view. What an op does, those
after it in the batch see. A variant's units only ever move between its three counters:

    available ──order──▶ held ──confirm──▶ sold       an order that awaits its payment
    available ──order──▶ sold ──cancel──▶ available   an order by form
    available ──hold──▶ held ──take, release, expire──▶ available   a hold in a cart

An order uses its buyer's own holds first: they are given back (`take`), and ordered at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from overlay.errors import (
    CapReached,
    HoldGone,
    IdempotencyMismatch,
    InvalidInput,
    NotLive,
    ShopError,
    SoldOut,
)
from overlay.offers import claims
from overlay.offers.pricing import Priced
from overlay.orders import judgement, price, settle
from overlay.orders.effects import Effects
from overlay.orders.lines import Lines, Own, add_units, spare_units, with_gifts
from overlay.orders.ops import (
    Cancel,
    Claim,
    Confirm,
    Expired,
    ExpireDue,
    Op,
    OrderPlaced,
    Outcome,
    PlaceOrder,
    Release,
    ReleaseOrder,
    Reserve,
    Reserved,
)
from overlay.orders.values import Hold, Order, OrderItem
from overlay.orders.view import HeldUnits, Shelf, StoredReply, View
from overlay.show.log import MediaTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long stock is set aside."""

    hold_us: int = 10 * 60 * 1_000_000
    """In a cart."""
    checkout_us: int = 30 * 60 * 1_000_000
    """For an order that awaits its payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a batch."""

    outcomes: tuple[Outcome | ShopError, ...]
    """One for each op, in order."""
    effects: Effects


def decide(
    view: View, ops: Sequence[Op], *, now_us: int, terms: Terms, draw: Callable[[], str]
) -> Decision:
    """Decide a batch. `draw` gives new order numbers. Changes `view`."""
    ledger = _Ledger(view, Effects(now_us=now_us), terms, draw)
    outcomes: list[Outcome | ShopError] = []
    for op in ops:
        try:
            outcomes.append(ledger.decided(op))
        except ShopError as exc:
            outcomes.append(exc)
    return Decision(outcomes=tuple(outcomes), effects=ledger.effects)


class _Ledger:
    def __init__(self, view: View, effects: Effects, terms: Terms, draw: Callable[[], str]) -> None:
        self.effects = effects
        self._view = view
        self._terms = terms
        self._draw = draw
        self._now_us = effects.now_us

    def decided(self, op: Op) -> Outcome:
        """The outcome of one op. Raises `ShopError`; nothing has changed then."""
        match op:
            case PlaceOrder():
                return self._place(op)
            case Claim():
                self._note_time(op.show, op.at)
                return claims.claim(self._view, self.effects, op)
            case Reserve():
                return self._reserve(op)
            case Release():
                self._release(op)
                return None
            case Confirm():
                return settle.confirm(self._view, self.effects, op)
            case ReleaseOrder():
                return settle.release(self._view, self.effects, op)
            case Cancel():
                return settle.cancel(self._view, self.effects, op)
            case ExpireDue():
                return self._expire_due()

    # Orders

    def _place(self, op: PlaceOrder) -> OrderPlaced:
        stored = self._view.replies.get((op.show, op.viewer, op.key))
        if stored is not None:
            if stored.digest != op.digest:
                raise IdempotencyMismatch(
                    "This idempotency key was used for another order: give this one a key of its "
                    "own.",
                    field="idempotency_key",
                )
            return OrderPlaced(order=Order.from_plain(stored.plain["order"]), created=False)
        lines = self._lines(op)
        own = self._own_holds(op, lines)
        self._refuse_too_few(lines, own)
        self._refuse_over_cap(op, lines, own)
        priced = price.price_order(
            self._view,
            op,
            now_us=self._now_us,
            spare=lambda shelf: spare_units(self._view, op, shelf, lines, own),
        )
        price.refuse_other_total(op, priced)
        return self._stored(op, with_gifts(lines, priced), own, priced)

    def _lines(self, op: PlaceOrder) -> Lines:
        """Shelf and units by product and variant, in the order's order."""
        lines: Lines = {}
        for wanted in op.wanted:
            shelf = self._view.shelf(
                op.show, wanted.product, wanted.variant, where=f"items.{wanted.line}.variant"
            )
            _refuse_off_air(shelf, op.at)
            add_units(lines, shelf, wanted.quantity, f"items.{wanted.line}.quantity")
        for n, bundle in enumerate(op.bundles):
            for shelf, units in price.bundle_goods(self._view, op, bundle.offer):
                _refuse_off_air(shelf, op.at)
                add_units(lines, shelf, units * bundle.quantity, f"bundles.{n}.quantity")
        if len({shelf.currency for shelf, _ in lines.values()}) > 1:
            raise InvalidInput(
                "An order is in one currency; these products have several.", field="items"
            )
        return lines

    def _own_holds(self, op: PlaceOrder, lines: Lines) -> Own:
        """The buyer's holds of what is ordered, as far as their time is not over."""
        own: Own = {}
        for hold in self._view.open_holds.get((op.show, op.viewer), ()):
            key = (hold.product, hold.variant)
            if key not in lines or hold.state != "held":
                continue
            if hold.expires_us <= self._now_us:
                self._end_hold(hold, "expired")
            else:
                own.setdefault(key, []).append(hold)
        return own

    def _refuse_too_few(
        self,
        lines: Lines,
        own: Own,
    ) -> None:
        for key, (shelf, units) in lines.items():
            left = shelf.available + sum(hold.quantity for hold in own.get(key, ()))
            if left < units:
                raise _sold_out(shelf, left)

    def _refuse_over_cap(
        self,
        op: PlaceOrder,
        lines: Lines,
        own: Own,
    ) -> None:
        more: dict[str, int] = {}
        for key, (shelf, units) in lines.items():
            held = sum(hold.quantity for hold in own.get(key, ()))
            more[shelf.product] = more.get(shelf.product, 0) + units - min(held, units)
        for shelf, _ in lines.values():
            self._refuse_cap(shelf, op.viewer, more[shelf.product])

    def _refuse_cap(self, shelf: Shelf, viewer: str, more: int) -> None:
        if shelf.cap is None:
            return
        has = self._view.purchases.get((shelf.show, viewer, shelf.product), 0)
        if has + more > shelf.cap:
            raise CapReached(
                f"{shelf.cap} of {shelf.name} for each buyer is the most.", field=shelf.product
            )

    def _stored(
        self,
        op: PlaceOrder,
        lines: Lines,
        own: Own,
        priced: Priced,
    ) -> OrderPlaced:
        order = self._order(op, priced)
        sold = order.state == "confirmed"
        units_of: dict[str, int] = {}
        for key, (shelf, units) in lines.items():
            buyer = (op.show, op.viewer, shelf.product)
            units_of[shelf.product] = units_of.get(shelf.product, 0) + units
            taken = self._take(own.get(key, []), shelf, units, order.number)
            self.effects.count(self._view, buyer, units - taken)
            self.effects.move(
                shelf,
                "order",
                available=-units,
                held=0 if sold else units,
                sold=units if sold else 0,
                order=order.number,
            )
        if sold:
            self.effects.sell(op.show, units_of)
        self.effects.spend(self._view, priced, op.viewer, order, op.show)
        self._write(op, order)
        return OrderPlaced(order=order, created=True)

    def _order(self, op: PlaceOrder, priced: Priced) -> Order:
        items = [
            OrderItem(
                product=lot.shelf.product,
                variant=lot.shelf.variant,
                name=lot.shelf.name,
                choice=lot.shelf.choice,
                quantity=lot.quantity,
                price_minor=lot.price_minor,
                list_minor=lot.list_minor,
                offer=lot.offer.id if lot.offer else None,
            )
            for lot in priced.lots
        ]
        sold = op.checkout == "form"
        return Order(
            number=self._draw(),
            utc_us=self._now_us,
            state="confirmed" if sold else "held",
            checkout=op.checkout,
            expires_us=None if sold else self._now_us + self._terms.checkout_us,
            items=tuple(items),
            total_minor=priced.total_minor,
            currency=priced.lots[0].shelf.currency,
        )

    def _write(self, op: PlaceOrder, order: Order) -> None:
        reply = {"order": order.to_plain()}
        self.effects.add_order(
            order,
            {
                "show": op.show,
                "viewer": op.viewer,
                "idempotency_key": op.key,
                "request_sha256": op.digest,
                "contact": op.contact,
                "rehearsal": op.show in self._view.rehearsing,
                "judged": judgement.of_order(self._view, op, order, now_us=self._now_us),
            },
        )
        self.effects.replies.append((op.show, op.viewer, op.key, op.digest, reply))
        self._view.replies[op.show, op.viewer, op.key] = StoredReply(digest=op.digest, plain=reply)
        self._note_time(op.show, op.at)

    # Holds

    def _reserve(self, op: Reserve) -> Reserved:
        shelf = self._view.shelf(op.show, op.product, op.variant, where="variant")
        known = self._view.holds.get(op.hold)
        if known is not None:
            return self._resize(op, known, shelf)
        self._refuse_more(shelf, op, op.quantity)
        hold = HeldUnits(
            id=op.hold,
            show=op.show,
            viewer=op.viewer,
            product=shelf.product,
            variant=shelf.variant,
            quantity=0,
            state="held",
            created_us=self._now_us,
            expires_us=self._now_us + self._terms.hold_us,
        )
        self._view.add_hold(hold)
        self.effects.new_holds[hold.id] = hold
        self._note_time(op.show, op.at)
        return self._grow(hold, shelf, op.quantity)

    def _resize(self, op: Reserve, hold: HeldUnits, shelf: Shelf) -> Reserved:
        if (hold.show, hold.viewer, hold.product, hold.variant) != (
            op.show, op.viewer, shelf.product, shelf.variant,
        ):  # fmt: skip
            raise InvalidInput("This hold is of something else.", field="hold")
        if hold.state == "held" and hold.expires_us <= self._now_us:
            self._end_hold(hold, "expired")
        if hold.state != "held":
            raise HoldGone("This hold is over: hold anew, with an id of its own.", field="hold")
        more = op.quantity - hold.quantity
        self._refuse_more(shelf, op, more)
        self._note_time(op.show, op.at)
        return self._grow(hold, shelf, more)

    def _refuse_more(self, shelf: Shelf, op: Reserve, more: int) -> None:
        if more <= 0:
            return
        _refuse_off_air(shelf, op.at)
        if shelf.policy != "hold":
            raise InvalidInput(
                f"{shelf.name} is not held in carts: it is for whoever orders first.",
                field="product",
            )
        if more > shelf.available:
            raise _sold_out(shelf, shelf.available)
        self._refuse_cap(shelf, op.viewer, more)

    def _grow(self, hold: HeldUnits, shelf: Shelf, more: int) -> Reserved:
        if more:
            hold.quantity += more
            self.effects.keep_hold(hold)
            self.effects.move(shelf, "hold", available=-more, held=more, hold=hold.id)
            self.effects.count(self._view, (hold.show, hold.viewer, hold.product), more)
        return Reserved(
            hold=Hold(
                id=hold.id,
                product=hold.product,
                variant=hold.variant,
                quantity=hold.quantity,
                expires_us=hold.expires_us,
            )
        )

    def _release(self, op: Release) -> None:
        hold = self._view.holds.get(op.hold)
        if hold is None or (hold.show, hold.viewer) != (op.show, op.viewer):
            return
        if hold.state == "held":
            over = hold.expires_us <= self._now_us
            self._end_hold(hold, "expired" if over else "released")

    def _take(self, holds: list[HeldUnits], shelf: Shelf, units: int, order: str) -> int:
        """Use the buyer's own holds for an order: how many units they gave."""
        taken = 0
        for hold in holds:
            part = min(hold.quantity, units - taken)
            if not part:
                break
            taken += part
            self.effects.move(shelf, "take", available=part, held=-part, hold=hold.id)
            if part == hold.quantity:
                hold.state = "confirmed"
                hold.order_number = order
            else:
                hold.quantity -= part
            self.effects.keep_hold(hold)
        return taken

    def _end_hold(self, hold: HeldUnits, state: settle.HoldEnd) -> None:
        settle.end_hold(self._view, self.effects, hold, state)

    def _expire_due(self) -> Expired:
        count = 0
        for hold in self._view.due_holds:
            if hold.state == "held" and hold.expires_us <= self._now_us:
                self._end_hold(hold, "expired")
                count += 1
        for order in self._view.due_orders:
            count += settle.expire_if_due(self._view, self.effects, order)
        return Expired(count=count, more=self._view.more_due)

    def _note_time(self, show: str, at: MediaTime | None) -> None:
        if at is not None:
            self.effects.at[show] = at


def _refuse_off_air(shelf: Shelf, at: MediaTime | None) -> None:
    if shelf.live_only and at is None:
        raise NotLive(f"{shelf.name} is sold only while the show is on air.", field=shelf.product)


def _sold_out(shelf: Shelf, left: int) -> SoldOut:
    if left <= 0:
        return SoldOut(f"{shelf.title} is sold out.", field=shelf.product)
    return SoldOut(f"Only {left} of {shelf.title} left.", field=shelf.product)
