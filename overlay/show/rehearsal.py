"""Rehearsal: everything can be tried, and nothing of it stays.

While a show rehearses its orders are play and marked so. Leaving takes back what was made since:
orders (deleted, as if they had never been), holds, claims, uses of offers, offers that were started
(drafts again), sold-out marks, the ticks in the run of show, cards and sales in the log's state.
What was prepared stays: products, descriptions of offers, the queue.
"""

import contextlib
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from overlay.errors import OfferSettled, OrderSettled
from overlay.offers import offers as offer_rows
from overlay.offers.terms import OPEN
from overlay.orders import book, settle
from overlay.orders.effects import Effects
from overlay.orders.ops import Cancel
from overlay.orders.view import Needs
from overlay.show import cues as cue_rules
from overlay.show import run, soldout
from overlay.show.cues import CueDraft, CueMoment
from overlay.show.fold import ShowState
from overlay.show.log import LogWriter
from overlay.show.settings import Settings
from overlay.store.schema import (
    claims,
    codes,
    holds,
    movements,
    offer_uses,
    offers,
    order_items,
    orders,
    replies,
    run_items,
)
from overlay.values import ShowEvent

_CHUNK = 500


def memory(connection: Connection, show: str, settings: Settings, *, now_us: int) -> dict[str, Any]:
    """What must be known to undo a rehearsal that begins now. Raises `OfferSettled`."""
    known = offer_rows.in_show(connection, show)
    for offer in known:
        if offer.state in OPEN:
            raise OfferSettled(f"The offer {offer.id} is {offer.state}: end it before rehearsing.")
    return {
        "since_us": now_us,
        "offers": {offer.id: offer.state for offer in known},
        "done": [item.id for item in run.queue(connection, show) if item.done],
        "marks": dict(settings.marks),
        "undo": list(settings.undo),
    }


def undo(connection: Connection, writer: LogWriter, settings: Settings) -> list[ShowEvent]:
    """Take back what was made since `settings.rehearsal` was noted. Changes `settings`."""
    before = settings.rehearsal or {}
    show, since_us = writer.show, int(before["since_us"])
    told: list[ShowEvent] = []
    _give_back(connection, show, since_us, now_us=writer.utc_us)
    _delete_orders(connection, show)
    _delete_holds(connection, show, since_us)
    _delete_claims(connection, show, since_us)
    told += offer_rows.restore(connection, writer, before["offers"])
    for key in settings.marks.keys() - before["marks"].keys():
        product, _, variant = key.rpartition("/")
        told += soldout.lift(
            connection, writer, settings, product=product, variant=variant, at=None
        )
    ticked = run_items.c.id.in_(before["done"])
    connection.execute(update(run_items).where(run_items.c.show == show).values(done=ticked))
    settings.undo, settings.rehearsal = list(before["undo"]), None
    return told


def unpinned(
    connection: Connection, writer: LogWriter, state: ShowState, moment: CueMoment
) -> list[ShowEvent]:
    """End the cards that were pinned in the rehearsal and stand at `moment`: players that take
    their cues from the stream alone know of no rehearsal. `state` is that of the rehearsal."""
    before = {cue["id"] for cue in (state.before_rehearsal or {"cues": ()})["cues"]}
    told = []
    for cue in state.cues_since(moment.media_epoch, moment.pts):
        if cue.type == "pin" and cue.id not in before:
            draft = CueDraft(type="unpin", ends=cue.id)
            told.append(cue_rules.place(connection, writer, draft=draft, moment=moment)[1])
    return [event for event in told if event is not None]


def _give_back(connection: Connection, show: str, since_us: int, *, now_us: int) -> None:
    """All units of play orders and holds are available again."""
    open_orders = select(orders.c.number).where(
        (orders.c.show == show) & orders.c.rehearsal & orders.c.state.in_(["held", "confirmed"])
    )
    open_holds = select(holds.c.id).where(
        (holds.c.show == show) & (holds.c.created_us >= since_us) & (holds.c.state == "held")
    )
    numbers = list(connection.execute(open_orders).scalars())
    names = list(connection.execute(open_holds).scalars())
    while numbers or names:
        needs = Needs(orders=set(numbers[:_CHUNK]), holds=set(names[:_CHUNK]))
        del numbers[:_CHUNK], names[:_CHUNK]
        view = book.load(connection, needs, now_us=now_us)
        effects = Effects(now_us=now_us)
        for order in view.orders.values():
            with contextlib.suppress(OrderSettled):  # its time was over just now: given back
                settle.cancel(view, effects, Cancel(show=show, number=order.number, note=""))
        for hold in view.holds.values():
            settle.end_hold(view, effects, hold, "released")
        book.save(connection, view, effects)


def _delete_orders(connection: Connection, show: str) -> None:
    """Their movements add up to nothing by now."""
    play = (orders.c.show == show) & orders.c.rehearsal
    numbers = select(orders.c.number).where(play)
    connection.execute(delete(order_items).where(order_items.c.order_number.in_(numbers)))
    connection.execute(delete(movements).where(movements.c.order_number.in_(numbers)))
    asked = select(orders.c.number).where(
        play
        & (orders.c.viewer == replies.c.viewer)
        & (orders.c.idempotency_key == replies.c.idempotency_key)
    )
    connection.execute(delete(replies).where((replies.c.show == show) & asked.exists()))
    connection.execute(delete(orders).where(play))


def _delete_holds(connection: Connection, show: str, since_us: int) -> None:
    play = (holds.c.show == show) & (holds.c.created_us >= since_us)
    connection.execute(
        delete(movements).where(movements.c.hold.in_(select(holds.c.id).where(play)))
    )
    connection.execute(delete(holds).where(play))


def _delete_claims(connection: Connection, show: str, since_us: int) -> None:
    play = (claims.c.show == show) & (claims.c.utc_us >= since_us)
    made = select(claims.c.offer, claims.c.code, func.count().label("n")).where(play)
    for row in connection.execute(made.group_by(claims.c.offer, claims.c.code)).all():
        connection.execute(
            update(codes)
            .where((codes.c.show == show) & (codes.c.code == row.code))
            .values(claimed=codes.c.claimed - row.n)
        )
        connection.execute(
            update(offers)
            .where((offers.c.show == show) & (offers.c.id == row.offer))
            .values(used=offers.c.used - row.n)
        )
    connection.execute(delete(claims).where(play))
    unused = (offer_uses.c.show == show) & (offer_uses.c.quantity == 0)
    connection.execute(delete(offer_uses).where(unused))
