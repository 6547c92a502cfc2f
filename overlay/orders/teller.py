"""What the log tells of stock and sales, and how often.

At most one `stock` line for a variant, one `offer_left` line for an offer and one `order` line for
a product in `LINE_INTERVAL_US`, except that the flips between none left and some are told at once;
what was left untold is told when the interval is over. So a thousand orders a second cost every
viewer five lines.

Pure, but for its memory of what was told when. `plan` says what to write in a transaction,
`commit` is for after its commit: a transaction that fails leaves everything untold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from overlay.orders.effects import Effects
from overlay.orders.view import VariantKey

LINE_INTERVAL_US = 200_000
MAX_REMEMBERED = 4096
"""Variants and products whose last line is remembered; beyond that those of long ago go."""

OfferKey = tuple[str, str, str, str]
"""Show, "offer", id, "left": longer than a variant's key."""
LevelKey = VariantKey | OfferKey
ProductKey = tuple[str, str]
"""Show, product."""
Sales = tuple[int, int]
"""Units, orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a transaction tells, and what it leaves."""

    now_us: int
    stock: Mapping[LevelKey, int | None] = field(default_factory=dict)
    """Variants and offers to tell, and how many are left; None: look it up."""
    sales: Mapping[ProductKey, Sales] = field(default_factory=dict)
    left_stock: frozenset[LevelKey] = frozenset()
    left_sales: Mapping[ProductKey, Sales] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Nothing is to be told."""
        return not self.stock and not self.sales


class Teller:
    """Remembers when each variant and product was last told of, and what is untold."""

    def __init__(self) -> None:
        self._told_us: dict[LevelKey | ProductKey, int] = {}
        self._stock: frozenset[LevelKey] = frozenset()
        self._sales: Mapping[ProductKey, Sales] = {}

    def after(self, effects: Effects) -> Plan:
        """What to tell of a batch of the ledger."""
        changed: dict[LevelKey, int] = {}
        flipped: set[LevelKey] = set()
        for key, change in effects.changes.items():
            if change.available:
                changed[key] = change.shelf.available
                if (change.before == 0) != (change.shelf.available == 0):
                    flipped.add(key)
        for (show, offer), use in effects.offers.items():
            left = use.offer.left
            if left is not None and left != use.before:
                changed[offer_key(show, offer)] = left
                if (use.before == 0) != (left == 0):
                    flipped.add(offer_key(show, offer))
        sales = {key: (units, orders) for key, (units, orders) in effects.bought.items()}
        return self._plan(effects.now_us, changed, flipped, sales)

    def due(self, now_us: int) -> Plan:
        """What to tell of what is untold."""
        return self._plan(now_us, {}, set(), {})

    def commit(self, plan: Plan) -> None:
        """The plan is in the log."""
        if len(self._told_us) > MAX_REMEMBERED:
            old_us = plan.now_us - LINE_INTERVAL_US
            self._told_us = {key: us for key, us in self._told_us.items() if us > old_us}
        self._told_us |= dict.fromkeys(plan.stock, plan.now_us)
        self._told_us |= dict.fromkeys(plan.sales, plan.now_us)
        self._stock = plan.left_stock
        self._sales = plan.left_sales

    def forget(self, show: str) -> None:
        """Leave what is untold of a show untold."""
        self._stock = frozenset(key for key in self._stock if key[0] != show)
        self._sales = {key: sales for key, sales in self._sales.items() if key[0] != show}

    def discard(self) -> frozenset[str]:
        """Forget everything, as of a shop just opened: the shows of which something was untold."""
        untold: Iterable[LevelKey | ProductKey] = (*self._stock, *self._sales)
        shows = frozenset(key[0] for key in untold)
        self._told_us, self._stock, self._sales = {}, frozenset(), {}
        return shows

    def wait_us(self, now_us: int) -> int | None:
        """How long until something untold is due; None when nothing is untold."""
        untold: Iterable[LevelKey | ProductKey] = (*self._stock, *self._sales)
        return min((max(0, self._due_us(key) - now_us) for key in untold), default=None)

    def _plan(
        self,
        now_us: int,
        changed: Mapping[LevelKey, int],
        flipped: set[LevelKey],
        sales: Mapping[ProductKey, Sales],
    ) -> Plan:
        stock: dict[LevelKey, int | None] = {}
        left = set()
        for key in (*changed, *(self._stock - changed.keys())):
            if key in flipped or self._due_us(key) <= now_us:
                stock[key] = changed.get(key)
            else:
                left.add(key)
        total = dict(self._sales)
        for product, (units, orders) in sales.items():
            before = total.get(product, (0, 0))
            total[product] = (before[0] + units, before[1] + orders)
        told = {key: sold for key, sold in total.items() if self._due_us(key) <= now_us}
        return Plan(
            now_us=now_us,
            stock=stock,
            sales=told,
            left_stock=frozenset(left),
            left_sales={key: sold for key, sold in total.items() if key not in told},
        )

    def _due_us(self, key: LevelKey | ProductKey) -> int:
        told_us = self._told_us.get(key)
        return 0 if told_us is None else told_us + LINE_INTERVAL_US


def offer_key(show: str, offer: str) -> OfferKey:
    """Names what is left of an offer."""
    return (show, "offer", offer, "left")
