"""Whose datagram is it: the glance at a datagram, and the port's tables over real sockets."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.errors import StartError
from mediaserver.ingest.ice import MAX_QUEUED_DATAGRAMS, PortConnection
from mediaserver.ingest.stun import (
    MAX_DATAGRAM_BYTES,
    is_request,
    local_ufrag,
    protocol_of,
    response_transaction,
)
from mediaserver.ingest.udp import UdpPort, local_addresses

REMOTE = ("192.0.2.9", 4000)


def check(connection: PortConnection, *, password: str | None = None) -> bytes:
    """A publisher's connectivity check; without PRIORITY, as FFmpeg sends it."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{connection.local_username}:theirs"
    message.add_message_integrity((password or connection.local_password).encode())
    return bytes(message)


@pytest.fixture
async def port() -> AsyncIterator[UdpPort]:
    opened = await UdpPort.open("127.0.0.1", 0)
    yield opened
    await opened.close()


@pytest.fixture
async def connection(port: UdpPort) -> AsyncIterator[PortConnection]:
    made = PortConnection(port)
    made.remote_username, made.remote_password = "theirs", "p" * 24
    await made.gather_candidates()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("datagram", "protocol"),
    [
        (b"", None),
        (b"\x00", "stun"),
        (b"\x03", "stun"),
        (b"\x04", None),
        (b"\x14", "dtls"),
        (b"\x3f", "dtls"),
        (b"\x40", None),
        (b"\x80", "rtp"),
        (b"\xbf", "rtp"),
        (b"\xc0", None),
        (b"\x80" * 1500, "rtp"),
        (b"\x80" * (MAX_DATAGRAM_BYTES + 1), None),
        (b"\x80" * 1501, None),
    ],
)
def test_the_first_byte_says_the_protocol(datagram: bytes, protocol: str | None) -> None:
    assert protocol_of(datagram) == protocol


@given(st.binary(max_size=200))
def test_a_glance_at_any_bytes_never_fails(datagram: bytes) -> None:
    head = b"\x00\x01" + max(len(datagram), 0).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + b"t" * 12
    for data in (datagram, head + datagram):
        protocol_of(data)
        response_transaction(data)
        if is_request(data):
            local_ufrag(data)


async def test_a_check_is_read_without_parsing(connection: PortConnection) -> None:
    data = check(connection)
    assert is_request(data)
    assert response_transaction(data) is None
    assert local_ufrag(data) == connection.local_username
    assert not is_request(data + b"x")


async def test_media_counts_only_from_a_proved_address(
    port: UdpPort, connection: PortConnection
) -> None:
    for datagram in (b"", b"\x16dtls", b"\x80rtp", b"\x50", b"\x00stun"):
        port.datagram_received(datagram, REMOTE)
    assert connection._queue.qsize() == 0
    assert port.dropped == {
        "empty": 1,
        "unproved_address": 2,
        "other_protocol": 1,
        "unknown_stun": 1,
    }
    port.claim(REMOTE, connection)
    port.datagram_received(b"\x80rtp", (*REMOTE, 0, 0))
    assert connection._queue.qsize() == 1
    port.release(connection)
    port.datagram_received(b"\x80rtp", REMOTE)
    assert connection._queue.qsize() == 1


async def test_a_released_connection_claims_nothing(
    port: UdpPort, connection: PortConnection
) -> None:
    port.release(connection)
    port.claim(REMOTE, connection)
    port.datagram_received(b"\x80rtp", REMOTE)
    assert connection._queue.qsize() == 0


async def test_a_full_queue_drops_what_arrives(port: UdpPort, connection: PortConnection) -> None:
    port.claim(REMOTE, connection)
    for _ in range(MAX_QUEUED_DATAGRAMS + 3):
        port.datagram_received(b"\x80rtp", REMOTE)
    assert (connection._queue.qsize(), connection.dropped) == (MAX_QUEUED_DATAGRAMS, 3)


async def test_a_check_with_the_wrong_password_makes_no_pair(
    port: UdpPort, connection: PortConnection
) -> None:
    port.datagram_received(check(connection, password="q" * 24), REMOTE)
    assert not connection.remote_candidates
    assert not connection._early_checks


async def test_a_check_for_nobody_is_dropped(port: UdpPort, connection: PortConnection) -> None:
    data = check(connection)
    port.release(connection)
    port.datagram_received(data, REMOTE)
    assert port.dropped == {"unknown_stun": 1}


