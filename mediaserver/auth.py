"""Who may do what: the keys, the roles, and the permission table.

Every endpoint that main answers has a row in `PERMISSIONS`, and routes are made from these rows
alone, so there is no endpoint without one. A *host key* publishes and drives one show, the
*operator key* opens the API of every show, and a *viewer* is an anonymous signed cookie
(`mediaserver.viewers`).
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from enum import StrEnum

from mediaserver.config import Config


class Role(StrEnum):
    """Who is asking."""

    ANYONE = "anyone"
    HOST = "host"
    """Carries the host key of the show in question."""
    OPERATOR = "operator"
    """Carries the operator key."""
    VIEWER = "viewer"
    """Carries a viewer's cookie."""


_EVERYONE = frozenset(Role)
_HOST = frozenset({Role.HOST})
_STAFF = frozenset({Role.HOST, Role.OPERATOR})


PERMISSIONS: Mapping[str, frozenset[Role]] = {
    "OPTIONS /live/{show}/whip": _EVERYONE,
    "POST /live/{show}/whip": _HOST,
    "OPTIONS /whip": _EVERYONE,
    "POST /whip": _HOST,
    "OPTIONS /live/{show}/whip/{session}": _EVERYONE,
    "PATCH /live/{show}/whip/{session}": _HOST,
    "DELETE /live/{show}/whip/{session}": _HOST,
    "GET /readyz": _EVERYONE,
    "GET /api/v1/openapi.json": _EVERYONE,
    "GET /api/v1/shows": frozenset({Role.OPERATOR}),
    "GET /api/v1/shows/{show}": _STAFF,
    "GET /api/v1/shows/{show}/health": _STAFF,
    "GET /api/v1/shows/{show}/profile": frozenset({Role.OPERATOR}),
    "PUT /api/v1/shows/{show}/profile": frozenset({Role.OPERATOR}),
    "GET /api/v1/shows/{show}/products": _EVERYONE,
    "PUT /api/v1/shows/{show}/products/{id}": _STAFF,
    "DELETE /api/v1/shows/{show}/products/{id}": _STAFF,
    "GET /api/v1/shows/{show}/stock": _STAFF,
    "PUT /api/v1/shows/{show}/products/{id}/stock": _STAFF,
    "POST /api/v1/shows/{show}/products/import": _STAFF,
    "POST /api/v1/shows/{show}/products/import-from": _STAFF,
    "GET /api/v1/shows/{show}/products.csv": _STAFF,
    "POST /api/v1/shows/{show}/pictures": _STAFF,
    "GET /api/v1/shows/{show}/cues": _STAFF,
    "POST /api/v1/shows/{show}/cues": _STAFF,
    "GET /api/v1/shows/{show}/offers": _STAFF,
    "PUT /api/v1/shows/{show}/offers/{id}": _STAFF,
    "DELETE /api/v1/shows/{show}/offers/{id}": _STAFF,
    "PUT /api/v1/shows/{show}/offers/{id}/codes": _STAFF,
    "POST /api/v1/shows/{show}/offers/{id}/start": _STAFF,
    "POST /api/v1/shows/{show}/offers/{id}/end": _STAFF,
    "POST /api/v1/shows/{show}/offers/{id}/cancel": _STAFF,
    "POST /api/v1/shows/{show}/offers/{id}/claim": frozenset({Role.VIEWER}),
    "GET /api/v1/shows/{show}/run": _STAFF,
    "PUT /api/v1/shows/{show}/run": _STAFF,
    "POST /api/v1/shows/{show}/run/{id}/pin": _STAFF,
    "POST /api/v1/shows/{show}/run/undo": _STAFF,
    "POST /api/v1/shows/{show}/products/{id}/sold-out": _STAFF,
    "DELETE /api/v1/shows/{show}/products/{id}/sold-out": _STAFF,
    "POST /api/v1/shows/{show}/rehearsal": _STAFF,
    "POST /api/v1/viewer": _EVERYONE,
    "POST /api/v1/shows/{show}/orders": frozenset({Role.VIEWER}),
    "GET /api/v1/shows/{show}/my-orders": frozenset({Role.VIEWER}),
    "GET /api/v1/shows/{show}/my-orders/{id}": frozenset({Role.VIEWER}),
    "GET /api/v1/shows/{show}/orders": _STAFF,
    "GET /api/v1/shows/{show}/orders.csv": _STAFF,
    "GET /api/v1/shows/{show}/orders/{id}": _STAFF,
    "POST /api/v1/shows/{show}/orders/{id}/payment": _STAFF,
    "POST /api/v1/shows/{show}/orders/{id}/cancel": _STAFF,
    "PUT /api/v1/shows/{show}/orders/{id}/note": _STAFF,
    "POST /api/v1/shows/{show}/my-orders/{id}/checkout": frozenset({Role.VIEWER}),
    "GET /api/v1/shows/{show}/cart": frozenset({Role.VIEWER}),
    "PUT /api/v1/shows/{show}/cart": frozenset({Role.VIEWER}),
    "GET /api/v1/shows/{show}/carts/{id}": frozenset({Role.OPERATOR}),
    "PUT /api/v1/shows/{show}/carts/{id}": frozenset({Role.OPERATOR}),
    "POST /api/v1/stripe/webhook": _EVERYONE,
    "GET /api/v1/webhooks": frozenset({Role.OPERATOR}),
    "POST /api/v1/webhooks": frozenset({Role.OPERATOR}),
    "GET /api/v1/webhooks/{id}": frozenset({Role.OPERATOR}),
    "PATCH /api/v1/webhooks/{id}": frozenset({Role.OPERATOR}),
    "DELETE /api/v1/webhooks/{id}": frozenset({Role.OPERATOR}),
    "POST /api/v1/webhooks/{id}/rotate": frozenset({Role.OPERATOR}),
    "GET /api/v1/webhooks/{id}/deliveries": frozenset({Role.OPERATOR}),
    "POST /api/v1/webhooks/{id}/deliveries/{message}/redeliver": frozenset({Role.OPERATOR}),
}
"""``METHOD path`` → the roles that may. What is not listed is not answered."""


def new_key() -> str:
    """A key that nobody guesses: 32 characters, 192 bits."""
    return secrets.token_urlsafe(24)


class KeyRing:
    """The keys of hosts and operator, kept as digests: nothing here can leak a key, and looking one
    up takes the same time whether it is right or wrong."""

    def __init__(self, keys: Mapping[str, str], *, operator: str = "") -> None:
        self._operator = _digest(operator) if operator else b""
        self._digests = {show: _digest(key) for show, key in keys.items() if key}

    @classmethod
    def of(cls, config: Config) -> "KeyRing":
        """The ring of a configuration. A show without a key has no host."""
        return cls(
            {name: show.host_key.get_secret_value() for name, show in config.shows.items()},
            operator=config.operator_key.get_secret_value(),
        )

    def is_operator(self, token: str) -> bool:
        """Whether `token` is the operator key."""
        return hmac.compare_digest(self._operator, _digest(token))

    def is_host(self, show: str, token: str) -> bool:
        """Whether `token` is the host key of `show`."""
        right = self._digests.get(show, b"")
        return hmac.compare_digest(right, _digest(token))

    def show_of(self, token: str) -> str | None:
        """The show whose host key `token` is."""
        given = _digest(token)
        found = [show for show, key in self._digests.items() if hmac.compare_digest(key, given)]
        return found[0] if found else None


def bearer_token(header: str | None) -> str | None:
    """The token of an ``Authorization: Bearer`` header (RFC 6750 §2.1), or None."""
    scheme, _, token = (header or "").strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
