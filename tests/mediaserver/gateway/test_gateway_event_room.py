"""A show's room: what listeners are told when the log goes on, jumps, or is another."""

import asyncio
import dataclasses
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from mediaserver.bus.messages import ShowSnapshot, ShowStatus
from mediaserver.gateway import event_room
from mediaserver.gateway.event_audience import Audience
from mediaserver.gateway.event_frames import Encoding
from mediaserver.gateway.event_metrics import EventMetrics
from mediaserver.gateway.event_request import Since
from mediaserver.gateway.event_room import LogLost, ShowRoom
from mediaserver.gateway.event_state import MediaView
from mediaserver.gateway.push.metrics import PushMetrics
from mediaserver.gateway.push.room import PushRoom
from mediaserver.gateway.turns import Turns

UTC_US = 1_760_000_000_000_000
"""When every event of the log was written."""
STATUS = ShowStatus(show="demo", title="Démo", state="live", epoch="e1")


class Ear:
    encoding: Encoding = "json"

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def take(self) -> list[dict[str, Any]]:
        """The messages since the last time."""
        data, self.data = self.data, b""
        messages = []
        while data:
            length, at = data[1], 2
            if length == 126:
                length, at = int.from_bytes(data[2:4], "big"), 4
            messages.append(json.loads(data[at : at + length]))
            data = data[at + length :]
        return messages


@pytest.fixture
def media() -> dict[str, MediaView]:
    return {"e1": MediaView(anchor_utc_us=5, begin_tick=0)}


class Wall:
    """The time of day, as far ahead of the events' own as is said."""

    ahead_s = 0.0

    def __call__(self) -> int:
        return UTC_US * 1000 + round(self.ahead_s * 1e9)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def metrics() -> EventMetrics:
    return EventMetrics()


@pytest.fixture
def room(clock: Any, media: dict[str, MediaView], metrics: EventMetrics, wall: Wall) -> ShowRoom:
    turns = Turns()
    audience = Audience(turns=turns, meter=metrics, clock_ns=clock)
    push = PushRoom(events=audience, turns=turns, meter=PushMetrics(), clock_ns=clock)
    room = ShowRoom("demo", audience=audience, push=push, media=media.get, wall_ns=wall)
    room.tell_status(STATUS)
    return room


async def settle(room: ShowRoom) -> None:
    while room.audience.pending:  # noqa: ASYNC110 - the turns are the loop's own
        await asyncio.sleep(0)


def listening(room: ShowRoom, since: Since | None = None) -> Ear:
    ear = Ear()
    room.join(ear, since)
    return ear


@pytest.fixture
def delays(metrics: EventMetrics) -> Callable[[], tuple[float, float]]:
    """How many cues were counted, and their delays' sum in seconds."""
    registry = CollectorRegistry()
    metrics.register(registry)
    name = "comptoir_gateway_cue_delay_seconds"

    def read() -> tuple[float, float]:
        count, total = (registry.get_sample_value(f"{name}_{each}") for each in ("count", "sum"))
        return count or 0.0, round(total or 0.0, 3)

    return read


def state(room: ShowRoom) -> Any:
    return json.loads(room.state().body)


async def test_events_follow_the_snapshot(room: ShowRoom, show_log: Any) -> None:
    show_log.product()
    assert room.tell_snapshot(show_log.snapshot()) is True
    ear = listening(room)
    assert room.tell_event(show_log.product("honey", "Miel"), 0) is True
    assert room.tell_event(show_log.event("stock", _stock("jam", 0)), 0) is True
    room.tell_status(ShowStatus(show="demo", title="Démo", state="away", epoch="e1"))
    room.tell_status(ShowStatus(show="demo", title="Demo", state="away", epoch="e1"))
    await settle(room)
    hello, *rest = ear.take()
    assert (hello["type"], hello["offset"], hello["recovered"]) == ("hello", 1, False)
    assert list(hello["state"]["products"]) == ["jam"]
    assert [(m["event"], m["offset"]) for m in rest[:2]] == [("product", 2), ("stock", 3)]
    assert rest[2:] == [{"type": "air", "state": "away", "epoch": "e1"}]
    assert state(room)["products"]["jam"]["sold_out"] is True
    assert state(room)["log"] == {"epoch": "log1", "offset": 3}
    assert state(room)["title"] == "Demo"


def _stock(product: str, available: int) -> dict[str, Any]:
    return {
        "product": product,
        "variant": "default",
        "available": available,
        "sold_out": available == 0,
    }


