"""The one UDP port of all publishes: whose datagram is it, and is it anybody's at all?

A connectivity check belongs to the session that its USERNAME names, an answer to a check to whoever
sent the check, and anything else to the session whose checks have proved the source address. The
rest is dropped and counted, at the price of a glance: empty datagrams, other protocols, media from
addresses that proved nothing. What strangers send makes no state here. Where such media carries the
stream id of a session, that session is told, since its publisher may have been given another
address on the way; it then asks that address to prove itself.

Owned by the ingest process, which opens it first and closes it last.
"""

import asyncio
import errno
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import structlog
from aioice import Candidate, stun
from aioice.candidate import candidate_priority
from aioice.ice import get_host_addresses

from mediaserver.addresses import MAPPED, bindable
from mediaserver.errors import StartError
from mediaserver.ingest.consent import Address, Awaited
from mediaserver.ingest.ice import PortConnection
from mediaserver.ingest.stun import (
    MAX_DATAGRAM_BYTES,
    is_request,
    local_ufrag,
    protocol_of,
    response_transaction,
    rtp_ssrc,
)

log = structlog.get_logger()

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_MAX_SOURCES = 4096


class UdpPort(asyncio.DatagramProtocol):
    """The socket and its two tables: sessions by user name fragment, and by proved address."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self.transactions: dict[bytes, Awaited] = {}
        self.dropped: Counter[str] = Counter()
        """Datagrams that were nobody's, by reason."""
        self._hosts = hosts
        self._by_ufrag: dict[str, PortConnection] = {}
        self._by_address: dict[Address, PortConnection] = {}
        self._by_source: dict[tuple[str | int, ...], tuple[PortConnection, Address]] = {}
        """`_by_address` once more, by what the socket calls an address: media takes this way."""
        self._by_ssrc: dict[int, PortConnection] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()
        self._mapped = False

    @classmethod
    async def open(cls, host: str, port: int, advertise: Sequence[str] = ()) -> "UdpPort":
        """Bind `host`:`port`. Raises `StartError` with a sentence when that cannot be."""
        host = bindable(host)
        sock = _bound_socket(host, port)
        _transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(advertise or local_addresses(host)), sock=sock
        )
        return protocol

    @property
    def port(self) -> int:
        """The port number that is bound."""
        return int(self._live().get_extra_info("sockname")[1])

    def candidates(self) -> Sequence[Candidate]:
        """A host candidate for every address the port is reached at, best first."""
        port = self.port
        return [
            Candidate(
                foundation=str(place + 1),
                component=1,
                transport="udp",
                priority=candidate_priority(1, "host", local_pref=65_535 - place),
                host=host,
                port=port,
                type="host",
            )
            for place, host in enumerate(self._hosts)
        ]

    def register(self, connection: PortConnection) -> None:
        """Deliver checks that name the connection's user name fragment to it."""
        self._by_ufrag[connection.local_username] = connection

    def claim(self, address: Address, connection: PortConnection) -> None:
        """Deliver media from `address` to `connection`, the last to have proved it."""
        if self._by_ufrag.get(connection.local_username) is connection:
            self._by_address[address] = connection
            self._by_source.clear()

    def disclaim(self, address: Address, connection: PortConnection) -> None:
        """Deliver media from `address` to `connection` no more."""
        if self._by_address.get(address) is connection:
            del self._by_address[address]
            self._by_source.clear()

    def expect(self, ssrc: int, connection: PortConnection) -> None:
        """Tell `connection` of addresses that send this RTP stream without having proved anything.
        The number of streams of a session is the session's to bound."""
        if self._by_ufrag.get(connection.local_username) is connection:
            self._by_ssrc[ssrc] = connection

    def release(self, connection: PortConnection) -> None:
        """Forget the connection, its addresses and its streams."""
        self._by_ufrag.pop(connection.local_username, None)
        _forget(self._by_address, connection)
        self._by_source.clear()
        _forget(self._by_ssrc, connection)

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram; nothing is sent once the port is closed."""
        if self._transport is None or self._transport.is_closing():
            return
        host, port = address
        if self._mapped and ":" not in host:
            host = MAPPED + host
        self._transport.sendto(data, (host, port))

    async def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
            await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        # asyncio's own UDP transport does not inherit from DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._mapped = transport.get_extra_info("socket").family == socket.AF_INET6

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        if not self._closed.done():
            self._closed.set_result(None)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error about somebody's address: its session notices by itself."""
        self.dropped["icmp"] += 1

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Hand a datagram to its session, or count why it has none."""
        proved = self._by_source.get(addr)
        if proved is not None and 0 < len(data) <= MAX_DATAGRAM_BYTES and 127 < data[0] < 192:
            sender, proved_address = proved
            sender.media_received(data, proved_address)
            return
        protocol = protocol_of(data)
        if protocol is None:
            self.dropped["empty" if not data else "other_protocol"] += 1
            return
        address = (str(addr[0]).removeprefix(MAPPED), int(addr[1]))
        if protocol == "stun":
            self._stun_received(data, address)
            return
        connection = self._by_address.get(address)
        if connection is None:
            self.dropped["unproved_address"] += 1
            ssrc = rtp_ssrc(data) if protocol == "rtp" else None
            moved = None if ssrc is None else self._by_ssrc.get(ssrc)
            if moved is not None:
                moved.suspect(address)
            return
        if len(self._by_source) >= _MAX_SOURCES:
            self._by_source.clear()
        self._by_source[addr] = connection, address
        connection.media_received(data, address)

    def _stun_received(self, data: bytes, address: Address) -> None:
        transaction = None
        connection = None
        if is_request(data):
            connection = self._by_ufrag.get(local_ufrag(data) or "")
        elif (transaction_id := response_transaction(data)) is not None:
            transaction = self.transactions.get(transaction_id)
        if connection is None and transaction is None:
            self.dropped["unknown_stun"] += 1
            return
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):
            self.dropped["malformed_stun"] += 1
            return
        if connection is not None:
            connection.checked(message, address)
        elif transaction is not None:
            transaction.response_received(message, address)

    def _live(self) -> asyncio.DatagramTransport:
        if self._transport is None:
            raise RuntimeError("the port is not open")
        return self._transport


def _forget(owners: dict[Any, PortConnection], connection: PortConnection) -> None:
    for key in [key for key, owner in owners.items() if owner is connection]:
        del owners[key]


def local_addresses(host: str) -> list[str]:
    """The addresses that a socket bound to `host` is reached at, loopback last."""
    if host == "0.0.0.0":  # noqa: S104 - compared, not bound
        return [*get_host_addresses(use_ipv4=True, use_ipv6=False), "127.0.0.1"]
    if host == "::":
        return [*get_host_addresses(use_ipv4=True, use_ipv6=True), "127.0.0.1", "::1"]
    return [host]


def _bound_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        if exc.errno == errno.EADDRINUSE:
            reason = "another program has it"
        else:
            reason = exc.strerror or str(exc)
        raise StartError(f"UDP port {port} on {host} cannot be opened: {reason}.") from None
    return sock
