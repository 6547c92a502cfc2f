"""The Unix-socket bus: in order, bounded, and found again after a loss."""

import asyncio
from pathlib import Path

import pytest

from mediaserver.bus import unix
from mediaserver.bus.messages import CloseSession
from mediaserver.errors import BusError
from transcoder.control import Hello

HELLO = Hello(role="gateway", id="gateway-0", pid=1)


async def test_messages_arrive_in_order_and_the_end_is_seen(tmp_path: Path) -> None:
    received: list[object] = []
    ended = asyncio.Event()

    async def handler(connection: unix.Connection) -> None:
        received.extend([message async for message in connection])
        ended.set()

    server = await unix.serve(tmp_path / "bus", handler)
    connection = await unix.dial(tmp_path / "bus")
    sent = [CloseSession(session=str(n)) for n in range(1000)]
    for message in sent:
        connection.send(message)
    await connection.close()
    await ended.wait()
    assert received == sent
    server.close()


async def test_a_peer_that_does_not_read_is_cut_off_and_nobody_waits(tmp_path: Path) -> None:
    accepted: asyncio.Future[unix.Connection] = asyncio.get_running_loop().create_future()
    release = asyncio.Event()

    async def handler(connection: unix.Connection) -> None:
        accepted.set_result(connection)
        await release.wait()

    server = await unix.serve(tmp_path / "bus", handler)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "bus"))
    connection = unix.Connection(reader, writer, max_buffer_bytes=100_000)
    await accepted
    big = CloseSession(session="x" * 50_000)

    def send_without_end() -> None:
        for _ in range(1000):
            connection.send(big)

    with pytest.raises(BusError, match="left 100000 bytes unread"):
        send_without_end()
    assert connection.closed
    with pytest.raises(BusError, match="has closed"):
        connection.send(big)
    release.set()
    server.close()


async def test_bytes_that_are_no_message_end_the_connection(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def handler(connection: unix.Connection) -> None:
        async for _ in connection:
            pass
        ended.set()

    server = await unix.serve(tmp_path / "bus", handler)
    _, writer = await asyncio.open_unix_connection(str(tmp_path / "bus"))
    writer.write(b"\0\0\0\3xyz")
    await ended.wait()
    writer.close()
    server.close()


async def test_a_lost_listener_is_dialled_again(tmp_path: Path) -> None:
    greeted: asyncio.Queue[object] = asyncio.Queue()

    async def handler(connection: unix.Connection) -> None:
        async for message in connection:
            greeted.put_nowait(message)
            return

    async def greet(connection: unix.Connection) -> None:
        connection.send(HELLO)
        async for _ in connection:
            pass

    dialling = asyncio.ensure_future(unix.dial_forever(tmp_path / "bus", greet))
    server = await unix.serve(tmp_path / "bus", handler)
    assert await greeted.get() == HELLO
    assert await greeted.get() == HELLO
    dialling.cancel()
    await asyncio.gather(dialling, return_exceptions=True)
    server.close()


async def test_nobody_listening_is_a_bus_error_in_the_end(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="nobody listens at bus"):
        await unix.dial(tmp_path / "bus", timeout_s=0.01)
