"""The hand-off: a signed address of the merchant's own page, and the Shopify cart permalink. Pure.

``payload`` is the order as JSON, in URL-safe base64 without padding (RFC 4648 §5); ``signature`` is
HMAC-SHA256 (RFC 2104) of the text of ``payload`` with the show's secret, in hexadecimal.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode, urlsplit

from overlay.checkout.terms import CheckoutRefused, CheckoutTerms, Handed

_SHOPIFY_ID = re.compile(r"[0-9]{1,20}")


def address(terms: CheckoutTerms, handed: Handed) -> str:
    """Where the buyer goes. The same for the same order, however often it is asked for."""
    order = handed.order
    plain = {
        "order": order.number,
        "show": handed.show,
        "viewer": handed.viewer,
        "items": [
            {
                "sku": handed.skus.get((item.product, item.variant), ""),
                "product": item.product,
                "variant": item.variant,
                "quantity": item.quantity,
                "price_minor": item.price_minor,
            }
            for item in order.items
        ],
        "total_minor": order.total_minor,
        "currency": order.currency,
        "expires": (order.expires_us or 0) // 1_000_000,
    }
    text = json.dumps(plain, separators=(",", ":")).encode()
    payload = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    signed = urlencode({"payload": payload, "signature": signature(payload, terms.secret)})
    return f"{terms.url}{'&' if urlsplit(terms.url).query else '?'}{signed}"


def signature(payload: str, secret: str) -> str:
    """Of the text of ``payload``."""
    return hmac.digest(secret.encode(), payload.encode(), hashlib.sha256).hex()


def shopify_address(terms: CheckoutTerms, handed: Handed) -> str:
    """The permalink of a cart with these variants. Raises `CheckoutRefused`.

    Shopify asks its own prices. Our order's number goes along as a cart attribute, and comes back
    in the order's `note_attributes`.
    """
    lines = ",".join(_shopify_lines(terms, handed))
    attributes = urlencode(
        {
            "attributes[comptoir_order]": handed.order.number,
            "attributes[comptoir_show]": handed.show,
        }
    )
    return f"https://{terms.shop}/cart/{quote(lines, safe=':,')}?{attributes}"


def _shopify_lines(terms: CheckoutTerms, handed: Handed) -> Iterator[str]:
    for item in handed.order.items:
        sku = handed.skus.get((item.product, item.variant), "")
        number = terms.variants.get(sku, sku)
        if not _SHOPIFY_ID.fullmatch(number):
            raise CheckoutRefused(
                f"{item.name} cannot be bought there: its SKU names no variant of the shop.",
                field=item.product,
            )
        yield f"{number}:{item.quantity}"
