"""The one way out: an HTTP client for addresses that strangers and hosts give us.

A request goes to a public address or nowhere. The name is resolved here, every address it has must
be public, and the connection is made to one of those very addresses, so that a second answer of
the name server changes nothing. No redirects, no cookies, no proxies, no compression, https unless
configured, few ports, and every size and time bounded.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from mediaserver.config import OutgoingConfig
from overlay.outgoing import OutgoingFailed, OutgoingReply

MAX_URL_CHARS = 2000
MAX_CONNECTIONS = 16
MAX_HEADER_BYTES = 16 * 1024
RESOLVE_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5.0
_READ_BYTES = 64 * 1024

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PORTS = {"https": 443, "http": 80}
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""RFC 4291 §2.4; all other IPv6 is special in one way or another."""
_TUNNELS = tuple(ipaddress.ip_network(net) for net in ("2001::/32", "2002::/16"))
"""Teredo and 6to4: an IPv4 address is inside, which may be any."""
_SPECIAL = tuple(ipaddress.ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24"))
"""Protocol assignments (a cloud keeps its metadata there), and the relays of 6to4."""

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host name → its addresses as texts. Raises `OSError`."""


def is_public(address: str) -> bool:
    """Whether `address` is one that anybody on the internet can have.

    Not private, loopback, link-local (where clouds keep their metadata), shared, multicast,
    reserved, nor an IPv6 address that carries an IPv4 one.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed not in _GLOBAL_UNICAST or any(parsed in tunnel for tunnel in _TUNNELS):
            return False
    elif any(parsed in net for net in _SPECIAL):
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


async def resolve(host: str) -> Sequence[str]:
    """By the system's own means."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [str(info[4][0]) for info in found]


class SafeClient:
    """An `overlay.outgoing.Outgoing`. Use it as an asynchronous context manager.

    At most `MAX_CONNECTIONS` requests are under way; one more waits within its own time.
    """

    def __init__(self, config: OutgoingConfig, *, resolve: Resolve = resolve) -> None:
        self._config = config
        self._resolver = _CheckedResolver(resolve, allow_private=config.allow_private)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "SafeClient":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                limit=MAX_CONNECTIONS,
                force_close=True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            headers={"User-Agent": "Comptoir", "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int,
        timeout_s: float | None = None,
        cut: bool = False,
    ) -> OutgoingReply:
        """See `overlay.outgoing.Outgoing.request`."""
        if self._session is None:
            raise RuntimeError("the client is used outside of its context")
        target = self._checked(url)
        limit_s = min(self._config.timeout_s, timeout_s or self._config.timeout_s)
        host = target.host or ""
        try:
            async with (
                asyncio.timeout(limit_s),
                self._session.request(
                    method,
                    target,
                    headers=dict(headers or {}),
                    data=body,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
                ) as response,
            ):
                return await _reply(response, max_bytes, cut=cut)
        except TimeoutError:
            raise OutgoingFailed(f"{host} took more than {limit_s:g} seconds.") from None
        except _Refused as exc:
            raise OutgoingFailed(str(exc)) from None
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            refused = _refusal_in(exc)
            reason = str(refused) if refused else f"{host} cannot be asked: {_reason(exc)}."
            raise OutgoingFailed(reason) from None

    async def check(self, url: str) -> None:
        """Raise `OutgoingFailed` unless requests may go to `url`, as its host is known now."""
        host = self._checked(url).host or ""
        if _literal(host) is not None:
            return
        try:
            await self._resolver.resolve(host)
        except _Refused as exc:
            raise OutgoingFailed(str(exc)) from None
        except (OSError, TimeoutError, ValueError):
            raise OutgoingFailed(f"{host} is not known to the name server.") from None

    def _checked(self, url: str) -> URL:
        """The address, if requests may go there. Raises `OutgoingFailed`."""
        schemes = ("https", "http") if self._config.allow_http else ("https",)
        if len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
            raise OutgoingFailed("The address is too long, or not written in printable ASCII.")
        parts = _split(url)
        if parts is None or parts.scheme not in schemes or not parts.hostname:
            raise OutgoingFailed(f"The address must begin with {' or '.join(schemes)}://.")
        if parts.username is not None or parts.password is not None or "\\" in url:
            raise OutgoingFailed("The address must hold no user name, password or backslash.")
        try:
            port = parts.port or _PORTS[parts.scheme]
        except ValueError:
            raise OutgoingFailed("The address has no legal port.") from None
        if self._config.ports and port not in self._config.ports:
            allowed = ", ".join(map(str, self._config.ports))
            raise OutgoingFailed(f"Port {port} is not allowed here; {allowed} are.")
        self._check_host(parts.hostname)
        try:
            return URL(url, encoded=True)
        except ValueError:
            raise OutgoingFailed("The address is not well formed.") from None

    def _check_host(self, host: str) -> None:
        """Refuse what is no plain name and no plain address: ``0x7f.1``, ``2130706433`` …"""
        literal = _literal(host)
        if literal is not None:
            if not self._config.allow_private and not is_public(literal):
                raise OutgoingFailed(f"{host} is not a public address.")
            return
        labels = host.removesuffix(".").split(".")
        # WHATWG URL §3.5: a host that ends in a number is an IPv4 address, however it is written.
        numeric = re.fullmatch(r"[0-9]+|0[xX][0-9A-Fa-f]*", labels[-1]) is not None
        if numeric or len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
            raise OutgoingFailed("The host of the address is no name that can be asked for.")


class _Refused(OSError):
    """A name leads where no request may go."""


class _CheckedResolver(AbstractResolver):
    """Resolves to public addresses, or refuses; the connection goes to what is returned."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            addresses = list(dict.fromkeys(await self._resolve(host)))
        if not addresses:
            raise OSError(f"{host} has no address")
        if not self._allow_private and not all(map(is_public, addresses)):
            raise _Refused(f"{host} leads to an address that is not public.")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _reply(response: aiohttp.ClientResponse, max_bytes: int, *, cut: bool) -> OutgoingReply:
    host = response.url.host
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise OutgoingFailed(f"{host} answered compressed, which was not asked for.")
    if 300 <= response.status < 400 and response.status != 304:
        raise OutgoingFailed(
            f"{host} answered with a redirect ({response.status}); give the last address itself."
        )
    if (response.content_length or 0) > max_bytes and not cut:
        raise OutgoingFailed(f"{host} answered with more than {max_bytes} bytes.")
    body = bytearray()
    async for chunk in response.content.iter_chunked(_READ_BYTES):
        body += chunk
        if len(body) > max_bytes and cut:
            break
        if len(body) > max_bytes:
            raise OutgoingFailed(f"{host} answered with more than {max_bytes} bytes.")
    return OutgoingReply(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=bytes(body[:max_bytes]),
    )


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _literal(host: str) -> str | None:
    """`host`, if it is an address as everybody writes it."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _refusal_in(exc: BaseException) -> _Refused | None:
    """Our refusal inside what the connector made of it."""
    found: BaseException | None = exc
    while found is not None:
        if isinstance(found, _Refused):
            return found
        inner = getattr(found, "os_error", None)
        found = inner if isinstance(inner, BaseException) and inner is not found else (
            found.__cause__ or found.__context__
        )  # fmt: skip
    return None


def _reason(exc: BaseException) -> str:
    text = " ".join(str(exc).split())[:200].rstrip(".")
    return text or type(exc).__name__
