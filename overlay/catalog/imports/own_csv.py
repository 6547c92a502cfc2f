"""Our own CSV: written by `export`, read back here to the same products.

One row a variant; what belongs to the product stands in its first row, and is empty or the same in
the others. A column that is not there leaves what is stored; a cell that is empty empties it.
Lists (facts, pictures, related) have one entry a line. `stock` is all there ever was to sell.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from overlay.catalog import values
from overlay.catalog.imports import rows, tables
from overlay.catalog.imports.rows import Parsed, ParsedProduct, Reading, Terms
from overlay.catalog.imports.tables import Table, TableRow
from overlay.catalog.values import DEFAULT_VARIANT, Product, Variant, VariantDraft
from overlay.errors import InvalidInput
from overlay.money import people_minor, written
from overlay.spreadsheet import table, unguarded

_OPTIONS = range(1, values.MAX_OPTIONS + 1)
_PRODUCT = ("name", "description", "facts", "pictures", "currency", "seller", "returns",
            "related", "cap", "live_only", "policy")  # fmt: skip
_VARIANT = ("sku", "price", "struck", "stock", "variant_picture")
HEADINGS = (
    "id",
    "variant",
    *_PRODUCT,
    *_VARIANT,
    *(f"option_{n}_{part}" for n in _OPTIONS for part in ("name", "value")),
)


def export(products: Iterable[Product]) -> str:
    """The products as a CSV file; formulas in texts are only ever text."""
    return table(HEADINGS, (row for product in products for row in _rows(product)))


def parse(content: bytes, terms: Terms) -> Parsed:
    """Raises `NoImport`."""
    read = tables.read(content, needs=[("id",), ("price",)])
    reading = Reading(rows=len(read.rows))
    groups: dict[str, list[TableRow]] = {}
    for row in read.rows:
        with reading.refusing(row.number, None):
            key = rows.text(unguarded(row.get("id")), "id")
            if not key:
                raise InvalidInput("id is missing.", field="id")
            groups.setdefault(key, []).append(row)
    for key, of_it in groups.items():
        with reading.refusing(of_it[0].number, key):
            reading.add(_product(key, of_it, read, terms, reading))
    return reading.done()


def _product(
    key: str, of_it: Sequence[TableRow], read: Table, terms: Terms, reading: Reading
) -> ParsedProduct:
    first = of_it[0]
    for row in of_it[1:]:
        for name in _PRODUCT:
            cell = row.get(name)
            if cell and cell != first.get(name):
                raise InvalidInput(
                    f"Row {row.number} says another {name} than the product's first row.",
                    field=name,
                )
    fields: dict[str, Any] = {
        name: _READERS.get(name, _as_it_is)(unguarded(first.get(name)), name)
        for name in _PRODUCT
        if read.has(name)
    }
    if not fields.get("currency"):
        if terms.currency is None:
            raise InvalidInput("currency is missing.", field="currency")
        fields["currency"] = terms.currency
    names = [unguarded(first.get(f"option_{n}_name")) for n in _OPTIONS]
    fields["options"] = tuple(name for name in names if name)
    count = len(fields["options"])
    fields["variants"] = tuple(_variant(row, count, fields["currency"]) for row in of_it)
    return ParsedProduct(
        row=first.number,
        id=key,
        fields=fields,
        row_of_variant=tuple(row.number for row in of_it),
    )


def _variant(row: TableRow, options: int, currency: str) -> VariantDraft:
    def cell(name: str) -> str:
        return unguarded(row.get(name))

    struck, stock, name = (cell(name).strip() for name in ("struck", "stock", "variant"))
    return VariantDraft(
        id=name or (None if options else DEFAULT_VARIANT),
        options=tuple(cell(f"option_{n}_value") for n in range(1, options + 1)),
        price_minor=people_minor(cell("price"), currency, "price"),
        struck_minor=people_minor(struck, currency, "struck") if struck else None,
        stock=rows.count(stock, "stock") if stock else None,
        sku=cell("sku"),
        picture=cell("variant_picture").strip() or None,
    )


def _as_it_is(cell: str, field: str) -> str:
    return cell


def _lines(cell: str, field: str) -> tuple[str, ...]:
    return tuple(line for line in _text(cell, field).split("\n") if line.strip())


def _text(cell: str, field: str) -> str:
    """Spreadsheets end lines as they like."""
    return cell.replace("\r\n", "\n").replace("\r", "\n")


def _cap(cell: str, field: str) -> int | None:
    return rows.count(cell, field) if cell.strip() else None


def _policy(cell: str, field: str) -> str:
    return rows.text(cell, field) or "first_paid"


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "description": _text,
    "facts": _lines,
    "pictures": _lines,
    "related": _lines,
    "currency": rows.text,
    "cap": _cap,
    "live_only": rows.truth,
    "policy": _policy,
}


def _rows(product: Product) -> Iterable[list[str]]:
    blank = dict.fromkeys(HEADINGS, "")
    for n, variant in enumerate(product.variants):
        cells = {"id": product.id, "variant": variant.id, **_variant_cells(product, variant)}
        if n == 0:
            cells |= _product_cells(product)
        yield list((blank | cells).values())


def _product_cells(product: Product) -> dict[str, str]:
    return {
        "name": product.name,
        "description": product.description,
        "facts": "\n".join(product.facts),
        "pictures": "\n".join(product.pictures),
        "currency": product.currency,
        "seller": product.seller,
        "returns": product.returns,
        "related": "\n".join(product.related),
        "cap": "" if product.cap is None else str(product.cap),
        "live_only": "true" if product.live_only else "false",
        "policy": product.policy,
        **{f"option_{n}_name": name for n, name in enumerate(product.options, start=1)},
    }


def _variant_cells(product: Product, variant: Variant) -> dict[str, str]:
    struck = variant.struck_minor
    return {
        "sku": variant.sku,
        "price": written(variant.price_minor, product.currency),
        "struck": "" if struck is None else written(struck, product.currency),
        "stock": str(variant.initial),
        "variant_picture": variant.picture or "",
        **{f"option_{n}_value": value for n, value in enumerate(variant.options, start=1)},
    }
