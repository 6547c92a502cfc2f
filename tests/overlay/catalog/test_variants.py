"""Variants: their stock, their prices, and what may be said of them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from overlay.catalog import values
from overlay.catalog.rules import described
from overlay.catalog.values import ProductDraft, VariantDraft
from overlay.errors import InvalidInput, UnknownProduct
from overlay.shop import Shop
from overlay.store.schema import movements, prices

OPTIONED = {"price_minor": None, "stock": None, "options": ("Size", "Colour")}

MakeDraft = Callable[..., ProductDraft]


def _shirt(draft: MakeDraft, *variants: VariantDraft, **changes: Any) -> ProductDraft:
    chosen = variants or (_variant("M", "red"), _variant("L", "red"), _variant("L", "blue"))
    return draft(variants=chosen, **{**OPTIONED, **changes})


def _variant(*options: str, **changes: Any) -> VariantDraft:
    return VariantDraft(**{"options": options, "price_minor": 2500, "stock": 3, **changes})


def _sums(shop: Shop, product: str) -> dict[str, tuple[int, int, int]]:
    """What the movements of each variant add up to."""
    columns = [func.sum(movements.c[name]) for name in ("available", "held", "sold")]
    query = (
        select(movements.c.variant, *columns)
        .where(movements.c.product == product)
        .group_by(movements.c.variant)
    )
    with shop._store.read() as connection:
        return {row[0]: tuple(map(int, row[1:])) for row in connection.execute(query)}  # type: ignore[misc]


def test_variants_are_public_with_their_options(shop: Shop, draft: MakeDraft) -> None:
    drafts = (
        _variant("M", "red", price_minor=2900),
        _variant("L", "Écru", struck_minor=3000, sku="L-E"),
    )
    put = shop.put_product("demo", "shirt", _shirt(draft, *drafts))
    (event,) = put.events
    plain = event.data
    assert plain == put.product.to_plain()
    assert plain["options"] == [
        {"name": "Size", "values": ["M", "L"]},
        {"name": "Colour", "values": ["red", "Écru"]},
    ]
    assert [variant["id"] for variant in plain["variants"]] == ["m-red", "l-ecru"]
    assert (plain["price_minor"], plain["struck_minor"], plain["available"]) == (2500, 3000, 6)
    assert plain["variants"][1]["lowest_30d_minor"] == 2500
    assert "sku" not in plain["variants"][1]
    assert shop.products("demo") == (put.product,)
    assert list(shop.snapshot("demo").products.values()) == [plain]


def test_a_product_without_options_has_one_variant(shop: Shop, draft: MakeDraft) -> None:
    (variant,) = shop.put_product("demo", "wine", draft()).product.variants
    assert (variant.id, variant.options, variant.choice) == ("default", (), "")


def test_every_change_of_stock_is_a_movement(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "shirt", _shirt(draft))
    more = (_variant("M", "red", stock=10), _variant("L", "red", stock=0), _variant("S", "red"))
    shop.put_product("demo", "shirt", _shirt(draft, *more))
    assert _sums(shop, "shirt") == {
        "m-red": (10, 0, 0),
        "l-red": (0, 0, 0),
        "l-blue": (0, 0, 0),
        "s-red": (3, 0, 0),
    }
    shop.delete_product("demo", "shirt")
    assert set(_sums(shop, "shirt").values()) == {(0, 0, 0)}
    shop.put_product("demo", "shirt", _shirt(draft))
    assert _sums(shop, "shirt")["l-blue"] == (3, 0, 0)


def test_the_stock_of_one_variant_is_set(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "shirt", _shirt(draft))
    done = shop.set_stock("demo", "shirt", variant="m-red", stock=8)
    (event,) = done.events
    assert (event.type, event.data["variant"], event.data["available"]) == ("stock", "m-red", 8)
    assert _sums(shop, "shirt")["m-red"] == (8, 0, 0)
    assert _sums(shop, "shirt")["l-red"] == (3, 0, 0)
    (product,) = shop.products("demo")
    assert product.available == 3 + 3 + done.stock.available
    stocks = {each.variant: each for each in shop.stocks("demo")}
    assert list(stocks) == [variant.id for variant in product.variants]
    assert stocks["m-red"] == done.stock
    assert shop.snapshot("demo").products["shirt"] == product.to_plain()
    assert shop.set_stock("demo", "shirt", variant="m-red", stock=8).events == ()


@pytest.mark.parametrize("stock", [2, -1, 10**9, True, 1.5, "3", None])
def test_no_stock_below_what_is_sold_or_none_at_all(
    shop: Shop, draft: MakeDraft, order: Any, stock: Any
) -> None:
    shop.put_product("demo", "wine", draft(stock=5))
    order("ann", wine=3)
    with pytest.raises(InvalidInput, match="stock must be"):
        shop.set_stock("demo", "wine", stock=stock)
    assert shop.set_stock("demo", "wine", stock=3).stock.available == 0
    assert _sums(shop, "wine")["default"][0] == 0


def test_of_several_variants_one_must_be_named(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "shirt", _shirt(draft))
    with pytest.raises(InvalidInput, match="name one"):
        shop.set_stock("demo", "shirt", stock=8)
    for product, variant in (("shirt", "none"), ("none", None)):
        with pytest.raises(UnknownProduct):
            shop.set_stock("demo", product, variant=variant, stock=8)


def test_a_variant_keeps_its_stock_where_none_is_given(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "shirt", _shirt(draft))
    same = [_variant("M", "red", stock=None), _variant("L", "red", stock=None)]
    put = shop.put_product("demo", "shirt", _shirt(draft, *same))
    assert put.product.available == 6
    with pytest.raises(InvalidInput, match=r"variants\.2\.stock is missing"):
        shop.put_product("demo", "shirt", _shirt(draft, *same, _variant("S", "red", stock=None)))


def test_a_struck_price_shows_the_lowest_before_it(shop: Shop, draft: MakeDraft) -> None:
    def lowest(price: int, struck: int | None) -> int | None:
        put = shop.put_product("demo", "wine", draft(price_minor=price, struck_minor=struck))
        return put.product.cheapest.lowest_30d_minor

    assert lowest(1500, None) is None
    assert lowest(1000, 1500) == 1500
    assert lowest(800, 1500) == 1000
    assert lowest(800, 1600) == 800
    assert lowest(800, None) is None
    assert lowest(800, 1600) == 800
    with shop._store.read() as connection:
        history = connection.execute(select(prices.c.price_minor).order_by(prices.c.seq))
        assert list(history.scalars()) == [1500, 1000, 800, 800, 800]


def test_the_same_variants_again_change_nothing(shop: Shop, draft: MakeDraft) -> None:
    first = shop.put_product(
        "demo", "shirt", _shirt(draft, _variant("M", "red", struck_minor=9999))
    )
    again = shop.put_product(
        "demo", "shirt", _shirt(draft, _variant("M", "red", struck_minor=9999))
    )
    assert (again.events, again.product) == ((), first.product)


def test_variants_keep_the_order_they_are_given_in(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "shirt", _shirt(draft))
    turned = (_variant("L", "blue"), _variant("M", "red"), _variant("L", "red"))
    put = shop.put_product("demo", "shirt", _shirt(draft, *turned))
    assert len(put.events) == 1
    assert [variant.id for variant in shop.products("demo")[0].variants] == [
        "l-blue", "m-red", "l-red",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"options": ()}, "options"),
        ({"options": ("Size", "size ")}, "options"),
        ({"options": ("Size",)}, "variants.0.options"),
        ({"options": tuple("abcdef")}, "options"),
        ({"variants": ()}, "variants"),
        ({"variants": [_variant("M", "red")] * 101}, "variants"),
        ({"variants": [_variant("M", "red"), _variant("m", "RED")]}, "variants.1.options"),
        ({"variants": [_variant("M", "e\u0301"), _variant("M", "é")]}, "variants.1.options"),
        ({"variants": [_variant("M", "a", id="x"), _variant("L", "a", id="x")]}, "variants.1.id"),
        ({"variants": [_variant("M", "\u202ered")]}, "variants.0.options.1"),
        ({"variants": [_variant("M", "red", price_minor=-1)]}, "variants.0.price_minor"),
        ({"variants": [_variant("M", "red", struck_minor=2500)]}, "variants.0.struck_minor"),
        ({"variants": [_variant("M", "red", stock=10**9)]}, "variants.0.stock"),
        ({"variants": [_variant("M", "red", picture="javascript:1")]}, "variants.0.picture"),
        ({"variants": ["M"]}, "variants.0"),
        ({"variants": "M"}, "variants"),
        ({"price_minor": 1}, "price_minor"),
        ({"stock": 1}, "stock"),
        ({"pictures": ["/a"] * 9}, "pictures"),
        ({"pictures": ["/b"]}, "picture"),
        ({"related": ["shirt"]}, "related"),
        ({"related": ["a"] * 13}, "related"),
        ({"cap": 0}, "cap"),
        ({"live_only": 1}, "live_only"),
        ({"policy": "never"}, "policy"),
        ({"description": "a\0"}, "description"),
        ({"description": "a" * 5001}, "description"),
    ],
)
def test_what_is_not_legal_is_refused_by_name_too(
    draft: MakeDraft, changes: dict[str, Any], field: str
) -> None:
    given = {"variants": (_variant("M", "red"), _variant("L", "blue")), **changes}
    with pytest.raises(InvalidInput) as refused:
        described("shirt", draft(**{**OPTIONED, **given}))
    assert refused.value.field == field


def test_a_product_has_a_bounded_size(shop: Shop, draft: MakeDraft) -> None:
    many = [_variant("M", str(n), picture="https://a.example/" + "x" * 1500) for n in range(30)]
    with pytest.raises(InvalidInput, match="bytes of JSON"):
        shop.put_product("demo", "shirt", _shirt(draft, *many))
    assert shop.products("demo") == ()


def test_a_shows_products_have_a_bounded_size_together(
    shop: Shop, draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "MAX_SHOW_BYTES", 2000)
    shop.put_product("demo", "a", draft())
    with pytest.raises(InvalidInput, match="together"):
        shop.put_product("demo", "b", draft(description="x" * 1500))
    assert [product.id for product in shop.products("demo")] == ["a"]


def test_every_public_product_of_the_largest_size_fits_a_snapshot() -> None:
    assert values.MAX_SHOW_BYTES * 2 < 16 * 1024 * 1024
    assert values.MAX_PRODUCT_BYTES < values.MAX_SHOW_BYTES
