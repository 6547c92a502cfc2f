"""What an event socket is told: where it stands, then everything, in order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mediaserver.gateway import event_frames

JSON, MSGPACK = "comptoir.v1.json", "comptoir.v1.msgpack"
MakeBroadcast = Callable[..., Any]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.mark.parametrize("protocols", [(), (JSON,), (MSGPACK,), ("x", MSGPACK, JSON)])
async def test_hello_then_events(
    gateway: Any, aired: Any, sockets: Any, protocols: tuple[str, ...]
) -> None:
    ws = await sockets.listen("", *protocols)
    chosen = next((name for name in protocols if name != "x"), None)
    assert ws.protocol == chosen
    (hello,) = await sockets.heard(ws, 1)
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
    cue, order = await sockets.heard(ws, 2)
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
    assert sockets.counted(f'comptoir_gateway_event_sockets{{encoding="{label}"}}') == 1
    assert sockets.counted("comptoir_gateway_event_history") == 2
    assert sockets.counted("comptoir_gateway_event_messages_sent_total") == 2
    assert sockets.counted("comptoir_gateway_event_fanout_seconds_count") == 2


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_who_comes_back_is_told_what_it_missed(
    gateway: Any, aired: Any, sockets: Any, protocol: str
) -> None:
    await gateway.take(*aired.events(5))
    ws = await sockets.listen("?since=log1:3", protocol)
    hello, *missed, air, audience = await sockets.heard(ws, 6)
    assert (hello["recovered"], hello["state"], hello["offset"]) == (True, None, 3)
    assert [message["offset"] for message in missed] == [4, 5, 6]
    assert (air["type"], audience) == ("air", {"type": "audience", "viewers": 0})
    await gateway.take(aired.event())
    assert (await sockets.heard(ws, 1))[0]["offset"] == 7


async def test_since_beyond_history_begins_anew(gateway: Any, aired: Any, sockets: Any) -> None:
    await gateway.take(*aired.events(5000))
    for query, recovered in (("log1:904", False), ("log1:4000", True), ("log0:4900", False)):
        (hello,) = await sockets.heard(await sockets.listen(f"?since={query}", JSON), 1)
        assert hello["recovered"] is recovered
    assert sockets.counted("comptoir_gateway_event_history") == 4096


async def test_a_late_joiner_gets_the_cues_that_are_up(
    gateway: Any, aired: Any, broadcast: MakeBroadcast, sockets: Any
) -> None:
    show = broadcast()
    await gateway.take(show.status(), *show.inits(), *show.many(60))
    await gateway.take(
        aired.cue("over", pts=0),
        aired.cue("up", pts=0, duration=90_000 * 60),
        aired.cue("end", pts=1_500_000, ends="up"),
    )
    (hello,) = await sockets.heard(await sockets.listen("", JSON), 1)
    assert [cue["id"] for cue in hello["state"]["cues"]] == ["up", "end"]
    assert hello["state"]["anchor_utc_us"] == 1_760_000_000_000_000
    async with gateway.http.get(f"{gateway.url}/live/demo/state") as response:
        assert response.headers["Cache-Control"] == "public, max-age=1"
        assert response.headers["Content-Encoding"] == "gzip"
        assert await response.json() == hello["state"]


async def test_the_air_state_is_told(
    gateway: Any, aired: Any, broadcast: MakeBroadcast, sockets: Any
) -> None:
    ws = await sockets.listen("", JSON)
    await sockets.heard(ws, 1)
    show = broadcast()
    await gateway.take(show.status("away"), show.status("away", "Other"), show.status("ended"))
    assert await sockets.heard(ws, 2) == [
        {"type": "air", "state": "away", "epoch": "e1"},
        {"type": "air", "state": "ended", "epoch": "e1"},
    ]


async def test_another_log_epoch_greets_everyone_anew(
    gateway: Any, aired: Any, sockets: Any
) -> None:
    crowd = [await sockets.listen("", protocol) for protocol in (JSON, MSGPACK)]
    for ws in crowd:
        await sockets.heard(ws, 1)
    aired.new_epoch("log2")
    aired.product("tea", "Thé")
    await gateway.take(aired.snapshot(), aired.event())
    for ws in crowd:
        hello, event = await sockets.heard(ws, 2)
        assert (hello["type"], hello["epoch"], hello["recovered"]) == ("hello", "log2", False)
        assert list(hello["state"]["products"]) == ["tea"]
        assert (event["epoch"], event["offset"]) == ("log2", 2)


async def test_a_gap_makes_the_gateway_dial_main_again(
    gateway: Any,
    aired: Any,
    sockets: Any,
    until: Until,
    clock: Any,
    broadcast: MakeBroadcast,
) -> None:
    ws = await sockets.listen("", JSON)
    await sockets.heard(ws, 1)
    first = gateway.main.peers[-1]
    aired.event()
    gateway.main.send(aired.event())
    await until(lambda: first not in gateway.main.peers and bool(gateway.main.peers))
    await gateway.take(aired.snapshot(), aired.event())
    hello, event = await sockets.heard(ws, 2)
    assert (hello["recovered"], hello["offset"], event["offset"]) == (False, 3, 4)
    second = gateway.main.peers[-1]
    aired.event()
    await gateway.take(aired.event())  # the clock stands still: not asked again at once
    assert gateway.main.peers == [second]
    clock.advance(2)
    gateway.main.send(broadcast().status("away"))
    await until(lambda: second not in gateway.main.peers and bool(gateway.main.peers))
    await gateway.take(aired.snapshot())
    air, hello = await sockets.heard(ws, 2)
    assert (air["type"], hello["type"], hello["offset"]) == ("air", "hello", 6)


async def test_main_comes_back_and_nobody_notices(
    gateway: Any, aired: Any, sockets: Any, until: Until
) -> None:
    ws = await sockets.listen("", JSON)
    await gateway.take(*aired.events(2))
    await sockets.heard(ws, 3)
    await gateway.main.close_bus()
    (hello,) = await sockets.heard(
        await sockets.listen("", JSON), 1
    )  # main is gone: who comes is still greeted
    assert hello["offset"] == 3
    await gateway.main.open_bus()
    await until(lambda: bool(gateway.main.peers))
    await gateway.take(aired.snapshot(), aired.event())
    assert [message["offset"] for message in await sockets.heard(ws, 1)] == [4]


async def test_a_storm_keeps_its_order_and_is_encoded_once(
    gateway: Any, aired: Any, sockets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    encode = event_frames.framed

    def framed(message: Any) -> Any:
        made.append(message)
        return encode(message)

    crowd = [await sockets.listen("", MSGPACK if n % 2 else JSON) for n in range(100)]
    monkeypatch.setattr(event_frames, "framed", framed)

    async def offsets(ws: Any) -> list[int]:
        return [message["offset"] for message in (await sockets.heard(ws, 1001))[1:]]

    *everyone, _ = await asyncio.gather(
        *(offsets(ws) for ws in crowd), gateway.take(*aired.events(1000))
    )
    assert everyone == [list(range(2, 1002))] * 100
    assert len([message for message in made if message["type"] == "event"]) == 1000
