"""What each format's parser makes of its file, and what it refuses with row and field."""

import pytest

from overlay.catalog.imports import merchant, own_csv, shopify_csv, woo_csv
from overlay.catalog.imports.rows import NoImport, Parsed, ParsedProduct, Terms
from overlay.catalog.values import VariantDraft

EUR = Terms(currency="EUR", default_stock=7)


def _named(parsed: Parsed) -> dict[str, ParsedProduct]:
    return {product.id: product for product in parsed.products}


def test_shopifys_export(shopify_file: bytes) -> None:
    parsed = shopify_csv.parse(shopify_file, EUR)
    assert parsed.refused == ()
    shirt, oil = _named(parsed)["shirt"], _named(parsed)["oil"]
    assert (shirt.row, oil.row, parsed.rows) == (2, 5, 4)
    assert shirt.fields["name"] == "Linen shirt"
    assert shirt.fields["description"] == "Woven & dyed.\n\nCool"
    assert shirt.fields["options"] == ("Size", "Colour")
    assert [p.rpartition("/")[2] for p in shirt.fields["pictures"]] == ["a.jpg", "b.jpg", "c.jpg"]
    red, large = shirt.fields["variants"]
    assert red == VariantDraft(
        options=("M", "Red"),
        price_minor=2500,
        struck_minor=3000,
        stock=4,
        sku="S-M-R",
        picture="https://cdn.example/r.jpg",
    )
    assert (large.options, large.stock, large.struck_minor) == (("L", "Red"), 0, None)
    assert oil.fields["options"] == ()
    assert oil.fields["variants"][0].stock == 7


def test_woocommerces_export(woo_file: bytes) -> None:
    parsed = woo_csv.parse(woo_file, EUR)
    oil, shirt = _named(parsed)["OIL-1"], _named(parsed)["woo-12"]
    assert oil.fields["variants"] == (
        VariantDraft(price_minor=1690, struck_minor=1850, stock=12, sku="OIL-1"),
    )
    assert oil.fields["related"] == ("woo-12",)
    assert len(oil.fields["pictures"]) == 2
    assert shirt.fields["description"] == "Cool"
    medium, large = shirt.fields["variants"]
    assert (medium.options, medium.price_minor, medium.stock) == (("M",), 2500, 4)
    assert medium.picture == "https://w.example/m.jpg"
    assert (large.price_minor, large.stock) == (2600, 0)
    assert [(refusal.row, refusal.field) for refusal in parsed.refused] == [
        (6, "Type"),
        (7, "Parent"),
    ]


def test_a_merchant_feed(feed_file: bytes) -> None:
    parsed = merchant.parse(feed_file, Terms(default_stock=7))
    assert parsed.refused == ()
    oil, shirt = _named(parsed)["oil"], _named(parsed)["shirt"]
    assert oil.fields["currency"] == "EUR"
    assert oil.fields["variants"] == (VariantDraft(price_minor=1690, struck_minor=1850, stock=7),)
    assert oil.fields["description"] == "Peppery & green"
    assert len(oil.fields["pictures"]) == 2
    assert shirt.fields["options"] == ("Size",)
    assert [v.options for v in shirt.fields["variants"]] == [("M",), ("L",)]
    assert [v.stock for v in shirt.fields["variants"]] == [7, 0]


def test_an_atom_feed_is_read_as_well() -> None:
    feed = b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
    <entry><title>Oil</title><summary>Green</summary><g:id>oil</g:id>
    <g:price>18.50 EUR</g:price><g:availability>in_stock</g:availability>
    <g:quantity>3</g:quantity></entry></feed>"""
    (oil,) = merchant.parse(feed, Terms()).products
    assert (oil.fields["name"], oil.fields["variants"][0].stock) == ("Oil", 3)


def _item(**changes: str) -> bytes:
    given = {"id": "a", "title": "A", "price": "1.00 EUR", "availability": "in_stock", **changes}
    inner = "".join(f"<g:{name}>{value}</g:{name}>" for name, value in given.items())
    return (
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
        f"<item>{inner}</item></channel></rss>"
    ).encode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": "1,00 EUR"}, "price"),
        ({"price": "1.00"}, "price"),
        ({"price": "-1.00 EUR"}, "price"),
        ({"price": "1.001 EUR"}, "price"),
        ({"sale_price": "1.00 USD"}, "sale_price"),
        ({"availability": "maybe"}, "availability"),
        ({"quantity": "1000000000"}, "quantity"),
        ({"id": ""}, "id"),
        ({"title": "a\u202eb"}, "title"),
    ],
)
def test_a_bad_item_is_refused_with_its_field(changes: dict[str, str], field: str) -> None:
    parsed = merchant.parse(_item(**changes), Terms())
    assert parsed.products == ()
    assert [(refusal.row, refusal.field) for refusal in parsed.refused] == [(1, field)]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>
<rss><channel><item><title>&b;</title></item></channel></rss>"""
OUTSIDE = b"""<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>"""


