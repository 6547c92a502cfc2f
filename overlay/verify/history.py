"""The log is whole, and folds to what the tables say."""

import json
from collections.abc import Iterator

from overlay.errors import ShopError
from overlay.offers.terms import OPEN
from overlay.orders import recover
from overlay.show.fold import MAX_OVER, ShowState
from overlay.show.log import LINE_VERSION
from overlay.verify.rows import Books


def gapless(books: Books) -> Iterator[str]:
    """Offsets count from 1 without a gap, and every line is of a version that is known."""
    for n, event in enumerate(books.log, start=1):
        if event.offset != n:
            yield f"The log's line {n} has the offset {event.offset}."
            break
    for version in sorted(books.versions - {LINE_VERSION}):
        yield f"The log has lines of the unknown version {version}."


def folded(books: Books) -> Iterator[str]:
    """The log, folded, has the products, stock, prices and sales of the tables."""
    state = ShowState.empty(books.epoch)
    try:
        for event in books.log:
            state = state.apply(event)
    except (ShopError, KeyError, TypeError) as exc:
        yield f"The log cannot be folded: {exc}"
        return
    yield from _products(books, state)
    yield from _totals(books, state)
    yield from _offers(books, state)
    if state.rehearsal != books.rehearsal:
        yield "The log and the show's settings differ on whether it rehearses."


def _products(books: Books, state: ShowState) -> Iterator[str]:
    told = {
        (product, variant["id"]): (variant["available"], variant["price_minor"])
        for product, plain in state.products.items()
        for variant in plain["variants"]
    }
    stored = {(v.product, v.variant): (v.available, v.price_minor) for v in books.variants}
    for product, variant in sorted({*told, *stored}):
        say, are = told.get((product, variant)), stored.get((product, variant))
        if say is None or are is None:
            where = "log" if are is None else "catalogue"
            yield f"{product}/{variant} is only in the {where}."
        elif say[0] != are[0]:
            yield f"{product}/{variant}: the log says {say[0]} available, the ledger {are[0]}."
        elif say[1] != are[1]:
            yield f"{product}/{variant}: the log says it costs {say[1]}, the catalogue {are[1]}."


def _offers(books: Books, state: ShowState) -> Iterator[str]:
    over = 0
    for offer in books.offers:
        told = state.offers.get(offer.id)
        if offer.state == "draft":
            if told is not None:
                yield f"{offer.id} is a draft, and in the log."
        elif told is not None:
            if json.dumps(told, sort_keys=True) != json.dumps(offer.to_plain(), sort_keys=True):
                yield f"{offer.id}: the log says otherwise than the table."
        elif offer.state in OPEN:
            yield f"{offer.id} is {offer.state}, and not in the log."
        else:
            over += 1
    kept = sum(offer["state"] not in OPEN for offer in state.offers.values())
    if over and kept < MAX_OVER:
        yield f"{over} offers that are over are not in the log."


def _totals(books: Books, state: ShowState) -> Iterator[str]:
    units: dict[str, int] = {}
    orders: dict[str, set[str]] = {}
    for move in books.movements:
        if move.order is not None and move.sold > 0:
            units[move.product] = units.get(move.product, 0) + move.sold
            orders.setdefault(move.product, set()).add(move.order)
    told = recover.told_sales(state)
    for product in sorted({*units, *told}):
        are = (units.get(product, 0), len(orders.get(product, ())))
        say = told.get(product, (0, 0))
        if say != are:
            yield (
                f"{product}: the log says {say[0]} units in {say[1]} orders were sold, the ledger "
                f"{are[0]} in {are[1]}."
            )
