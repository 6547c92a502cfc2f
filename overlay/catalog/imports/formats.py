"""The formats that a file can have."""

from collections.abc import Mapping

from overlay.catalog.imports import merchant, own_csv, shopify_csv, woo_csv
from overlay.catalog.imports.rows import NoImport, Parsed, Parser, Terms

PARSERS: Mapping[str, Parser] = {
    "csv": own_csv.parse,
    "shopify": shopify_csv.parse,
    "woocommerce": woo_csv.parse,
    "merchant": merchant.parse,
}


def parse(file_format: str, content: bytes, terms: Terms) -> Parsed:
    """The file, read. Raises `NoImport`."""
    if file_format not in PARSERS:
        raise NoImport(f"format must be one of {', '.join(PARSERS)}.", field="format")
    return PARSERS[file_format](content, terms)
