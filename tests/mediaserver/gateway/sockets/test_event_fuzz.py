"""Hostile bytes on open sockets: thousands of frames that are nearly right."""

import asyncio
import gc
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgpack

from mediaserver.gateway.event_guard import FrameGuard
from mediaserver.gateway.event_socket import EventSocket
from mediaserver.gateway.event_sockets import CLOSE_S
from mediaserver.gateway.hot.connection import HotConnection

MSGPACK = "comptoir.v1.msgpack"
SOCKETS, FRAMES = 250, 40
Until = Callable[[Callable[[], bool]], Awaitable[None]]

_MESSAGES: tuple[dict[str, Any], ...] = (
    {"type": "subscribe"},
    {"type": "subscribe", "epoch": "e1", "rendition": "360p", "buffer_ms": 700, "at": 3},
    {"type": "subscribe", "epoch": None, "rendition": "720p", "max_bps": 1, "at": "live"},
    {"type": "unsubscribe"},
    {"type": "clock", "t": [1, {"a": b"\x00"}]},
    {"type": "playhead", "media_epoch": "e1", "pts": 5},
)


def masked(opcode: int, payload: bytes, key: bytes) -> bytes:
    """A client's frame (RFC 6455 §5.2)."""
    length = len(payload)
    head = bytes([opcode, 0x80 | length if length < 126 else 0xFE])
    size = b"" if length < 126 else length.to_bytes(2, "big")
    mask = bytes(byte ^ key[n % 4] for n, byte in enumerate(payload))
    return head + size + key + mask


def frame_of(chance: random.Random) -> bytes:
    """A valid frame, one with a byte or two changed, or one cut short."""
    payload = bytearray(msgpack.packb(chance.choice(_MESSAGES)))
    wrong = chance.randrange(8)
    if wrong == 0:
        payload[chance.randrange(len(payload))] = chance.randrange(256)
    opcode = 0x82 if wrong != 1 else chance.choice([0x81, 0x02, 0x00, 0x80, 0x89, 0x8A, 0xC2, 0xFF])
    frame = bytearray(masked(opcode, bytes(payload), chance.randbytes(4)))
    if wrong == 2:
        frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
    return bytes(frame[: chance.randrange(len(frame))] if wrong == 3 else frame)


def living() -> dict[str, int]:
    """What an open socket has of its own, and how many of each there are."""
    gc.collect()
    names = [
        type(each).__name__
        for each in gc.get_objects()
        if isinstance(each, EventSocket | FrameGuard | HotConnection)
    ]
    return {
        **{name: names.count(name) for name in ("EventSocket", "FrameGuard", "HotConnection")},
        "tasks": len(asyncio.all_tasks()),
        "files": len(list(Path("/proc/self/fd").iterdir())),
    }


async def test_nearly_right_frames_harm_nobody(
    gateway: Any, aired: Any, on_air: Any, sockets: Any, clock: Any, until: Until
) -> None:
    """10,000 frames on 250 sockets; the messages in them are fuzzed beside this, 20,000 times."""
    chance = random.Random(11)
    witness = await sockets.listen("", MSGPACK)
    await witness.send_bytes(msgpack.packb({"type": "subscribe", "rendition": "720p"}))
    await sockets.heard(witness, 6)
    loop = asyncio.get_running_loop()
    before = living()
    assert (before["EventSocket"], before["FrameGuard"]) == (1, 1)

    async def drain(raw: Any) -> None:
        try:
            while await loop.sock_recv(raw, 65_536):
                pass
        except OSError:
            return

    kinds: list[Counter[str]] = []
    for batch in range(SOCKETS // 25):
        raws = [await sockets.raw(receive_bytes=65_536, protocol=MSGPACK) for _ in range(25)]
        await until(lambda: len(gateway.events) == 26)
        draining = [asyncio.create_task(drain(raw)) for raw in raws]
        for raw in raws:
            sent = b"".join(frame_of(chance) for _ in range(FRAMES))
            try:
                await loop.sock_sendall(raw, sent)
                raw.shutdown(1)
            except OSError:
                continue
        clock.advance(2)
        await gateway.take(*on_air.parts())
        assert (await sockets.heard(witness, 1))[0]["number"] == 8 + batch
        await until(lambda: len(gateway.events) == 1)
        await asyncio.gather(*draining)
        for raw in raws:
            raw.close()
        sockets.raws.clear()
        clock.advance(CLOSE_S)
        gateway.events.keep_alive(clock())
        gc.collect()
        kinds.append(Counter(type(each).__name__ for each in gc.get_objects()))
    assert living() == before
    # of what each socket left behind there would be 25 more in every batch; heads are remembered,
    # up to a bound
    grown = kinds[-1] - kinds[1]
    del grown["Head"]
    most = 20 * (len(kinds) - 2)
    assert {kind: more for kind, more in grown.items() if more > most} == {}
    assert len(gateway.shows.room("demo").push) == 1
    assert len(gateway.shows.room("demo").audience) == 1
    assert sockets.counted("comptoir_gateway_push_viewers") == 1