@pytest.mark.parametrize(
    ("feed", "sentence"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        (b'<!DOCTYPE rss SYSTEM "http://a.example/x.dtd"><rss/>', "document type"),
        (b"<rss>" * 100, "too deep"),
        (b"<rss><channel>" + b"<a/>" * 400_001, "too many"),
        (b"<rss><channel>", "not XML"),
        (b"", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (b'<?xml version="1.0" encoding="nonsense"?><rss/>', "not XML"),
        (b"<rss><channel>" + b"<item/>" * 5001 + b"</channel></rss>", "more than 5000 rows"),
    ],
)
def test_a_bad_feed_is_no_import(feed: bytes, sentence: str) -> None:
    with pytest.raises(NoImport, match=sentence):
        merchant.parse(feed, Terms())


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ("a,A,-5", "price"),
        ("a,A,1.299", "price"),
        ("a,A,", "price"),
        ("a,A,=1+1", "price"),
        (",A,5", "id"),
    ],
)
def test_a_bad_row_of_our_own_is_refused_with_its_field(cells: str, field: str) -> None:
    content = f"id,name,price,currency\n{cells},EUR\nb,B,5,EUR\n".encode()
    parsed = own_csv.parse(content, Terms())
    assert [product.id for product in parsed.products] == ["b"]
    assert [(refusal.row, refusal.field) for refusal in parsed.refused] == [(2, field)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"name,price\nA,5\n", "no column .id."),
        (b"id,price,id\na,5,a\n", "twice"),
        (b"id,price\na,5,6\n", "Row 2 has more cells"),
        (b'id,price\na,"5\n', "no CSV"),
        (b"id,price\n\xff\xfe,5\n", "line 2"),
        (b"id,price\n" + b"a,5\n" * 5001, "more than 5000 rows"),
        (b"id,price\na," + b"5" * 200_000, "no CSV"),
        (b"id,price" + b",x" * 500 + b"\n", "columns"),
        (b"x" * (20 * 1024 * 1024 + 1), "bytes"),
    ],
)
def test_a_bad_table_is_no_import(content: bytes, sentence: str) -> None:
    with pytest.raises(NoImport, match=sentence):
        own_csv.parse(content, Terms())


def test_semicolons_and_tabs_part_cells_too() -> None:
    for mark in ";\t":
        content = f"id{mark}price{mark}currency\na{mark}12,90{mark}EUR\n".encode()
        (product,) = own_csv.parse(content, Terms()).products
        assert product.fields["variants"][0].price_minor == 1290


def test_a_format_without_a_currency_asks_for_one(shopify_file: bytes, woo_file: bytes) -> None:
    for parse, content in ((shopify_csv.parse, shopify_file), (woo_csv.parse, woo_file)):
        with pytest.raises(NoImport, match="currency=EUR"):
            parse(content, Terms())


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        ("18.50", "-18.50", 5, "Variant Price"),
        ("18.50", '"18,50"', 5, "Variant Price"),
        (",4,25.00", ",1000000000,25.00", 2, "Variant Inventory Qty"),
        (",4,25.00", ",4.5,25.00", 2, "Variant Inventory Qty"),
        ("Linen shirt", "Linen\u2066shirt", 2, "Title"),
        ("Linen shirt", "Linen\0shirt", 2, "Title"),
        ("oil,Green", "???,Green", 5, "Handle"),
    ],
)
def test_a_bad_cell_of_shopifys_is_refused(
    shopify_file: bytes, old: str, new: str, row: int, field: str
) -> None:
    content = shopify_file.decode().replace(old, new, 1).encode()
    parsed = shopify_csv.parse(content, EUR)
    assert [(refusal.row, refusal.field) for refusal in parsed.refused] == [(row, field)]
    assert len(parsed.products) == 1


def test_texts_are_composed(shopify_file: bytes) -> None:
    content = shopify_file.decode().replace("Green oil", "Cre\u0301mant").encode()
    assert _named(shopify_csv.parse(content, EUR))["oil"].fields["name"] == "Crémant"
