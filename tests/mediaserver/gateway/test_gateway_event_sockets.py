"""The event sockets on a real port: greetings, order, slow and hostile clients."""

import asyncio
import base64
import json
import os
import random
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import msgpack
import pytest

from mediaserver.bus.messages import PlayheadReport, PlayheadReports
from mediaserver.gateway import event_frames, event_sockets
from mediaserver.gateway.event_sockets import MESSAGES_PER_S

JSON, MSGPACK = "comptoir.v1.json", "comptoir.v1.msgpack"
MakeBroadcast = Callable[..., Any]
Until = Callable[[Callable[[], bool]], Awaitable[None]]
Listen = Callable[..., Awaitable[Any]]


@pytest.fixture
async def listen(gateway: Any) -> AsyncIterator[Listen]:
    """Opens an event socket."""
    opened: list[Any] = []

    async def open_socket(query: str = "", *protocols: str, **options: Any) -> Any:
        url = f"{gateway.url}/live/demo/events{query}"
        made = await gateway.http.ws_connect(url, protocols=protocols, **options)
        opened.append(made)
        return made

    yield open_socket
    for ws in opened:
        await ws.close()


@pytest.fixture
async def aired(gateway: Any, show_log: Any, broadcast: MakeBroadcast) -> Any:
    """A show with a log of one product."""
    show_log.product()
    await gateway.take(broadcast().status(), show_log.snapshot())
    return show_log


async def heard(ws: Any, count: int) -> list[dict[str, Any]]:
    """The next messages."""
    async with asyncio.timeout(20):
        return [read(await ws.receive()) for _ in range(count)]


def read(message: aiohttp.WSMessage) -> dict[str, Any]:
    if message.type is aiohttp.WSMsgType.TEXT:
        return dict(json.loads(message.data))
    assert message.type is aiohttp.WSMsgType.BINARY, message
    return dict(msgpack.unpackb(message.data))


async def end_of(ws: Any) -> int | None:
    """The close code, after whatever was said before."""
    async with asyncio.timeout(10):
        async for _ in ws:
            pass
    return ws.close_code  # type: ignore[no-any-return]


def counted(gateway: Any, name: str) -> float:
    """A metric's value, 0 where there is none yet."""
    match = re.search(rf"^{re.escape(name)} (\S+)$", gateway.metrics.text().decode(), re.MULTILINE)
    return float(match[1]) if match else 0.0


@pytest.mark.parametrize("protocols", [(), (JSON,), (MSGPACK,), ("x", MSGPACK, JSON)])
async def test_hello_then_events(
    gateway: Any, aired: Any, listen: Listen, protocols: tuple[str, ...]
) -> None:
    ws = await listen("", *protocols)
    chosen = next((name for name in protocols if name != "x"), None)
    assert ws.protocol == chosen
    (hello,) = await heard(ws, 1)
    assert {name: hello[name] for name in ("type", "epoch", "offset", "recovered")} == {
        "type": "hello",
        "epoch": "log1",
        "offset": 1,
        "recovered": False,
    }
    assert hello["state"]["products"]["jam"]["name"] == "Confiture"
    async with gateway.http.get(f"{gateway.url}/live/demo/state") as response:
        assert await response.json() == hello["state"]
    await gateway.take(aired.cue("c1", pts=90_000), aired.event())
    cue, order = await heard(ws, 2)
    assert (cue["event"], cue["offset"], cue["data"]["id"]) == ("cue", 2, "c1")
    assert order == {
        "type": "event",
        "epoch": "log1",
        "offset": 3,
        "media_epoch": None,
        "pts": None,
        "utc_us": 1_760_000_000_000_000,
        "event": "order",
        "data": {"product": "jam", "quantity": 1, "orders": 1},
    }
    label = "msgpack" if chosen == MSGPACK else "json"
    assert counted(gateway, f'comptoir_gateway_event_sockets{{encoding="{label}"}}') == 1
    assert counted(gateway, "comptoir_gateway_event_history") == 2
    assert counted(gateway, "comptoir_gateway_event_messages_sent_total") == 2
    assert counted(gateway, "comptoir_gateway_event_fanout_seconds_count") == 2


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_who_comes_back_is_told_what_it_missed(
    gateway: Any, aired: Any, listen: Listen, protocol: str
) -> None:
    await gateway.take(*aired.events(5))
    ws = await listen("?since=log1:3", protocol)
    hello, *missed, air = await heard(ws, 5)
    assert (hello["recovered"], hello["state"], hello["offset"]) == (True, None, 3)
    assert [message["offset"] for message in missed] == [4, 5, 6]
    assert air["type"] == "air"
    await gateway.take(aired.event())
    assert (await heard(ws, 1))[0]["offset"] == 7


