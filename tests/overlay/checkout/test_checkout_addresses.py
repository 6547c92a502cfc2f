"""Signed hand-offs, Shopify's permalinks, Stripe's forms and signatures."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overlay.checkout import handoff, stripe
from overlay.checkout.stripe import SignatureRefused
from overlay.checkout.terms import CheckoutRefused, CheckoutTerms, Handed
from overlay.orders.values import Order, OrderItem

SECRET = "a-secret-of-the-merchant"
TERMS = CheckoutTerms(kind="handoff", url="https://shop.example/pay?from=live", secret=SECRET)
BODY = b'{"type":"x"}'


def item(product: str = "wine", **more: Any) -> OrderItem:
    given: dict[str, Any] = {
        "product": product, "variant": "default", "name": "Wine & more", "choice": "",
        "quantity": 2, "price_minor": 1250, "list_minor": 1500, "offer": None,
    }  # fmt: skip
    return OrderItem(**{**given, **more})


def handed(*items: OrderItem, **skus: str) -> Handed:
    lines = items or (item(),)
    order = Order(
        number="K7Q2-9XFM", utc_us=1_700_000_000_000_000, state="held", checkout="handoff",
        expires_us=1_700_001_800_000_000, items=lines,
        total_minor=sum(each.price_minor * each.quantity for each in lines), currency="EUR",
    )  # fmt: skip
    return Handed(
        show="one", viewer="anna", order=order,
        skus={(product, "default"): sku for product, sku in skus.items()},
    )  # fmt: skip


def verified(url: str, secret: str) -> dict[str, Any]:
    """The recipe of docs/checkout.md."""
    query = parse_qs(urlsplit(url).query)
    payload, signature = query["payload"][0], query["signature"][0]
    right = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right, signature):
        raise ValueError("not signed by the shop")
    plain: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return plain


def test_the_merchant_can_trust_what_is_handed_over() -> None:
    url = handoff.address(TERMS, handed(wine="SKU-1"))
    assert url.startswith("https://shop.example/pay?from=live&payload=")
    assert verified(url, SECRET) == {
        "order": "K7Q2-9XFM",
        "show": "one",
        "viewer": "anna",
        "items": [
            {
                "sku": "SKU-1", "product": "wine", "variant": "default", "quantity": 2,
                "price_minor": 1250,
            }
        ],
        "total_minor": 2500,
        "currency": "EUR",
        "expires": 1_700_001_800,
    }  # fmt: skip
    assert handoff.address(TERMS, handed(wine="SKU-1")) == url
    with pytest.raises(ValueError, match="not signed"):
        verified(url, "another-secret-of-somebody")
    with pytest.raises(ValueError, match="not signed"):
        verified(url.replace("payload=e", "payload=f"), SECRET)


def test_the_largest_order_fits_into_an_address() -> None:
    items = [item("p" * 60 + str(n), variant="v" * 60, quantity=99) for n in range(50)]
    assert len(handoff.address(TERMS, handed(*items))) < 16_384


def test_shopify_gets_its_own_numbers() -> None:
    terms = CheckoutTerms(kind="shopify", shop="a.myshopify.com", variants={"JAM-1": "407"})
    url = handoff.shopify_address(
        terms, handed(item(), item("jam", quantity=1), wine="31", jam="JAM-1")
    )
    parts = urlsplit(url)
    assert (parts.hostname, parts.path) == ("a.myshopify.com", "/cart/31:2,407:1")
    assert parse_qs(parts.query)["attributes[comptoir_order]"] == ["K7Q2-9XFM"]
    for skus in ({}, {"wine": "x"}, {"wine": "../admin"}, {"wine": "1:9,2"}):
        with pytest.raises(CheckoutRefused) as refused:
            handoff.shopify_address(terms, handed(**skus))
        assert refused.value.field == "wine"


def test_what_stripe_is_asked_for() -> None:
    terms = CheckoutTerms(kind="stripe", success_url="https://a/ok", cancel_url="https://a/no")
    form = dict(stripe.session_form(terms, handed(item(choice="M / red"))))
    assert form["mode"] == "payment"
    assert form["line_items[0][price_data][unit_amount]"] == "1250"
    assert form["line_items[0][price_data][currency]"] == "eur"
    assert form["line_items[0][price_data][product_data][name]"] == "Wine & more (M / red)"
    assert form["metadata[comptoir_order]"] == "K7Q2-9XFM"
    assert int(form["expires_at"]) == 1_700_000_000 + stripe.MIN_SESSION_S


def sign(body: bytes = BODY, secret: str = SECRET, time_s: int = 1000) -> str:
    digest = hmac.new(secret.encode(), b"%d." % time_s + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"


@pytest.mark.parametrize(
    "header",
    [
        sign(),
        sign() + ",v0=abc",
        f"t=1000,v1={'0' * 64},{sign().partition(',')[2]}",
        sign().replace(",", ", "),
        sign(time_s=701),
        sign(time_s=1299),
    ],
)
def test_a_signature_that_holds(header: str) -> None:
    stripe.checked(header, BODY, secret=SECRET, now_s=1000.5)


@pytest.mark.parametrize(
    "header",
    [
        None, "", "t=1000", "v1=abc", sign(body=b"{}"), sign(secret="x"), sign(time_s=699),
        sign(time_s=1302), sign().replace("v1", "v0"), sign().replace("t=1000", "t=1001"),
        "t=é,v1=a", sign() + ",t=5", "t=99999999999999,v1=a", "x" * 5000,
    ],
)  # fmt: skip
def test_a_signature_that_does_not(header: str | None) -> None:
    with pytest.raises(SignatureRefused):
        stripe.checked(header, BODY, secret=SECRET, now_s=1000.5)


@given(st.one_of(st.text(max_size=80), st.from_regex(r"t=[0-9]{1,15},v1=.{0,70}", fullmatch=True)))
def test_no_header_is_a_signature_by_chance(header: str) -> None:
    with pytest.raises(SignatureRefused):
        stripe.checked(header, BODY, secret=SECRET, now_s=1000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@given(st.binary(max_size=60) | JSON.map(lambda plain: json.dumps(plain).encode()))
def test_no_body_is_an_event_by_chance(body: bytes) -> None:
    assert stripe.read_event(body) is None


@given(data=JSON, session=JSON, metadata=JSON)
def test_whatever_is_in_an_event_it_is_read(data: Any, session: Any, metadata: Any) -> None:
    known = {"comptoir_show": "one", "comptoir_order": "K7Q2-9XFM"}
    for inside in (metadata, known):
        events = [
            {"type": "checkout.session.completed", "data": data},
            {"type": "checkout.session.expired", "data": {"object": session}},
            {
                "type": "checkout.session.expired",
                "data": {"object": {"id": session, "metadata": inside, "currency": data}},
            },
        ]
        for event in events:
            news = stripe.read_event(json.dumps(event).encode())
            assert news is None or (news.show, news.order) == ("one", "K7Q2-9XFM")
