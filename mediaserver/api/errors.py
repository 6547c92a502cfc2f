"""How an error becomes a response: one table, one JSON form, CORS on every answer."""

import math
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from mediaserver.errors import RequestRefused
from overlay.errors import ShopError, StoreUnavailable

log = structlog.get_logger()

CORS: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Accept-Patch, Retry-After",
}

_SENTENCES = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The request is too large."),
}

_SHOP_STATUSES = {
    "invalid": 400,
    "not_importable": 400,
    "outgoing_failed": 422,
    "unknown_product": 404,
    "unknown_order": 404,
    "sold_out": 409,
    "cap_reached": 409,
    "not_live": 409,
    "unknown_offer": 404,
    "offer_not_begun": 409,
    "offer_over": 409,
    "quota_reached": 409,
    "code_unknown": 409,
    "price_changed": 409,
    "offer_settled": 409,
    "nothing_to_undo": 409,
    "hold_gone": 409,
    "order_settled": 409,
    "stock_in_use": 409,
    "cart_changed": 409,
    "checkout_refused": 422,
    "signature_refused": 400,
    "unknown_webhook": 404,
    "unknown_message": 404,
    "cue_conflict": 409,
    "cue_refused": 422,
    "idempotency_mismatch": 422,
}

SHOP_AWAY = (
    "The shop's database is not to be had just now, so nothing was changed; the picture goes on. "
    "Try again in a moment."
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def error_response(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    field: str | None = None,
) -> web.Response:
    """The one form of an error; `field` is the part of the request that is to blame."""
    fault = {"code": code, "message": message, **({"field": field} if field else {})}
    return web.json_response(
        {"error": fault},
        status=status,
        headers={**CORS, "Cache-Control": "no-store", **(headers or {})},
    )


@web.middleware
async def errors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into the one form; nothing else reaches a client."""
    try:
        return await handler(request)
    except RequestRefused as exc:
        return _refusal(exc.status, exc.code, str(exc), exc.field, exc.retry_after_s)
    except StoreUnavailable:  # the desk has logged why; a path or a host name is nobody else's
        return _refusal(503, StoreUnavailable.code, SHOP_AWAY, None)
    except ShopError as exc:
        return _refusal(_SHOP_STATUSES.get(exc.code, 500), exc.code, str(exc), exc.field)
    except web.HTTPException as exc:
        code, message = _SENTENCES.get(exc.status, ("http_error", exc.reason))
        headers = {"Allow": exc.headers["Allow"]} if "Allow" in exc.headers else {}
        return error_response(exc.status, code, message, headers)
    except Exception:
        log.exception("request_failed", method=request.method, path=request.path)
        return error_response(500, "internal_error", "The server failed; its log says why.")


def _refusal(
    status: int, code: str, message: str, field: str | None, retry_after_s: float | None = None
) -> web.Response:
    headers = {}
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="comptoir"'
    if status == 503:
        headers.setdefault("Retry-After", "1")
    return error_response(status, code, message, headers, field=field)
