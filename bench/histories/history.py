"""What was asked, what was answered, and what is in the database in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["invoke", "ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An order that a client wants: the same request is sent again with the same key."""

    viewer: str
    key: str
    product: str
    quantity: int

    def to_plain(self) -> dict[str, Any]:
        """The line that asks for it."""
        return {"viewer": self.viewer, "key": self.key, "product": self.product,
                "quantity": self.quantity}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Request):
    """Anything else that a client wants of the ledger; doing it twice is as good as once."""

    asked: Mapping[str, Any] = field(compare=False)
    """The line; ``op`` says what."""

    def to_plain(self) -> dict[str, Any]:
        """The line that asks for it."""
        return dict(self.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of a history, in the order in which the harness saw them.

    `invoke`: asked. `ok`: answered with an order. `fail`: refused for good, nothing happened.
    `unknown`: no answer came; it may have happened or not.
    """

    kind: Kind
    request: Request
    number: str | None = None
    """Of an `ok`: the order's; of a `Step` what else was answered."""
    reason: str | None = None
    """Of a `fail`: the error's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """An order in the database."""

    number: str
    viewer: str
    key: str
    units: Mapping[str, int]
    """By product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A product's counters in the database."""

    initial: int
    available: int
    held: int
    sold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What is in the database when all is over."""

    orders: tuple[StoredOrder, ...]
    stock: Mapping[str, Stock]
    moved: Mapping[str, Stock] = field(default_factory=dict)
    """The sums of the movements, for the products that have some; `initial` is of no meaning."""
