"""Products: created, changed, taken out; what they may say, and stock that adds up."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overlay.catalog import values
from overlay.catalog.products import ProductDraft
from overlay.errors import InvalidInput, ShopError, UnknownProduct
from overlay.shop import Placed, Shop

MakeDraft = Callable[..., ProductDraft]
Order = Callable[..., Placed]

ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=300)
    | st.lists(st.text(max_size=130) | st.none(), max_size=6)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


def test_a_new_product_is_public_and_told(shop: Shop, draft: MakeDraft) -> None:
    put = shop.put_product("demo", "cremant", draft())
    assert put.created
    assert shop.products("demo") == (put.product,)
    (event,) = put.events
    assert (event.type, event.offset, event.pts) == ("product", 1, None)
    assert event.data == put.product.to_plain()
    assert event.data["available"] == 3
    assert event.data["sold_out"] is False


def test_the_same_again_changes_nothing(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "cremant", draft())
    again = shop.put_product("demo", "cremant", draft(facts=["Brut", "75 cl"]))
    assert (again.created, again.events) == (False, ())


def test_products_keep_the_order_of_their_creation(shop: Shop, draft: MakeDraft) -> None:
    for name in ("b", "a", "c"):
        shop.put_product("demo", name, draft())
    shop.put_product("demo", "b", draft(name="Changed"))
    shop.put_product("elsewhere", "d", draft())
    assert [product.id for product in shop.products("demo")] == ["b", "a", "c"]
    assert list(shop.snapshot("demo").products) == ["b", "a", "c"]
    assert shop.products("demo")[0].name == "Changed"


def test_stock_counts_what_is_sold(shop: Shop, draft: MakeDraft, order: Order) -> None:
    shop.put_product("demo", "cremant", draft(stock=3))
    order(cremant=2)
    assert shop.put_product("demo", "cremant", draft(stock=3)).events == ()
    assert shop.put_product("demo", "cremant", draft(stock=10)).product.available == 8
    assert shop.put_product("demo", "cremant", draft(stock=2)).product.sold_out
    with pytest.raises(InvalidInput, match="at least 2: so many are sold") as refused:
        shop.put_product("demo", "cremant", draft(stock=1))
    assert refused.value.field == "stock"


def test_stock_can_be_left_alone_but_not_left_out_at_first(shop: Shop, draft: MakeDraft) -> None:
    with pytest.raises(InvalidInput, match="what is new needs it"):
        shop.put_product("demo", "cremant", draft(stock=None))
    shop.put_product("demo", "cremant", draft(stock=3))
    assert shop.put_product("demo", "cremant", draft(stock=None, name="X")).product.available == 3


def test_a_product_goes_and_its_orders_stay(shop: Shop, draft: MakeDraft, order: Order) -> None:
    shop.put_product("demo", "cremant", draft())
    sold = order(cremant=1).order
    (event,) = shop.delete_product("demo", "cremant")
    assert (event.type, event.data) == ("product_gone", {"id": "cremant"})
    assert shop.products("demo") == ()
    assert shop.orders("demo") == (sold,)
    with pytest.raises(UnknownProduct):
        shop.delete_product("demo", "cremant")


def test_a_show_has_a_bounded_number_of_products(
    shop: Shop, draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "MAX_PRODUCTS", 2)
    for name in ("a", "b"):
        shop.put_product("demo", name, draft())
    with pytest.raises(InvalidInput, match="at most 2 products"):
        shop.put_product("demo", "c", draft())
    shop.put_product("demo", "a", draft(name="Changed"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 201),
        ("name", "\0"),
        ("facts", ["a"] * 6),
        ("facts", ["x" * 121]),
        ("facts", "abc"),
        ("seller", "x" * 301),
        ("returns", "\u202e"),
        ("picture", "javascript:alert(1)"),
        ("picture", "data:image/png;base64,AA"),
        ("picture", "//elsewhere.example/a.png"),
        ("picture", "/\\elsewhere.example"),
        ("picture", "https://a b"),
        ("price_minor", -1),
        ("price_minor", 12.5),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("stock", -1),
        ("stock", True),
        ("stock", 10**20),
    ],
)
def test_what_is_not_legal_is_refused_by_name(
    shop: Shop, draft: MakeDraft, field: str, value: Any
) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.put_product("demo", "cremant", draft(**{field: value}))
    assert (refused.value.field or "").split(".")[0] == field
    assert shop.snapshot("demo").offset == 0


@pytest.mark.parametrize("picture", [None, "/", "/demo/a.svg", "https://a.example/b.png?c=d"])
def test_legal_pictures(shop: Shop, draft: MakeDraft, picture: str | None) -> None:
    assert shop.put_product("demo", "a", draft(picture=picture)).product.picture == picture


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(
    changes=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("name", "facts", "picture", "price_minor", "currency", "stock", "seller", "returns"),
            ANYTHING,
        ),
    ),
    key=ANYTHING,
)
def test_any_draft_is_stored_as_given_or_refused(
    shop: Shop, draft: MakeDraft, changes: dict[str, Any], key: Any
) -> None:
    before = shop.snapshot("demo")
    try:
        put = shop.put_product("demo", key, draft(**changes))
    except ShopError as exc:
        assert str(exc).endswith(".")
        assert shop.snapshot("demo") == before
    else:
        assert shop.snapshot("demo").products[key] == put.product.to_plain()
