"""Out to CSV and in again: nothing changes. And no file, however bad, does more than be refused."""

import csv
import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from overlay.catalog.imports import formats, own_csv, shopify_api, woo_api
from overlay.catalog.imports.diff import difference
from overlay.catalog.imports.rows import NoImport, Parsed, Terms, prose
from overlay.catalog.rules import described, settled
from overlay.catalog.values import Product, ProductDraft, VariantDraft
from overlay.errors import InvalidInput

NASTY = st.sampled_from(
    ["=1+1", "@SUM(A1)", "+1", "-1", "'", "'=x", "''", 'a"b', "a;b", "a,b", " a ", "é", "e\u0301",
     "<b>x</b>", "1,5", "\u00a0x", "=HYPERLINK(\"http://evil\")"]
)  # fmt: skip
LINE = NASTY | st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), min_size=1, max_size=20
).filter(str.strip)
IDS = st.text("abcABC019_-", min_size=1, max_size=8)
MONEY = st.integers(0, 10**6)


@st.composite
def products(draw: Any) -> Product:
    """Any product that the rules let pass."""
    names = draw(st.lists(LINE, max_size=3, unique_by=lambda name: name.strip().casefold()))
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    count = draw(st.integers(1, 4)) if names else 1
    drafts = []
    for n in range(count):
        price = draw(MONEY)
        drafts.append(
            VariantDraft(
                id=f"v-{n}" if names else "default",
                options=tuple(f"{draw(LINE)}{n}" for _ in names),
                price_minor=price,
                struck_minor=draw(st.none() | st.just(price + 1)),
                stock=draw(st.integers(0, 1000)),
                sku=draw(st.just("") | LINE),
                picture=draw(st.sampled_from([None, "/a.png", "https://a.example/b?c=d,e"])),
            )
        )
    draft = ProductDraft(
        name=draw(LINE),
        description="\n".join(draw(st.lists(LINE, max_size=3))),
        facts=draw(st.lists(LINE, max_size=5)),
        pictures=draw(st.lists(st.sampled_from(["/a.png", "/b.png"]), max_size=2, unique=True)),
        currency=currency,
        seller=draw(st.just("") | LINE),
        returns=draw(st.just("") | LINE),
        options=names,
        variants=drafts,
        related=draw(st.lists(IDS, max_size=3, unique=True)),
        cap=draw(st.none() | st.integers(1, 100)),
        live_only=draw(st.booleans()),
        policy=draw(st.sampled_from(["first_paid", "hold"])),
    )
    return settled(described("the-product", draft), None)


@settings(deadline=None)
@given(products().filter(lambda product: "\r" not in repr(product)))
def test_what_is_exported_is_imported_unchanged(product: Product) -> None:
    parsed = own_csv.parse(own_csv.export([product]).encode(), Terms())
    found = difference([product], parsed, Terms())
    assert [entry.result for entry in found.entries] == ["unchanged"], found.entries


@settings(deadline=None)
@given(products())
def test_no_cell_of_an_export_is_a_formula(product: Product) -> None:
    for row in csv.reader(io.StringIO(own_csv.export([product]), newline="")):
        assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r") for cell in row if cell)


TERMS = Terms(currency="EUR", default_stock=1)
HEADERS = {
    "csv": own_csv.HEADINGS,
    "shopify": ("Handle", "Title", "Body (HTML)", "Option1 Name", "Option1 Value", "Variant Price",
                "Variant Compare At Price", "Variant Inventory Qty", "Variant Inventory Tracker",
                "Image Src"),
    "woocommerce": ("ID", "Type", "SKU", "Name", "Description", "In stock?", "Stock",
                    "Regular price", "Sale price", "Images", "Parent", "Upsells",
                    "Attribute 1 name", "Attribute 1 value(s)"),
}  # fmt: skip
CELLS = (
    st.text(max_size=12)
    | NASTY
    | st.sampled_from(["", "a", "1", "-1", "12.90", "1e9", "1000000000000", "simple", "variable",
                       "variation", "id:1", "true", "\0", "\u202e", "\ufeff", "https://a.example/"])
)  # fmt: skip


