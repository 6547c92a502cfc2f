"""Which event sockets are whose, for what is said to one viewer alone.

A socket is its viewer's by the cookie of its handshake. Main addresses a message by that cookie's
whole value, signature included, so a forged cookie is nobody's; nothing is verified here, and no
secret is needed.
"""

from collections.abc import Mapping
from typing import Any

from mediaserver.gateway import event_frames
from mediaserver.gateway.event_audience import Listener


class EventViewers:
    """The sockets of one show that came with a cookie; no more than there are sockets."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, token: str | None, listener: Listener) -> None:
        """From now on `listener` hears what is said to the viewer of this cookie, if it has one."""
        if token is not None:
            self._listeners.setdefault(token, set()).add(listener)

    def leave(self, token: str | None, listener: Listener) -> None:
        """Forget a listener."""
        mine = self._listeners.get(token or "", set())
        mine.discard(listener)
        if not mine:
            self._listeners.pop(token or "", None)

    def tell(self, token: str, data: Mapping[str, Any]) -> int:
        """Say `data` on each of the viewer's sockets; who is away does not hear it: how many."""
        mine = self._listeners.get(token, set())
        if mine:
            frames = event_frames.framed(data)
            for listener in tuple(mine):
                listener.write(frames.of(listener.encoding))
        return len(mine)
