"""Stripe Checkout: the session that a buyer is sent to, and what Stripe's webhook says of it.

A session is made with the order's number as idempotency key, so that asking again gives the same.
It lives as long as the order, but for Stripe's least of 30 minutes; who pays in what is left after
the order has expired has paid late. Signatures are Stripe's scheme v1: HMAC-SHA256 of the time, a
dot and the body, as ``t=…,v1=…``, with several ``v1`` while a secret is rolled.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from overlay.checkout.terms import CheckoutRefused, CheckoutTerms, Handed
from overlay.errors import InvalidInput
from overlay.outgoing import Outgoing

TOLERANCE_S = 300
"""How far the time of a signature may be from ours."""
MIN_SESSION_S = 31 * 60
"""Stripe's least is 30 minutes, from when it is asked."""
MAX_REPLY_BYTES = 256 * 1024
MAX_EVENT_BYTES = 256 * 1024
API_VERSION = "2024-06-20"

_HEADER = re.compile(r"[ -~]{1,2000}")
_PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
_OVER = ("checkout.session.expired", "checkout.session.async_payment_failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionNews:
    """What became of a session."""

    became: Literal["paid", "over"]
    show: str
    order: str
    reference: str
    """The payment's id, or the session's where there is none."""
    total_minor: int | None
    currency: str


class SignatureRefused(InvalidInput):
    """The signature is missing, wrong, or too old."""

    code = "signature_refused"


class Stripe:
    """Makes sessions."""

    def __init__(self, outgoing: Outgoing, *, secret_key: str, api_base: str) -> None:
        self._outgoing = outgoing
        self._secret_key = secret_key
        self._api_base = api_base.rstrip("/")

    async def session_url(self, terms: CheckoutTerms, handed: Handed) -> str:
        """The address of the order's session. Raises `OutgoingFailed`, `CheckoutRefused`."""
        reply = await self._outgoing.request(
            "POST",
            f"{self._api_base}/v1/checkout/sessions",
            headers={
                "Authorization": f"Bearer {self._secret_key}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Idempotency-Key": f"comptoir-{handed.show}-{handed.order.number}",
                "Stripe-Version": API_VERSION,
            },
            body=urlencode(list(session_form(terms, handed))).encode(),
            max_bytes=MAX_REPLY_BYTES,
        )
        plain = _object(reply.body)
        url = plain.get("url")
        if reply.status != 200 or not isinstance(url, str) or not _is_page(url):
            raise CheckoutRefused(f"Stripe does not take this order (it answered {reply.status}).")
        return url


def session_form(terms: CheckoutTerms, handed: Handed) -> Iterator[tuple[str, str]]:
    """The fields of ``POST /v1/checkout/sessions``."""
    order = handed.order
    since_s = order.utc_us // 1_000_000
    yield "mode", "payment"
    yield "success_url", terms.success_url
    yield "cancel_url", terms.cancel_url
    yield "client_reference_id", order.number
    yield "metadata[comptoir_show]", handed.show
    yield "metadata[comptoir_order]", order.number
    yield "payment_intent_data[metadata][comptoir_order]", order.number
    yield "expires_at", str(max((order.expires_us or 0) // 1_000_000, since_s + MIN_SESSION_S))
    for n, item in enumerate(order.items):
        line = f"line_items[{n}]"
        yield f"{line}[quantity]", str(item.quantity)
        yield f"{line}[price_data][currency]", order.currency.lower()
        yield f"{line}[price_data][unit_amount]", str(item.price_minor)
        name = f"{item.name} ({item.choice})" if item.choice else item.name
        yield f"{line}[price_data][product_data][name]", name


def checked(header: str | None, body: bytes, *, secret: str, now_s: float) -> None:
    """Raise `SignatureRefused` unless the header signs the body, within `TOLERANCE_S` of now."""
    time_s: str | None = None
    given: list[str] = []
    if header is None or not _HEADER.fullmatch(header):
        raise SignatureRefused("The Stripe-Signature header is missing or not well formed.")
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            time_s = value
        elif name == "v1":
            given.append(value)
    if time_s is None or not re.fullmatch(r"[0-9]{1,12}", time_s) or not given:
        raise SignatureRefused("The Stripe-Signature header is missing or not well formed.")
    signed = time_s.encode() + b"." + body
    right = hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
    if not any(hmac.compare_digest(right, each) for each in given):
        raise SignatureRefused("The signature is not ours to trust.")
    if abs(now_s - int(time_s)) > TOLERANCE_S:
        raise SignatureRefused("The signature is too old, or a clock is wrong.")


def read_event(body: bytes) -> SessionNews | None:
    """What an event says of one of our sessions; None for every other event."""
    event = _object(body)
    kind = event.get("type")
    session = _mapping(_mapping(event.get("data")).get("object"))
    metadata = _mapping(session.get("metadata"))
    show, order = metadata.get("comptoir_show"), metadata.get("comptoir_order")
    if not isinstance(show, str) or not isinstance(order, str):
        return None
    became: Literal["paid", "over"]
    if kind in _PAID and session.get("payment_status") in ("paid", "no_payment_required"):
        became = "paid"
    elif kind in _OVER:
        became = "over"
    else:
        return None
    total, currency = session.get("amount_total"), session.get("currency")
    reference = session.get("payment_intent") or session.get("id")
    return SessionNews(
        became=became,
        show=show,
        order=order,
        reference=reference if isinstance(reference, str) else order,
        total_minor=total if isinstance(total, int) else None,
        currency=currency.upper() if isinstance(currency, str) else "",
    )


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)
