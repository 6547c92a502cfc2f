"""Publishing and leaving two hundred times: what a publish took is given back.

The ingest process serves each publish whole, with media from DTLS to the worker's socket. Its file
descriptors, threads and asyncio tasks must end where they began, its memory within 20 KB a cycle.
"""

import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from bench.house import TIMEOUT_S, House, Pictures
from bench.polling import eventually
from mediaserver.bus.messages import CloseSession

pytestmark = [pytest.mark.media, pytest.mark.timeout(180)]

CYCLES = 200
WARM_UP = 60
AT_ONCE = 5
"""Publishers at a time: the handshakes overlap, and the whole takes seconds."""
MAX_GROWTH_KB = 20
"""A cycle."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    await made.stop()
    assert "Traceback" not in made.log_path.read_text()


def resources(pid: int) -> tuple[int, int, int]:
    """File descriptors, threads, and KB of memory that belong to the process alone."""
    folder = Path(f"/proc/{pid}")
    status = (folder / "status").read_text()
    threads, rss_kb = (re.search(rf"{key}:\s+(\d+)", status) for key in ("Threads", "RssAnon"))
    assert threads is not None
    assert rss_kb is not None
    return len(list((folder / "fd").iterdir())), int(threads.group(1)), int(rss_kb.group(1))


async def reached(house: House, state: str, sessions: Iterable[str]) -> None:
    """Wait until all of these have been in `state`."""

    async def probe() -> bool:
        return all(state in house.past.get(session, ()) for session in sessions)

    await eventually(probe, TIMEOUT_S, f"all are {state}")


async def cycles(house: House, first: int, count: int) -> None:
    """So many publishes, a few at a time; half of them leave, main ends the others."""
    for begin in range(first, first + count, AT_ONCE):
        names = [f"s{number}" for number in range(begin, begin + AT_ONCE)]
        publishers = [
            await house.publish("vp8", session=name, video=Pictures(30)) for name in names
        ]
        await reached(house, "media", names)
        for name in names[::2]:
            house.send(CloseSession(session=name))
        for publisher in publishers[1::2]:
            await house.leave(publisher)
        await reached(house, "closed", names)
        for publisher in publishers[::2]:
            await house.leave(publisher)
        house.forget()


async def test_two_hundred_publishes_leave_nothing_behind(house: House) -> None:
    await house.start(process=True, max_sessions=2 * AT_ONCE)
    await cycles(house, 0, WARM_UP)
    before = await settled(house)
    await cycles(house, WARM_UP, CYCLES)
    after = await settled(house)
    assert after[:3] == before[:3]
    assert (after[3] - before[3]) / CYCLES < MAX_GROWTH_KB


async def settled(house: House) -> tuple[int, int, int, int]:
    """The process's resources, once the metrics have been told without a session in them."""
    house.metrics = b""

    async def told() -> int:
        found = re.search(rb"^comptoir_ingest_tasks (\d+)", house.metrics, re.MULTILINE)
        return int(found.group(1)) if found is not None else 0

    tasks = await eventually(told, TIMEOUT_S, "the metrics have come")
    return (tasks, *resources(house.pid))
