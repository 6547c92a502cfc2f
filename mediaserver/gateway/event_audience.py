"""Who listens to a show, and how one message reaches them all.

A pass writes to `CUE_CHUNK` listeners per turn of the event loop (`Turns`), before any media.
A listener is given everything that it lacks in one write, in order; what is said during a pass
reaches those not served yet in that same pass, and the others in the next.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mediaserver.gateway.event_frames import Encoding, Frames
from mediaserver.gateway.turns import Turns

CUE_CHUNK = 2048
"""About 15 ms. More than media gets, because a turn may last long: right after a part uvloop reads
thousands of requests in one, and in chunks of 256 a cue to 5,000 waited for twenty such turns."""

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

    def cue_delivered(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    frames: Frames
    at_ns: int
    cue_age_s: float | None


class Audience:
    """The listeners of one show. One event loop only."""

    def __init__(self, *, turns: Turns, meter: Meter, clock_ns: Callable[[], int]) -> None:
        self._turns = turns
        self._meter = meter
        self._clock_ns = clock_ns
        self._positions: dict[Listener, int] = {}
        """Each listener, and the number of the message that it gets next."""
        self._pending: deque[_Said] = deque()
        self._head = 0
        """Number of the message that will be said next; the pending ones end before it."""
        self._stepping = False
        self._waiting: deque[Listener] = deque()
        """Those whom this pass has not reached."""
        self._pass_head = 0
        """Number of the message that was due next when this pass began."""
        self._joined: dict[tuple[Encoding, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def pending(self) -> int:
        """Messages that somebody may still lack."""
        return len(self._pending)

    def join(self, listener: Listener) -> None:
        """From now on `listener` gets what is said after this moment."""
        self._positions[listener] = self._head

    def leave(self, listener: Listener) -> None:
        """Forget a listener; one who has left already is no matter."""
        self._positions.pop(listener, None)

    def say(self, frames: Frames, *, cue_age_s: float | None = None) -> None:
        """Give everyone a message, soon. Of a cue it is counted how old it was when the last one
        got it: `cue_age_s` is how old it is already."""
        if not self._positions:
            return
        self._pending.append(_Said(frames=frames, at_ns=self._clock_ns(), cue_age_s=cue_age_s))
        self._head += 1
        self._joined.clear()
        while len(self._pending) > MAX_PENDING:
            self._serve_chunk()
        if not self._stepping:
            self._stepping = True
            self._turns.add(self._step, urgent=True)

    def catch_up(self, listener: Listener) -> None:
        """Give a listener now what it lacks: something is about to follow that must not precede."""
        if self._pending:
            self._meter.sent(self._serve(listener))

    def _step(self) -> bool:
        self._stepping = False
        if self._pending:
            self._serve_chunk()
        self._stepping = bool(self._pending)
        return self._stepping

    def _serve_chunk(self) -> None:
        """Serve one chunk, which may be the first of a pass, the last, or both."""
        if not self._waiting:
            self._pass_head = self._head
            self._waiting = deque(self._positions)
        waiting, positions, joined, head = (
            self._waiting,
            self._positions,
            self._joined,
            self._head,
        )
        sent = 0
        for _ in range(min(CUE_CHUNK, len(waiting))):
            listener = waiting.popleft()
            position = positions.get(listener, head)
            if position != head:
                sent += head - position
                positions[listener] = head
                encoding = listener.encoding
                # thousands lack the same: no call for what is there
                data = joined.get((encoding, position)) or self._from(position, encoding)
                listener.write(data)
        self._meter.sent(sent)
        if not self._waiting:
            self._end()

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
            said = self._pending.popleft()
            took_s = (now_ns - said.at_ns) / 1e9
            self._meter.fanned_out(took_s)
            if said.cue_age_s is not None:
                self._meter.cue_delivered(said.cue_age_s + took_s)
        if not self._pending:
            self._joined.clear()
