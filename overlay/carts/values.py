"""The values of carts: what is in one, as it is stored, and as it is shown."""

from dataclasses import dataclass
from typing import Any

MAX_ITEMS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CartWish:
    """What somebody wants a cart to hold, not yet checked."""

    product: str
    quantity: int
    variant: str | None = None
    """May be left out of a product that comes in one variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CartItem:
    """A line as it is stored."""

    product: str
    variant: str
    quantity: int
    hold: str | None
    """The ledger's hold of it, which may be over; None where its stock was never held."""

    @property
    def key(self) -> tuple[str, str]:
        """Product and variant: one line each."""
        return (self.product, self.variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCart:
    """A row of `carts`; version 0 and empty where there is none."""

    version: int = 0
    items: tuple[CartItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """A line as it is shown: at today's price, with today's stock."""

    product: str
    variant: str
    name: str
    choice: str
    quantity: int
    price_minor: int
    """Of one unit; where an offer is not for all of them, of one that it is not for."""
    line_minor: int
    """Of all units."""
    list_minor: int
    offer: str | None
    available: int
    """To everybody, besides what is held here."""
    held_until_us: int | None
    """Until when these units are set aside; None: they are not."""
    sold_out: bool
    """Nothing is held here, and nothing is left."""

    def to_plain(self) -> dict[str, Any]:
        """The line's JSON."""
        return {name: getattr(self, name) for name in CartLine.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """A cart as it is shown. Products that are gone from the show are left out."""

    version: int
    lines: tuple[CartLine, ...]
    currency: str | None
    """None of an empty one."""

    @property
    def total_minor(self) -> int:
        """Of all lines."""
        return sum(line.line_minor for line in self.lines)

    def to_plain(self) -> dict[str, Any]:
        """The cart's JSON."""
        return {
            "version": self.version,
            "items": [line.to_plain() for line in self.lines],
            "total_minor": self.total_minor,
            "currency": self.currency,
        }