async def test_what_is_known_is_not_told_again(room: ShowRoom, show_log: Any) -> None:
    room.tell_snapshot(show_log.snapshot())
    ear = listening(room)
    events = show_log.events(3)
    for event in events:
        room.tell_event(event, 0)
    await settle(room)
    assert len(ear.take()) == 4
    assert [room.tell_event(event, 0) for event in events] == [False] * 3
    assert room.tell_snapshot(show_log.snapshot()) is False
    await settle(room)
    assert ear.take() == []
    assert listening(room, Since(epoch="log1", offset=1)).take()[1]["offset"] == 2


async def test_who_was_away_is_told_what_it_missed(room: ShowRoom, show_log: Any) -> None:
    show_log.events(5)
    room.tell_snapshot(show_log.snapshot())
    for event in show_log.events(3):
        room.tell_event(event, 0)
    room.tell_audience(12)
    hello, *missed, air, audience = listening(room, Since(epoch="log1", offset=6)).take()
    assert hello == {
        "type": "hello",
        "epoch": "log1",
        "offset": 6,
        "recovered": True,
        "state": None,
    }
    assert [message["offset"] for message in missed] == [7, 8]
    assert air == {"type": "air", "state": "live", "epoch": "e1"}
    assert audience == {"type": "audience", "viewers": 12}


@pytest.mark.parametrize(
    "since",
    [
        Since(epoch="log1", offset=4),  # before what this gateway was ever told
        Since(epoch="log1", offset=9),  # after all there is
        Since(epoch="log0", offset=6),
    ],
)
async def test_who_missed_too_much_begins_anew(room: ShowRoom, show_log: Any, since: Since) -> None:
    show_log.events(5)
    room.tell_snapshot(show_log.snapshot())
    for event in show_log.events(3):
        room.tell_event(event, 0)
    (hello,) = listening(room, since).take()
    assert (hello["offset"], hello["recovered"], hello["state"]["show"]) == (8, False, "demo")


