"""The relay: a publisher's datagrams to the ingest port and back, through two links.

It stands where a NAT and a bad line would: to each address of the publisher belongs a socket of
its own towards the server. Owned by whoever opens it, who also calls `arm`: until then the line is
calm.
"""

import asyncio
import contextlib
import heapq
import itertools
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench.faults.link import Impairment, Link
from bench.faults.profiles import CALM, Profile

Address = tuple[str, int]

HOST = "127.0.0.1"
MAX_ADDRESSES = 32
"""Addresses of publishers at a time; datagrams from more are dropped as `overflowed`."""
MAX_ON_THE_WAY = 8192
"""Datagrams delayed at a time; when full, what comes is dropped and counted as `overflowed`."""

_BUFFER_BYTES = 4 * 1024 * 1024
_MAX_DATAGRAM_BYTES = 65_536
_READS_AT_ONCE = 64


@dataclass(slots=True, kw_only=True)
class Counts:
    """What one direction has done so far."""

    datagrams: int = 0
    """Delivered."""
    size_bytes: int = 0
    """Of those."""
    lost: int = 0
    """By the profile's will."""
    overflowed: int = 0
    """Not by the profile's will: a run in which there are any is no measurement."""
    latest_ms: float = 0.0
    """By how much the latest delivery missed its time: the relay's own jitter."""


class Relay:
    """A relay to one UDP port of this machine: `open`, perhaps `arm`, `close`.

    Without a `target_port` it carries nothing until it is aimed.
    """

    def __init__(self, profile: Profile, *, target_port: int | None, seed: int) -> None:
        self.profile = profile
        self.up, self.down = Counts(), Counts()
        """Towards the server, and back."""
        self._target = None if target_port is None else (HOST, target_port)
        self.fixed = target_port is not None
        """Whether every publish goes to the same port; else each answer says to which."""
        self._links = {id(self.up): Link(seed=seed), id(self.down): Link(seed=seed + 1)}
        self._front: _Socket | None = None
        self._upstreams: dict[Address, _Socket] = {}
        self._way = _Way()
        self._armed_ns: int | None = None
        self._turned = False

    async def open(self) -> int:
        """Open the publisher's side; returns its UDP port."""
        self._front = _Socket(self._from_publisher)
        return self._front.port

    @property
    def aimed(self) -> bool:
        """Whether it has a target."""
        return self._target is not None

    def aim(self, target_port: int) -> None:
        """Carry to this port from now on."""
        self._target = (HOST, target_port)

    @property
    def dark(self) -> bool:
        """Whether nothing passes just now."""
        return self._impairment(time.monotonic_ns(), from_publisher=True).blackout

    def arm(self) -> None:
        """The profile's time begins now."""
        self._armed_ns = time.monotonic_ns()

    def change_source_port(self) -> None:
        """From now on the server sees other source ports; what it sends to the old ones is lost."""
        for upstream in self._upstreams.values():
            upstream.close()
        self._upstreams.clear()

    def statistics(self) -> dict[str, dict[str, float]]:
        """What has happened, as plain data."""
        return {"up": asdict(self.up), "down": asdict(self.down)}

    async def close(self) -> None:
        """Close every socket; what is on the way is lost."""
        self._way.close()
        self.change_source_port()
        if self._front is not None:
            self._front.close()

    def _from_publisher(self, data: bytes, address: Address) -> None:
        self._turn()
        upstream = self._upstreams.get(address)
        if upstream is None:
            if len(self._upstreams) >= MAX_ADDRESSES:
                self.up.overflowed += 1
                return
            upstream = _Socket(lambda answer, _: self._from_server(answer, address))
            self._upstreams[address] = upstream
        if self._target is not None:
            self._carry(data, self.up, upstream, self._target)

    def _from_server(self, data: bytes, address: Address) -> None:
        if self._front is not None:
            self._carry(data, self.down, self._front, address)

    def _carry(self, data: bytes, counts: Counts, out: "_Socket", to: Address) -> None:
        now_ns = time.monotonic_ns()
        impairment = self._impairment(now_ns, from_publisher=counts is self.up)
        due_ns = self._links[id(counts)].schedule(len(data), now_ns, impairment)

        def deliver() -> None:
            counts.datagrams += 1
            counts.size_bytes += len(data)
            counts.latest_ms = max(counts.latest_ms, (time.monotonic_ns() - (due_ns or 0)) / 1e6)
            out.send(data, to)

        if due_ns is None:
            counts.lost += 1
        elif not self._way.put(due_ns, deliver):
            counts.overflowed += 1

    def _impairment(self, now_ns: int, *, from_publisher: bool) -> Impairment:
        if self._armed_ns is None:
            return CALM
        elapsed_s = (now_ns - self._armed_ns) / 1e9
        return self.profile.impairment(elapsed_s, from_publisher=from_publisher)

    def _turn(self) -> None:
        if not self.profile.new_source_port or self._turned or self._armed_ns is None:
            return
        if self.profile.troubled((time.monotonic_ns() - self._armed_ns) / 1e9):
            self._turned = True
            self.change_source_port()


class _Way:
    """What is between the two ends: delivers each datagram when it is due."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    def put(self, due_ns: int, deliver: Callable[[], None]) -> bool:
        """Call `deliver` at `due_ns`; False where the way is full."""
        if len(self._heap) >= MAX_ON_THE_WAY:
            return False
        heapq.heappush(self._heap, (due_ns, next(self._numbers), deliver))
        if self._timer is None or due_ns < self._timer_ns:
            self._sleep()
        return True

    def close(self) -> None:
        """Deliver nothing more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _sleep(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ns = self._heap[0][0]
        wait_s = max(0, self._timer_ns - time.monotonic_ns()) / 1e9
        self._timer = self._loop.call_later(wait_s, self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        while self._heap and self._heap[0][0] <= time.monotonic_ns():
            heapq.heappop(self._heap)[2]()
        if self._heap:
            self._sleep()


class _Socket:
    """A UDP socket on the event loop; what the kernel does not take at once is lost."""

    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.setblocking(False)
        self._socket.bind((HOST, 0))
        self.port = int(self._socket.getsockname()[1])
        self._loop.add_reader(self._socket.fileno(), self._read)

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram, unless the socket is closed."""
        if self._socket.fileno() >= 0:
            with contextlib.suppress(OSError):
                self._socket.sendto(data, address)

    def close(self) -> None:
        """Close it; may be called twice."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _read(self) -> None:
        for _ in range(_READS_AT_ONCE):
            if self._socket.fileno() < 0:
                return
            try:
                data, address = self._socket.recvfrom(_MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about an address that has gone
            self._received(data, address)
