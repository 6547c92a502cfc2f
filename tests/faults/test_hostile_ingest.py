"""Strangers and broken peers against an ingest process, while a publish is on air through it.

Of that publish no frame may be lost, the process's memory must come back to what it was, and its
log must stay free of exceptions. The floods are paced by the stream's own frames.
"""

import random
import re
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aioice import stun
from aiortc import RTCConfiguration, RTCPeerConnection

from bench.house import HOST, TIMEOUT_S, House, Pictures
from bench.polling import eventually
from mediaserver.bus.messages import CloseSession, SessionAnswer, SessionRefused
from transcoder.values import AccessUnit

pytestmark = pytest.mark.media

SEED = 20
FLOOD = 100_000
PER_FRAME = 120
"""Datagrams for each frame of the stream: thousands a second, and less than a socket's buffer."""
FRAMES_PER_S = 60
MEASURED_S = 20.0
MEMORY_GROWTH = 1.15
"""By how much the process may have grown afterwards: allocators keep some of what they got."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    await made.stop()
    log = made.log_path.read_text()
    assert "Traceback" not in log
    assert '"exception"' not in log
    assert '"level": "error"' not in log


class OnAir:
    """The publish that must not notice: counts the frames that come out of what goes in."""

    def __init__(self, house: House, publisher: RTCPeerConnection, source: Pictures) -> None:
        self.house, self.publisher, self.source = house, publisher, source
        self.units: list[AccessUnit] = []

    async def frames(self, count: int) -> None:
        """Take so many pictures from the worker's socket."""
        taken = await self.house.take("a", frames=count)
        self.units += [u for u in taken if isinstance(u, AccessUnit) and u.kind == "video"]

    async def require_whole(self) -> None:
        """End the source, and find every picture that it made at the worker's, whole."""
        self.publisher.getSenders()[1].replaceTrack(None)
        while len(self.units) < self.source.number:
            await self.frames(self.source.number - len(self.units))
        assert not any(unit.damaged for unit in self.units)
        seen = self.house.metrics

        async def measured() -> bool:
            return self.house.metrics is not seen

        await eventually(measured, MEASURED_S, "the process has measured itself once more")
        lost = re.findall(rb"^comptoir_ingest_lost_total.* (\S+)$", self.house.metrics, re.M)
        assert [float(count) for count in lost] == [0.0, 0.0]


@pytest.fixture
async def on_air(house: House) -> OnAir:
    await house.start(process=True, max_sessions=300, connect_timeout_s=3)
    source = Pictures(FRAMES_PER_S)
    publisher = await house.publish("vp8", video=source)
    await house.state("media")
    made = OnAir(house, publisher, source)
    await made.frames(FRAMES_PER_S)
    return made


def rss_kb(pid: int) -> int:
    """The memory a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found.group(1))


class RightSource:
    """The publisher's own socket, and copies of what it has sent."""

    def __init__(self, publisher: RTCPeerConnection) -> None:
        connection: Any = publisher.getSenders()[0].transport.transport._connection
        pair = connection._nominated[1]
        self.ufrag = connection.remote_username
        self._transport, self._to = pair.protocol.transport, pair.remote_addr
        self.copies: deque[bytes] = deque(maxlen=200)
        send: Callable[..., None] = self._transport.sendto

        def sendto(data: bytes, addr: Any = None) -> None:
            self.copies.append(bytes(data))
            send(data, addr)

        self._send = send
        pair.protocol.transport = _Tap(self._transport, sendto)

    def send(self, data: bytes) -> None:
        """Send a datagram that the publisher never would."""
        self._send(data, self._to)


