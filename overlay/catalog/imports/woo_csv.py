"""WooCommerce's product export (CSV, English headings).

Variations are rows of their own that name their parent by SKU or ``id:NUMBER``. Prices may have a
decimal comma, as the shop's settings are. The file names no currency.
"""

from collections.abc import Sequence

from overlay.catalog import values
from overlay.catalog.imports import rows, tables, woo
from overlay.catalog.imports.rows import Parsed, Reading, Terms
from overlay.catalog.imports.tables import TableRow
from overlay.errors import InvalidInput
from overlay.money import people_minor

_ATTRIBUTES = range(1, 21)


def parse(content: bytes, terms: Terms) -> Parsed:
    """Raises `NoImport`."""
    currency = rows.currency_of(terms, "A WooCommerce export")
    read = tables.read(content, needs=[("type",), ("name",), ("regular price",)])
    reading = Reading(rows=len(read.rows))
    parents: list[tuple[str, TableRow]] = []
    names: dict[str, str] = {}
    variations: dict[str, list[TableRow]] = {}
    for row in read.rows:
        with reading.refusing(row.number, None):
            _sort(row, parents, names, variations)
    for key, row in parents:
        with reading.refusing(row.number, key):
            of_it = variations.pop(key, [])
            for name in (row.get("sku").strip(), f"id:{row.get('id').strip()}"):
                of_it = of_it or variations.pop(name, [])
            reading.add(woo.product(_item(row, key, of_it, names, currency, terms), currency))
    for parent, orphans in variations.items():
        for row in orphans:
            message = f"Parent “{parent[:60]}” is not in the file."
            reading.refuse(row.number, None, "Parent", message)
    return reading.done()


def _sort(
    row: TableRow,
    parents: list[tuple[str, TableRow]],
    names: dict[str, str],
    variations: dict[str, list[TableRow]],
) -> None:
    kinds = [kind.strip() for kind in row.get("type").lower().split(",")]
    if "variation" in kinds:
        variations.setdefault(row.get("parent").strip(), []).append(row)
        return
    if not set(kinds) & set(woo.SOLD_TYPES):
        raise InvalidInput(
            f"Type “{row.get('type')[:60]}” is not sold here: simple and variable are.",
            field="Type",
        )
    sku, number = row.get("sku").strip(), row.get("id").strip()
    key = woo.key_of(sku, number, "ID")
    parents.append((key, row))
    names.update({f"id:{number}": key, **({sku: key} if sku else {})})


def _item(
    row: TableRow,
    key: str,
    of_it: Sequence[TableRow],
    names: dict[str, str],
    currency: str,
    terms: Terms,
) -> woo.Item:
    variable = "variable" in row.get("type").lower()
    priced = [each for each in of_it if each.get("regular price") or each.get("sale price")]
    offers = [_offer(each, currency, terms) for each in (priced if variable else [row])]
    options = list(dict.fromkeys(name for offer in offers for name in offer.attributes))
    linked = ",".join((row.get("upsells"), row.get("cross-sells"))).split(",")
    return woo.Item(
        row=row.number,
        key=key,
        name=row.get("name"),
        description=row.get("description", "short description"),
        pictures=_pictures(row),
        options=[rows.text(name, "Attribute 1 name") for name in options] if variable else [],
        offers=offers,
        related=[names[name.strip()] for name in linked if names.get(name.strip(), key) != key],
    )


def _offer(row: TableRow, currency: str, terms: Terms) -> woo.Offer:
    with rows.naming(row.number):
        given = row.get("regular price").strip(), row.get("sale price").strip()
        regular = people_minor(given[0], currency, "Regular price") if given[0] else None
        sale = people_minor(given[1], currency, "Sale price") if given[1] else None
        price, struck = woo.offer_prices(regular, sale, "Regular price")
        stock = row.get("stock").strip()
        there = row.get("in stock?").strip().lower() not in ("0", "no", "false", "backorder")
        counted = rows.count(stock, "Stock", debt=True) if stock not in ("", "parent") else None
        pictures = _pictures(row)
        return woo.Offer(
            row=row.number,
            sku=rows.text(row.get("sku"), "SKU"),
            price_minor=price,
            regular_minor=struck,
            stock=woo.stock_of(counted, there=there, terms=terms),
            picture=pictures[0] if pictures and "variation" in row.get("type").lower() else None,
            attributes=_attributes(row),
        )


def _attributes(row: TableRow) -> dict[str, str]:
    found = {}
    for n in _ATTRIBUTES:
        name = rows.text(row.get(f"attribute {n} name"), f"Attribute {n} name")
        if name:
            value = row.get(f"attribute {n} value(s)")
            found[name] = rows.text(value, f"Attribute {n} value(s)")
    return found


def _pictures(row: TableRow) -> list[str]:
    given = (rows.web_address(each, "Images") for each in row.get("images").split(","))
    return [each for each in given if each][: values.MAX_PICTURES]
