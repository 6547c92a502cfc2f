"""WooCommerce's REST API, version 3: ``GET /products`` and ``/products/{id}/variations``.

Pure: plain JSON in, products out. `overlay.catalog.imports.sources` does the asking.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from overlay.catalog.imports import rows, woo
from overlay.catalog.imports.rows import Parsed, Reading, Terms
from overlay.errors import InvalidInput
from overlay.money import plain_minor

Plain = Mapping[str, Any]


def is_variable(product: Any) -> bool:
    """Whether its variations must be asked for."""
    return isinstance(product, Mapping) and product.get("type") == "variable"


def parse(
    products: Sequence[Any], variations: Mapping[int, Sequence[Any]], currency: str, terms: Terms
) -> Parsed:
    """`variations` by the number of their product. Whatever the JSON holds is read or refused."""
    reading = Reading(rows=len(products) + sum(map(len, variations.values())))
    rows.refuse_many(reading.rows)
    names: dict[Any, str] = {}
    keyed: list[tuple[int, str, Plain]] = []
    for row, product in enumerate(products, start=1):
        with reading.refusing(row, None):
            key = _key(product)
            names[product.get("id")] = key
            keyed.append((row, key, product))
    for row, key, product in keyed:
        with reading.refusing(row, key):
            of_it = variations.get(product["id"], ()) if is_variable(product) else None
            reading.add(
                woo.product(_item(row, key, product, of_it, names, currency, terms), currency)
            )
    return reading.done()


def _key(product: Any) -> str:
    if not isinstance(product, Mapping):
        raise InvalidInput("The product is no JSON object.", field="id")
    if product.get("type") not in woo.SOLD_TYPES:
        raise InvalidInput("type must be simple or variable.", field="type")
    number = product.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidInput("id must be a number.", field="id")
    return woo.key_of(rows.text(product.get("sku"), "sku"), str(number), "id")


def _item(
    row: int,
    key: str,
    product: Plain,
    of_it: Sequence[Any] | None,
    names: Mapping[Any, str],
    currency: str,
    terms: Terms,
) -> woo.Item:
    offers = [
        _offer(row, each, currency, terms, options=of_it is not None)
        for each in ([product] if of_it is None else of_it)
    ]
    linked = [*_list(product, "upsell_ids"), *_list(product, "cross_sell_ids")]
    known = [names.get(each, key) for each in linked if isinstance(each, int)]
    return woo.Item(
        row=row,
        key=key,
        name=html.unescape(rows.text(product.get("name"), "name")),
        description=rows.lines(product.get("description"), "description")
        or rows.lines(product.get("short_description"), "short_description"),
        pictures=[_picture(each) for each in _list(product, "images")],
        options=list(dict.fromkeys(name for offer in offers for name in offer.attributes)),
        offers=offers,
        related=[each for each in known if each != key],
    )


def _offer(row: int, given: Any, currency: str, terms: Terms, *, options: bool) -> woo.Offer:
    if not isinstance(given, Mapping):
        raise InvalidInput("The variation is no JSON object.", field="variations")
    amounts = [
        rows.text(given.get(f"{kind}_price"), f"{kind}_price") for kind in ("regular", "sale")
    ]
    regular = plain_minor(amounts[0], currency, "regular_price") if amounts[0] else None
    sale = plain_minor(amounts[1], currency, "sale_price") if amounts[1] else None
    price, struck = woo.offer_prices(regular, sale, "regular_price")
    known = given.get("stock_quantity") if given.get("manage_stock") else None
    image = given.get("image")
    return woo.Offer(
        row=row,
        sku=rows.text(given.get("sku"), "sku"),
        price_minor=price,
        regular_minor=struck,
        stock=woo.stock_of(
            None if known is None else rows.count(str(known), "stock_quantity", debt=True),
            there=given.get("stock_status") == "instock",
            terms=terms,
        ),
        picture=_picture(image) if options and isinstance(image, Mapping) else None,
        attributes=_attributes(given) if options else {},
    )


def _attributes(given: Plain) -> dict[str, str]:
    found = {}
    for each in _list(given, "attributes"):
        if not isinstance(each, Mapping):
            raise InvalidInput("attributes must be JSON objects.", field="attributes")
        found[rows.text(each.get("name"), "attributes.name")] = rows.text(
            each.get("option"), "attributes.option"
        )
    return found


def _list(given: Plain, name: str) -> list[Any]:
    found = given.get(name) or []
    if not isinstance(found, list):
        raise InvalidInput(f"{name} must be a list.", field=name)
    return found


def _picture(given: Any) -> str:
    if not isinstance(given, Mapping):
        raise InvalidInput("images must be JSON objects.", field="images")
    return rows.web_address(given.get("src"), "images.src")
