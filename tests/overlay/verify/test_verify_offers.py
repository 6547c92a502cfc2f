"""What `comptoir verify` finds when an offer was not kept."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text

from overlay.catalog.products import ProductDraft
from overlay.offers.fairness import Report, Seen
from overlay.orders import ops
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.show.log import MediaTime
from overlay.verify import rows
from overlay.verify.report import checked


def _findings(shop: Shop) -> str:
    return " ".join(f for c in checked(rows.read(shop._store, "demo")) for f in c.findings)


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE order_items SET price_minor = 699", "another price than f gives"),
        ("UPDATE offers SET starts_us = 0, ends_us = 1", "not placed in the"),
        ("UPDATE offers SET ends_us = (SELECT utc_us - 1 FROM orders)", "not placed in the"),
        ("UPDATE offers SET starts_us = (SELECT utc_us + 1 FROM orders)", "not placed in the"),
        ("UPDATE orders SET judged = NULL", "does not say by what f was open"),
        ("UPDATE orders SET utc_us = utc_us + 1", "at another time than its own"),
        ("UPDATE offers SET used = 1", "f was used 2 times and counts 1"),
        ("UPDATE offer_uses SET quantity = 1", "used f 2 times and 1 are counted"),
        ("DELETE FROM offers", "an offer f that is not there"),
        ("UPDATE offers SET state = 'draft'", "f is a draft, and in the log"),
    ],
)
def test_an_offer_that_was_not_kept_is_found(
    shop: Shop, draft: Callable[..., ProductDraft], tampering: str, found: str
) -> None:
    shop._utc_us = lambda: 10**15
    shop.put_product("demo", "wine", draft(stock=9))
    terms = {"kind": "flash", "product": "wine", "price_minor": 700, "currency": "EUR", "quota": 4}
    shop.put_offer("demo", "f", terms)
    shop.start_offer("demo", "f")
    line = [OrderLine(product="wine", quantity=2)]
    shop.settle([ops.placing("demo", viewer="v", key="k", lines=line)])
    shop.recover("demo", shop.snapshot("demo"))
    assert _findings(shop) == ""
    with shop._store.write() as connection:
        connection.execute(text(tampering))
    assert found in _findings(shop)


S = 90_000
START = 1000 * S
END = START + 60 * S


@pytest.fixture
def at_the_end(shop: Shop, draft: Callable[..., ProductDraft]) -> Shop:
    """A flash sale and a coupon of a minute in the picture, used in the very last tick that counts
    by somebody who was 4 s behind all along."""
    shop._utc_us = lambda: 10**15
    for product in ("wine", "jam"):
        shop.put_product("demo", product, draft(stock=9))
    flash = {"kind": "flash", "product": "wine", "price_minor": 700, "currency": "EUR"}
    coupon = {"kind": "coupon", "minor_off": 100, "currency": "EUR", "quota": 5}
    for name, terms in (("f", flash), ("c", coupon)):
        shop.put_offer("demo", name, terms)
        shop.start_offer("demo", name, duration_ms=60_000, at=MediaTime(media_epoch="e", pts=START))
    reports = tuple(
        Report(arrived=tick, pts=tick - 4 * S) for tick in range(START + 10 * S, END, 5 * S)
    )
    late = {
        "at": MediaTime(media_epoch="e", pts=END + 4 * S),
        "seen": Seen(media_epoch="e", reports=reports),
    }
    (claimed,) = shop.settle([ops.claiming("demo", viewer="v", offer="c", **late)]).outcomes  # type: ignore[arg-type]
    assert isinstance(claimed, ops.Claimed)
    line = [
        OrderLine(product="wine", quantity=2, offer="f"),
        OrderLine(product="jam", quantity=1),
    ]
    (placed,) = shop.settle(
        [
            ops.placing(
                "demo",
                viewer="v",
                key="k",
                lines=line,
                coupon=claimed.claim.code,
                **late,  # type: ignore[arg-type]
            )
        ]
    ).outcomes
    assert isinstance(placed, ops.OrderPlaced)
    shop.recover("demo", shop.snapshot("demo"))
    return shop


def _moved(shop: Shop, table: str, key: str, by: int) -> None:
    """Change what was judged by."""
    with shop._store.write() as connection:
        (judged,) = connection.execute(text(f"SELECT CAST(judged AS TEXT) FROM {table}")).one()  # noqa: S608
        said = json.loads(judged)
        *steps, last = key.split(".")
        inner = said
        for step in steps:
            inner = inner[step]
        inner[last] += by
        connection.execute(
            text(f"UPDATE {table} SET judged = CAST(:judged AS {_json(shop)})"),  # noqa: S608
            {"judged": json.dumps(said)},
        )


def _json(shop: Shop) -> str:
    return "JSON" if shop._store.dialect == "postgresql" else "TEXT"


def test_the_last_tick_is_in_time(at_the_end: Shop) -> None:
    assert _findings(at_the_end) == ""


@pytest.mark.parametrize(
    ("table", "key", "by"),
    [
        ("orders", "pts", 1),
        ("orders", "lags.f", -1),
        ("orders", "lags.f", 10 * S),
        ("orders", "lag", 10 * S),
        ("orders", "pts", -100 * S),
        ("claims", "pts", 1),
        ("claims", "lags.c", -1),
        ("claims", "pts", -64 * S - 1),
    ],
)
def test_a_tick_past_it_is_found(at_the_end: Shop, table: str, key: str, by: int) -> None:
    _moved(at_the_end, table, key, by)
    assert "in time" in _findings(at_the_end) or "in the time of f" in _findings(at_the_end)


def test_an_offer_that_ended_a_tick_earlier_is_found(at_the_end: Shop) -> None:
    with at_the_end._store.write() as connection:
        connection.execute(text("UPDATE offers SET ends_pts = ends_pts - 1"))
    found = _findings(at_the_end)
    assert "was not placed in the time of f" in found
    assert "a coupon that was not claimed in time" in found