async def test_who_missed_many_bytes_begins_anew(
    room: ShowRoom, show_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.tell_snapshot(show_log.snapshot())
    for event in show_log.events(3):
        room.tell_event(event, 0)
    ear = Ear()
    room.join(ear, Since(epoch="log1", offset=0))
    monkeypatch.setattr(event_room, "MAX_RETOLD_BYTES", len(ear.data))
    assert len(listening(room, Since(epoch="log1", offset=0)).take()) == 6
    monkeypatch.setattr(event_room, "MAX_RETOLD_BYTES", len(ear.data) - 1)
    (hello,) = listening(room, Since(epoch="log1", offset=0)).take()
    assert (hello["recovered"], hello["offset"]) == (False, 3)


async def test_a_gap_is_never_passed_over(room: ShowRoom, show_log: Any) -> None:
    first = show_log.event()
    with pytest.raises(LogLost, match="before the log"):
        room.tell_event(first, 0)
    room.tell_snapshot(show_log.snapshot())
    ear = listening(room)
    ear.take()
    show_log.event()
    with pytest.raises(LogLost, match="event 3 of 'demo' came when 2 was due"):
        room.tell_event(show_log.event(), 0)
    await settle(room)
    assert ear.take() == []
    room.tell_snapshot(show_log.snapshot())
    await settle(room)
    (hello,) = ear.take()
    assert (hello["offset"], hello["recovered"]) == (3, False)
    room.tell_event(show_log.event(), 0)
    await settle(room)
    assert [message["offset"] for message in ear.take()] == [4]


async def test_another_log_voids_everything(room: ShowRoom, show_log: Any) -> None:
    room.tell_snapshot(show_log.snapshot())
    for event in show_log.events(3):
        room.tell_event(event, 0)
    ear = listening(room)
    ear.take()
    show_log.new_epoch("log2")
    show_log.product("tea", "Thé")
    with pytest.raises(LogLost):
        room.tell_event(show_log.event(), 0)
    room.tell_snapshot(show_log.snapshot())
    await settle(room)
    (hello,) = ear.take()
    assert (hello["epoch"], hello["offset"], hello["recovered"]) == ("log2", 2, False)
    assert list(hello["state"]["products"]) == ["tea"]
    assert listening(room, Since(epoch="log1", offset=2)).take()[0]["recovered"] is False
    assert room.held_events == 0


async def test_a_log_that_went_back_voids_everything_too(room: ShowRoom, show_log: Any) -> None:
    before = show_log.snapshot()
    room.tell_snapshot(before)
    for event in show_log.events(3):
        room.tell_event(event, 0)
    ear = listening(room)
    ear.take()
    room.tell_snapshot(before)
    await settle(room)
    (hello,) = ear.take()
    assert (hello["offset"], hello["recovered"]) == (0, False)


def test_a_snapshot_or_an_event_that_cannot_be_read(room: ShowRoom, show_log: Any) -> None:
    with pytest.raises(LogLost, match="cannot be read"):
        room.tell_snapshot(ShowSnapshot(show="demo", epoch="log1", offset=0, state={}))
    assert not room.has_log
    room.tell_snapshot(show_log.snapshot())
    event = show_log.event()
    kinds: tuple[Any, ...] = ("cue", "stock", "product", "product_gone")
    for kind in kinds:
        with pytest.raises(LogLost, match="event 1 of 'demo'"):
            room.tell_event(dataclasses.replace(event, type=kind, data={}), 0)
    assert room.tell_event(event, 0) is True


def test_the_state_has_the_cues_of_the_window(
    room: ShowRoom, show_log: Any, media: dict[str, MediaView]
) -> None:
    room.tell_snapshot(show_log.snapshot())
    lines = [
        show_log.cue("late", pts=500_000),
        show_log.cue("cut", pts=0, duration=900_000),
        show_log.cue("early", pts=0),
        show_log.cue("end", pts=100_000, ends="cut", duration=2_700_000),
    ]
    for line in lines:
        room.tell_event(line, 0)
    assert [cue["id"] for cue in state(room)["cues"]] == ["cut", "early", "end", "late"]
    media["e1"] = MediaView(anchor_utc_us=5, begin_tick=90_000)
    assert [cue["id"] for cue in state(room)["cues"]] == ["cut", "end", "late"]
    media["e1"] = MediaView(anchor_utc_us=5, begin_tick=100_000)
    assert [cue["id"] for cue in state(room)["cues"]] == ["end", "late"]
    assert state(room)["cues"][0] == {
        "id": "end",
        "revision": 1,
        "type": "unpin",
        "media_epoch": "e1",
        "pts": 100_000,
        "duration": 2_700_000,
        "product": None,
        "ends": "cut",
    }
    room.tell_status(ShowStatus(show="demo", title="Démo", state="live", epoch="e2"))
    assert (state(room)["cues"], state(room)["anchor_utc_us"]) == ([], None)


def test_the_state_is_rendered_once_per_change(
    room: ShowRoom, show_log: Any, media: dict[str, MediaView]
) -> None:
    assert state(room)["log"] is None
    room.tell_snapshot(show_log.snapshot())
    first = room.state()
    media["e1"] = MediaView(anchor_utc_us=5, begin_tick=90_000)
    assert room.state() is first
    assert first.gzip_body is not None
    assert gzip.decompress(first.gzip_body) == first.body
    room.tell_event(show_log.product(), 0)
    second = room.state()
    assert second is not first
    assert room.state() is second


async def test_a_cues_delay_counts_from_its_writing_to_the_last_listener(
    room: ShowRoom, show_log: Any, clock: Any, wall: Wall, delays: Callable[[], Any]
) -> None:
    room.tell_snapshot(show_log.snapshot())
    listening(room)
    wall.ahead_s = 0.4
    room.tell_event(show_log.cue("slow", pts=0), 0)
    clock.advance(0.3)
    await settle(room)
    assert delays() == (1, 0.7)
    wall.ahead_s = -2.0
    room.tell_event(show_log.cue("ahead", pts=0), 0)
    clock.advance(0.5)
    await settle(room)
    assert delays() == (2, 0.7)


async def test_only_cues_that_are_said_for_the_first_time_count(
    room: ShowRoom, show_log: Any, wall: Wall, delays: Callable[[], Any]
) -> None:
    room.tell_snapshot(show_log.snapshot())
    wall.ahead_s = 5.0
    place = Since(epoch="log1", offset=0)
    unheard = show_log.cue("unheard", pts=0)
    room.tell_event(unheard, 0)
    ear = listening(room, place)
    assert b"unheard" in ear.data
    room.tell_event(unheard, 0)
    room.tell_event(show_log.product(), 0)
    listening(room, place)
    listening(room)
    show_log.cue("in_the_snapshot_alone", pts=0)
    room.tell_snapshot(show_log.snapshot())
    await settle(room)
    assert delays() == (0, 0.0)
