"""Slow and stalled readers of media: what they lose, in which order, and who does not notice."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
import pytest

from mediaserver.gateway.event_socket import MAX_UNREAD_BYTES, MEDIA_UNREAD_BYTES

MSGPACK = "comptoir.v1.msgpack"
PART_BYTES = 60_000
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
async def made(gateway: Any, aired: Any, broadcast: Callable[..., Any]) -> Any:
    """A show on air with parts of some size."""
    show = broadcast(ladder=("720p",), part_bytes=PART_BYTES)
    await gateway.take(*show.inits(), *show.many(2))
    return show


async def stalled_viewers(gateway: Any, sockets: Any, until: Until, count: int) -> list[Any]:
    """Subscribers that read nothing."""
    push = gateway.shows.room("demo").push
    before = len(push)
    raws = []
    for _ in range(count):
        raw = await sockets.raw(protocol=MSGPACK)
        await sockets.say_raw(raw, {"type": "subscribe"})
        raws.append(raw)
    await until(lambda: len(push) == before + count)
    return raws


async def all_of(raw: Any, last_offset: int) -> list[dict[str, Any]]:
    """Every message that a bare socket was sent, up to the event of that offset."""
    loop, data, messages = asyncio.get_running_loop(), b"", list[dict[str, Any]]()
    async with asyncio.timeout(20):
        while b"\r\n\r\n" not in data:
            data += await loop.sock_recv(raw, 65_536)
        data = data[data.index(b"\r\n\r\n") + 4 :]
        while not messages or messages[-1].get("offset") != last_offset:
            frame, data = taken(data)
            if frame is None:
                data += await loop.sock_recv(raw, 65_536)
            else:
                messages.append(msgpack.unpackb(frame))
    return messages


def taken(data: bytes) -> tuple[bytes | None, bytes]:
    """The payload of the first frame, None where it is not all there, and what follows it."""
    if len(data) < 10:
        return None, data
    length, at = data[1], 2
    if length == 126:
        (length,), at = struct.unpack(">H", data[2:4]), 4
    elif length == 127:
        (length,), at = struct.unpack(">Q", data[2:10]), 10
    if len(data) < at + length:
        return None, data
    return data[at : at + length], data[at + length :]


def transports(gateway: Any) -> list[Any]:
    return list(gateway.shows.room("demo").push._subscriptions)


async def test_media_is_lost_before_events_and_said_so(
    gateway: Any, made: Any, aired: Any, sockets: Any, until: Until
) -> None:
    (raw,) = await stalled_viewers(gateway, sockets, until, 1)
    for _ in range(40):
        await gateway.take(aired.event(), *made.parts())
    (client,) = transports(gateway)
    assert MEDIA_UNREAD_BYTES < client.unread_bytes < MEDIA_UNREAD_BYTES + 2 * PART_BYTES
    reading = asyncio.create_task(all_of(raw, 42))
    name = 'comptoir_gateway_push_skips_total{reason="slow"}'
    await until(lambda: sockets.counted(name) == 1)
    await gateway.take(*made.many(2), aired.event())
    messages = await reading
    offsets = [m["offset"] for m in messages if m["type"] == "event"]
    assert offsets == list(range(2, 43))
    (skipped,) = [m for m in messages if m["type"] == "skipped"]
    numbers = [m["number"] for m in messages if m["type"] == "part"]
    lost = set(range(skipped["from"], skipped["to"] + 1))
    assert sorted({*numbers, *lost}) == list(range(numbers[0], numbers[-1] + 1))
    assert len(numbers) + len(lost) == numbers[-1] + 1 - numbers[0]
    after = next(m for m in messages if m["type"] == "part" and m["number"] > skipped["to"])
    assert after["independent"] is True
    assert sockets.counted('comptoir_gateway_push_parts_skipped_total{reason="slow"}') == len(lost)


async def test_who_takes_nothing_is_cut_off_in_time(
    gateway: Any, made: Any, sockets: Any, until: Until, clock: Any
) -> None:
    await stalled_viewers(gateway, sockets, until, 3)
    await gateway.take(*made.many(30))
    for _ in range(10):
        gateway.events.keep_alive(clock())
        clock.advance(1)
    assert len(gateway.events) == 3
    clock.advance(1)
    gateway.events.keep_alive(clock())
    await until(lambda: len(gateway.events) == 0)
    assert sockets.counted('comptoir_gateway_event_sockets_aborted_total{reason="stalled"}') == 3
    assert sockets.counted("comptoir_gateway_push_viewers") == 0


async def test_who_leaves_its_events_unread_too_is_cut_off(
    gateway: Any, made: Any, aired: Any, sockets: Any, until: Until
) -> None:
    await stalled_viewers(gateway, sockets, until, 1)
    await gateway.take(*made.many(20))
    (client,) = transports(gateway)
    data = {"id": "jam", "name": "Confiture", "facts": ["x" * 8000]}
    most = 0
    while len(gateway.events):
        most = max(most, client.unread_bytes)
        await gateway.take(aired.event("product", data))
    assert MAX_UNREAD_BYTES < most <= MEDIA_UNREAD_BYTES + 2 * PART_BYTES + MAX_UNREAD_BYTES + 9000
    assert sockets.counted('comptoir_gateway_event_sockets_aborted_total{reason="slow"}') == 1


async def test_a_part_above_what_may_be_unread_cuts_nobody_off(
    gateway: Any, aired: Any, sockets: Any, broadcast: Callable[..., Any]
) -> None:
    show = broadcast(ladder=("720p",), part_bytes=3 * MAX_UNREAD_BYTES)
    await gateway.take(*show.inits(), *show.many(1))
    ws = await sockets.listen("", MSGPACK, max_msg_size=0)
    await ws.send_bytes(msgpack.packb({"type": "subscribe"}))
    for _ in range(4):
        await gateway.take(*show.parts(), aired.event())
    messages = await sockets.heard(ws, 13)
    assert [m["number"] for m in messages if m["type"] == "part"] == [0, 1, 2, 3, 4]
    assert [m["offset"] for m in messages if m["type"] == "event"] == [2, 3, 4, 5]


async def test_stalled_readers_delay_nobody(
    gateway: Any, made: Any, aired: Any, sockets: Any, until: Until
) -> None:
    """By counts: everyone else has every part and event as soon as it was sent."""
    await stalled_viewers(gateway, sockets, until, 20)
    others = []
    for _ in range(5):
        ws = await sockets.listen("", MSGPACK)
        await ws.send_bytes(msgpack.packb({"type": "subscribe"}))
        assert len(await sockets.heard(ws, 6)) == 6
        others.append(ws)
    for number in range(2, 40):
        await gateway.take(aired.event(), *made.parts())
        for ws in others:
            event, part = await sockets.heard(ws, 2)
            assert (event["offset"], part["number"]) == (number, number)
    assert len(gateway.events) == 25
    assert sockets.counted("comptoir_gateway_push_viewers") == 25
