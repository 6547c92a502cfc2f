"""The way to the worker: greeting, keyframe wishes, loss of the worker, another worker."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mediaserver.bus.unix import Connection, serve
from mediaserver.ingest.outlet import Outlet
from transcoder.control import KeyframeRequest, SourceEnd, SourceStart
from transcoder.values import AccessUnit, Anchor

ANCHOR = Anchor(utc_us=1, monotonic_ns=2)
START = SourceStart(epoch="e", source=3, anchor=ANCHOR)


def unit(pts: int) -> AccessUnit:
    return AccessUnit(
        kind="video",
        codec="h264",
        source=3,
        pts=pts,
        keyframe=True,
        damaged=False,
        data=b"\0\0\0\1",
    )


class Worker:
    """Listens like a worker; keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.connections: asyncio.Queue[Connection] = asyncio.Queue()

    async def listen(self, path: Path) -> asyncio.Server:
        async def handle(connection: Connection) -> None:
            self.connections.put_nowait(connection)
            async for message in connection:
                self.messages.put_nowait(message)

        return await serve(path, handle)


class Setup:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worker = Worker()
        self.wishes: asyncio.Queue[None] = asyncio.Queue()
        self.outlet = Outlet(
            str(folder / "a"),
            epoch="e",
            source=3,
            wish_keyframe=lambda: self.wishes.put_nowait(None),
        )


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    made = Setup(tmp_path)
    server = await made.worker.listen(tmp_path / "a")
    made.outlet.start()
    await made.wishes.get()
    yield made
    await made.outlet.close()
    server.close()


async def test_the_source_starts_with_its_first_unit_and_ends(setup: Setup) -> None:
    for pts in (0, 1):
        setup.outlet.send(unit(pts), ANCHOR)
    await setup.outlet.close()
    got = [await setup.worker.messages.get() for _ in range(4)]
    assert got == [START, unit(0), unit(1), SourceEnd(source=3)]
    assert (setup.outlet.sent, setup.outlet.dropped) == (2, 0)


async def test_the_workers_wish_for_a_keyframe_is_heard(setup: Setup) -> None:
    connection = await setup.worker.connections.get()
    connection.send(KeyframeRequest(source=2))
    connection.send(KeyframeRequest(source=3))
    await setup.wishes.get()
    assert setup.wishes.empty()


async def test_a_lost_worker_is_dialled_again_and_greeted(setup: Setup) -> None:
    setup.outlet.send(unit(0), ANCHOR)
    assert [await setup.worker.messages.get() for _ in range(2)] == [START, unit(0)]
    connection = await setup.worker.connections.get()
    await connection.close()
    await setup.wishes.get()
    setup.outlet.send(unit(1), ANCHOR)
    assert [await setup.worker.messages.get() for _ in range(2)] == [START, unit(1)]


async def test_units_without_a_worker_are_dropped_and_the_next_worker_greeted(
    tmp_path: Path,
) -> None:
    made = Setup(tmp_path)
    made.outlet.start()
    made.outlet.send(unit(0), ANCHOR)
    assert made.outlet.dropped == 1
    server = await made.worker.listen(tmp_path / "a")
    await made.wishes.get()
    made.outlet.send(unit(1), ANCHOR)
    assert [await made.worker.messages.get() for _ in range(2)] == [START, unit(1)]
    await made.outlet.close()
    server.close()


async def test_a_route_moves_the_units_to_another_worker(setup: Setup) -> None:
    setup.outlet.send(unit(0), ANCHOR)
    other = Worker()
    server = await other.listen(setup.folder / "b")
    setup.outlet.route(str(setup.folder / "b"))
    await setup.wishes.get()
    setup.outlet.send(unit(1), ANCHOR)
    assert [await other.messages.get() for _ in range(2)] == [START, unit(1)]
    await setup.outlet.close()
    assert await other.messages.get() == SourceEnd(source=3)
    server.close()