async def test_since_beyond_history_begins_anew(gateway: Any, aired: Any, listen: Listen) -> None:
    await gateway.take(*aired.events(5000))
    for query, recovered in (("log1:904", False), ("log1:4000", True), ("log0:4900", False)):
        (hello,) = await heard(await listen(f"?since={query}", JSON), 1)
        assert hello["recovered"] is recovered
    assert counted(gateway, "comptoir_gateway_event_history") == 4096


async def test_a_late_joiner_gets_the_cues_that_are_up(
    gateway: Any, aired: Any, broadcast: MakeBroadcast, listen: Listen
) -> None:
    show = broadcast()
    await gateway.take(show.status(), *show.inits(), *show.many(60))
    await gateway.take(
        aired.cue("over", pts=0),
        aired.cue("up", pts=0, duration=90_000 * 60),
        aired.cue("end", pts=1_500_000, ends="up"),
    )
    (hello,) = await heard(await listen("", JSON), 1)
    assert [cue["id"] for cue in hello["state"]["cues"]] == ["up", "end"]
    assert hello["state"]["anchor_utc_us"] == 1_760_000_000_000_000
    async with gateway.http.get(f"{gateway.url}/live/demo/state") as response:
        assert response.headers["Cache-Control"] == "public, max-age=1"
        assert response.headers["Content-Encoding"] == "gzip"
        assert await response.json() == hello["state"]


async def test_the_air_state_is_told(
    gateway: Any, aired: Any, broadcast: MakeBroadcast, listen: Listen
) -> None:
    ws = await listen("", JSON)
    await heard(ws, 1)
    show = broadcast()
    await gateway.take(show.status("away"), show.status("away", "Other"), show.status("ended"))
    assert await heard(ws, 2) == [
        {"type": "air", "state": "away", "epoch": "e1"},
        {"type": "air", "state": "ended", "epoch": "e1"},
    ]


async def test_another_log_epoch_greets_everyone_anew(
    gateway: Any, aired: Any, listen: Listen
) -> None:
    sockets = [await listen("", protocol) for protocol in (JSON, MSGPACK)]
    for ws in sockets:
        await heard(ws, 1)
    aired.new_epoch("log2")
    aired.product("tea", "Thé")
    await gateway.take(aired.snapshot(), aired.event())
    for ws in sockets:
        hello, event = await heard(ws, 2)
        assert (hello["type"], hello["epoch"], hello["recovered"]) == ("hello", "log2", False)
        assert list(hello["state"]["products"]) == ["tea"]
        assert (event["epoch"], event["offset"]) == ("log2", 2)


async def test_a_gap_makes_the_gateway_dial_main_again(
    gateway: Any,
    aired: Any,
    listen: Listen,
    until: Until,
    clock: Any,
    broadcast: MakeBroadcast,
) -> None:
    ws = await listen("", JSON)
    await heard(ws, 1)
    first = gateway.main.peers[-1]
    aired.event()
    gateway.main.send(aired.event())
    await until(lambda: first not in gateway.main.peers and bool(gateway.main.peers))
    await gateway.take(aired.snapshot(), aired.event())
    hello, event = await heard(ws, 2)
    assert (hello["recovered"], hello["offset"], event["offset"]) == (False, 3, 4)
    second = gateway.main.peers[-1]
    aired.event()
    await gateway.take(aired.event())  # the clock stands still: not asked again at once
    assert gateway.main.peers == [second]
    clock.advance(2)
    gateway.main.send(broadcast().status("away"))
    await until(lambda: second not in gateway.main.peers and bool(gateway.main.peers))
    await gateway.take(aired.snapshot())
    air, hello = await heard(ws, 2)
    assert (air["type"], hello["type"], hello["offset"]) == ("air", "hello", 6)


async def test_main_comes_back_and_nobody_notices(
    gateway: Any, aired: Any, listen: Listen, until: Until
) -> None:
    ws = await listen("", JSON)
    await gateway.take(*aired.events(2))
    await heard(ws, 3)
    await gateway.main.close_bus()
    (hello,) = await heard(await listen("", JSON), 1)  # main is gone: who comes is still greeted
    assert hello["offset"] == 3
    await gateway.main.open_bus()
    await until(lambda: bool(gateway.main.peers))
    await gateway.take(aired.snapshot(), aired.event())
    assert [message["offset"] for message in await heard(ws, 1)] == [4]


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_the_clock(gateway: Any, aired: Any, listen: Listen, protocol: str) -> None:
    ws = await listen("", protocol)
    await heard(ws, 1)
    question = {"type": "clock", "t": {"any": [1, "é"]}}
    if protocol == JSON:
        await ws.send_str(json.dumps(question))
    else:
        await ws.send_bytes(msgpack.packb(question))
    assert await heard(ws, 1) == [{**question, "server_ms": 1_760_000_000_000}]


