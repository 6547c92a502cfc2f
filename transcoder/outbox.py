"""What waits to be sent to main, between the media thread that adds and the thread that sends."""

import threading
from collections import deque

from transcoder.control import CueUnsent, Hello, Listening, Metrics, WorkerBusy, WorkerIdle
from transcoder.ladder_state import LadderState
from transcoder.stills.shelf import Shelf
from transcoder.stills.values import Still
from transcoder.values import TICKS_PER_SECOND, EpochEnd, InitSection, Part
from transcoder.window import Window
from transcoder.wire import frame

_MAX_NOTES = 16
_MAX_UNSENT = 256


class Outbox:
    """The messages for main in the order that main needs them. Adding never waits.

    On each connection: `Hello`, `WorkerIdle` or `WorkerBusy`, then the whole window. The window
    bounds the queue: what falls out of it unsent is lost (`parts_lost`). Notes (`Listening`,
    metrics) are for the connection there is: at most 16 wait, and the oldest is forgotten. Of the
    ladder's states the newest waits, and is told to each connection. Cues that cannot be carried
    are told once, to the next connection if need be: at most 256 wait, and the oldest is forgotten.
    Stills go when nothing else waits; what is still wanted of them (`Shelf`) is told to each
    connection, and bounds what waits.
    """

    def __init__(self, hello: Hello, *, window_s: float) -> None:
        self._hello = hello
        self._busy: WorkerBusy | None = None
        self._ladder: LadderState | None = None
        self._ladder_told = True
        self._window = Window(round(window_s * TICKS_PER_SECOND))
        self._notes: deque[bytes] = deque(maxlen=_MAX_NOTES)
        self._unsent: deque[bytes] = deque(maxlen=_MAX_UNSENT)
        self._shelf = Shelf(round(window_s * TICKS_PER_SECOND))
        self._stills: deque[Still] = deque()
        self._connected = False
        self._handed_out = False
        self._changed = threading.Condition()

    @property
    def parts_lost(self) -> int:
        """Parts that left the window before they were sent."""
        return self._window.lost

    def connected(self) -> None:
        """A connection has been made: begin from the beginning."""
        with self._changed:
            self._notes.clear()
            self._notes.append(frame(self._hello))
            self._notes.append(frame(self._busy or WorkerIdle()))
            self._ladder_told = self._ladder is None
            self._window.rewind()
            self._stills = deque(self._shelf)
            self._connected, self._handed_out = True, False
            self._changed.notify_all()

    def disconnected(self) -> None:
        """The connection is gone; `take` returns None until the next one."""
        with self._changed:
            self._connected = False
            self._changed.notify_all()

    def take(self) -> bytes | None:
        """The next message, as soon as there is one; None once the connection is gone."""
        with self._changed:
            self._handed_out = False
            self._changed.notify_all()
            while self._connected:
                data = self._next()
                if data is not None:
                    self._handed_out = True
                    return data
                self._changed.wait()
            return None

    def wait_sent(self, timeout_s: float) -> bool:
        """Wait until everything has been sent. False after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(self._is_sent, timeout_s)

    def epoch_started(self, listening: Listening, *, show: str) -> None:
        """The worker has taken an epoch."""
        epoch, au_socket = listening.epoch, listening.au_socket
        with self._changed:
            self._busy = WorkerBusy(show=show, epoch=epoch, au_socket=au_socket)
            self._note(listening)

    def metrics(self, text: bytes) -> None:
        """The newest metrics."""
        with self._changed:
            self._note(Metrics(text=text))

    def ladder(self, state: LadderState) -> None:
        """What the rungs do from now on."""
        with self._changed:
            self._ladder, self._ladder_told = state, False
            self._changed.notify_all()

    def cue_unsent(self, unsent: CueUnsent) -> None:
        """A cue that cannot be carried."""
        with self._changed:
            self._unsent.append(frame(unsent))
            self._changed.notify_all()

    def init(self, section: InitSection) -> None:
        """An init section; those of a generation come before its first part."""
        with self._changed:
            self._window.add_init(section)
            self._changed.notify_all()

    def part(self, part: Part) -> None:
        """A part."""
        with self._changed:
            self._window.add_part(part)
            self._changed.notify_all()

    def still(self, still: Still) -> None:
        """A still. From any thread."""
        with self._changed:
            if self._shelf.add(still):
                wanted = set(map(id, self._shelf))
                self._stills.append(still)
                self._stills = deque(each for each in self._stills if id(each) in wanted)
                self._changed.notify_all()

    def end(self, end: EpochEnd) -> None:
        """The end of the epoch."""
        with self._changed:
            self._window.add_end(end)
            self._changed.notify_all()

    def _note(self, value: Listening | Metrics) -> None:
        self._notes.append(frame(value))
        self._changed.notify_all()

    def _next(self) -> bytes | None:
        if self._notes:
            return self._notes.popleft()
        if self._ladder is not None and not self._ladder_told:
            self._ladder_told = True
            return frame(self._ladder)
        if self._unsent:
            return self._unsent.popleft()
        if (data := self._window.next()) is not None:
            return data
        return frame(self._stills.popleft()) if self._stills else None

    def _is_sent(self) -> bool:
        idle = not self._notes and not self._unsent and not self._window.pending
        return self._connected and idle and self._ladder_told and not self._handed_out
