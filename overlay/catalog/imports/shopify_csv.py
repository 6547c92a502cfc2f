"""Shopify's product export (CSV), with its old headings and those of 2025.

One product is the rows of one handle: the first has title and description, each may have a variant
and a picture. The file names no currency. Stock that Shopify does not track is unknown.
"""

from collections.abc import Sequence

from overlay.catalog import values
from overlay.catalog.imports import rows, tables
from overlay.catalog.imports.rows import Parsed, ParsedProduct, Reading, Terms
from overlay.catalog.imports.tables import TableRow
from overlay.catalog.values import VariantDraft
from overlay.errors import InvalidInput
from overlay.money import plain_minor

_HANDLE = ("handle", "url handle")
_PRICE = ("variant price", "price")
_STRUCK = ("variant compare at price", "compare-at price")
_STOCK = ("variant inventory qty", "inventory quantity")
_TRACKER = ("variant inventory tracker", "inventory tracker")
_SKU = ("variant sku", "sku")
_TEXT = ("body (html)", "description")
_IMAGE = ("image src", "product image url")
_VARIANT_IMAGE = ("variant image", "variant image url")
_NO_OPTION = "default title"


def parse(content: bytes, terms: Terms) -> Parsed:
    """Raises `NoImport`."""
    currency = rows.currency_of(terms, "A Shopify export")
    read = tables.read(content, needs=[_HANDLE, ("title",), _PRICE])
    reading = Reading(rows=len(read.rows))
    groups: dict[str, list[TableRow]] = {}
    for row in read.rows:
        with reading.refusing(row.number, None):
            handle = rows.identifier(row.get(*_HANDLE), "Handle")
            groups.setdefault(handle, []).append(row)
    for handle, of_it in groups.items():
        with reading.refusing(of_it[0].number, handle):
            reading.add(_product(handle, of_it, currency, terms))
    return reading.done()


def _product(handle: str, of_it: Sequence[TableRow], currency: str, terms: Terms) -> ParsedProduct:
    first = of_it[0]
    sold = [row for row in of_it if row.get(*_PRICE)]
    names = [rows.text(first.get(f"option{n} name"), f"Option{n} Name") for n in (1, 2, 3)]
    options = tuple(name for name in names if name)
    if len(sold) == 1 and sold[0].get("option1 value").strip().lower() in ("", _NO_OPTION):
        options = ()
    if not sold:
        raise InvalidInput("No row of this product has a price.", field="Variant Price")
    pictures = [rows.web_address(row.get(*_IMAGE), "Image Src") for row in of_it]
    return ParsedProduct(
        row=first.number,
        id=handle,
        fields={
            "name": rows.text(first.get("title"), "Title"),
            "description": rows.prose(first.get(*_TEXT), "Body (HTML)"),
            "pictures": tuple(dict.fromkeys(p for p in pictures if p))[: values.MAX_PICTURES],
            "currency": currency,
            "options": options,
            "variants": tuple(_variant(row, len(options), currency, terms) for row in sold),
        },
        row_of_variant=tuple(row.number for row in sold),
    )


def _variant(row: TableRow, options: int, currency: str, terms: Terms) -> VariantDraft:
    with rows.naming(row.number):
        price = plain_minor(row.get(*_PRICE), currency, "Variant Price")
        compared = row.get(*_STRUCK).strip()
        struck = plain_minor(compared, currency, "Variant Compare At Price") if compared else 0
        stock = row.get(*_STOCK).strip()
        tracked = bool(row.get(*_TRACKER).strip())
        return VariantDraft(
            options=tuple(
                rows.text(row.get(f"option{n} value"), f"Option{n} Value")
                for n in range(1, options + 1)
            ),
            price_minor=price,
            struck_minor=struck if struck > price else None,
            stock=rows.count(stock, "Variant Inventory Qty", debt=True)
            if stock and tracked
            else terms.default_stock,
            sku=rows.text(row.get(*_SKU), "Variant SKU"),
            picture=rows.web_address(row.get(*_VARIANT_IMAGE), "Variant Image") or None,
        )
