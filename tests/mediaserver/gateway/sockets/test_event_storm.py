"""A storm of reconnections: all recovered, or told that they were not; never a silent gap."""

import asyncio
import random
from typing import Any

import msgpack
import pytest

MSGPACK = "comptoir.v1.msgpack"


async def reconnect(sockets: Any, since: int, last: int, gate: Any) -> bool:
    """Come back, be told what was missed or everything, and follow up to `last`."""
    async with gate:
        ws = await sockets.listen(f"?since=log1:{since}", MSGPACK)
    await ws.send_bytes(msgpack.packb({"type": "subscribe"}))
    (hello,) = await sockets.heard(ws, 1)
    at = hello["offset"]
    assert (at == since) if hello["recovered"] else (hello["state"]["log"]["offset"] == at)
    part = None
    async with asyncio.timeout(100):
        while at < last or part is None:
            message = sockets.read(await ws.receive())
            if message["type"] == "event":
                assert message["offset"] == at + 1
                at += 1
            elif message["type"] == "part":
                assert part in (None, message["number"] - 1)
                part = message["number"]
    await ws.close()
    return bool(hello["recovered"])


@pytest.mark.parametrize("count", [500, pytest.param(5000, marks=pytest.mark.soak)])
async def test_a_storm_of_reconnections(
    gateway: Any, aired: Any, on_air: Any, sockets: Any, count: int
) -> None:
    chance = random.Random(5)
    await gateway.take(*aired.events(4999))
    gate = asyncio.Semaphore(200)
    last = 5000 + 50
    places = [chance.choice([chance.randrange(1, 900), 4990, 4999, 5000]) for _ in range(count)]
    clients = [asyncio.create_task(reconnect(sockets, place, last, gate)) for place in places]
    for _ in range(50):
        await gateway.take(aired.event(), *on_air.parts())
    recovered = await asyncio.gather(*clients)
    assert recovered == [place > 904 for place in places]