async def test_malformed_checks_are_dropped(port: UdpPort, connection: PortConnection) -> None:
    name = f"{connection.local_username}:x".encode().ljust(12, b"\0")
    attributes = b"\x00\x06" + len(name).to_bytes(2, "big") + name + b"\x00\x24\x00\x03abc\0"
    head = b"\x00\x01" + len(attributes).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + b"t" * 12
    port.datagram_received(head + attributes, REMOTE)
    assert port.dropped == {"malformed_stun": 1}


async def test_no_check_however_odd_raises(port: UdpPort, connection: PortConnection) -> None:
    rng = random.Random(4)
    known = sorted(stun.ATTRIBUTES_BY_TYPE)
    name = f"{connection.local_username}:theirs".encode()
    for _ in range(20_000):
        values = [(0x0006, name), (0x0008, rng.randbytes(20)), (0x0024, rng.randbytes(4))]
        values += [
            (rng.choice([*known, rng.randrange(1 << 16)]), rng.randbytes(rng.randrange(9)))
            for _ in range(rng.randrange(4))
        ]
        rng.shuffle(values)
        attributes = b"".join(
            struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
            for kind, value in values[: rng.randint(1, len(values))]
        )
        head = struct.pack(
            "!HHI12s", rng.choice((0x0001, 0x0101, 0x0111)), len(attributes), 0x2112A442, b"t" * 12
        )
        whole = head + attributes
        port.datagram_received(whole, REMOTE)
        port.datagram_received(whole[: rng.randrange(len(whole))], REMOTE)
    assert not connection.remote_candidates
    assert 1000 < port.dropped["malformed_stun"] < port.dropped["unknown_stun"] < 39_000


async def test_the_addresses_of_one_publisher_are_bounded(
    port: UdpPort, connection: PortConnection
) -> None:
    connecting = asyncio.create_task(connection.connect())
    await asyncio.sleep(0)
    for number in range(60):
        port.datagram_received(check(connection), ("127.0.0.1", 20_000 + number))
    assert len(connection._remote_candidates) == 16
    assert len(connection._check_list) == 16
    await connection.close()
    with pytest.raises(ConnectionError):
        await connecting
    assert not port.transactions


async def test_datagrams_come_in_from_a_real_socket(
    port: UdpPort, connection: PortConnection
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        port.claim(sender.getsockname(), connection)
        connection._nominated[1] = None  # type: ignore[assignment]
        sender.sendto(b"", ("127.0.0.1", port.port))
        sender.sendto(b"\x80first", ("127.0.0.1", port.port))
        assert await connection.recv() == b"\x80first"
        assert connection.arrival_ns > 0
        connection._nominated.clear()
        port.send(b"back", sender.getsockname())
        sender.settimeout(5)
        assert await asyncio.to_thread(sender.recv, 100) == b"back"


async def test_ipv4_publishers_reach_a_port_on_all_of_ipv6() -> None:
    try:
        port = await UdpPort.open("::", 0)
    except StartError:
        pytest.skip("this machine has no IPv6")
    connection = PortConnection(port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        port.register(connection)
        port.claim(sender.getsockname(), connection)
        connection._nominated[1] = None  # type: ignore[assignment]
        sender.sendto(b"\x80v4", ("127.0.0.1", port.port))
        assert await connection.recv() == b"\x80v4"
        connection._nominated.clear()
        port.send(b"back", sender.getsockname())
        sender.settimeout(5)
        assert await asyncio.to_thread(sender.recv, 100) == b"back"
    await connection.close()
    await port.close()


async def test_a_taken_port_is_one_sentence(port: UdpPort) -> None:
    with pytest.raises(StartError, match=rf"UDP port {port.port} on 127\.0\.0\.1 cannot"):
        await UdpPort.open("127.0.0.1", port.port)


async def test_advertised_addresses_replace_the_interfaces() -> None:
    port = await UdpPort.open("127.0.0.1", 0, ["203.0.113.5", "2001:db8::1"])
    candidates = port.candidates()
    assert [c.host for c in candidates] == ["203.0.113.5", "2001:db8::1"]
    assert {c.port for c in candidates} == {port.port}
    assert candidates[0].priority > candidates[1].priority
    await port.close()


def test_loopback_is_the_last_of_all_addresses() -> None:
    assert local_addresses("0.0.0.0")[-1] == "127.0.0.1"  # noqa: S104 - nothing is bound
    assert local_addresses("::")[-2:] == ["127.0.0.1", "::1"]
    assert local_addresses("192.0.2.1") == ["192.0.2.1"]
