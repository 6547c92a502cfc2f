"""ICE for one publish on the port that all publishes share: aioice's agent without its sockets.

aioice opens a socket per address and session. Here the agent (`PortConnection`) sends and receives
through a `SharedPort`, is always controlled (the publisher offers), learns the publisher's address
from the publisher's own checks only, and tells the port which addresses have proved themselves.

A publisher whose network gives it another port or address in mid-stream is followed: what it sends
from there is taken once that address has answered a check, and what we send goes there once the old
one has gone silent.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aioice import Candidate, Connection, stun
from aioice.candidate import candidate_priority
from aioice.ice import CandidatePair, StunProtocol
from aioice.utils import random_string

from mediaserver.ingest.consent import Address, Awaited, Consent, pause_s

_MAX_REMOTE_ADDRESSES = 16
"""Addresses of one publisher that are remembered; past that the oldest idle one is forgotten."""

_SILENT_NS = 500_000_000
"""Where the address in use has been silent for so long and another one speaks, that one is used."""
_SUSPECT_INTERVAL_NS = 250_000_000
"""Addresses that seem to be the publisher's are checked no more often."""
MAX_QUEUED_DATAGRAMS = 4096
"""About two seconds of a fast publish. When full, what arrives is dropped and counted."""


class SharedPort(Protocol):
    """What an agent needs of the UDP port."""

    transactions: dict[bytes, Awaited]
    """Our checks that await an answer, of all sessions, by transaction id."""

    def candidates(self) -> Sequence[Candidate]:
        """The port's addresses, best first."""

    def register(self, connection: "PortConnection") -> None:
        """Deliver checks that name the connection's user name fragment to it."""

    def claim(self, address: Address, connection: "PortConnection") -> None:
        """Deliver media from `address` to the connection: a check has proved it."""

    def disclaim(self, address: Address, connection: "PortConnection") -> None:
        """Media from `address` is the connection's no more."""

    def expect(self, ssrc: int, connection: "PortConnection") -> None:
        """The connection's publisher sends this RTP stream: whoever else does may be it, moved."""

    def release(self, connection: "PortConnection") -> None:
        """Forget the connection, its addresses and its streams."""

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
        self.authentic_ns = 0
        """When media came last that was in the publisher's keys, as its reader says."""
        self.dropped = 0
        self.take_srtp: Callable[[bytes, int], None] | None = None
        """Who takes SRTP with its time of arrival at once, past the queue; None before DTLS."""
        self.consent = Consent(port.transactions)
        """That the publisher takes what we send, and how far it is."""
        self._in_use: Address | None = None
        self._heard_ns = 0
        self._suspected_ns = 0

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

    def media_received(self, data: bytes, address: Address) -> None:
        """Queue a datagram of DTLS or SRTP from a proved address, with its time of arrival."""
        now_ns = time.monotonic_ns()
        if address == self._in_use:
            self._heard_ns = now_ns
        else:
            self._heard_elsewhere(address, now_ns)
        if self.take_srtp is not None and 127 < data[0] < 192:  # RFC 7983 §7
            self.take_srtp(data, now_ns)
            return
        if self._queue.qsize() >= MAX_QUEUED_DATAGRAMS:
            self.dropped += 1
            return
        self._queue.put_nowait((data, now_ns))

    def suspect(self, address: Address) -> None:
        """Media of ours seems to come from an address that has proved nothing: check it.

        Only its answer, which needs the publisher's password, makes it the publisher's.
        """
        now_ns = time.monotonic_ns()
        if self._in_use is None or self._closing:
            return
        if now_ns - self._suspected_ns < _SUSPECT_INTERVAL_NS:
            return
        self._suspected_ns = now_ns
        pair = self._pair_of(address) or self._new_pair(address)
        if pair.state is CandidatePair.State.FAILED:
            self.check_state(pair, CandidatePair.State.WAITING)
        if pair.state is CandidatePair.State.WAITING:
            self.check_start_task(pair)

    def expect(self, ssrc: int) -> None:
        """The publisher sends this RTP stream."""
        self._port.expect(ssrc, self)

    async def recv(self) -> bytes:
        """The next datagram; `arrival_ns` is its time. Raises `ConnectionError` at the end."""
        data, self.arrival_ns = await self.recvfrom()
        return data

    def check_incoming(self, message: stun.Message, addr: Address, protocol: StunProtocol) -> None:
        """An authenticated check: learn its address, within bounds, and check back."""
        known = any((c.host, c.port) == addr for c in self._remote_candidates)
        if not known:
            self._make_room()
        super().check_incoming(message, addr, protocol)
        now_ns = time.monotonic_ns()
        if addr == self._in_use:
            self._heard_ns = now_ns
            self.consent.heard(now_ns)
        else:
            self._heard_elsewhere(addr, now_ns)

    def check_state(self, pair: CandidatePair, state: CandidatePair.State) -> None:
        """A pair that has answered our check is whom media may come from."""
        super().check_state(pair, state)
        if state is CandidatePair.State.SUCCEEDED:
            self._port.claim(pair.remote_addr, self)

    def check_complete(self, pair: CandidatePair) -> None:
        """A check is over: the pair may be the one that the publisher has nominated."""
        super().check_complete(pair)
        nominated = self._nominated.get(1)
        if nominated is not None and nominated.remote_addr != self._in_use:
            self._in_use, self._heard_ns = nominated.remote_addr, time.monotonic_ns()

    async def query_consent(self) -> None:
        """Keep asking for consent, and close when there has been none for long (RFC 7675 §5.1)."""
        self.consent.renew()
        while (left_s := self.consent.left_s) > 0:
            await asyncio.sleep(min(pause_s(), left_s))
            self.consent.heard(self.authentic_ns)
            self.ask_consent()
        self._query_consent_task = None
        await self.close()

    def ask_consent(self) -> None:
        """Send one consent check on the pair in use."""
        pair = self._nominated.get(1)
        if pair is None or self.remote_password is None:
            return
        request = self.build_request(pair, nominate=False)
        key = self.remote_password.encode("utf8")
        request.add_message_integrity(key)
        self.consent.expect(request, pair.remote_addr, key=key)
        pair.protocol.send_stun(request, pair.remote_addr)

    async def close(self) -> None:
        """Leave the port and end every pending check and `recv`."""
        self.take_srtp = None
        self._port.release(self)
        self.consent.forget()
        await super().close()

    def _heard_elsewhere(self, address: Address, now_ns: int) -> None:
        """Something authentic came from an address not in use: has the publisher moved there?"""
        if self._in_use is None or now_ns - self._heard_ns < _SILENT_NS:
            return
        pair = self._pair_of(address)
        if pair is not None and pair.state is CandidatePair.State.SUCCEEDED:
            pair.nominated = True
            self._nominated[1] = pair
            self._in_use, self._heard_ns = address, now_ns

    def _pair_of(self, address: Address) -> CandidatePair | None:
        return next((pair for pair in self._check_list if pair.remote_addr == address), None)

    def _new_pair(self, address: Address) -> CandidatePair:
        self._make_room()
        host, port = address
        candidate = Candidate(
            foundation=random_string(10),
            component=1,
            transport="udp",
            priority=candidate_priority(1, "prflx"),
            host=host,
            port=port,
            type="prflx",
        )
        self._remote_candidates.append(candidate)
        pair = CandidatePair(self._protocols[0], candidate)
        pair.state = CandidatePair.State.WAITING
        self._check_list.append(pair)
        return pair

    def _make_room(self) -> None:
        if len(self._remote_candidates) < _MAX_REMOTE_ADDRESSES:
            return
        used = [pair.remote_candidate for pair in self._nominated.values()]
        oldest = next(c for c in self._remote_candidates if c not in used)
        self._remote_candidates.remove(oldest)
        for pair in [p for p in self._check_list if p.remote_candidate is oldest]:
            if pair.task is not None:
                pair.task.cancel()
            self._check_list.remove(pair)
            self._port.disclaim(pair.remote_addr, self)


