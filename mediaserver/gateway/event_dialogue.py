"""What one client of an event socket says, and what comes of it."""

from collections.abc import Callable

from mediaserver.gateway import event_frames
from mediaserver.gateway.event_reports import PlayheadOutbox
from mediaserver.gateway.event_room import ShowRoom
from mediaserver.gateway.push import messages
from mediaserver.gateway.push.room import Viewer


class Dialogue:
    """One client's. Types that are not known are passed over, so that newer clients can be."""

    def __init__(
        self,
        client: Viewer,
        *,
        show: str,
        room: ShowRoom,
        token: str | None,
        playheads: PlayheadOutbox,
        clock_ns: Callable[[], int],
        wall_ns: Callable[[], int],
    ) -> None:
        self._client = client
        self._show = show
        self._room = room
        self._token = token
        self._playheads = playheads
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns

    def hear(self, data: bytes | str) -> None:
        """Take one message of the client's encoding. Raises `BadMessage`."""
        encoding = self._client.encoding
        said = event_frames.said(data, encoding)
        match said.get("type"):
            case "clock":
                server_ms = self._wall_ns() // 1_000_000
                self._client.write(event_frames.clock(said, encoding, server_ms))
            case "playhead":
                self._playheads.say(self._show, self._token, said, self._clock_ns())
            case "subscribe" if encoding == "msgpack":
                self._room.push.subscribe(self._client, messages.parse_subscribe(said))
            case "unsubscribe":
                self._room.push.leave(self._client)
