"""The values of the catalogue: products and their variants, as drafted and as they stand.

A product's stock is its variants': four numbers that always add up, `initial` = `available` +
`held` + `sold`. What is sold stays sold and what is held is promised, so an operator sets
`initial`, and orders move units between the other three. A product without options has one
variant, `default`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Policy = Literal["first_paid", "hold"]

DEFAULT_VARIANT = "default"

MAX_NAME_CHARS = 200
MAX_DESCRIPTION_CHARS = 5000
MAX_FACTS = 5
MAX_FACT_CHARS = 120
MAX_TERMS_CHARS = 300
"""Of the seller, and of the return terms."""
MAX_PICTURES = 8
MAX_PICTURE_CHARS = 2000
MAX_OPTIONS = 5
MAX_OPTION_CHARS = 50
"""Of an option's name, and of each of its values."""
MAX_VARIANTS = 100
MAX_SKU_CHARS = 100
MAX_RELATED = 12
MAX_CAP = 1_000_000
MAX_PRICE_MINOR = 1_000_000_000
MAX_STOCK = 10_000_000
MAX_PRODUCTS = 500
"""In one show: every viewer is sent them all."""
MAX_PRODUCT_BYTES = 32 * 1024
"""Of one product's public JSON in UTF-8, so of the data of a `product` event."""
MAX_SHOW_BYTES = 6 * 1024 * 1024
"""Of all products of a show, so of the snapshot that every late joiner gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDraft:
    """A variant as a host describes it, not yet checked."""

    id: str | None = None
    """None: made from the options."""
    options: Sequence[str] = ()
    """One value for each option of the product, in its order."""
    price_minor: int
    struck_minor: int | None = None
    """A higher price, shown struck."""
    stock: int | None = None
    """All that there ever was to sell; None leaves an existing variant's alone."""
    sku: str = ""
    picture: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDraft:
    """A product as a host describes it, not yet checked: `overlay.catalog.rules.described` does.

    Either `price_minor`, `struck_minor` and `stock` for a product without options, or `variants`.
    """

    name: str
    facts: Sequence[str] = ()
    """At most 5, the most important first."""
    picture: str | None = None
    """Short for one picture. An http(s) address, or a path on this server."""
    price_minor: int | None = None
    """In the currency's minor unit: cents."""
    currency: str
    """ISO 4217: ``EUR``."""
    stock: int | None = None
    seller: str
    returns: str
    description: str = ""
    """Paragraphs of plain text."""
    pictures: Sequence[str] = ()
    options: Sequence[str] = ()
    """Their names: ``("Size", "Colour")``."""
    variants: Sequence[VariantDraft] = ()
    related: Sequence[str] = ()
    """The ids of other products; one that is not in the show is left to the pages to skip."""
    cap: int | None = None
    """The most that one buyer may have, all variants together."""
    live_only: bool = False
    """Sold only while the show is on air."""
    policy: Policy = "first_paid"
    """Whether a cart holds stock for a time, or an order is the first to take it."""
    struck_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One thing to buy, with its stock."""

    id: str
    options: tuple[str, ...]
    sku: str
    picture: str | None
    price_minor: int
    struck_minor: int | None
    lowest_30d_minor: int | None
    """The lowest price of the 30 days before this one; see `overlay.catalog.history`. None where
    no price is struck."""
    initial: int
    available: int
    held: int
    sold: int

    @property
    def choice(self) -> str:
        """The options as words: ``M / red``."""
        return " / ".join(self.options)

    def to_plain(self) -> dict[str, Any]:
        """The public JSON."""
        return {
            "id": self.id,
            "options": list(self.options),
            "price_minor": self.price_minor,
            "struck_minor": self.struck_minor,
            "lowest_30d_minor": self.lowest_30d_minor,
            "picture": self.picture,
            "available": self.available,
            "sold_out": self.available == 0,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product as it stands. At least one variant."""

    id: str
    name: str
    description: str
    facts: tuple[str, ...]
    pictures: tuple[str, ...]
    options: tuple[str, ...]
    currency: str
    seller: str
    returns: str
    related: tuple[str, ...]
    cap: int | None
    live_only: bool
    policy: Policy
    variants: tuple[Variant, ...] = field(repr=False)

    @property
    def picture(self) -> str | None:
        """The first."""
        return self.pictures[0] if self.pictures else None

    @property
    def cheapest(self) -> Variant:
        """The variant whose prices stand for the product's."""
        return min(self.variants, key=lambda variant: variant.price_minor)

    @property
    def price_minor(self) -> int:
        """The lowest."""
        return self.cheapest.price_minor

    @property
    def available(self) -> int:
        """Of all variants."""
        return sum(variant.available for variant in self.variants)

    @property
    def sold_out(self) -> bool:
        """Nothing is left."""
        return self.available == 0

    def variant(self, variant: str) -> Variant | None:
        """The variant with this id."""
        return next((each for each in self.variants if each.id == variant), None)

    def to_plain(self) -> dict[str, Any]:
        """The public JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "facts": list(self.facts),
            "picture": self.picture,
            "pictures": list(self.pictures),
            "options": [
                {"name": name, "values": list(dict.fromkeys(v.options[n] for v in self.variants))}
                for n, name in enumerate(self.options)
            ],
            "price_minor": self.price_minor,
            "struck_minor": self.cheapest.struck_minor,
            "lowest_30d_minor": self.cheapest.lowest_30d_minor,
            "currency": self.currency,
            "seller": self.seller,
            "returns": self.returns,
            "related": list(self.related),
            "cap": self.cap,
            "live_only": self.live_only,
            "policy": self.policy,
            "available": self.available,
            "sold_out": self.sold_out,
            "variants": [variant.to_plain() for variant in self.variants],
        }
