"""The relay with real sockets: there and back, armed, and with another source port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.faults.front import served_port, through
from bench.faults.link import Impairment
from bench.faults.profiles import Profile
from bench.faults.relay import HOST, MAX_ADDRESSES, Address, Relay
from bench.polling import eventually

ANSWER = (
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.7 8189 typ host\r\n"
    "a=candidate:2 1 udp 2130706175 2001:db8::7 8189 typ host\r\na=end-of-candidates\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.7 8189 typ host\r\na=end-of-candidates\r\n"
)
NEAR = Impairment(delay_ms=0)
WITHIN_S = 5

MakeRelay = Callable[[Profile], Relay]


class Echo(asyncio.DatagramProtocol):
    """Answers each datagram with itself and remembers who sent it."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Address]] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.heard.append((data, addr))
        assert self.transport is not None
        self.transport.sendto(data, addr)


class Client(asyncio.DatagramProtocol):
    """Sends, and waits for what comes back."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.answers.put_nowait(data)

    async def ask(self, data: bytes, port: int) -> bytes:
        assert self.transport is not None
        self.transport.sendto(data, (HOST, port))
        async with asyncio.timeout(WITHIN_S):
            return await self.answers.get()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Echo, local_addr=(HOST, 0)
    )
    yield protocol
    transport.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Client, local_addr=(HOST, 0)
    )
    yield protocol
    transport.close()


@pytest.fixture
async def make_relay(echo: Echo) -> AsyncIterator[MakeRelay]:
    """Makes relays to the echo, and closes them however the test ends."""
    made: list[Relay] = []

    def make(profile: Profile) -> Relay:
        made.append(Relay(profile, target_port=port_of(echo), seed=1))
        return made[-1]

    yield make
    for relay in made:
        await relay.close()


async def happened(holds: Callable[[], bool]) -> bool:
    return holds()


def port_of(protocol: Echo | Client) -> int:
    assert protocol.transport is not None
    return int(protocol.transport.get_extra_info("sockname")[1])


async def test_datagrams_go_there_and_back(
    echo: Echo, client: Client, make_relay: MakeRelay
) -> None:
    relay = make_relay(Profile(name="calm"))
    port = await relay.open()
    assert await client.ask(b"one", port) == b"one"
    assert await client.ask(b"two", port) == b"two"
    (_, first), (_, second) = echo.heard
    assert first == second != (HOST, port_of(client))
    assert relay.up.datagrams == relay.down.datagrams == 2
    assert relay.up.lost == relay.up.overflowed == 0


async def test_trouble_waits_for_arm(echo: Echo, client: Client, make_relay: MakeRelay) -> None:
    profile = Profile(name="dark", trouble=Impairment(blackout=True))
    relay = make_relay(profile)
    port = await relay.open()
    assert await client.ask(b"calm", port) == b"calm"
    relay.arm()
    assert client.transport is not None
    client.transport.sendto(b"dark", (HOST, port))
    await eventually(partial(happened, lambda: relay.up.lost > 0), WITHIN_S, "it was lost")
    assert [data for data, _ in echo.heard] == [b"calm"]


async def test_the_server_sees_another_source_port(
    echo: Echo, client: Client, make_relay: MakeRelay
) -> None:
    profile = Profile(name="nat", trouble=NEAR, new_source_port=True)
    relay = make_relay(profile)
    port = await relay.open()
    await client.ask(b"before", port)
    relay.arm()
    assert await client.ask(b"after", port) == b"after"
    assert await client.ask(b"later", port) == b"later"
    before, after, later = (address for _, address in echo.heard)
    assert before != after == later


async def test_addresses_are_bounded(make_relay: MakeRelay) -> None:
    relay = make_relay(Profile(name="calm"))
    await relay.open()
    for number in range(MAX_ADDRESSES + 5):
        relay._from_publisher(b"x", (HOST, 10_000 + number))
    assert relay.up.overflowed == 5


def test_an_answer_goes_through_the_relay_alone() -> None:
    changed = through(ANSWER, 5004)
    candidates = [line for line in changed.splitlines() if line.startswith("a=candidate")]
    assert len(candidates) == 2
    assert all(f" {HOST} 5004 typ host" in line for line in candidates)
    assert changed.count("a=end-of-candidates") == 2
    kept = [line for line in ANSWER.splitlines() if "candidate" not in line]
    assert [line for line in changed.splitlines() if "candidate" not in line] == kept


def test_the_served_port_is_that_of_the_loopback() -> None:
    assert served_port(ANSWER) == 8189
    here = ANSWER + f"a=candidate:9 1 udp 1 {HOST} 4711 typ host\r\n"
    assert served_port(here) == 4711
    with pytest.raises(ValueError, match="no candidate"):
        served_port("v=0\r\n")


@given(st.text())
def test_whatever_the_answer_is_no_candidate_of_the_server_stays(text: str) -> None:
    changed = through(text + "\n" + ANSWER, 5004)
    assert "192.0.2.7" not in changed
