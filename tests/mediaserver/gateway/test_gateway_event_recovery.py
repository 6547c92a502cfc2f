"""Whatever is lost on the way, a client that follows the rules ends up with what the server has."""

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediaserver.bus.messages import ShowStatus
from mediaserver.gateway.event_audience import Audience
from mediaserver.gateway.event_frames import Encoding
from mediaserver.gateway.event_metrics import EventMetrics
from mediaserver.gateway.event_request import Since
from mediaserver.gateway.event_room import ShowRoom
from mediaserver.gateway.push.metrics import PushMetrics
from mediaserver.gateway.push.room import PushRoom
from mediaserver.gateway.turns import Turns

SECOND_NS = 1_000_000_000

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("product"), st.integers(0, 3)),
        st.tuples(st.just("gone"), st.integers(0, 3)),
        st.tuples(st.just("drop"), st.integers(0, 200)),
        st.tuples(st.just("join"), st.booleans()),
        st.tuples(st.just("forget"), st.just(0)),
        st.tuples(st.just("jump"), st.integers(1, 3)),
        st.tuples(st.just("new log"), st.just(0)),
        st.tuples(st.just("turn"), st.just(0)),
    ),
    max_size=40,
)


class Client:
    """Follows the rules of the protocol over a line that may break in the middle of a message."""

    encoding: Encoding = "json"

    def __init__(self) -> None:
        self.products: dict[str, Any] = {}
        self.place: Since | None = None
        self.greeted = False
        self._unread = b""

    def write(self, data: bytes) -> None:
        self._unread += data

    def read(self, most: int | None = None) -> None:
        """Hear what has come, of which only `most` bytes got through."""
        data, self._unread = self._unread[:most], b""
        while len(data) >= 2:
            length, at = data[1], 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
            if len(data) < at + length:
                return
            self._hear(json.loads(data[at : at + length]))
            data = data[at + length :]

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "hello":
            self.greeted = True
            if message["recovered"]:
                assert self.place == Since(epoch=message["epoch"], offset=message["offset"])
            else:
                self.products = dict(message["state"]["products"])
                self.place = Since(epoch=message["epoch"], offset=message["offset"])
        elif message["type"] == "event":
            assert self.place is not None
            assert (message["epoch"], message["offset"]) == (
                self.place.epoch,
                self.place.offset + 1,
            )
            self.place = Since(epoch=self.place.epoch, offset=self.place.offset + 1)
            if message["event"] == "product":
                self.products[message["data"]["id"]] = message["data"]
            elif message["event"] == "product_gone":
                self.products.pop(message["data"]["id"], None)


def made_room() -> ShowRoom:
    turns = Turns()
    audience = Audience(turns=turns, meter=EventMetrics(), clock_ns=lambda: 0)
    push = PushRoom(events=audience, turns=turns, meter=PushMetrics(), clock_ns=lambda: 0)
    room = ShowRoom("demo", audience=audience, push=push, media=lambda _: None)
    room.tell_status(ShowStatus(show="demo", title="Demo", state="live", epoch="e1"))
    return room


async def follow(log: Any, steps: list[tuple[str, Any]]) -> None:
    """Take the steps; then come back once more, and compare."""
    room, client, now_ns, logs = made_room(), Client(), 0, 1
    room.tell_snapshot(log.snapshot())
    for what, how in steps:
        now_ns += SECOND_NS
        match what:
            case "product":
                room.tell_event(log.product(f"p{how}", f"at {now_ns}"), now_ns)
            case "gone" if f"p{how}" in log.state.products:
                room.tell_event(log.event("product_gone", {"id": f"p{how}"}), now_ns)
            case "drop":
                room.audience.leave(client)
                client.read(how)
            case "join":
                room.audience.leave(client)
                client.read(0)
                room.join(client, client.place if how else None)
            case "forget":
                now_ns += 700 * SECOND_NS
                room.prune(now_ns)
            case "jump":
                log.events(how)
                room.tell_snapshot(log.snapshot())
            case "new log":
                logs += 1
                log.new_epoch(f"log{logs}")
                room.tell_snapshot(log.snapshot())
            case "turn":
                await asyncio.sleep(0)
    room.audience.leave(client)
    client.read(0)
    room.join(client, client.place)
    room.tell_event(log.product("last", "the last"), now_ns)
    while room.audience.pending:  # noqa: ASYNC110 - the turns are the loop's own
        await asyncio.sleep(0)
    client.read()
    assert client.place == Since(epoch=log.epoch, offset=log.state.offset)
    assert client.products == json.loads(room.state().body)["products"]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)
@given(steps=STEPS)
def test_a_client_ends_up_with_what_the_server_has(
    show_log: Any, steps: list[tuple[str, Any]]
) -> None:
    asyncio.run(follow(type(show_log)(), steps))
