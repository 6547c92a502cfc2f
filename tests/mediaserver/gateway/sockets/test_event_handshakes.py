"""Which event sockets are opened, and which are not."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mediaserver.gateway import event_sockets

JSON, MSGPACK = "comptoir.v1.json", "comptoir.v1.msgpack"
MakeBroadcast = Callable[..., Any]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


async def test_handshakes_that_are_turned_down(sockets: Any, gateway: Any, aired: Any) -> None:
    path = "/live/demo/events"
    assert (await sockets.refused("/live/nobody/events"))[:2] == (404, "show_unknown")
    for since in ("", "x", "log1:-1", "log1:1&since=log1:1", "%00:1"):
        assert (await sockets.refused(f"{path}?since={since}"))[:2] == (400, "bad_request")
    other = await sockets.refused(path, Sec_WebSocket_Protocol="comptoir.v9.json")
    assert other[:2] == (400, "bad_request")
    status, code, headers = await sockets.refused(path, Upgrade="", Connection="")
    assert (status, code, headers["Upgrade"]) == (426, "upgrade_required", "websocket")
    assert (await sockets.refused(path, Sec_WebSocket_Key="short"))[0] == 426
    assert (await sockets.refused(path, Sec_WebSocket_Version="99"))[0] == 426
    async with gateway.http.post(gateway.url + path) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET")
    async with gateway.http.options(gateway.url + path) as response:
        assert response.status == 204


async def test_foreign_pages_may_not_listen(gateway: Any, aired: Any, sockets: Any) -> None:
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{gateway.port + 1}"):
        answer = await sockets.refused("/live/demo/events", Origin=origin)
        assert answer[:2] == (403, "origin_foreign")
        claimed = await sockets.refused(
            "/live/demo/events", Origin=origin, X_Forwarded_Host="evil.example"
        )
        assert claimed[0] == 403
    for origin in (f"http://127.0.0.1:{gateway.port}", "https://shop.example"):
        ws = await sockets.listen("", JSON, headers={"Origin": origin})
        assert (await sockets.heard(ws, 1))[0]["type"] == "hello"


async def test_a_show_without_its_log_is_not_there_yet(
    sockets: Any, gateway: Any, broadcast: MakeBroadcast
) -> None:
    await gateway.take(broadcast().status())
    status, code, headers = await sockets.refused("/live/demo/events")
    assert (status, code, headers["Retry-After"]) == (503, "log_unavailable", "1")


async def test_the_log_may_come_before_the_show(
    gateway: Any, show_log: Any, broadcast: MakeBroadcast, sockets: Any
) -> None:
    await gateway.take(show_log.snapshot(), show_log.event())
    assert (await sockets.refused("/live/demo/events"))[0] == 404
    await gateway.take(broadcast().status())
    (hello,) = await sockets.heard(await sockets.listen("", JSON), 1)
    assert hello["offset"] == 1


async def test_too_many_sockets(
    gateway: Any, aired: Any, sockets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_sockets, "MAX_SOCKETS", 1)
    await sockets.listen("", JSON)
    assert (await sockets.refused("/live/demo/events"))[:2] == (503, "too_many_sockets")
