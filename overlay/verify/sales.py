"""Each acknowledged order is there, once, at the price that was asked when it was placed."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from overlay.verify.rows import Books, Item

_SOLD = frozenset({"confirmed"})
_HELD = frozenset({"held"})


def once(books: Books) -> Iterator[str]:
    """Orders, their items, their movements and the replies that were given tell the same."""
    items = _items(books)
    numbers = {sale.number for sale in books.sales}
    keys = Counter((sale.viewer, sale.key) for sale in books.sales)
    for (_, key), count in keys.items():
        if count > 1:
            yield f"The idempotency key {key} of one viewer has {count} orders."
    yield from _replies(books, items, numbers)
    for sale in books.sales:
        own = items.get(sale.number, [])
        if not own:
            yield f"The order {sale.number} has no items."
        if sale.total_minor != sum(item.price_minor * item.quantity for item in own):
            yield f"The order {sale.number} is not the sum of its items."
    yield from _moved(books, items)


def priced(books: Books) -> Iterator[str]:
    """Without an offer a unit costs what the list said at that moment."""
    history: dict[tuple[str, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for price in books.prices:
        times, amounts = history[price.product, price.variant]
        times.append(price.utc_us)
        amounts.append(price.price_minor)
    placed = {sale.number: sale.utc_us for sale in books.sales}
    for item in books.items:
        times, amounts = history[item.product, item.variant]
        at = bisect_right(times, placed.get(item.order, 0))
        if not at:
            yield f"The order {item.order} has {item.product}/{item.variant} before it had a price."
        elif amounts[at - 1] != item.list_minor:
            yield (
                f"The order {item.order} lists {item.product}/{item.variant} at {item.list_minor}; "
                f"it was {amounts[at - 1]} then."
            )
        if item.offer is None and item.price_minor != item.list_minor:
            yield f"The order {item.order} has another price than the list's, without an offer."


def claimed(books: Books) -> Iterator[str]:
    """No coupon's code was claimed more often than it may be."""
    for code in books.codes:
        if code.claims > code.quota:
            yield f"A coupon for {code.quota} has {code.claims} claims."
        if code.claims != code.claimed:
            yield f"A coupon counts {code.claimed} claims, and has {code.claims}."


def _replies(books: Books, items: Mapping[str, list[Item]], numbers: set[str]) -> Iterator[str]:
    acknowledged = Counter(reply.order["number"] for reply in books.replies)
    for number, count in acknowledged.items():
        if number not in numbers:
            yield f"The order {number} was acknowledged and is not there."
        if count > 1:
            yield f"The order {number} was acknowledged for {count} keys."
    for number in sorted(numbers - acknowledged.keys()):
        yield f"The order {number} has no stored reply."
    for reply in books.replies:
        said = Counter(
            (item["product"], item["variant"], item["quantity"], item["price_minor"])
            for item in reply.order["items"]
        )
        own = Counter(
            (item.product, item.variant, item.quantity, item.price_minor)
            for item in items.get(reply.order["number"], [])
        )
        if reply.order["number"] in numbers and said != own:
            yield f"The order {reply.order['number']} is not what was acknowledged."


def _moved(books: Books, items: Mapping[str, list[Item]]) -> Iterator[str]:
    """What each order moved is what its state says of its items."""
    gone: dict[tuple[str, str], int] = {}
    held: dict[tuple[str, str, str], int] = defaultdict(int)
    sold: dict[tuple[str, str, str], int] = defaultdict(int)
    taken: Counter[tuple[str, str, str]] = Counter()
    for move in books.movements:
        if move.kind == "gone":
            gone[move.product, move.variant] = move.utc_us
        if move.order is None:
            continue
        key = (move.order, move.product, move.variant)
        held[key] += move.held
        sold[key] += move.sold
        taken[key] += move.kind == "order"
    for sale in books.sales:
        units: Counter[tuple[str, str]] = Counter()
        for item in items.get(sale.number, []):
            units[item.product, item.variant] += item.quantity
        for (product, variant), quantity in units.items():
            key = (sale.number, product, variant)
            moves = taken.pop(key, 0)
            if gone.get((product, variant), -1) >= sale.utc_us:
                continue
            expected = (
                quantity if sale.state in _HELD else 0,
                quantity if sale.state in _SOLD else 0,
            )
            if moves != 1:
                yield f"The order {sale.number} took its {product} {moves} times."
            elif (held[key], sold[key]) != expected:
                yield (
                    f"The order {sale.number} is {sale.state} and moved {held[key]} held and "
                    f"{sold[key]} sold of {product}, not {expected[0]} and {expected[1]}."
                )
    for number, product, _ in sorted(key for key, count in taken.items() if count):
        yield f"Stock of {product} was moved for an order {number} that has no such item."


def _items(books: Books) -> dict[str, list[Item]]:
    items: dict[str, list[Item]] = defaultdict(list)
    for item in books.items:
        items[item.order].append(item)
    return items
