"""The path between publisher and server: both families, another port in mid-stream, silence."""

import asyncio
import itertools
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from aioice import stun

from bench.faults.front import through
from bench.faults.profiles import PROFILES
from bench.faults.relay import Relay
from bench.house import TIMEOUT_S, House
from bench.polling import eventually
from mediaserver.bus.messages import SessionHealth
from mediaserver.ingest import consent, ice
from mediaserver.ingest.ice import PortConnection
from mediaserver.ingest.stun import rtp_ssrc
from mediaserver.ingest.udp import UdpPort
from transcoder.values import AccessUnit

HELLO = b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x01\x01" + bytes(50)
PASSWORD = "p" * 24


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    await made.stop()


@pytest.fixture
async def relay(house: House) -> AsyncIterator[Callable[[], Any]]:
    opened: list[Relay] = []

    async def open_relay() -> tuple[Relay, int]:
        made = Relay(PROFILES["clean"], target_port=house.port, seed=1)
        opened.append(made)
        return made, await made.open()

    yield open_relay
    for made in opened:
        await made.close()


def pictures(messages: Iterable[Any]) -> list[AccessUnit]:
    return [m for m in messages if isinstance(m, AccessUnit) and m.kind == "video"]


def only(pattern: str) -> Callable[[str], str]:
    """Rewrites an answer so that it names only the candidates that match."""

    def rewritten(answer: str) -> str:
        lines = answer.splitlines(keepends=True)
        kept = [x for x in lines if not x.startswith("a=candidate:") or re.search(pattern, x)]
        assert any(line.startswith("a=candidate:") for line in kept)
        return "".join(kept)

    return rewritten


@needs_ipv6
@pytest.mark.parametrize("pattern", [r" ::1 \d+ typ host", r" 127\.0\.0\.1 \d+ typ host"])
async def test_one_port_takes_both_families(
    house: House, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # aiortc's own ICE leaves the loopback out, which is the one address that every machine has.
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["::1", "127.0.0.1"])
    await house.start(host="::", advertise=("127.0.0.1", "::1"))
    await house.publish("vp8", answer=only(pattern))
    assert len(pictures(await house.take("a", frames=5))) == 5


async def test_a_publisher_that_gets_another_port_is_followed(house: House, relay: Any) -> None:
    await house.start()
    nat, port = await relay()
    await house.publish("vp8", answer=lambda sdp: through(sdp, port))
    await house.take("a", frames=10)
    for _ in range(2):
        nat.change_source_port()
        # Long before its next consent check: what it sends gives it away.
        before = pictures(await house.take("a", frames=10))
        after = pictures(await house.take("a", frames=60))
        ticks = [unit.pts for unit in [*before, *after]]
        assert max(b - a for a, b in itertools.pairwise(ticks)) < 2 * 90_000
    down = nat.down.datagrams
    async with asyncio.timeout(TIMEOUT_S):  # our own reports reach it there, too
        while nat.down.datagrams < down + 3:
            await house.take("a", frames=1)


async def test_a_publisher_without_consent_is_let_go(
    house: House, relay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent, "INTERVAL_S", 0.1)
    monkeypatch.setattr(consent, "EXPIRES_S", 1.0)
    await house.start()
    nat, port = await relay()
    await house.publish("vp8", answer=lambda sdp: through(sdp, port))
    await house.take("a", frames=90)  # longer than consent lasts, unless it is given anew
    await nat.close()
    assert (await house.state("closed")).reason == "the publisher has vanished"


