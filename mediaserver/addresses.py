"""Network addresses: whose is a request, which ones are one party, what can be bound here."""

import ipaddress
import socket
from collections.abc import Iterable, Sequence

MAPPED = "::ffff:"
"""What a socket of both families puts before an IPv4 address (RFC 4291 §2.5.5.2)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PARTY_BITS = 64
"""An IPv6 customer has at least a /64 to choose addresses from (RFC 6177)."""


def party(address: str) -> str:
    """Whom a limit counts `address` for: an IPv4 address, or an IPv6 network of 64 bits.

    What is no address (a peer behind a Unix socket) is a party of its own.
    """
    ip = _parsed(address)
    if ip is None:
        return "other"
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((int(ip) >> _PARTY_BITS << _PARTY_BITS, _PARTY_BITS)))


def client_address(peer: str, claims: Iterable[str], trusted: Sequence[Network]) -> str:
    """Whose request it is that came from `peer` with these X-Forwarded-For fields.

    A claim counts only as far as trusted proxies have written it: read from its end, the first
    address that is none of theirs is the client's.
    """
    hops = [hop.strip() for claim in claims for hop in claim.split(",")]
    client = peer
    while hops and is_of(client, trusted):
        client = hops.pop()
    return client if _parsed(client) is not None else peer


def is_of(address: str, networks: Sequence[Network]) -> bool:
    """Whether `address` lies in one of `networks`."""
    ip = _parsed(address)
    return ip is not None and any(ip in network for network in networks)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return (ip.version == 6 and ip.ipv4_mapped) or ip


def bindable(host: str) -> str:
    """`host`, or all of IPv4 where `host` is all of IPv6 and this machine has no IPv6."""
    if host != "::":
        return host
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return "0.0.0.0"  # noqa: S104 - the operator asked for every address
    return host
