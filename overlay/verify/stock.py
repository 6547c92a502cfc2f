"""No unit was sold that was not there: movements add up, at every moment."""

from collections import defaultdict
from collections.abc import Iterator

from overlay.verify.rows import Books

_COUNTERS = ("available", "held", "sold")


def oversold(books: Books) -> Iterator[str]:
    """Every prefix of a variant's movements leaves no counter below nothing, and their sums are
    the variant's counters."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    below: set[tuple[str, str, str]] = set()
    for move in books.movements:
        total = sums[move.product, move.variant]
        for n, by in enumerate((move.available, move.held, move.sold)):
            total[n] += by
            if total[n] < 0:
                below.add((move.product, move.variant, _COUNTERS[n]))
    for product, variant, counter in sorted(below):
        yield f"{product}/{variant}: {counter} was below nothing at some moment."
    standing = {(v.product, v.variant): v for v in books.variants}
    for key in sorted({*standing, *sums}):
        moved = tuple(sums[key])
        row = standing.get(key)
        stored = (row.available, row.held, row.sold) if row else (0, 0, 0)
        if moved != stored:
            yield (
                f"{key[0]}/{key[1]}: its movements add up to {_words(moved)}, the variant says "
                f"{_words(stored)}."
            )
        if row and row.initial != sum(stored):
            yield f"{key[0]}/{key[1]}: {row.initial} in all are not {_words(stored)}."


def held(books: Books) -> Iterator[str]:
    """Each hold sets aside what it says, and one that is over nothing."""
    moved: dict[str, int] = defaultdict(int)
    for move in books.movements:
        if move.hold is not None:
            moved[move.hold] += move.held
    for hold in books.holds:
        expected = hold.quantity if hold.state == "held" else 0
        if moved.pop(hold.id, 0) != expected:
            yield f"The hold {hold.id} is {hold.state} and does not set {expected} aside."
    for unknown in sorted(moved):
        yield f"Movements name a hold {unknown} that is not there."


def caps(books: Books) -> Iterator[str]:
    """What each buyer has or holds is counted right, and no more than the cap ever allowed."""
    has: dict[tuple[str, str], int] = defaultdict(int)
    for hold in books.holds:
        if hold.state == "held":
            has[hold.viewer, hold.product] += hold.quantity
    sales = {sale.number: sale for sale in books.sales}
    for item in books.items:
        sale = sales.get(item.order)
        if sale is not None and sale.state in ("held", "confirmed"):
            has[sale.viewer, item.product] += item.quantity
    most = _caps(books)
    for buyer in sorted({*has, *books.purchases}):
        counted = books.purchases.get(buyer, 0)
        if counted != has[buyer]:
            yield f"A buyer of {buyer[1]} has {has[buyer]} units and {counted} are counted."
        cap = most.get(buyer[1])
        if cap is not None and has[buyer] > cap:
            yield f"A buyer has {has[buyer]} units of {buyer[1]}; {cap} is the most."


def _caps(books: Books) -> dict[str, int | None]:
    """The highest cap that each product ever had; None where it once had none."""
    most: dict[str, int | None] = {}
    for event in books.log:
        if event.type != "product":
            continue
        product, cap = event.data["id"], event.data.get("cap")
        known = most.get(product, cap)
        most[product] = None if cap is None or known is None else max(cap, known)
    return most


def _words(counters: tuple[int, ...]) -> str:
    return f"{counters[0]} available, {counters[1]} held, {counters[2]} sold"
