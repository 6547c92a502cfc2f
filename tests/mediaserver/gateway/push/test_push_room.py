"""The order of events and media for one viewer, whosever turn it is."""

import asyncio
from typing import Any

import msgpack

from mediaserver.gateway.event_frames import Encoding
from mediaserver.gateway.push.messages import Subscribe


class Eye:
    """A viewer that keeps the type of each message."""

    encoding: Encoding = "msgpack"
    has_room = True

    def __init__(self) -> None:
        self.seen: list[str] = []

    def write(self, data: bytes) -> None:
        at = {126: 4, 127: 10}.get(data[1], 2)
        self.seen.append(msgpack.unpackb(data[at:])["type"])

    write_media = write


async def test_what_was_said_precedes_media_that_is_served_out_of_turn(
    shows: Any, show_log: Any, broadcast: Any
) -> None:
    made, eye = broadcast(), Eye()
    for message in (made.status(), show_log.snapshot(), *made.inits(), *made.many(2)):
        shows.apply(message, 0)
    shows.publish_due(0)
    room = shows.room("demo")
    room.join(eye, None)
    shows.apply(show_log.event(), 0)
    room.push.subscribe(eye, Subscribe())
    kinds = ["hello", "renditions", "subscribed", "event", "init", "part", "part"]
    assert eye.seen == kinds
    while room.audience.pending:  # noqa: ASYNC110 - the turns are the loop's own
        await asyncio.sleep(0)
    assert eye.seen == kinds
