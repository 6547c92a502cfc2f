"""Whether a history and what is in the database agree. Pure: each finding is a sentence.

In the histories checked here stock only falls (orders by form, nobody cancels), so a refusal for
want of stock must still be right at the end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from bench.histories.history import Entry, Final, Request, StoredOrder


def check(history: Sequence[Entry], final: Final) -> list[str]:
    """Every disagreement; none is as it should be."""
    return [
        *_ill_formed(history),
        *_lost_or_doubled(history, final),
        *_unasked(history, final),
        *_wrongly_refused(history, final),
        *_stock(final),
    ]


def _ill_formed(history: Sequence[Entry]) -> Iterator[str]:
    """The harness's own mistakes: an answer without a question."""
    open_requests: Counter[Request] = Counter()
    for entry in history:
        if entry.kind == "invoke":
            open_requests[entry.request] += 1
        elif open_requests[entry.request] == 0:
            yield f"{entry.request.key} was answered ({entry.kind}) without having been asked."
        else:
            open_requests[entry.request] -= 1


def _lost_or_doubled(history: Sequence[Entry], final: Final) -> Iterator[str]:
    stored = {order.number: order for order in final.orders}
    told: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in history:
        if entry.kind == "ok" and entry.number is not None:
            told[entry.request.viewer, entry.request.key].add(entry.number)
            order = stored.get(entry.number)
            if order is None:
                yield f"Order {entry.number} of {entry.request.key} was acknowledged and is lost."
            elif not _is_for(order, entry.request):
                yield f"Order {entry.number} is not what {entry.request.key} asked for."
    for (_, key), numbers in told.items():
        if len(numbers) > 1:
            yield f"{key} was acknowledged as {len(numbers)} orders: {', '.join(sorted(numbers))}."
    for (_, key), count in Counter((o.viewer, o.key) for o in final.orders).items():
        if count > 1:
            yield f"{key} is in the database as {count} orders."


def _is_for(order: StoredOrder, request: Request) -> bool:
    units = {request.product: request.quantity}
    return (order.viewer, order.key, dict(order.units)) == (request.viewer, request.key, units)


def _unasked(history: Sequence[Entry], final: Final) -> Iterator[str]:
    asked = {(entry.request.viewer, entry.request.key) for entry in history}
    for order in final.orders:
        if (order.viewer, order.key) not in asked:
            yield f"Nobody asked for order {order.number}."


def _wrongly_refused(history: Sequence[Entry], final: Final) -> Iterator[str]:
    keys = {(order.viewer, order.key): order.number for order in final.orders}
    for entry in history:
        if entry.kind != "fail":
            continue
        request = entry.request
        number = keys.get((request.viewer, request.key))
        if number is not None:
            yield f"{request.key} was refused, and is order {number}."
        left = final.stock[request.product].available
        if entry.reason == "sold_out" and left >= request.quantity:
            yield f"{request.key} was told sold out, and {left} of {request.product} are left."
        elif entry.reason != "sold_out":
            yield f"{request.key} was refused with {entry.reason}."


def _stock(final: Final) -> Iterator[str]:
    ordered: Counter[str] = Counter()
    for order in final.orders:
        ordered.update(order.units)
    for product, stock in final.stock.items():
        if ordered[product] > stock.initial:
            yield f"Oversold: {ordered[product]} of {stock.initial} {product}."
        if min(stock.available, stock.held, stock.sold) < 0:
            yield f"A counter of {product} is negative: {stock}."
        if stock.initial != stock.available + stock.held + stock.sold:
            yield f"The counters of {product} do not add up: {stock}."
        if stock.sold != ordered[product]:
            yield f"{stock.sold} of {product} count as sold, {ordered[product]} are in orders."
        moved = final.moved.get(product)
        counters = (stock.available, stock.held, stock.sold)
        if moved is not None and (moved.available, moved.held, moved.sold) != counters:
            yield f"The movements of {product} do not add up to its counters."
