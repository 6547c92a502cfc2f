"""What the clients of event sockets say, and how they leave."""

import asyncio
import json
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgpack
import pytest

from mediaserver.bus.messages import PlayheadReport, PlayheadReports
from mediaserver.gateway import event_frames
from mediaserver.gateway.event_socket import MESSAGES_PER_S
from mediaserver.gateway.event_sockets import CLOSE_S

JSON, MSGPACK = "comptoir.v1.json", "comptoir.v1.msgpack"
MakeBroadcast = Callable[..., Any]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_the_clock(gateway: Any, aired: Any, sockets: Any, protocol: str) -> None:
    ws = await sockets.listen("", protocol)
    await sockets.heard(ws, 1)
    question = {"type": "clock", "t": {"any": [1, "é"]}}
    if protocol == JSON:
        await ws.send_str(json.dumps(question))
    else:
        await ws.send_bytes(msgpack.packb(question))
    assert await sockets.heard(ws, 1) == [{**question, "server_ms": 1_760_000_000_000}]


async def test_oversized_messages(gateway: Any, aired: Any, sockets: Any, until: Until) -> None:
    fits, over = await sockets.listen("", JSON), await sockets.listen("", JSON)
    await fits.send_str('{"type":"x"}'.ljust(4096))
    await fits.send_str('{"type":"clock","t":1}')
    assert [message["type"] for message in await sockets.heard(fits, 2)] == ["hello", "clock"]
    await over.send_str('{"type":"x"}'.ljust(4097))
    assert await sockets.end_of(over) == 1009
    name = 'comptoir_gateway_event_sockets_aborted_total{reason="too_big"}'
    await until(lambda: sockets.counted(name) == 1)


@pytest.mark.parametrize("ping", [False, True])
async def test_too_many_messages(
    gateway: Any, aired: Any, sockets: Any, clock: Any, ping: bool
) -> None:
    ws = await sockets.listen("", JSON)
    await sockets.heard(ws, 1)
    for _ in range(2):
        for number in range(MESSAGES_PER_S):
            await ws.send_str(f'{{"type":"clock","t":{number}}}')
        answers = await sockets.heard(ws, MESSAGES_PER_S)
        assert [answer["t"] for answer in answers] == list(range(MESSAGES_PER_S))
        clock.advance(1)
    for _ in range(MESSAGES_PER_S + 1):
        await (ws.ping() if ping else ws.send_str('{"type":"later"}'))
    assert await sockets.end_of(ws) == 1008
    assert sockets.counted('comptoir_gateway_event_sockets_aborted_total{reason="flood"}') == 1


async def test_messages_of_no_kind(gateway: Any, aired: Any, sockets: Any) -> None:
    for protocol, code, sent in (
        (JSON, 1007, "nonsense"),
        (JSON, 1003, b"{}"),
        (MSGPACK, 1007, b"\xc1"),
        (MSGPACK, 1003, "{}"),
    ):
        ws = await sockets.listen("", protocol)
        await (ws.send_str(sent) if isinstance(sent, str) else ws.send_bytes(sent))
        assert await sockets.end_of(ws) == code


async def test_pings_are_answered(gateway: Any, aired: Any, sockets: Any) -> None:
    ws = await sockets.listen("", JSON, autoping=False)
    await sockets.heard(ws, 1)
    await ws.ping(b"abc")
    message = await ws.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"abc")


async def test_who_is_silent_is_pinged_then_cut_off(
    gateway: Any, aired: Any, sockets: Any, clock: Any, until: Until
) -> None:
    quiet, lively = (
        await sockets.listen("", JSON, autoping=False),
        await sockets.listen("", JSON, autoping=False),
    )
    for ws in (quiet, lively):
        await sockets.heard(ws, 1)
    for step in range(1, 7):
        clock.advance(10)
        gateway.events.keep_alive(clock())
        await lively.send_str('{"type":"clock"}')
        kinds = [(await lively.receive()).type for _ in range(2 - step % 2)]
        expected = [aiohttp.WSMsgType.PING] * (1 - step % 2) + [aiohttp.WSMsgType.TEXT]
        assert kinds == expected
    clock.advance(1)
    gateway.events.keep_alive(clock())
    await until(lambda: len(gateway.events) == 1)
    assert [(await quiet.receive()).type for _ in range(3)] == [aiohttp.WSMsgType.PING] * 3
    await sockets.end_of(quiet)
    assert sockets.counted('comptoir_gateway_event_sockets_aborted_total{reason="silent"}') == 1
    await gateway.take(aired.event())
    assert (await sockets.heard(lively, 1))[0]["offset"] == 2


async def test_a_stalled_reader_is_cut_off_and_the_others_get_everything(
    gateway: Any, aired: Any, sockets: Any, until: Until
) -> None:
    others = [await sockets.listen("", MSGPACK if n % 2 else JSON) for n in range(50)]
    stalled = await sockets.raw()
    await until(lambda: len(gateway.events) == 51)
    count, facts = 300, ["x" * 8000]
    data = {"id": "jam", "name": "Confiture", "facts": facts}

    async def storm() -> None:
        for _ in range(count):
            await gateway.take(aired.event("product", data))

    async def offsets(ws: Any) -> list[int]:
        return [message["offset"] for message in (await sockets.heard(ws, count + 1))[1:]]

    *everyone, _ = await asyncio.gather(*(offsets(ws) for ws in others), storm())
    assert everyone == [list(range(2, count + 2))] * 50
    await until(lambda: len(gateway.events) == 50)
    assert sockets.counted('comptoir_gateway_event_sockets_aborted_total{reason="slow"}') == 1
    stalled.close()


