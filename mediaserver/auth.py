"""Who may do what: the keys, the roles, and the permission table.

Every endpoint that main answers has a row in `PERMISSIONS`, and routes are made from these rows
alone, so there is no endpoint without one. A *host key* publishes and drives one show.
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


PERMISSIONS: Mapping[str, frozenset[Role]] = {
    "OPTIONS /live/{show}/whip": frozenset({Role.ANYONE, Role.HOST}),
    "POST /live/{show}/whip": frozenset({Role.HOST}),
    "OPTIONS /whip": frozenset({Role.ANYONE, Role.HOST}),
    "POST /whip": frozenset({Role.HOST}),
    "OPTIONS /live/{show}/whip/{session}": frozenset({Role.ANYONE, Role.HOST}),
    "PATCH /live/{show}/whip/{session}": frozenset({Role.HOST}),
    "DELETE /live/{show}/whip/{session}": frozenset({Role.HOST}),
    "GET /readyz": frozenset({Role.ANYONE, Role.HOST}),
}
"""``METHOD path`` → the roles that may. What is not listed is not answered."""


def new_key() -> str:
    """A key that nobody guesses: 32 characters, 192 bits."""
    return secrets.token_urlsafe(24)


class KeyRing:
    """The host keys, kept as digests: nothing here can leak a key, and looking one up takes the
    same time whether it is right or wrong."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._digests = {show: _digest(key) for show, key in keys.items() if key}

    @classmethod
    def of(cls, config: Config) -> "KeyRing":
        """The ring of a configuration. A show without a key has no host."""
        return cls({name: s.host_key.get_secret_value() for name, s in config.shows.items()})

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
