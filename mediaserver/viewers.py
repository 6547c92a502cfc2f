"""Anonymous viewers: a signed cookie is all that a viewer is.

The cookie is ``v1.<id>.<signature>``, HMAC-SHA256 (RFC 2104) with a secret in the data folder. The
server keeps nothing per viewer, and a lost secret only makes everyone a new viewer.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from mediaserver.errors import StartError

COOKIE = "comptoir_viewer"
COOKIE_MAX_AGE_S = 365 * 24 * 3600
SECRET_BYTES = 32

_TOKEN = re.compile(r"(v1\.([A-Za-z0-9_-]{22}))\.([A-Za-z0-9_-]{43})")


class ViewerTokens:
    """Makes and reads the cookie's value."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def new(self) -> str:
        """The token of a new viewer: an id of 128 random bits, signed."""
        return self.token(secrets.token_urlsafe(16))

    def token(self, viewer: str) -> str:
        """The one token of a viewer's id."""
        body = f"v1.{viewer}"
        return f"{body}.{self._signature(body)}"

    def viewer(self, token: str) -> str | None:
        """The viewer's id, or None for what we have not signed."""
        found = _TOKEN.fullmatch(token)
        if found is None or not hmac.compare_digest(self._signature(found[1]), found[3]):
            return None
        return found[2]

    def _signature(self, body: str) -> str:
        digest = hmac.digest(self._secret, body.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def load_secret(path: Path) -> bytes:
    """The secret in `path`, made (mode 0600) where there is none. Raises `StartError`."""
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as exc:
        raise StartError(
            f"The viewers' secret {path} cannot be read or made: {exc.strerror}."
        ) from None
    if len(secret) != SECRET_BYTES:
        raise StartError(f"The viewers' secret {path} is damaged; delete it to have a new one.")
    return secret


def _make(path: Path) -> None:
    """Whole or not at all: a main that is killed here leaves only the temporary file."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