async def test_hostile_frames_harm_nobody(
    gateway: Any, aired: Any, sockets: Any, until: Until
) -> None:
    chance = random.Random(7)
    witness = await sockets.listen("", JSON)
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(60):
        raw = await sockets.raw(receive_bytes=65_536)
        await until(lambda: len(gateway.events) > 1)
        head = bytes([chance.choice([0x81, 0x82, 0x01, 0x00, 0x88, 0x89, 0xC1, 0xFF])])
        length = bytes([chance.randrange(256)])
        await loop.sock_sendall(raw, head + length + chance.randbytes(chance.randrange(300)))
        clients.append(raw)
    for raw in clients:
        raw.shutdown(socket.SHUT_WR)
    await until(lambda: len(gateway.events) == 1)
    for raw in clients:
        raw.close()
    await gateway.take(aired.event())
    assert [message["type"] for message in await sockets.heard(witness, 2)] == ["hello", "event"]


async def test_who_leaves_is_forgotten(
    gateway: Any, aired: Any, sockets: Any, until: Until
) -> None:
    polite, rude = await sockets.listen("", JSON), await sockets.raw()
    await until(lambda: len(gateway.events) == 2)
    assert len(gateway.shows.room("demo").audience) == 2
    await polite.close()
    rude.close()
    await until(lambda: len(gateway.events) == 0)
    assert len(gateway.shows.room("demo").audience) == 0
    assert sockets.counted('comptoir_gateway_event_sockets{encoding="json"}') == 0


async def test_the_gateway_says_goodbye(gateway: Any, aired: Any, sockets: Any) -> None:
    ws = await sockets.listen("", JSON)
    gateway.events.close()
    assert await sockets.end_of(ws) == 1001


async def test_a_playhead_is_handed_on_with_the_cookie_it_came_with(
    gateway: Any, aired: Any, sockets: Any
) -> None:
    viewer = await sockets.listen(headers={"Cookie": "comptoir_viewer=v1.signed"})
    nobody = await sockets.listen()
    for ws in (nobody, viewer):
        await ws.send_json({"type": "playhead", "media_epoch": ["e1"], "pts": "now"})
        await ws.send_json({"type": "playhead", "media_epoch": "e1", "pts": 900})
    reports: list[PlayheadReport] = []
    async with asyncio.timeout(20):
        while not reports:
            await asyncio.sleep(0)
            batches = [m for m in gateway.main.received if isinstance(m, PlayheadReports)]
            reports = [report for batch in batches for report in batch.reports]
    assert [(r.show, r.token, r.media_epoch, r.pts) for r in reports] == [
        ("demo", "v1.signed", "e1", 900)
    ]


async def test_a_cookie_that_cannot_be_sent_on_harms_nobody(
    gateway: Any, aired: Any, sockets: Any
) -> None:
    playhead = {"type": "playhead", "media_epoch": "e1", "pts": 900}
    for cookie in (b"\xff", b'"a\\377b"', b'"\xff"'):
        raw = await sockets.raw(protocol=MSGPACK, cookie=b"comptoir_viewer=" + cookie)
        for message in (playhead, {"type": "clock", "t": "heard"}):
            await sockets.say_raw(raw, message)
        await read_until(raw, b"heard")
    (main,) = gateway.main.peers
    honest = await sockets.listen(headers={"Cookie": "comptoir_viewer=honest"})
    await honest.send_json(playhead)
    tokens: list[str] = []
    async with asyncio.timeout(20):
        while not tokens:
            await asyncio.sleep(0)
            batches = [m for m in gateway.main.received if isinstance(m, PlayheadReports)]
            tokens = [report.token for batch in batches for report in batch.reports]
    assert (tokens, gateway.main.peers) == (["honest"], [main])


async def read_until(raw: socket.socket, wanted: bytes) -> None:
    data = b""
    async with asyncio.timeout(10):
        while wanted not in data:
            data += await asyncio.get_running_loop().sock_recv(raw, 4096)


async def read_to_the_end(raw: socket.socket) -> None:
    async with asyncio.timeout(10):
        while await asyncio.get_running_loop().sock_recv(raw, 65536):
            pass


@pytest.mark.parametrize("takes", [False, True])
async def test_who_leaves_and_takes_no_more_is_cut_off(
    gateway: Any, aired: Any, sockets: Any, until: Until, clock: Any, takes: bool
) -> None:
    raw = await sockets.raw(receive_bytes=2048)
    await until(lambda: len(gateway.events) == 1)
    (client,) = gateway.events
    filler = event_frames.frame({"type": "filler", "text": "z" * 1000}, "json")
    while client.unread_bytes < 30_000:
        client.write(filler)
        await asyncio.sleep(0)
    await asyncio.get_running_loop().sock_sendall(raw, b"\x88\x82" + bytes(4) + b"\x03\xe8")
    await until(lambda: len(gateway.events) == 0)
    aborted = 'comptoir_gateway_event_sockets_aborted_total{reason="stalled"}'
    if takes:
        await read_to_the_end(raw)
    clock.advance(CLOSE_S - 0.5)
    gateway.events.keep_alive(clock())
    assert (len(gateway.events._leaving), sockets.counted(aborted)) == (1, 0)
    clock.advance(1)
    gateway.events.keep_alive(clock())
    assert not gateway.events._leaving
    assert sockets.counted(aborted) == (0 if takes else 1)
    if not takes:
        with pytest.raises(ConnectionResetError):
            await read_to_the_end(raw)
