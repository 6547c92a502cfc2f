"""What a request for an event socket may say, before it is upgraded. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mediaserver.gateway.event_frames import SUBPROTOCOLS

_SINCE = re.compile(r"(?P<epoch>[A-Za-z0-9._-]{1,64}):(?P<offset>0|[1-9][0-9]{0,14})")
_TOKEN = re.compile(r"[!-~]{1,128}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class BadEventRequest(Exception):
    """The sentence says what is wrong with the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """The last event that a client has seen."""

    epoch: str
    offset: int


def parse_since(values: Sequence[str]) -> Since | None:
    """The place to go on from, of all values of ``since``; None where there is none. Raises
    `BadEventRequest`."""
    if not values:
        return None
    match = _SINCE.fullmatch(values[0])
    if match is None or len(values) > 1:
        raise BadEventRequest("since is one {epoch}:{offset}, as the last message gave them.")
    return Since(epoch=match["epoch"], offset=int(match["offset"]))


def viewer_token(cookie: str | None) -> str | None:
    """The value of the viewer's cookie where it may be one of ours; None for any other.

    Header bytes that are no UTF-8 come as lone surrogates, which cannot be sent to main.
    """
    return cookie if cookie is not None and _TOKEN.fullmatch(cookie) else None


def choose_subprotocol(header: str | None) -> str | None:
    """The first of ours in ``Sec-WebSocket-Protocol``; None where none is offered.

    A client that offers others only would take a socket without a subprotocol for broken, so that
    raises `BadEventRequest`.
    """
    if header is None:
        return None
    for offered in header.split(","):
        if offered.strip() in SUBPROTOCOLS:
            return offered.strip()
    raise BadEventRequest(f"The subprotocols here are {' and '.join(SUBPROTOCOLS)}.")


def origin_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of `origin` may open a socket at `host` (the ``Host`` field).

    RFC 6455 §10.2: browsers name the page's origin. It must be this very host, on the default port
    of the page's scheme where Host names none (a proxy may have ended TLS), or be `allowed`. Who
    names none is no browser.
    """
    if origin is None:
        return True
    page = _authority(origin)
    if page is None:
        return False
    if any(page == _authority(entry) for entry in allowed):
        return True
    here = _authority(f"{page[0]}://{host}")
    return page == here


def _authority(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a serialised origin (RFC 6454 §6.1); None for anything else."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme, parts.hostname
    if scheme not in _DEFAULT_PORTS or not host or parts.username is not None:
        return None
    if parts.path or parts.query or parts.fragment:
        return None
    return scheme, host, _DEFAULT_PORTS[scheme] if port is None else port