class _Tap:
    """A transport whose `sendto` is another one."""

    def __init__(self, transport: Any, sendto: Callable[..., None]) -> None:
        self._transport = transport
        self.sendto = sendto

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def datagrams(rng: random.Random, right: RightSource) -> Iterator[bytes]:
    """Without end: random, truncated and mutated ones, of every protocol that shares the port."""
    while True:
        first = rng.choice((0, 1, 20, 22, 23, 63, 128, 144, 176, 191, rng.randrange(256)))
        yield bytes([first]) + rng.randbytes(rng.choice((0, 1, 11, 19, 60, 400, 1400)))
        copy = rng.choice(right.copies)
        yield copy[: rng.randrange(len(copy))]
        broken = bytearray(copy)
        for _ in range(rng.randint(1, 6)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        yield bytes(broken)
        yield copy
        yield forged_check(rng, right.ufrag)


def forged_check(rng: random.Random, ufrag: str) -> bytes:
    """A connectivity check for the right session by somebody without its password."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{ufrag}:{rng.randrange(10_000)}"
    message.add_message_integrity(b"a guess")
    return bytes(message)


async def test_datagrams_of_every_kind_from_the_wrong_and_the_right_source(on_air: OnAir) -> None:
    rng = random.Random(SEED)
    right = RightSource(on_air.publisher)
    await on_air.frames(10)
    flood = datagrams(rng, right)
    to = (HOST, on_air.house.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

        async def send(count: int) -> None:
            for _ in range(count // PER_FRAME):
                await on_air.frames(1)
                for _ in range(PER_FRAME // 2):
                    stranger.sendto(next(flood), to)
                    right.send(next(flood))

        await send(FLOOD // 10)  # what is allocated once is allocated now
        before_kb = rss_kb(on_air.house.pid)
        await send(FLOOD - FLOOD // 10)
    await on_air.frames(FRAMES_PER_S)
    await on_air.require_whole()
    assert rss_kb(on_air.house.pid) < before_kb * MEMORY_GROWTH
    dropped = re.findall(
        rb'comptoir_ingest_datagrams_dropped_total\{reason="(\w+)"\} (\S+)', on_air.house.metrics
    )
    counts = {reason.decode(): float(count) for reason, count in dropped}
    assert counts["unproved_address"] > FLOOD / 20
    assert counts["unknown_stun"] > FLOOD / 100


async def test_offers_that_are_far_too_long(on_air: OnAir) -> None:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer = str(peer.localDescription.sdp)
    await peer.close()
    candidates = "".join(
        f"a=candidate:{n} 1 udp 2130706431 127.0.0.1 {9000 + n} typ host\r\n" for n in range(300)
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind((HOST, 0))
        victim.setblocking(False)
        candidates += (
            f"a=candidate:999 1 udp 2130706431 {HOST} {victim.getsockname()[1]} typ host\r\n"
        )
        reply = await on_air.house.open(offer + candidates, session="many")
        assert isinstance(reply, SessionAnswer)
        await on_air.frames(FRAMES_PER_S)
        with pytest.raises(BlockingIOError):  # nobody is sent anything at a stranger's wish
            victim.recv(2048)
    on_air.house.send(CloseSession(session="many"))
    head, media = offer.split("m=", 1)
    lines = await on_air.house.open(head + f"m={media}" * 500, session="lines")
    assert isinstance(lines, SessionRefused)
    assert 400 <= lines.status < 500
    for number in range(50):
        again = await on_air.house.open("v=0\r\n" + "a=" * 32_000, session=f"long{number}")
        assert isinstance(again, SessionRefused)
        await on_air.frames(1)
    await on_air.frames(FRAMES_PER_S)
    await on_air.require_whole()


async def test_two_hundred_publishes_that_never_connect(on_air: OnAir) -> None:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer = str(peer.localDescription.sdp)
    await peer.close()
    house, rng = on_air.house, random.Random(SEED)
    before_kb = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for round_number in range(2):
            for number in range(200):
                session = f"half-{round_number}-{number}"
                reply = await house.open(offer, session=session)
                assert isinstance(reply, SessionAnswer)
                ufrag = re.search(r"a=ice-ufrag:(\S+)", reply.answer)
                assert ufrag is not None
                for _ in range(10):  # a handshake that somebody without the password tries to win
                    stranger.sendto(forged_check(rng, ufrag.group(1)), (HOST, house.port))
                    stranger.sendto(b"\x16\xfe\xff" + bytes(60), (HOST, house.port))
                await on_air.frames(1)
            await all_closed(house, prefix=f"half-{round_number}-", count=200)
            await on_air.frames(FRAMES_PER_S)
            before_kb = before_kb or rss_kb(house.pid)
    await on_air.require_whole()
    assert rss_kb(house.pid) < before_kb * MEMORY_GROWTH


async def all_closed(house: House, *, prefix: str, count: int) -> None:
    """Wait until so many sessions have been ended for not connecting."""

    async def logged() -> bool:
        lines = house.log_path.read_text().splitlines()
        ended = [x for x in lines if prefix in x and "session_closed" in x]
        return len(ended) == count and all("no connection within 3 s" in x for x in ended)

    await eventually(logged, TIMEOUT_S, "all half-open sessions have been ended")