def _sound(parsed: Parsed) -> None:
    """Every refusal is a sentence, and what passes can be held against a show."""
    for refusal in parsed.refused:
        assert refusal.row >= 0
        assert refusal.message.endswith(".")
    for entry in difference([], parsed, TERMS).entries:
        assert entry.message is None or entry.message.endswith(".")


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(HEADERS)), st.data())
def test_any_table_is_read_or_refused(file_format: str, data: Any) -> None:
    header = HEADERS[file_format]
    rows = data.draw(
        st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=4)
    )
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    try:
        _sound(formats.parse(file_format, out.getvalue().encode("utf-8", "replace"), TERMS))
    except NoImport as exc:
        assert str(exc).endswith(".")


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted(formats.PARSERS)), st.binary(max_size=300) | st.text().map(str.encode)
)
def test_any_bytes_are_read_or_refused(file_format: str, content: bytes) -> None:
    try:
        _sound(formats.parse(file_format, content, TERMS))
    except NoImport as exc:
        assert str(exc).endswith(".")


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["id", "title", "price", "sale_price", "availability", "item_group_id",
                             "size", "color", "quantity", "image_link", "description"]),
            CELLS | st.sampled_from(["1.00 EUR", "in_stock", "2.00 USD"]),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_feed_is_read_or_refused(items: list[dict[str, str]]) -> None:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;")

    inner = "".join(
        "<item>" + "".join(f"<g:{n}>{escaped(t)}</g:{n}>" for n, t in item.items()) + "</item>"
        for item in items
    )
    feed = f'<rss xmlns:g="http://base.google.com/ns/1.0"><channel>{inner}</channel></rss>'
    try:
        _sound(formats.parse("merchant", feed.encode("utf-8", "replace"), TERMS))
    except NoImport as exc:
        assert str(exc).endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | CELLS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def _nodes(*keys: str) -> Any:
    return st.lists(JSON | st.dictionaries(st.sampled_from(keys), JSON), max_size=4)


@settings(deadline=None, max_examples=200)
@given(
    _nodes("id", "handle", "title", "descriptionHtml", "options", "images"),
    _nodes("sku", "price", "compareAtPrice", "inventoryQuantity", "position", "inventoryItem",
           "selectedOptions", "image", "product"),
)  # fmt: skip
def test_any_answer_of_shopify_is_read_or_refused(nodes: list[Any], variants: list[Any]) -> None:
    _sound(shopify_api.parse(nodes, variants, "EUR", TERMS))
    for answer in (nodes, {"data": nodes}, {"errors": nodes}):
        try:
            shopify_api.page(answer, "products")
        except NoImport as exc:
            assert str(exc).endswith(".")


@settings(deadline=None, max_examples=200)
@given(
    _nodes("id", "type", "sku", "name", "description", "regular_price", "sale_price", "images",
           "manage_stock", "stock_quantity", "stock_status", "upsell_ids", "attributes"),
    st.dictionaries(st.integers(0, 3), st.lists(JSON, max_size=3), max_size=2),
)  # fmt: skip
def test_any_answer_of_woocommerce_is_read_or_refused(
    nodes: list[Any], variations: dict[int, list[Any]]
) -> None:
    for node in nodes:
        if isinstance(node, dict):
            node.setdefault("type", "simple")
    _sound(woo_api.parse(nodes, variations, "EUR", TERMS))


@given(st.text("<>/!-abp &;\"'=scriptSTYLE \n", max_size=200))
def test_any_description_becomes_text_without_tags(html: str) -> None:
    try:
        text = prose(html, "description")
    except InvalidInput:
        return
    assert len(text) <= 5000


def test_a_description_of_open_tags_costs_no_more_than_its_length() -> None:
    assert prose("<" * 90_000, "description").startswith("<")
    assert prose("<!--" * 20_000, "description") == ""
    assert prose("<script>" * 10_000, "description") == ""
    assert prose("&" * 90_000, "description").startswith("&")
    assert prose("a<br>b<style>p{}</style><p>c &lt;d&gt;</p>", "x") == "a\nb\nc <d>"