class _PortProtocol(StunProtocol):
    """One agent's view of the port in the shape aioice knows: a socket it never owns."""

    def __init__(self, connection: PortConnection, port: SharedPort, local: Candidate) -> None:
        super().__init__(connection)
        self._connection = connection
        self._port = port
        self.local_candidate = local
        # aioice keeps its own transactions here, and takes none out but those.
        self.transactions = port.transactions  # type: ignore[assignment]

    async def close(self) -> None:
        """The port outlives the agent."""

    async def request(
        self,
        request: stun.Message,
        addr: Address,
        integrity_key: bytes | None = None,
        retransmissions: int | None = None,
    ) -> tuple[stun.Message, Address]:
        """Send a check until it is answered; an answer to the first attempt tells the RTT."""
        sent_s = time.monotonic()
        reply = await super().request(request, addr, integrity_key, retransmissions)
        after_s = time.monotonic() - sent_s
        if after_s < stun.RETRY_RTO:
            self._connection.consent.answered(after_s)
        return reply

    async def send_data(self, data: bytes, addr: Address) -> None:
        """Send DTLS or SRTP."""
        self._port.send(data, addr)

    def send_stun(self, message: stun.Message, addr: Address) -> None:
        """Send a check or an answer."""
        self._port.send(bytes(message), addr)

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Never called: the port reads the socket."""
        raise RuntimeError("a session's view of the port reads no socket")
