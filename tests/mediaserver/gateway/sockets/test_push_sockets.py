"""Media push on real sockets: what a subscriber gets, and when."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
import pytest

MSGPACK = "comptoir.v1.msgpack"
Until = Callable[[Callable[[], bool]], Awaitable[None]]


async def subscribed(sockets: Any, **ask: Any) -> Any:
    """An event socket that has asked for media."""
    ws = await sockets.listen("", MSGPACK)
    assert (await sockets.heard(ws, 1))[0]["type"] == "hello"
    await ask_for(ws, **ask)
    return ws


async def ask_for(ws: Any, **ask: Any) -> None:
    await ws.send_bytes(msgpack.packb({"type": "subscribe", **ask}))


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [f"part{m['number']}" if m["type"] == "part" else m["type"] for m in messages]


@pytest.fixture
async def made(gateway: Any, aired: Any, on_air: Any) -> Any:
    """A show on air, with its log; eight parts have gone."""
    return on_air


async def test_a_subscriber_gets_the_parts_of_the_playlist(
    gateway: Any, made: Any, sockets: Any, viewer: Any
) -> None:
    ws = await subscribed(sockets, epoch="e1", rendition="360p", buffer_ms=500)
    messages = await sockets.heard(ws, 5)
    assert kinds(messages) == ["renditions", "subscribed", "init", "part6", "part7"]
    assert messages[0]["renditions"][0] == {
        "name": "720p",
        "codecs": "avc1.4D401F,mp4a.40.2",
        "width": 1280,
        "height": 720,
        "fps": 30,
        "bandwidth": 2_800_000,
        "average_bandwidth": 2_500_000,
    }
    assert messages[1] == {
        "type": "subscribed",
        "epoch": "e1",
        "rendition": "360p",
        "number": 6,
        "buffer_ms": 500,
        "part_ms": 333,
    }
    assert messages[2]["data"] == b"init 360p 0"
    await gateway.take(*made.many(4))
    parts = messages[3:] + await sockets.heard(ws, 4)
    assert kinds(parts) == [f"part{n}" for n in range(6, 12)]
    assert parts[0]["independent"] is True
    for part in parts:
        _, _, body = await viewer.ask(f"/live/demo/e1/360p/part-{part['number']}.m4s")
        assert part["data"] == body
    assert sockets.counted("comptoir_gateway_push_viewers") == 1
    assert sockets.counted("comptoir_gateway_push_parts_total") == 6
    assert sockets.counted("comptoir_gateway_push_bytes_total") == sum(
        len(p["data"]) for p in parts
    )
    await ws.send_bytes(msgpack.packb({"type": "unsubscribe"}))
    await ws.send_bytes(msgpack.packb({"type": "clock"}))
    assert kinds(await sockets.heard(ws, 1)) == ["clock"]
    await gateway.take(*made.many(1))
    await ws.send_bytes(msgpack.packb({"type": "clock"}))
    assert kinds(await sockets.heard(ws, 1)) == ["clock"]
    assert sockets.counted("comptoir_gateway_push_viewers") == 0


async def test_a_page_that_knows_nothing_yet_is_served(
    gateway: Any, aired: Any, sockets: Any, broadcast: Callable[..., Any], until: Until
) -> None:
    show = broadcast()
    ws = await subscribed(sockets, max_bps=2_800_000)
    push = gateway.shows.room("demo").push
    await until(lambda: len(push) == 1)
    await gateway.take(*show.inits(), *show.many(2))
    messages = await sockets.heard(ws, 5)
    assert kinds(messages) == ["renditions", "subscribed", "init", "part0", "part1"]
    assert messages[1]["rendition"] == "720p"


async def test_a_switch_comes_where_a_segment_begins(
    gateway: Any, made: Any, sockets: Any, until: Until
) -> None:
    ws = await subscribed(sockets, rendition="360p")
    await sockets.heard(ws, 5)
    await ask_for(ws, rendition="720p")
    await ws.send_bytes(msgpack.packb({"type": "clock"}))
    assert kinds(await sockets.heard(ws, 1)) == ["clock"]
    await gateway.take(*made.many(6))
    messages = await sockets.heard(ws, 8)
    assert kinds(messages) == [
        *(f"part{n}" for n in range(8, 12)),
        "subscribed",
        "init",
        "part12",
        "part13",
    ]
    assert {m["rendition"] for m in messages[:4]} == {"360p"}
    assert {m["rendition"] for m in messages[4:]} == {"720p"}


async def test_a_cue_precedes_the_part_that_it_begins_in(
    gateway: Any, made: Any, aired: Any, sockets: Any
) -> None:
    crowd = [await subscribed(sockets, rendition="360p") for _ in range(20)]
    for ws in crowd:
        await sockets.heard(ws, 5)
    for number in range(8, 14):
        cue = aired.cue(f"c{number}", pts=made.tick)
        await gateway.take(cue, *made.parts())
    for ws in crowd:
        messages = await sockets.heard(ws, 12)
        assert kinds(messages) == [k for n in range(8, 14) for k in ("event", f"part{n}")]
        assert [m["data"]["pts"] for m in messages[::2]] == [
            m["decode_time"] for m in messages[1::2]
        ]


async def test_an_end_is_told_after_the_last_part(
    gateway: Any, made: Any, sockets: Any, broadcast: Callable[..., Any]
) -> None:
    ws = await subscribed(sockets, rendition="360p")
    await sockets.heard(ws, 5)
    await gateway.take(*made.many(1), made.end())
    messages = await sockets.heard(ws, 2)
    assert kinds(messages) == ["part8", "media_over"]
    assert messages[1] == {"type": "media_over", "reason": "ended"}
    await ask_for(ws)
    assert (await sockets.heard(ws, 1))[0] == {"type": "media_over", "reason": "ended"}
    new = broadcast(epoch="e2")
    await gateway.take(new.status())
    assert (await sockets.heard(ws, 1))[0] == {"type": "air", "state": "live", "epoch": "e2"}
    await ask_for(ws, epoch="e2", rendition="720p")
    await gateway.take(*new.inits(), *new.many(1))
    messages = await sockets.heard(ws, 4)
    assert kinds(messages) == ["renditions", "subscribed", "init", "part0"]
    assert {m["epoch"] for m in messages} == {"e2"}


@pytest.mark.parametrize("ask", [{"rendition": "4k"}, {"epoch": "e9"}])
async def test_what_is_not_there_is_said(made: Any, sockets: Any, ask: dict[str, Any]) -> None:
    ws = await subscribed(sockets, **ask)
    assert (await sockets.heard(ws, 1))[0] == {"type": "media_over", "reason": "unknown"}


async def test_a_subscriber_goes_on_where_it_was(gateway: Any, made: Any, sockets: Any) -> None:
    ws = await subscribed(sockets, rendition="720p", at=8)
    assert kinds(await sockets.heard(ws, 2)) == ["renditions", "subscribed"]
    await gateway.take(*made.many(1))
    assert kinds(await sockets.heard(ws, 2)) == ["init", "part8"]


async def test_main_comes_back_and_parts_go_on(
    gateway: Any, made: Any, aired: Any, sockets: Any, until: Until
) -> None:
    ws = await subscribed(sockets, rendition="720p")
    await sockets.heard(ws, 5)
    await gateway.main.close_bus()
    missed = made.many(2)
    await gateway.main.open_bus()
    await until(lambda: bool(gateway.main.peers))
    await gateway.take(made.status(), aired.snapshot(), *made.sent[:8], *missed)
    await gateway.take(*made.many(1))
    assert kinds(await sockets.heard(ws, 3)) == ["part8", "part9", "part10"]


async def test_json_sockets_have_no_media(made: Any, sockets: Any) -> None:
    ws = await sockets.listen("", "comptoir.v1.json")
    await ws.send_str('{"type":"subscribe"}')
    await ws.send_str('{"type":"clock"}')
    assert [m["type"] for m in await sockets.heard(ws, 2)] == ["hello", "clock"]


@pytest.mark.parametrize(
    "ask", [{"buffer_ms": "1"}, {"at": -1}, {"at": "then"}, {"epoch": 5}, {"rendition": "x" * 65}]
)
async def test_what_is_no_subscribe(made: Any, sockets: Any, ask: dict[str, Any]) -> None:
    ws = await subscribed(sockets, **ask)
    assert await sockets.end_of(ws) == 1007


async def test_who_leaves_is_forgotten(gateway: Any, made: Any, sockets: Any, until: Until) -> None:
    ws = await subscribed(sockets)
    push = gateway.shows.room("demo").push
    await until(lambda: len(push) == 1)
    await ws.close()
    await until(lambda: len(push) == 0)
    assert sockets.counted("comptoir_gateway_push_viewers") == 0
