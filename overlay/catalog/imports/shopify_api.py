"""Shopify's Admin GraphQL API: the questions, and what their answers say.

Products and variants are two lists, each paged: together they cost a fraction of the query points
that variants inside products would. Pure; `overlay.catalog.imports.sources` does the asking.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from overlay.catalog import values
from overlay.catalog.imports import rows
from overlay.catalog.imports.rows import NoImport, Parsed, ParsedProduct, Reading, Terms
from overlay.catalog.values import VariantDraft
from overlay.errors import InvalidInput
from overlay.money import plain_minor

VERSION = "2025-10"
PATH = f"/admin/api/{VERSION}/graphql.json"

PRODUCTS = """
query Products($after: String) {
  shop { currencyCode }
  products(first: 50, after: $after, sortKey: ID) {
    nodes {
      id handle title descriptionHtml
      options { name }
      images(first: 8) { nodes { url } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
VARIANTS = """
query Variants($after: String) {
  productVariants(first: 100, after: $after, sortKey: ID) {
    nodes {
      sku price compareAtPrice inventoryQuantity position
      inventoryItem { tracked }
      selectedOptions { name value }
      image { url }
      product { id }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
Plain = Mapping[str, Any]


def page(answer: Any, connection: str) -> tuple[list[Any], str | None]:
    """The nodes of one page, and the cursor of the next. Raises `NoImport`."""
    if isinstance(answer, Mapping) and answer.get("errors"):
        raise NoImport(f"Shopify refused: {_first_error(answer['errors'])}.")
    try:
        found = answer["data"][connection]
        nodes, info = found["nodes"], found["pageInfo"]
        after = info["endCursor"] if info["hasNextPage"] else None
    except (KeyError, TypeError):
        raise NoImport(f"Shopify's answer has no {connection}.") from None
    if not isinstance(nodes, list) or not (after is None or isinstance(after, str)):
        raise NoImport(f"Shopify's answer has no list of {connection}.")
    return nodes, after


def currency_of(answer: Any) -> str:
    """The shop's. Raises `NoImport`."""
    try:
        return rows.text(answer["data"]["shop"]["currencyCode"], "currencyCode")
    except (KeyError, TypeError):
        raise NoImport("Shopify's answer names no currency.") from None


def parse(products: Sequence[Any], variants: Sequence[Any], currency: str, terms: Terms) -> Parsed:
    """Whatever the nodes hold is read or refused."""
    reading = Reading(rows=len(products) + len(variants))
    rows.refuse_many(reading.rows)
    of_product: dict[Any, list[Plain]] = {}
    for row, each in enumerate(variants, start=len(products) + 1):
        with reading.refusing(row, None):
            of_product.setdefault(_get(_object(each, "variant"), "product.id", str), []).append(
                each
            )
    for row, each in enumerate(products, start=1):
        with reading.refusing(row, None):
            product = _object(each, "product")
            handle = rows.identifier(product.get("handle"), "handle")
            with reading.refusing(row, handle):
                sold = of_product.get(_get(product, "id", str), [])
                reading.add(_product(row, handle, product, sold, currency, terms))
    return reading.done()


def _product(
    row: int, handle: str, product: Plain, sold: list[Plain], currency: str, terms: Terms
) -> ParsedProduct:
    if not sold:
        raise InvalidInput("The product has no variants.", field="variants")
    options = [
        rows.text(_object(each, "options").get("name"), "options.name")
        for each in _many(product, "options")
    ]
    first = _many(sold[0], "selectedOptions")
    if len(sold) == 1 and [_object(o, "options").get("value", "") for o in first] in (
        [],
        ["Default Title"],
    ):
        options = []
    pictures = [_get(_object(n, "images"), "url", str) for n in _get(product, "images.nodes", list)]
    return ParsedProduct(
        row=row,
        id=handle,
        fields={
            "name": rows.text(product.get("title"), "title"),
            "description": rows.prose(product.get("descriptionHtml"), "descriptionHtml"),
            "pictures": tuple(
                dict.fromkeys(rows.web_address(each, "images.url") for each in pictures)
            )[: values.MAX_PICTURES],
            "currency": currency,
            "options": tuple(options),
            "variants": tuple(
                _variant(each, options, currency, terms) for each in sorted(sold, key=_position)
            ),
        },
    )


def _variant(given: Plain, options: Sequence[str], currency: str, terms: Terms) -> VariantDraft:
    price = plain_minor(_get(given, "price", str), currency, "price")
    compared = given.get("compareAtPrice")
    struck = 0 if compared is None else plain_minor(str(compared), currency, "compareAtPrice")
    chosen = {
        _get(_object(each, "selectedOptions"), "name", str): _get(each, "value", str)
        for each in _many(given, "selectedOptions")
    }
    tracked = _get(given, "inventoryItem.tracked", bool)
    image = given.get("image")
    return VariantDraft(
        options=tuple(rows.text(chosen.get(name), "selectedOptions.value") for name in options),
        price_minor=price,
        struck_minor=struck if struck > price else None,
        stock=rows.count(str(given.get("inventoryQuantity")), "inventoryQuantity", debt=True)
        if tracked
        else terms.default_stock,
        sku=rows.text(given.get("sku"), "sku"),
        picture=rows.web_address(_get(image, "url", str), "image.url") if image else None,
    )


def _position(variant: Plain) -> int:
    position = variant.get("position")
    return position if isinstance(position, int) else 0


def _object(value: Any, field: str) -> Plain:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{field} is no JSON object.", field=field)
    return value


def _many(value: Plain, field: str) -> list[Any]:
    found = value.get(field) or []
    if not isinstance(found, list):
        raise InvalidInput(f"{field} is no list.", field=field)
    return found


def _get(value: Any, path: str, kind: type) -> Any:
    found = value
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    if not isinstance(found, kind):
        raise InvalidInput(f"{path} is missing, or of another type.", field=path)
    return found


def _first_error(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) and errors else errors
    message = first.get("message") if isinstance(first, Mapping) else first
    return str(message)[:200].rstrip(".")
