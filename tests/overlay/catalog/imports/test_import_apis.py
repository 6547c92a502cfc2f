"""Shopify's and WooCommerce's APIs: asked page by page, their answers read."""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from overlay.catalog.imports import rows, shopify_api, sources, woo_api
from overlay.catalog.imports.rows import NoImport, Terms
from overlay.errors import InvalidInput
from overlay.outgoing import OutgoingReply

Answer = Callable[[str, str, Mapping[str, str], Any], Any]


class Stand:
    """A shop that answers from memory; remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[str] = []
        self.most = 0
        """The longest page that was allowed together with what came before it."""
        self.given = 0

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int,
        timeout_s: float | None = None,
        cut: bool = False,
    ) -> OutgoingReply:
        self.asked.append(url)
        said = self._answer(method, url, headers or {}, json.loads(body) if body else None)
        if isinstance(said, int):
            return OutgoingReply(status=said, headers={}, body=b"")
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.most = max(self.most, self.given + max_bytes)
        self.given += len(content)
        return OutgoingReply(status=200, headers={}, body=content)


def _node(number: int) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Product/{number}",
        "handle": f"p{number}",
        "title": f"Product {number}",
        "descriptionHtml": "<p>Good</p>",
        "options": [{"name": "Size"}],
        "images": {"nodes": [{"url": f"https://cdn.example/{number}.jpg"}]},
    }


def _variant(number: int, size: str, position: int, **changes: Any) -> dict[str, Any]:
    return {
        "sku": f"S{number}{size}",
        "price": "25.00",
        "compareAtPrice": "30.00",
        "inventoryQuantity": 4,
        "position": position,
        "inventoryItem": {"tracked": True},
        "selectedOptions": [{"name": "Size", "value": size}],
        "image": None,
        "product": {"id": f"gid://shopify/Product/{number}"},
        **changes,
    }


def _shopify(products: list[Any], variants: list[Any], size: int = 2) -> Stand:
    def answer(method: str, url: str, headers: Mapping[str, str], body: Any) -> Any:
        assert (method, urlsplit(url).path) == ("POST", "/admin/api/2025-10/graphql.json")
        if headers["X-Shopify-Access-Token"] != "the-token":
            return 401
        name = "products" if "query Products" in body["query"] else "productVariants"
        everything = products if name == "products" else variants
        start = int(body["variables"]["after"] or 0)
        more = start + size < len(everything)
        info = {"hasNextPage": more, "endCursor": str(start + size)}
        page = {"nodes": everything[start : start + size], "pageInfo": info}
        return {"data": {"shop": {"currencyCode": "EUR"}, name: page}}

    return Stand(answer)


SHOP = sources.Shopify(address="https://name.myshopify.com/", token="the-token")


async def test_all_of_a_shopify_shop() -> None:
    variants = [_variant(n, size, at) for n in range(3) for at, size in ((2, "L"), (1, "M"))]
    stand = _shopify([_node(n) for n in range(3)], variants)
    parsed = await sources.fetch_shopify(stand, SHOP, Terms())
    assert len(stand.asked) == 2 + 3
    assert parsed.refused == ()
    product = parsed.products[2]
    assert (product.id, product.fields["currency"]) == ("p2", "EUR")
    assert [v.options for v in product.fields["variants"]] == [("M",), ("L",)]
    assert product.fields["variants"][0].struck_minor == 3000


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": "-1.00"}, "price"),
        ({"price": None}, "price"),
        ({"price": 25.0}, "price"),
        ({"inventoryQuantity": 10**9}, "inventoryQuantity"),
        ({"inventoryItem": None}, "inventoryItem.tracked"),
        ({"selectedOptions": 5}, "selectedOptions"),
        ({"image": 5}, "url"),
    ],
)
async def test_a_bad_variant_refuses_its_product(change: dict[str, Any], field: str) -> None:
    stand = _shopify([_node(1), _node(2)], [_variant(1, "M", 1, **change), _variant(2, "M", 1)])
    parsed = await sources.fetch_shopify(stand, SHOP, Terms())
    assert [product.id for product in parsed.products] == ["p2"]
    assert [refusal.field for refusal in parsed.refused] == [field]


async def test_shopifys_refusals_are_sentences() -> None:
    denied = Stand(lambda *_: {"errors": [{"message": "Throttled"}]})
    with pytest.raises(NoImport, match="Throttled"):
        await sources.fetch_shopify(denied, SHOP, Terms())
    wrong = sources.Shopify(address=SHOP.address, token="another")
    with pytest.raises(NoImport, match="does not accept the key"):
        await sources.fetch_shopify(_shopify([], []), wrong, Terms())
    assert "another" not in repr(wrong)


async def test_a_shop_without_an_end_is_left() -> None:
    page = {"nodes": [{}] * 100, "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
    stand = Stand(lambda *_: {"data": {"shop": {"currencyCode": "EUR"}, "products": page}})
    with pytest.raises(NoImport, match="more than 5000"):
        await sources.fetch_shopify(stand, SHOP, Terms())
    assert len(stand.asked) < 60


async def test_a_page_that_is_empty_and_not_the_last_is_left() -> None:
    page = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
    stand = Stand(lambda *_: {"data": {"shop": {"currencyCode": "EUR"}, "products": page}})
    with pytest.raises(NoImport, match="after an empty one"):
        await sources.fetch_shopify(stand, SHOP, Terms())
    assert len(stand.asked) == 1


async def test_products_and_variants_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROWS", 5)
    variants = [_variant(0, str(n), n) for n in range(20)]
    stand = _shopify([_node(n) for n in range(3)], variants)
    with pytest.raises(NoImport, match="more than 5"):
        await sources.fetch_shopify(stand, SHOP, Terms())
    assert len(stand.asked) == 4


WOO = sources.Woo(address="https://w.example/shop", key="ck_1", secret="cs_1")
BASE = "/shop/wp-json/wc/v3"


def _woo(**changes: Any) -> Stand:
    simple = {
        "id": 1,
        "type": "simple",
        "sku": "OIL",
        "name": "Oil &amp; co",
        "description": "<p>Green</p>",
        "regular_price": "18.50",
        "sale_price": "16.90",
        "manage_stock": True,
        "stock_quantity": 5,
        "stock_status": "instock",
        "images": [{"src": "https://w.example/o.jpg"}],
        "upsell_ids": [2, 99],
        "attributes": [{"name": "Region", "options": ["Drôme"]}],
        **changes,
    }
    variable = {"id": 2, "type": "variable", "sku": "", "name": "Shirt", "images": []}
    variation = {
        "regular_price": "25.00",
        "sale_price": "",
        "manage_stock": False,
        "stock_status": "instock",
        "attributes": [{"name": "Size", "option": "M"}],
        "image": {"src": "https://w.example/m.jpg"},
    }
    answers = {
        f"{BASE}/products": [simple, variable],
        f"{BASE}/products/2/variations": [variation],
        f"{BASE}/settings/general/woocommerce_currency": {"value": "EUR"},
    }

    def answer(method: str, url: str, headers: Mapping[str, str], body: Any) -> Any:
        assert headers["Authorization"] == "Basic " + base64.b64encode(b"ck_1:cs_1").decode()
        if parse_qs(urlsplit(url).query).get("page", ["1"]) != ["1"]:
            return []
        return answers[urlsplit(url).path]

    return Stand(answer)


async def test_all_of_a_woocommerce_shop() -> None:
    parsed = await sources.fetch_woo(_woo(), WOO, Terms(default_stock=9))
    assert parsed.refused == ()
    oil, shirt = parsed.products
    assert (oil.id, oil.fields["name"], oil.fields["description"]) == (
        "OIL",
        "Oil & co",
        "Green",
    )
    assert oil.fields["related"] == ("woo-2",)
    (variant,) = oil.fields["variants"]
    assert (variant.price_minor, variant.struck_minor, variant.stock) == (1690, 1850, 5)
    assert (shirt.id, shirt.fields["options"]) == ("woo-2", ("Size",))
    assert shirt.fields["variants"][0].stock == 9


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"regular_price": "-1"}, "regular_price"),
        ({"regular_price": "18,50"}, "regular_price"),
        ({"regular_price": "", "sale_price": ""}, "regular_price"),
        ({"stock_quantity": 10**10}, "stock_quantity"),
        ({"stock_quantity": {}}, "stock_quantity"),
        ({"images": "x"}, "images"),
        ({"images": [5]}, "images"),
        ({"name": 5}, "name"),
        ({"type": "external"}, "type"),
        ({"id": "1"}, "id"),
    ],
)
async def test_a_bad_product_is_refused_alone(change: dict[str, Any], field: str) -> None:
    parsed = await sources.fetch_woo(_woo(**change), WOO, Terms(default_stock=9))
    assert [product.id for product in parsed.products] == ["woo-2"]
    assert [refusal.field for refusal in parsed.refused] == [field]


@pytest.mark.parametrize(
    "address", ["", "name.example", "https://u:p@a.example", "https://[", "//"]
)
async def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(InvalidInput):
        await sources.fetch_woo(_woo(), sources.Woo(address=address, key="a", secret="b"), Terms())
    stray = sources.Shopify(address="https://a.example", token="a\r\nX: y")
    with pytest.raises(InvalidInput):
        await sources.fetch_shopify(_woo(), stray, Terms())


def _hostile(page: bytes) -> Stand:
    """99 variable products, each with as many pages of `page` as anybody asks for."""
    products = [{"id": n, "type": "variable"} for n in range(sources._WOO_PER_PAGE - 1)]

    def answer(method: str, url: str, headers: Mapping[str, str], body: Any) -> Any:
        return products if urlsplit(url).path == f"{BASE}/products" else page

    return Stand(answer)


async def test_all_pages_together_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 100_000)
    stand = _hostile(json.dumps([{"description": "x" * 10_000}]).encode())
    with pytest.raises(NoImport, match="hold too much"):
        await sources.fetch_woo(stand, WOO, Terms(currency="EUR"))
    assert stand.most <= 100_000
    assert len(stand.asked) <= 11


async def test_all_pages_together_are_bounded_in_rows() -> None:
    stand = _hostile(b"[" + b",".join([b"{}"] * sources._WOO_PER_PAGE) + b"]")
    with pytest.raises(NoImport, match="more than 5000 rows"):
        await sources.fetch_woo(stand, WOO, Terms(currency="EUR"))
    assert len(stand.asked) == 1 + 50


async def test_many_small_values_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decoded(content: bytes) -> Any:
        assert len(content) < 100_000
        return json.loads(content)

    monkeypatch.setattr(sources, "_decoded", decoded)
    stand = _hostile(b"[" + b"[]," * 1_000_000 + b"[]]")
    with pytest.raises(NoImport, match="hold too much"):
        await sources.fetch_woo(stand, WOO, Terms(currency="EUR"))
    assert len(stand.asked) == 2


async def test_no_page_is_decoded_or_read_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    here, on_loop = threading.get_ident(), []

    def watched(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            on_loop.append(threading.get_ident() == here)
            return work(*given)

        return run

    monkeypatch.setattr(sources, "_decoded", watched(sources._decoded))
    for reader in (shopify_api, woo_api):
        monkeypatch.setattr(reader, "parse", watched(reader.parse))
    await sources.fetch_woo(_woo(), WOO, Terms(default_stock=9))
    await sources.fetch_shopify(_shopify([_node(1)], [_variant(1, "M", 1)]), SHOP, Terms())
    assert len(on_loop) == 3 + 1 + 2 + 1
    assert not any(on_loop)
