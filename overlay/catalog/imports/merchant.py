"""Google Merchant feeds: RSS 2.0 or Atom, the attributes of the namespace ``g:``.

Items of one `item_group_id` are variants of one product; what tells them apart (colour, size,
material, pattern) becomes its options. A feed says whether there is stock, not how much. A
`sale_price` counts where no dates are set for it.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from overlay.catalog import values
from overlay.catalog.imports import rows
from overlay.catalog.imports.rows import NoImport, Parsed, ParsedProduct, Reading, Terms
from overlay.catalog.values import VariantDraft
from overlay.errors import InvalidInput
from overlay.money import plain_minor

MAX_ELEMENTS = 400_000
MAX_DEPTH = 16
_G = "{http://base.google.com/ns/1.0}"
_ITEMS = ("item", "{http://www.w3.org/2005/Atom}entry")
_APART = {"color": "Colour", "size": "Size", "material": "Material", "pattern": "Pattern"}
_IN_STOCK = ("in_stock", "in stock")
_NONE_LEFT = ("out_of_stock", "out of stock", "backorder", "preorder")

Item = Mapping[str, Sequence[str]]
"""The texts of each attribute, by its name without a namespace."""


class _Element(Protocol):
    """Of `xml.etree.ElementTree`."""

    tag: Any
    text: str | None

    def __iter__(self) -> Iterator["_Element"]: ...

    def clear(self) -> None: ...


def parse(content: bytes, terms: Terms) -> Parsed:
    """Raises `NoImport`: also for entities, document types and bombs of elements."""
    if len(content) > rows.MAX_FILE_BYTES:
        raise NoImport(f"The file has {len(content)} bytes; {rows.MAX_FILE_BYTES} is the most.")
    reading = Reading()
    groups: dict[str, list[tuple[int, Item]]] = {}
    for number, item in enumerate(_items(content), start=1):
        rows.refuse_many(number)
        reading.rows = number
        with reading.refusing(number, _one(item, "id")[:64] or None):
            group = _one(item, "item_group_id") or _one(item, "id")
            groups.setdefault(rows.identifier(group, "id"), []).append((number, item))
    for key, of_it in groups.items():
        with reading.refusing(of_it[0][0], key):
            reading.add(_product(key, of_it, terms))
    return reading.done()


def _items(content: bytes) -> Iterator[Item]:
    """The items one by one, in bounded memory."""
    depth = elements = 0
    try:
        for event, element in iterparse(
            io.BytesIO(content), events=("start", "end"), forbid_dtd=True
        ):
            if event == "start":
                depth, elements = depth + 1, elements + 1
                if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
                    raise NoImport("The feed has too many elements, or too deep ones.")
                continue
            depth -= 1
            if element.tag in _ITEMS:
                yield _item(element)
                element.clear()
            elif depth == 1 and element.tag not in ("channel",):
                element.clear()
    except DefusedXmlException:
        raise NoImport("The feed declares a document type or entities; none may.") from None
    except (ParseError, ValueError, LookupError) as exc:
        raise NoImport(f"The feed is not XML: {str(exc)[:200]}.") from None


def _item(element: _Element) -> Item:
    item: dict[str, list[str]] = {}
    for child in element:
        tag = str(child.tag)
        name = tag.rpartition("}")[2]
        given = (child.text or "").strip()
        if tag.startswith(_G):
            item.setdefault(name, []).append(given)
        elif name in ("title", "description", "summary"):
            item.setdefault("summary" if name == "summary" else f"plain_{name}", []).append(given)
    return item


def _product(key: str, of_it: Sequence[tuple[int, Item]], terms: Terms) -> ParsedProduct:
    row, first = of_it[0]
    apart = _told_apart([item for _, item in of_it])
    currency, variants = None, []
    for number, item in of_it:
        with rows.naming(number):
            priced, variant = _variant(item, apart, terms)
            if currency not in (None, priced):
                raise InvalidInput(
                    f"price is in {priced}, that of the same group's first item in {currency}.",
                    field="price",
                )
            currency = priced
            variants.append(variant)
    pictures = [*first.get("image_link", ())[:1], *first.get("additional_image_link", ())]
    title = _one(first, "title") or _one(first, "plain_title")
    words = _one(first, "description") or _one(first, "plain_description") or _one(first, "summary")
    addresses = [rows.web_address(each, "image_link") for each in pictures]
    return ParsedProduct(
        row=row,
        id=key,
        fields={
            "name": rows.text(title, "title"),
            "description": rows.prose(words, "description"),
            "pictures": tuple(dict.fromkeys(a for a in addresses if a))[: values.MAX_PICTURES],
            "currency": currency,
            "options": tuple(_APART[name] for name in apart),
            "variants": tuple(variants),
        },
        row_of_variant=tuple(number for number, _ in of_it),
    )


def _told_apart(items: Sequence[Item]) -> list[str]:
    """The attributes in which the items of a group differ, and that each of them has."""
    if len(items) == 1:
        return []
    return [
        name
        for name in _APART
        if all(_one(item, name) for item in items) and len({_one(item, name) for item in items}) > 1
    ]


def _variant(item: Item, apart: Sequence[str], terms: Terms) -> tuple[str, VariantDraft]:
    """The currency and the variant."""
    currency, price = _money(_one(item, "price"), "price")
    struck = None
    if _one(item, "sale_price") and not _one(item, "sale_price_effective_date"):
        of_sale, sale = _money(_one(item, "sale_price"), "sale_price")
        if of_sale != currency:
            raise InvalidInput(f"sale_price is in {of_sale}, not {currency}.", field="sale_price")
        if sale < price:
            struck, price = price, sale
    picture = _one(item, "image_link")
    return currency, VariantDraft(
        options=tuple(rows.text(_one(item, name), name) for name in apart),
        price_minor=price,
        struck_minor=struck,
        stock=_stock(item, terms),
        sku=rows.text(_one(item, "id"), "id") if apart else "",
        picture=(rows.web_address(picture, "image_link") or None) if apart else None,
    )


def _stock(item: Item, terms: Terms) -> int | None:
    given = _one(item, "availability").lower()
    if given in _NONE_LEFT:
        return 0
    if given not in _IN_STOCK:
        raise InvalidInput("availability must be in_stock or out_of_stock.", field="availability")
    known = _one(item, "quantity") or _one(item, "sell_on_google_quantity")
    return rows.count(known, "quantity") if known else terms.default_stock


def _money(given: str, field: str) -> tuple[str, int]:
    """Of ``12.90 EUR``."""
    amount, _, currency = rows.text(given, field).partition(" ")
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise InvalidInput(f"{field} must be written as 12.90 EUR.", field=field)
    return currency, plain_minor(amount, currency, field)


def _one(item: Item, name: str) -> str:
    return next(iter(item.get(name, ())), "")
