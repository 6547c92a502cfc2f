from typing import Any

from mediaserver.bus.messages import RungsAsked
from mediaserver.gateway.event_frames import Encoding
from mediaserver.gateway.push.messages import Subscribe
from mediaserver.gateway.watching import FRESH_NS, Watching

ON_AIR = [("demo", "e1")]


def told(watching: Watching, now_ns: int, *pushed: str) -> list[RungsAsked]:
    return watching.take(ON_AIR, [("demo", "e1", rendition) for rendition in pushed], now_ns)


def test_what_is_asked_for_and_pushed_is_told_once() -> None:
    watching = Watching()
    for _ in range(3):
        watching.ask("demo", "e1", "480p")
    assert told(watching, 0, "720p") == [
        RungsAsked(show="demo", epoch="e1", rungs=("480p", "720p"))
    ]
    assert told(watching, 1) == [RungsAsked(show="demo", epoch="e1", rungs=())]
    assert watching.take([], [], 2) == []


def test_only_what_may_doze_is_urgent() -> None:
    watching = Watching()
    calls: list[int] = []
    watching.urgent = lambda: calls.append(1)
    watching.ask("demo", "e1", "480p")
    watching.ask("demo", "e1", "480p")
    assert len(calls) == 1
    told(watching, 0)
    watching.ask("demo", "e1", "480p")
    assert len(calls) == 1, "main has heard of it just now"
    told(watching, FRESH_NS)
    told(watching, 2 * FRESH_NS + 1)
    watching.ask("demo", "e1", "480p")
    assert len(calls) == 2


def test_an_epoch_that_is_over_is_told_while_it_is_asked_for() -> None:
    watching = Watching()
    watching.ask("demo", "old", "360p")
    assert told(watching, 0)[1:] == [RungsAsked(show="demo", epoch="old", rungs=("360p",))]


async def test_what_viewers_pull_is_told_at_once_and_then_each_while(
    gateway: Any, main_side: Any, viewer: Any, on_air: Any, until: Any
) -> None:
    """Most of these requests are answered by shortcuts; all the same each while has its sign."""

    def said(rung: str) -> int:
        told = [each for each in main_side.received if isinstance(each, RungsAsked)]
        return sum(rung in each.rungs for each in told)

    path = f"/live/demo/{on_air.epoch}/360p/media.m3u8"
    for _ in range(5):
        status, _, _ = await viewer.ask(path)
        assert status == 200
    await until(lambda: said("360p") == 1)
    assert said("720p") == 0
    await gateway.take(*on_air.many(1))
    assert gateway.shows.rungs_asked(0)[0].rungs == ()
    for _ in range(5):
        await viewer.ask(path)
    assert gateway.shows.rungs_asked(0)[0].rungs == ("360p",)


class Eye:
    """A viewer by push who has room for nothing."""

    encoding: Encoding = "msgpack"
    has_room = False

    def write(self, data: bytes) -> None:
        pass

    write_media = write


async def test_what_viewers_are_pushed_is_watched(
    shows: Any, show_log: Any, broadcast: Any
) -> None:
    made, eye = broadcast(), Eye()
    urgent: list[int] = []
    shows.watching.urgent = lambda: urgent.append(1)
    for message in (made.status(), show_log.snapshot(), *made.inits(), *made.many(2)):
        shows.apply(message, 0)
    shows.publish_due(0)
    push = shows.room("demo").push
    push.subscribe(eye, Subscribe(rendition="360p"))
    assert len(urgent) == 1
    for now_ns in (0, 1):
        assert shows.rungs_asked(now_ns)[0].rungs == ("360p",)
    push.subscribe(eye, Subscribe(rendition="720p"))
    assert len(urgent) == 2
    assert shows.rungs_asked(2)[0].rungs == ("360p", "720p"), "until it has gone there"
    push.leave(eye)
    assert shows.rungs_asked(3)[0].rungs == ()
    shows.apply(made.end(), 4)
    assert shows.rungs_asked(5) == []
