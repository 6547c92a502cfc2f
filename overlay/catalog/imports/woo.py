"""WooCommerce: what its CSV export and its REST API (v3) have in common.

A product is named by its SKU where that can be an id, else ``woo-`` and its number. A variable
product's own price and stock mean nothing: its variations are what is sold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overlay import checks
from overlay.catalog import values
from overlay.catalog.imports import rows
from overlay.catalog.imports.rows import ParsedProduct, Terms
from overlay.catalog.values import VariantDraft
from overlay.errors import InvalidInput

SOLD_TYPES = ("simple", "variable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A simple product or a variation: what can be bought."""

    row: int
    sku: str
    price_minor: int
    regular_minor: int | None
    stock: int | None
    picture: str | None
    attributes: Mapping[str, str]
    """Option name → value; a value that is empty means any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A product of either source."""

    row: int
    key: str
    name: str
    description: str
    pictures: Sequence[str]
    options: Sequence[str]
    """Names of the attributes that its variations differ in."""
    offers: Sequence[Offer]
    related: Sequence[str] = field(default=())


def key_of(sku: str, number: str, field: str) -> str:
    """The id of a product of ours."""
    if checks.IDENTIFIER.fullmatch(sku):
        return sku
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise InvalidInput(f"{field} must be a number.", field=field)
    return f"woo-{number}"


def offer_prices(regular: int | None, sale: int | None, field: str) -> tuple[int, int | None]:
    """The price, and the struck one: a product on sale shows its regular price struck."""
    if regular is None and sale is None:
        raise InvalidInput(f"{field} is missing.", field=field)
    if sale is None or regular is None:
        return (regular if regular is not None else sale or 0), None
    return (sale, regular) if sale < regular else (regular, None)


def stock_of(known: int | None, *, there: bool, terms: Terms) -> int | None:
    """Units: as counted, else none or the default by whether it is there at all."""
    if known is not None:
        return known
    return terms.default_stock if there else 0


def product(item: Item, currency: str) -> ParsedProduct:
    """As every parser gives it. Raises `InvalidInput`."""
    if not item.offers:
        raise InvalidInput("None of its variations has a price.", field="Regular price")
    fields: dict[str, Any] = {
        "name": rows.text(item.name, "Name"),
        "description": rows.prose(item.description, "Description"),
        "pictures": tuple(dict.fromkeys(item.pictures))[: values.MAX_PICTURES],
        "currency": currency,
        "options": tuple(item.options),
        "variants": tuple(_variant(offer, item.options) for offer in item.offers),
    }
    if item.related:
        fields["related"] = tuple(dict.fromkeys(item.related))[: values.MAX_RELATED]
    return ParsedProduct(
        row=item.row,
        id=item.key,
        fields=fields,
        row_of_variant=tuple(offer.row for offer in item.offers),
    )


def _variant(offer: Offer, options: Sequence[str]) -> VariantDraft:
    return VariantDraft(
        options=tuple(offer.attributes.get(name) or "Any" for name in options),
        price_minor=offer.price_minor,
        struck_minor=offer.regular_minor,
        stock=offer.stock,
        sku=offer.sku,
        picture=offer.picture,
    )
