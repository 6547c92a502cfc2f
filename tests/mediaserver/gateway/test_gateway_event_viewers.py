"""What is said to one viewer reaches their sockets, and nobody else's."""

import asyncio
import json
from typing import Any

import msgpack
import pytest

from mediaserver.bus.messages import ViewerMessage
from mediaserver.gateway.event_viewers import EventViewers
from mediaserver.viewers import ViewerTokens
from transcoder.wire import Deframer, frame

CART = {"type": "cart", "cart": {"version": 2, "items": []}}


async def heard(ws: Any) -> dict[str, Any]:
    async with asyncio.timeout(20):
        message = await ws.receive()
    data = message.data
    return dict(json.loads(data) if isinstance(data, str) else msgpack.unpackb(data))


async def test_a_private_message_reaches_all_of_one_viewers_sockets(
    gateway: Any, show_log: Any, broadcast: Any
) -> None:
    show_log.product()
    await gateway.take(broadcast().status(), show_log.snapshot())
    tokens = ViewerTokens(b"s" * 32)
    anna, bert = tokens.token("A" * 22), tokens.token("B" * 22)
    url = f"{gateway.url}/live/demo/events"
    cookies = [anna, anna, bert, anna[:-1] + ("A" if anna[-1] != "A" else "B"), None]
    sockets = []
    for n, cookie in enumerate(cookies):
        headers = {} if cookie is None else {"Cookie": f"comptoir_viewer={cookie}"}
        protocols = ["comptoir.v1.msgpack" if n == 1 else "comptoir.v1.json"]
        sockets.append(await gateway.http.ws_connect(url, headers=headers, protocols=protocols))
        assert (await heard(sockets[-1]))["type"] == "hello"
    await gateway.take(ViewerMessage(show="demo", token=anna, data=CART), show_log.event())
    for n, ws in enumerate(sockets):
        if n < 2:
            assert await heard(ws) == CART
        assert (await heard(ws))["type"] == "event", "the others hear but what is said to all"
    for ws in sockets:
        await ws.close()


@pytest.mark.parametrize("token", ["A" * 22, "nobody", ""])
async def test_nobody_there_is_no_matter(
    gateway: Any, show_log: Any, broadcast: Any, token: str
) -> None:
    await gateway.take(broadcast().status(), show_log.snapshot())
    await gateway.take(ViewerMessage(show="demo", token=token, data=CART))


class Ear:
    encoding = "json"

    def write(self, data: bytes) -> None:
        self.heard = data


def test_who_leaves_is_forgotten() -> None:
    viewers, ears = EventViewers(), [Ear(), Ear()]
    for ear in ears:
        viewers.join("t", ear)  # type: ignore[arg-type]
        viewers.join(None, ear)  # type: ignore[arg-type]
    assert (len(viewers), viewers.tell("t", CART)) == (1, 2)
    for ear in ears:
        for token in ("t", None, "never"):
            viewers.leave(token, ear)  # type: ignore[arg-type]
    assert (len(viewers), viewers.tell("t", CART)) == (0, 0)


def test_the_message_crosses_and_does_not_show_the_cookie() -> None:
    message = ViewerMessage(show="demo", token="secret-token", data=CART)
    deframer = Deframer()
    assert list(deframer.feed(frame(message))) == [message]
    assert "secret-token" not in repr(message)