async def refused(gateway: Any, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, error code and headers of a handshake that is turned down."""
    named = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    wanted = {name: value for name, value in named.items() if value}
    async with gateway.http.get(f"{gateway.url}{path}", headers=wanted) as response:
        return response.status, (await response.json())["error"]["code"], dict(response.headers)


async def test_handshakes_that_are_turned_down(gateway: Any, aired: Any) -> None:
    path = "/live/demo/events"
    assert (await refused(gateway, "/live/nobody/events"))[:2] == (404, "show_unknown")
    for since in ("", "x", "log1:-1", "log1:1&since=log1:1", "%00:1"):
        assert (await refused(gateway, f"{path}?since={since}"))[:2] == (400, "bad_request")
    other = await refused(gateway, path, Sec_WebSocket_Protocol="comptoir.v9.json")
    assert other[:2] == (400, "bad_request")
    status, code, headers = await refused(gateway, path, Upgrade="", Connection="")
    assert (status, code, headers["Upgrade"]) == (426, "upgrade_required", "websocket")
    assert (await refused(gateway, path, Sec_WebSocket_Key="short"))[0] == 426
    assert (await refused(gateway, path, Sec_WebSocket_Version="99"))[0] == 426
    async with gateway.http.post(gateway.url + path) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET")
    async with gateway.http.options(gateway.url + path) as response:
        assert response.status == 204


async def test_foreign_pages_may_not_listen(gateway: Any, aired: Any, listen: Listen) -> None:
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{gateway.port + 1}"):
        answer = await refused(gateway, "/live/demo/events", Origin=origin)
        assert answer[:2] == (403, "origin_foreign")
        claimed = await refused(
            gateway, "/live/demo/events", Origin=origin, X_Forwarded_Host="evil.example"
        )
        assert claimed[0] == 403
    for origin in (f"http://127.0.0.1:{gateway.port}", "https://shop.example"):
        ws = await listen("", JSON, headers={"Origin": origin})
        assert (await heard(ws, 1))[0]["type"] == "hello"


async def test_a_show_without_its_log_is_not_there_yet(
    gateway: Any, broadcast: MakeBroadcast
) -> None:
    await gateway.take(broadcast().status())
    status, code, headers = await refused(gateway, "/live/demo/events")
    assert (status, code, headers["Retry-After"]) == (503, "log_unavailable", "1")


async def test_the_log_may_come_before_the_show(
    gateway: Any, show_log: Any, broadcast: MakeBroadcast, listen: Listen
) -> None:
    await gateway.take(show_log.snapshot(), show_log.event())
    assert (await refused(gateway, "/live/demo/events"))[0] == 404
    await gateway.take(broadcast().status())
    (hello,) = await heard(await listen("", JSON), 1)
    assert hello["offset"] == 1


async def test_too_many_sockets(
    gateway: Any, aired: Any, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_sockets, "MAX_SOCKETS", 1)
    await listen("", JSON)
    assert (await refused(gateway, "/live/demo/events"))[:2] == (503, "too_many_sockets")


async def test_oversized_messages(gateway: Any, aired: Any, listen: Listen, until: Until) -> None:
    fits, over = await listen("", JSON), await listen("", JSON)
    await fits.send_str('{"type":"x"}'.ljust(4096))
    await fits.send_str('{"type":"clock","t":1}')
    assert [message["type"] for message in await heard(fits, 2)] == ["hello", "clock"]
    await over.send_str('{"type":"x"}'.ljust(4097))
    assert await end_of(over) == 1009
    name = 'comptoir_gateway_event_sockets_aborted_total{reason="too_big"}'
    await until(lambda: counted(gateway, name) == 1)


@pytest.mark.parametrize("ping", [False, True])
async def test_too_many_messages(
    gateway: Any, aired: Any, listen: Listen, clock: Any, ping: bool
) -> None:
    ws = await listen("", JSON)
    await heard(ws, 1)
    for _ in range(2):
        for number in range(MESSAGES_PER_S):
            await ws.send_str(f'{{"type":"clock","t":{number}}}')
        answers = await heard(ws, MESSAGES_PER_S)
        assert [answer["t"] for answer in answers] == list(range(MESSAGES_PER_S))
        clock.advance(1)
    for _ in range(MESSAGES_PER_S + 1):
        await (ws.ping() if ping else ws.send_str('{"type":"later"}'))
    assert await end_of(ws) == 1008
    assert counted(gateway, 'comptoir_gateway_event_sockets_aborted_total{reason="flood"}') == 1


async def test_messages_of_no_kind(gateway: Any, aired: Any, listen: Listen) -> None:
    for protocol, code, sent in (
        (JSON, 1007, "nonsense"),
        (JSON, 1003, b"{}"),
        (MSGPACK, 1007, b"\xc1"),
        (MSGPACK, 1003, "{}"),
    ):
        ws = await listen("", protocol)
        await (ws.send_str(sent) if isinstance(sent, str) else ws.send_bytes(sent))
        assert await end_of(ws) == code


async def test_pings_are_answered(gateway: Any, aired: Any, listen: Listen) -> None:
    ws = await listen("", JSON, autoping=False)
    await heard(ws, 1)
    await ws.ping(b"abc")
    message = await ws.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"abc")


async def test_who_is_silent_is_pinged_then_cut_off(
    gateway: Any, aired: Any, listen: Listen, clock: Any, until: Until
) -> None:
    quiet, lively = await listen("", JSON, autoping=False), await listen("", JSON, autoping=False)
    for ws in (quiet, lively):
        await heard(ws, 1)
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
    await end_of(quiet)
    assert counted(gateway, 'comptoir_gateway_event_sockets_aborted_total{reason="silent"}') == 1
    await gateway.take(aired.event())
    assert (await heard(lively, 1))[0]["offset"] == 2


async def raw_socket(gateway: Any, *, receive_bytes: int = 4096) -> socket.socket:
    """A client's socket right after it sent its handshake; it reads only what a test reads."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", gateway.port))
    key = base64.b64encode(os.urandom(16)).decode()
    await loop.sock_sendall(
        raw,
        "GET /live/demo/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n".encode(),
    )
    return raw


async def test_a_stalled_reader_is_cut_off_and_the_others_get_everything(
    gateway: Any, aired: Any, listen: Listen, until: Until
) -> None:
    others = [await listen("", MSGPACK if n % 2 else JSON) for n in range(50)]
    stalled = await raw_socket(gateway)
    await until(lambda: len(gateway.events) == 51)
    count, facts = 300, ["x" * 8000]
    data = {"id": "jam", "name": "Confiture", "facts": facts}

    async def storm() -> None:
        for _ in range(count):
            await gateway.take(aired.event("product", data))

    async def offsets(ws: Any) -> list[int]:
        return [message["offset"] for message in (await heard(ws, count + 1))[1:]]

    *everyone, _ = await asyncio.gather(*(offsets(ws) for ws in others), storm())
    assert everyone == [list(range(2, count + 2))] * 50
    await until(lambda: len(gateway.events) == 50)
    assert counted(gateway, 'comptoir_gateway_event_sockets_aborted_total{reason="slow"}') == 1
    stalled.close()


async def test_a_storm_keeps_its_order_and_is_encoded_once(
    gateway: Any, aired: Any, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    encode = event_frames.framed

    def framed(message: Any) -> Any:
        made.append(message)
        return encode(message)

    sockets = [await listen("", MSGPACK if n % 2 else JSON) for n in range(100)]
    monkeypatch.setattr(event_frames, "framed", framed)

    async def offsets(ws: Any) -> list[int]:
        return [message["offset"] for message in (await heard(ws, 1001))[1:]]

    *everyone, _ = await asyncio.gather(
        *(offsets(ws) for ws in sockets), gateway.take(*aired.events(1000))
    )
    assert everyone == [list(range(2, 1002))] * 100
    assert len([message for message in made if message["type"] == "event"]) == 1000


async def test_hostile_frames_harm_nobody(
    gateway: Any, aired: Any, listen: Listen, until: Until
) -> None:
    chance = random.Random(7)
    witness = await listen("", JSON)
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(60):
        raw = await raw_socket(gateway, receive_bytes=65_536)
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
    assert [message["type"] for message in await heard(witness, 2)] == ["hello", "event"]


async def test_who_leaves_is_forgotten(
    gateway: Any, aired: Any, listen: Listen, until: Until
) -> None:
    polite, rude = await listen("", JSON), await raw_socket(gateway)
    await until(lambda: len(gateway.events) == 2)
    assert len(gateway.shows.room("demo").audience) == 2
    await polite.close()
    rude.close()
    await until(lambda: len(gateway.events) == 0)
    assert len(gateway.shows.room("demo").audience) == 0
    assert counted(gateway, 'comptoir_gateway_event_sockets{encoding="json"}') == 0


async def test_the_gateway_says_goodbye(gateway: Any, aired: Any, listen: Listen) -> None:
    ws = await listen("", JSON)
    gateway.events.close()
    assert await end_of(ws) == 1001


async def test_a_playhead_is_handed_on_with_the_cookie_it_came_with(
    gateway: Any, aired: Any, listen: Listen
) -> None:
    viewer = await listen(headers={"Cookie": "comptoir_viewer=v1.signed"})
    nobody = await listen()
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
