"""ICE for one publish on the port that all publishes share: aioice's agent without its sockets.

aioice opens a socket per address and session. Here the agent (`PortConnection`) sends and receives
through a `SharedPort`, is always controlled (the publisher offers), learns the publisher's address
from the publisher's own checks only, and tells the port which addresses have proved themselves.
"""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from aioice import Candidate, Connection, stun
from aioice.candidate import candidate_priority
from aioice.ice import CandidatePair, StunProtocol
from aioice.utils import random_string

Address = tuple[str, int]

_MAX_REMOTE_ADDRESSES = 16
"""Addresses of one publisher that are remembered; past that the oldest idle one is forgotten."""

MAX_QUEUED_DATAGRAMS = 4096
"""About two seconds of a fast publish. When full, what arrives is dropped and counted."""


class SharedPort(Protocol):
    """What an agent needs of the UDP port."""

    transactions: dict[bytes, stun.Transaction]
    """Our checks that await an answer, of all sessions, by transaction id."""

    def candidates(self) -> Sequence[Candidate]:
        """The port's addresses, best first."""

    def register(self, connection: "PortConnection") -> None:
        """Deliver checks that name the connection's user name fragment to it."""

    def claim(self, address: Address, connection: "PortConnection") -> None:
        """Deliver media from `address` to the connection: a check has proved it."""

    def release(self, connection: "PortConnection") -> None:
        """Forget the connection and its addresses."""

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram; errors of the network are the network's."""


class PortConnection(Connection):
    """The ICE agent of one publish. `close` releases its place on the port."""

    def __init__(self, port: SharedPort) -> None:
        super().__init__(
            ice_controlling=False,
            local_username=random_string(8),
            local_password=random_string(24),
        )
        self._port = port
        self.arrival_ns = 0
        """The monotonic clock when the datagram came that `recv` returned last."""
        self.dropped = 0

    @property
    def closing(self) -> bool:
        """True once consent was lost (RFC 7675) or `close` was called."""
        return self._closing

    async def gather_candidates(self) -> None:
        """Take the port's addresses; nobody is asked for any."""
        if self._local_candidates_start:
            return
        self._local_candidates_start = True
        self._local_candidates = list(self._port.candidates())
        self._protocols = [_PortProtocol(self, self._port, self._local_candidates[0])]
        self._local_candidates_end = True
        self._port.register(self)

    def checked(self, request: stun.Message, address: Address) -> None:
        """A connectivity check that names this agent has come."""
        if self._protocols:
            # FFmpeg's requests lack PRIORITY, which RFC 8445 §7.1.1 demands.
            request.attributes.setdefault("PRIORITY", candidate_priority(1, "prflx"))
            self.request_received(request, address, self._protocols[0])

    def data_received(self, data: bytes, component: int) -> None:
        """Queue a datagram of DTLS or SRTP with its time of arrival."""
        if self._queue.qsize() >= MAX_QUEUED_DATAGRAMS:
            self.dropped += 1
            return
        self._queue.put_nowait((data, time.monotonic_ns()))

    async def recv(self) -> bytes:
        """The next datagram; `arrival_ns` is its time. Raises `ConnectionError` at the end."""
        data, self.arrival_ns = await self.recvfrom()
        return data

    def check_incoming(self, message: stun.Message, addr: Address, protocol: StunProtocol) -> None:
        """An authenticated check: learn its address, within bounds, and check back."""
        known = any((c.host, c.port) == addr for c in self._remote_candidates)
        if not known and len(self._remote_candidates) >= _MAX_REMOTE_ADDRESSES:
            self._forget_oldest()
        super().check_incoming(message, addr, protocol)

    def check_state(self, pair: CandidatePair, state: CandidatePair.State) -> None:
        """A pair that has answered our check is whom media may come from."""
        super().check_state(pair, state)
        if state is CandidatePair.State.SUCCEEDED:
            self._port.claim(pair.remote_addr, self)

    async def close(self) -> None:
        """Leave the port and end every pending check and `recv`."""
        self._port.release(self)
        await super().close()

    def _forget_oldest(self) -> None:
        used = [pair.remote_candidate for pair in self._nominated.values()]
        oldest = next(c for c in self._remote_candidates if c not in used)
        self._remote_candidates.remove(oldest)
        for pair in [p for p in self._check_list if p.remote_candidate is oldest]:
            if pair.task is not None:
                pair.task.cancel()
            self._check_list.remove(pair)


class _PortProtocol(StunProtocol):
    """One agent's view of the port in the shape aioice knows: a socket it never owns."""

    def __init__(self, connection: PortConnection, port: SharedPort, local: Candidate) -> None:
        super().__init__(connection)
        self._port = port
        self.local_candidate = local
        self.transactions = port.transactions

    async def close(self) -> None:
        """The port outlives the agent."""

    async def send_data(self, data: bytes, addr: Address) -> None:
        """Send DTLS or SRTP."""
        self._port.send(data, addr)

    def send_stun(self, message: stun.Message, addr: Address) -> None:
        """Send a check or an answer."""
        self._port.send(bytes(message), addr)

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Never called: the port reads the socket."""
        raise RuntimeError("a session's view of the port reads no socket")
