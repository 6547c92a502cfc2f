"""Main → gateways: every gateway is brought up to date when it dials, then told all that is new."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from mediaserver.bus.messages import Replay
from mediaserver.bus.unix import MAX_BUFFER_BYTES
from mediaserver.errors import BusError
from transcoder.wire import frame

log = structlog.get_logger()

CATCH_UP_BYTES = 1024 * 1024
"""A gateway that catches up is given this much at a time, and waited for."""


class Gateway(Protocol):
    """What the feed needs of a connection (`mediaserver.bus.unix.Connection`)."""

    def send_framed(self, data: bytes) -> None:
        """Queue bytes. Raises `BusError` when the peer is gone or hopelessly behind."""

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was queued. Raises `BusError` when gone."""

    def abort(self) -> None:
        """Cut the connection; whoever waits for it is told."""


class GatewayFeed:
    """The gateways of this node.

    One that is up to date is never waited for: if it falls hopelessly behind, its `Connection` cuts
    it off; it dials again and gets the window anew. One that catches up takes its time; what is
    published meanwhile is kept for it, up to `MAX_BUFFER_BYTES`, past which it is let go as well.
    """

    def __init__(self, replay: Callable[[], Iterable[bytes]]) -> None:
        self._replay = replay
        self._up_to_date: set[Gateway] = set()
        self._catching_up: dict[Gateway, _Backlog] = {}

    @property
    def count(self) -> int:
        """How many gateways are up to date."""
        return len(self._up_to_date)

    async def attach(self, gateway: Gateway) -> None:
        """Bring a gateway up to date, then count it in. Raises `BusError` when that fails."""
        backlog = self._catching_up[gateway] = _Backlog(self._replay())
        try:
            gateway.send_framed(frame(Replay(done=False)))
            while chunk := backlog.take(CATCH_UP_BYTES):
                for data in chunk:
                    gateway.send_framed(data)
                await gateway.drain()
            gateway.send_framed(frame(Replay(done=True)))
            self._up_to_date.add(gateway)
        finally:
            del self._catching_up[gateway]

    def detach(self, gateway: Gateway) -> None:
        """Forget a gateway."""
        self._up_to_date.discard(gateway)

    def begin_anew(self) -> None:
        """Cut all gateways' connections: what is said first to those who dial has changed."""
        for gateway in (*self._up_to_date, *self._catching_up):
            gateway.abort()

    def publish(self, data: bytes) -> None:
        """Send framed bytes to every gateway. Never waits."""
        for catching_up, backlog in tuple(self._catching_up.items()):
            if not backlog.add(data):
                log.warning("gateway_cut_off", reason="it took too long to catch up")
                catching_up.abort()
        for gateway in tuple(self._up_to_date):
            try:
                gateway.send_framed(data)
            except BusError as exc:
                log.warning("gateway_cut_off", reason=str(exc))
                self._up_to_date.discard(gateway)


class _Backlog:
    """What a gateway has not been sent yet: the replay, then what was published since."""

    def __init__(self, replay: Iterable[bytes]) -> None:
        self._frames = deque(replay)
        self._added_bytes = 0

    def add(self, data: bytes) -> bool:
        """Keep what is new; False, and nothing is kept any more, once that is too much."""
        self._added_bytes += len(data)
        if self._added_bytes > MAX_BUFFER_BYTES:
            self._frames.clear()
            return False
        self._frames.append(data)
        return True

    def take(self, most_bytes: int) -> list[bytes]:
        """At least one frame if there is any, and about `most_bytes`."""
        chunk: list[bytes] = []
        while self._frames and most_bytes > 0:
            chunk.append(self._frames.popleft())
            most_bytes -= len(chunk[-1])
        return chunk
