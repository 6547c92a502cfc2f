"""An import said before it is done: what is added, changed, unchanged, refused."""

from collections.abc import Callable
from typing import Any

import pytest

from overlay.catalog import values
from overlay.catalog.imports import merchant, own_csv, shopify_csv
from overlay.catalog.imports.diff import Difference, with_pictures
from overlay.catalog.imports.rows import Parsed, Terms
from overlay.catalog.values import ProductDraft, VariantDraft
from overlay.errors import InvalidInput
from overlay.shop import Shop

MakeDraft = Callable[..., ProductDraft]
EUR = Terms(currency="EUR", default_stock=7)


def _results(difference: Difference) -> list[tuple[int, str, str | None]]:
    return [(entry.row, entry.result, entry.product) for entry in difference.entries]


def _csv(*rows: str) -> Parsed:
    header = "id,name,price,currency,stock"
    return own_csv.parse("\n".join((header, *rows)).encode(), Terms())


def test_a_dry_run_changes_nothing_and_says_what_would(shop: Shop, shopify_file: bytes) -> None:
    parsed = shopify_csv.parse(shopify_file, EUR)
    said = shop.difference("demo", parsed, EUR)
    assert _results(said.difference) == [(2, "added", "shirt"), (5, "added", "oil")]
    assert (said.applied, said.events, shop.snapshot("demo").offset) == (False, (), 0)
    done = shop.import_products("demo", parsed, EUR, partial=False)
    assert done.applied
    assert [event.data["id"] for event in done.events] == ["shirt", "oil"]
    assert shop.products("demo")[0].variants[0].available == 4
    again = shop.import_products("demo", parsed, EUR, partial=False)
    assert [entry.result for entry in again.difference.entries] == ["unchanged"] * 2
    assert again.events == ()


def test_what_the_file_does_not_say_stays(shop: Shop, feed_file: bytes, draft: MakeDraft) -> None:
    mine = draft(picture=None, price_minor=1850, cap=2, live_only=True, stock=40)
    shop.put_product("demo", "oil", mine)
    parsed = merchant.parse(feed_file, Terms())
    said = shop.difference("demo", parsed, Terms())
    changed, refused = said.difference.entries
    assert changed.fields == (
        "name", "description", "pictures",
        "variants.default.price_minor", "variants.default.struck_minor",
    )  # fmt: skip
    assert (refused.result, refused.row, refused.field) == ("refused", 2, "variants.0.stock")
    shop.import_products("demo", parsed, Terms(), partial=True)
    (oil,) = shop.products("demo")
    assert (oil.cap, oil.live_only, oil.seller, oil.available) == (2, True, mine.seller, 40)
    assert oil.cheapest.lowest_30d_minor == 1850


def test_refused_rows_leave_the_rest_only_if_asked(shop: Shop) -> None:
    parsed = _csv("a,A,5,EUR,1", "b,B,5,EUR,1000000000", "c,,5,EUR,1", "d,D,-5,EUR,1")
    done = shop.import_products("demo", parsed, Terms(), partial=False)
    assert not done.applied
    assert shop.products("demo") == ()
    plain = done.difference.to_plain(applied=False)
    assert [(e["row"], e["result"], e.get("field")) for e in plain["entries"]] == [
        (2, "added", None),
        (3, "refused", "stock"),
        (4, "refused", "name"),
        (5, "refused", "price"),
    ]
    assert shop.import_products("demo", parsed, Terms(), partial=True).applied
    assert [product.id for product in shop.products("demo")] == ["a"]


def test_the_same_id_twice_and_another_currency_are_refused(shop: Shop) -> None:
    parsed = _csv("a,A,5,EUR,1", "b,B,5,USD,1", "a,A,5,EUR,1")
    entries = shop.difference("demo", parsed, Terms()).difference.entries
    assert [(entry.row, entry.field) for entry in entries if entry.result == "refused"] == [
        (2, "options"),
        (3, "currency"),
    ]


def test_the_shows_own_currency_counts(shop: Shop, draft: MakeDraft) -> None:
    shop.put_product("demo", "wine", draft(currency="CHF"))
    (entry,) = shop.difference("demo", _csv("a,A,5,EUR,1"), Terms()).difference.entries
    assert (entry.result, entry.field) == ("refused", "currency")


def test_stock_below_what_is_sold_or_held_names_its_row(
    shop: Shop, draft: MakeDraft, order: Any
) -> None:
    shop.put_product("demo", "a", draft(stock=3))
    order(a=2)
    (entry,) = shop.difference("demo", _csv("a,A,5,EUR,1"), Terms()).difference.entries
    assert (entry.result, entry.row, entry.field) == ("refused", 2, "stock")
    kept = Terms(keep_stock=True)
    (entry,) = shop.difference("demo", _csv("a,A,5,EUR,1"), kept).difference.entries
    assert entry.result == "changed"
    assert "variants.default.initial" not in entry.fields


def test_variants_are_known_by_their_options(
    shop: Shop, draft: MakeDraft, shopify_file: bytes
) -> None:
    mine = (
        VariantDraft(id="mine", options=("M", "Red"), price_minor=1, stock=1),
        VariantDraft(id="also", options=("L", "Red"), price_minor=1, stock=1),
    )
    options = {"options": ("Size", "Colour"), "price_minor": None, "stock": None}
    shop.put_product("demo", "shirt", draft(variants=mine, **options))
    shop.import_products("demo", shopify_csv.parse(shopify_file, EUR), EUR, partial=False)
    assert [variant.id for variant in shop.products("demo")[0].variants] == ["mine", "also"]


def test_a_show_is_not_filled_beyond_its_bound(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_PRODUCTS", 1)
    entries = shop.difference("demo", _csv("a,A,5,EUR,1", "b,B,5,EUR,1"), Terms()).difference
    assert _results(entries) == [(2, "added", "a"), (3, "refused", "b")]
    monkeypatch.setattr(values, "MAX_PRODUCTS", 500)
    monkeypatch.setattr(values, "MAX_SHOW_BYTES", 500)
    with pytest.raises(InvalidInput, match="together"):
        shop.difference("demo", _csv("a,A,5,EUR,1", "b,B,5,EUR,1"), Terms())


def test_pictures_that_are_here_already_are_no_change(shop: Shop, feed_file: bytes) -> None:
    terms = Terms(default_stock=7)
    parsed = merchant.parse(feed_file, terms)
    shop.import_products("demo", parsed, terms, partial=False)
    source = "https://m.example/o.jpg"
    moved = {source: "/pictures/x.webp"}
    (event,) = shop.move_pictures("demo", "oil", moved)
    assert event.data["pictures"][0] == "/pictures/x.webp"
    assert shop.move_pictures("demo", "oil", moved) == ()
    assert shop.move_pictures("demo", "gone", moved) == ()
    changed = shop.difference("demo", parsed, terms).difference.entries[0]
    assert changed.fields == ("pictures",)
    known = with_pictures(parsed, moved.get)
    assert shop.difference("demo", known, terms).difference.count("changed") == 0


def test_a_report_is_bounded(shop: Shop) -> None:
    parsed = _csv(*(f"p{n},,5,EUR,1" for n in range(1500)))
    plain = shop.difference("demo", parsed, Terms()).difference.to_plain(applied=False)
    assert (plain["refused"], len(plain["entries"])) == (1500, 1000)
