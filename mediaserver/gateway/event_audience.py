"""Who listens to a show, and how one message reaches them all.

A pass writes to 256 listeners per turn of the event loop, so that media and other shows get their
turns in between. A listener is given everything that it lacks in one write, in order; what is said
during a pass reaches those not served yet in that same pass, and the others in the next.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mediaserver.gateway.event_frames import Encoding, Frames

CHUNK = 256
MAX_PENDING = 1024
"""Messages kept for listeners who wait for their turn. When there are more, all are served at once
and nothing else has its turn until that is done."""


class Listener(Protocol):
    """One event socket."""

    @property
    def encoding(self) -> Encoding: ...

    def write(self, data: bytes) -> None:
        """Take framed bytes, or go. Never waits, never raises."""


class Meter(Protocol):
    """What an audience counts."""

    def sent(self, messages: int) -> None: ...

    def fanned_out(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    frames: Frames
    at_ns: int


class Audience:
    """The listeners of one show. One event loop only."""

    def __init__(self, *, meter: Meter, clock_ns: Callable[[], int]) -> None:
        self._meter = meter
        self._clock_ns = clock_ns
        self._positions: dict[Listener, int] = {}
        """Each listener, and the number of the message that it gets next."""
        self._pending: deque[_Said] = deque()
        self._head = 0
        """Number of the message that will be said next; the pending ones end before it."""
        self._turn: asyncio.Handle | None = None
        self._waiting: deque[Listener] = deque()
        """Those whom this pass has not reached."""
        self._pass_head = 0
        """Number of the message that was due next when this pass began."""
        self._joined: dict[tuple[Encoding, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._positions)

    def join(self, listener: Listener) -> None:
        """From now on `listener` gets what is said after this moment."""
        self._positions[listener] = self._head

    def leave(self, listener: Listener) -> None:
        """Forget a listener; one who has left already is no matter."""
        self._positions.pop(listener, None)

    def say(self, frames: Frames) -> None:
        """Give everyone a message, soon."""
        if not self._positions:
            return
        self._pending.append(_Said(frames=frames, at_ns=self._clock_ns()))
        self._head += 1
        self._joined.clear()
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._step)
        while len(self._pending) > MAX_PENDING:
            self._step()

    def _step(self) -> None:
        """Serve one chunk, which may be the first of a pass, the last, or both."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if not self._waiting:
            self._pass_head = self._head
            self._waiting = deque(self._positions)
        sent = 0
        for _ in range(min(CHUNK, len(self._waiting))):
            sent += self._serve(self._waiting.popleft())
        self._meter.sent(sent)
        if not self._waiting:
            self._end()
        if self._pending:
            self._turn = asyncio.get_running_loop().call_soon(self._step)

    def _serve(self, listener: Listener) -> int:
        position = self._positions.get(listener, self._head)
        missing = self._head - position
        if missing:
            self._positions[listener] = self._head
            listener.write(self._from(position, listener.encoding))
        return missing

    def _from(self, position: int, encoding: Encoding) -> bytes:
        """All messages from number `position` on, joined once for all who lack the same."""
        data = self._joined.get((encoding, position))
        if data is None:
            first = position - (self._head - len(self._pending))
            parts = [said.frames.of(encoding) for said in list(self._pending)[first:]]
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            self._joined[encoding, position] = data
        return data

    def _end(self) -> None:
        """All have what was said before the pass; what was said meanwhile stays for the next."""
        now_ns = self._clock_ns()
        first = self._head - len(self._pending)
        for _ in range(self._pass_head - first):
            self._meter.fanned_out((now_ns - self._pending.popleft().at_ns) / 1e9)
        if not self._pending:
            self._joined.clear()
