"""Who is asking, and may they? Decided from the permission table's row, before a body is read."""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from mediaserver.addresses import party
from mediaserver.auth import PERMISSIONS, KeyRing, Role, bearer_token
from mediaserver.errors import RequestRefused
from mediaserver.limits import Door
from mediaserver.viewers import COOKIE, ViewerTokens

WRONG_KEYS_PER_MINUTE = 20
"""From one address; beyond it no key of that address is looked at, right or wrong."""
MAX_WRONG_KEYS = 10_000
"""That are remembered as wrong: the one that nobody has tried for longest is forgotten first."""

_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who may."""

    role: Role
    viewer: str | None = None
    """The viewer's id, of a `Role.VIEWER`."""


class Access:
    """The keys, the cookie and the shows that requests are held against."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        viewers: ViewerTokens,
        shows: Collection[str],
        public_url: str = "",
        door: Door | None = None,
    ) -> None:
        """`door` counts wrong keys; by default with `WRONG_KEYS_PER_MINUTE`."""
        self._keys = keys
        self._viewers = viewers
        self._shows = shows
        self._public_host = urlsplit(public_url).netloc.lower()
        self._door = door or Door(per_minute=WRONG_KEYS_PER_MINUTE)
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        """Digests of keys that were wrong, each with the party it came from."""

    def admit(self, request: web.Request, row: str) -> Caller:
        """The caller, in a role that `row` names. Raises `RequestRefused`: 401, 403, 404, 429."""
        roles = PERMISSIONS[row]
        show = request.match_info.get("show")
        if Role.ANYONE in roles:
            self._require_show(show)
            return Caller(role=Role.ANYONE)
        if Role.VIEWER in roles:
            caller = self._viewer(request)
        else:
            caller = self._staff(request, roles, show)
        self._require_show(show)
        return caller

    def viewer(self, request: web.Request) -> str | None:
        """The id in the viewer's cookie, if we have signed it."""
        return self._viewers.viewer(request.cookies.get(COOKIE, ""))

    def require_same_origin(self, request: web.Request) -> None:
        """Cookies come along with whatever page asks, so only our own pages may ask with one.

        A browser names the page's origin in every unsafe request (Fetch §3.2); other clients name
        none. Raises `RequestRefused`.
        """
        origin = request.headers.get("Origin")
        if origin is None or request.method in _SAFE:
            return
        host = request.headers.get("X-Forwarded-Host", request.host).lower()
        asked = _netloc(origin)
        if not asked or asked not in (host, self._public_host):
            raise RequestRefused(
                403, "foreign_origin", "Pages of another origin cannot do this for a viewer."
            )

    def _viewer(self, request: web.Request) -> Caller:
        self.require_same_origin(request)
        if request.method not in _SAFE and request.content_type != "application/json":
            raise RequestRefused(
                415, "wrong_content_type", "The Content-Type must be application/json."
            )
        viewer = self.viewer(request)
        if viewer is None:
            raise RequestRefused(
                401, "viewer_missing", "Ask for a viewer's cookie first: POST /api/v1/viewer."
            )
        return Caller(role=Role.VIEWER, viewer=viewer)

    def _staff(self, request: web.Request, roles: Collection[Role], show: str | None) -> Caller:
        token = bearer_token(request.headers.get("Authorization"))
        if token is None:
            if self.viewer(request) is not None:
                raise RequestRefused(
                    403, "not_for_viewers", "Viewers may not do this: it needs a key."
                )
            raise RequestRefused(401, "key_missing", "Send the key as Authorization: Bearer.")
        address = client_address(request)
        self._refuse_guessing(address)
        if Role.OPERATOR in roles and self._keys.is_operator(token):
            return Caller(role=Role.OPERATOR)
        if Role.HOST in roles and show is not None and self._keys.is_host(show, token):
            return Caller(role=Role.HOST)
        self._count_wrong(address, token)
        raise RequestRefused(403, "wrong_key", "This key does not open that.")

    def _refuse_guessing(self, address: str) -> None:
        """Before the key is looked at, or guessing would go on by the one that is not refused."""
        wait_s = self._door.wait_s(address)
        if wait_s is not None:
            raise RequestRefused(
                429,
                "too_many_wrong_keys",
                f"Too many wrong keys came from this address; wait {math.ceil(wait_s)} s.",
                retry_after_s=wait_s,
            )

    def _count_wrong(self, address: str, token: str) -> None:
        """The same wrong key again is no guess: a page left open with an old key asks on and on,
        and must not lock out who shares its address."""
        said = f"{party(address)} {token}".encode("utf-8", "surrogateescape")
        digest = hashlib.sha256(said).digest()
        if digest not in self._wrong:
            self._door.knock(address)
        self._wrong[digest] = None
        self._wrong.move_to_end(digest)
        if len(self._wrong) > MAX_WRONG_KEYS:
            self._wrong.popitem(last=False)

    def _require_show(self, show: str | None) -> None:
        if show is not None and show not in self._shows:
            raise RequestRefused(404, "unknown_show", "There is no show of this name.")


def client_address(request: web.Request) -> str:
    """The client's, as the gateway saw it: it puts it there itself."""
    return request.headers.get("X-Forwarded-For") or request.remote or ""


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