async def test_a_publisher_who_answers_no_check_is_kept_while_it_sends(
    house: House, relay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As FFmpeg: no check is asked, so none is answered."""
    monkeypatch.setattr(consent, "INTERVAL_S", 0.1)
    monkeypatch.setattr(consent, "EXPIRES_S", 1.0)
    monkeypatch.setattr(PortConnection, "ask_consent", lambda _: None)
    await house.start()
    nat, port = await relay()
    await house.publish("vp8", answer=lambda sdp: through(sdp, port))
    await house.take("a", frames=90)  # longer than consent lasts, unless it is given anew
    await nat.close()
    assert (await house.state("closed")).reason == "the publisher has vanished"


async def test_the_round_trip_is_known_from_the_first_check_on(house: House) -> None:
    await house.start()
    await house.publish("vp8")
    async with asyncio.timeout(TIMEOUT_S):
        while (await house.hear(SessionHealth)).rtt_ms is None:
            pass


async def test_a_strangers_hello_does_not_win_the_handshake(house: House) -> None:
    """A stranger who knows the port sends ClientHellos without pause, from before the offer on."""
    await house.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        racing = True

        async def race() -> None:
            while racing:
                stranger.sendto(HELLO, ("127.0.0.1", house.port))
                await asyncio.sleep(0)

        racer = asyncio.create_task(race())
        await house.publish("vp8")
        assert (await house.state("media")).reason == ""
        racing = False
        await racer
    assert len(pictures(await house.take("a", frames=5))) == 5


class Publisher:
    """A publisher's bare socket: answers checks like one that knows the password."""

    def __init__(self, port: UdpPort, connection: PortConnection) -> None:
        self.port, self.connection = port, connection
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.address = self.sock.getsockname()

    def check(self, *, nominate: bool = False) -> None:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.connection.local_username}:theirs"
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self.connection.local_password.encode())
        self.sock.sendto(bytes(message), ("127.0.0.1", self.port.port))

    async def answer_one_check(self, *, password: str = PASSWORD) -> None:
        """Wait for a check of the server's, passing over its answers, and answer it."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                data, origin = await loop.sock_recvfrom(self.sock, 2048)
                request = stun.parse_message(data)
                if request.message_class == stun.Class.REQUEST:
                    break
        reply = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id
        )
        reply.attributes["XOR-MAPPED-ADDRESS"] = origin
        reply.add_message_integrity(password.encode())
        self.sock.sendto(bytes(reply), origin)


@pytest.fixture
async def port() -> AsyncIterator[UdpPort]:
    opened = await UdpPort.open("127.0.0.1", 0)
    yield opened
    await opened.close()


@pytest.fixture
async def connected(port: UdpPort) -> AsyncIterator[tuple[PortConnection, Publisher]]:
    """An agent of ours and the publisher it is connected to."""
    connection = PortConnection(port)
    connection.remote_username, connection.remote_password = "theirs", PASSWORD
    await connection.gather_candidates()
    connecting = asyncio.create_task(connection.connect())
    publisher = Publisher(port, connection)
    publisher.check(nominate=True)
    await publisher.answer_one_check()
    await connecting
    yield connection, publisher
    publisher.sock.close()
    await connection.close()


async def until(holds: Callable[[], bool]) -> None:
    async def probe() -> bool:
        return holds()

    await eventually(probe, TIMEOUT_S, "the socket has been read")


def rtp(ssrc: int) -> bytes:
    return b"\x80\x60\0\1\0\0\0\1" + ssrc.to_bytes(4, "big") + bytes(20)


async def test_media_from_elsewhere_counts_once_that_address_has_answered(
    port: UdpPort,
    connected: tuple[PortConnection, Publisher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, _ = connected
    monkeypatch.setattr(ice, "_SILENT_NS", 0)
    assert connection.consent.rtt_s is not None
    connection.expect(77)
    moved, stranger = Publisher(port, connection), Publisher(port, connection)
    for sender, password in ((stranger, "q" * 24), (moved, PASSWORD)):
        monkeypatch.setattr(ice, "_SUSPECT_INTERVAL_NS", 0)
        sender.sock.sendto(rtp(78), ("127.0.0.1", port.port))  # a stream of nobody's
        sender.sock.sendto(rtp(77), ("127.0.0.1", port.port))
        await sender.answer_one_check(password=password)
    await until(lambda: moved.address in port._by_address)
    assert stranger.address not in port._by_address
    assert connection._queue.qsize() == 0
    moved.sock.sendto(rtp(77), ("127.0.0.1", port.port))
    await until(lambda: connection._queue.qsize() == 1)
    assert connection._nominated[1].remote_addr == moved.address
    moved.sock.close()
    stranger.sock.close()


async def test_the_address_in_use_is_kept_while_it_speaks(
    port: UdpPort, connected: tuple[PortConnection, Publisher]
) -> None:
    connection, publisher = connected
    other = Publisher(port, connection)
    other.check()
    await other.answer_one_check()
    await until(lambda: other.address in port._by_address)
    publisher.sock.sendto(rtp(77), ("127.0.0.1", port.port))
    other.sock.sendto(rtp(77), ("127.0.0.1", port.port))
    await until(lambda: connection._queue.qsize() == 2)
    assert connection._nominated[1].remote_addr == publisher.address
    other.sock.close()


async def test_forged_media_makes_few_checks(
    port: UdpPort, connected: tuple[PortConnection, Publisher]
) -> None:
    connection, _ = connected
    connection.expect(77)
    for number in range(500):
        port.datagram_received(rtp(77), ("127.0.0.1", 20_000 + number))
    assert len(connection._check_list) == 2
    assert port.dropped["unproved_address"] == 500


async def test_a_check_of_the_publishers_is_consent(
    port: UdpPort, connected: tuple[PortConnection, Publisher]
) -> None:
    connection, publisher = connected
    before_s = connection.consent._given_s
    publisher.check()
    await until(lambda: connection.consent._given_s > before_s)


async def test_consent_is_not_taken_from_strangers(
    port: UdpPort,
    connected: tuple[PortConnection, Publisher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, publisher = connected
    before_s = connection.consent._given_s
    connection.ask_consent()
    await publisher.answer_one_check(password="q" * 24)
    connection.ask_consent()
    await publisher.answer_one_check()
    await until(lambda: connection.consent._given_s > before_s)
    assert len(port.transactions) == 1
    for _ in range(20):
        connection.ask_consent()
    assert len(port.transactions) <= 5
    await connection.close()
    assert port.transactions == {}


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (rtp(7), 7),
        (b"\x80\xc8" + bytes(20), None),
        (b"\x80\xdf" + bytes(20), None),
        (b"\x80\x60" + bytes(9), None),
    ],
)
def test_the_stream_of_a_datagram(datagram: bytes, expected: int | None) -> None:
    assert rtp_ssrc(datagram) == expected
