"""Requests of a crowd, a chunk for each turn of the loop."""

from collections import deque
from typing import Protocol

import structlog

from mediaserver.gateway.turns import CHUNK, Turns

log = structlog.get_logger()


class Queued(Protocol):
    """A connection whose request waits for its turn."""

    def serve_queued(self) -> None:
        """It has come. A connection that is gone does nothing."""


class Crowd:
    """Lets `CHUNK` requests through at once; then others queue, each connection once at most, until
    the queue has been served.

    The loop reads all sockets in one go: thousands ask for a part in the moment in which it is
    announced, and a cue that is due just then would wait until all of them are served. Bounded by
    the connections there are. One that fails is told in the log, once for a chunk, and the others
    have their turn.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.left = CHUNK
        """How many more may be served at once; whoever is takes one."""
        self.urgent = turns.urgent
        """While there is any, nobody is served at once."""
        self._queue: deque[Queued] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def queue(self, connection: Queued) -> None:
        """Serve it in its turn: none is left."""
        if not self._queue:
            self._turns.add(self._step, urgent=False)
        self._queue.append(connection)

    def _step(self) -> bool:
        failed = 0
        for _ in range(min(CHUNK, len(self._queue))):
            try:
                self._queue.popleft().serve_queued()
            except Exception:
                failed += 1
                if failed == 1:
                    log.exception("request_failed")
        if not self._queue:
            self.left = CHUNK
        return bool(self._queue)
