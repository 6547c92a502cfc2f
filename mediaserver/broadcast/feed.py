"""Main → gateways: every gateway is brought up to date when it dials, then told all that is new."""

from collections.abc import Callable, Iterable

import structlog

from mediaserver.bus.unix import Connection
from mediaserver.errors import BusError

log = structlog.get_logger()


class GatewayFeed:
    """The gateways of this node. A gateway that falls hopelessly behind is cut off by its
    `Connection`; it dials again and gets the window anew."""

    def __init__(self, replay: Callable[[], Iterable[bytes]]) -> None:
        self._replay = replay
        self._connections: set[Connection] = set()

    @property
    def count(self) -> int:
        """How many gateways are connected."""
        return len(self._connections)

    def attach(self, connection: Connection) -> None:
        """Bring a gateway up to date, then count it in.

        The replay is queued in one go, before anything newer: it is bounded by the windows of the
        shows on air, for which the connection's own bound has room.
        """
        for data in self._replay():
            connection.send_framed(data)
        self._connections.add(connection)

    def detach(self, connection: Connection) -> None:
        """Forget a gateway."""
        self._connections.discard(connection)

    def publish(self, data: bytes) -> None:
        """Send framed bytes to every gateway. Never waits."""
        for connection in tuple(self._connections):
            try:
                connection.send_framed(data)
            except BusError as exc:
                log.warning("gateway_cut_off", reason=str(exc))
                self._connections.discard(connection)
