"""What waits to be sent to main, between the media thread that adds and the thread that sends."""

import threading
from collections import deque

from transcoder.control import CueUnsent, Hello, Listening, Metrics, WorkerBusy, WorkerIdle
from transcoder.values import TICKS_PER_SECOND, EpochEnd, InitSection, Part
from transcoder.window import Window
from transcoder.wire import frame

_MAX_NOTES = 16
_MAX_UNSENT = 256


class Outbox:
    """The messages for main in the order that main needs them. Adding never waits.

    On each connection: `Hello`, `WorkerIdle` or `WorkerBusy`, then the whole window. The window
    bounds the queue: what falls out of it unsent is lost (`parts_lost`). Notes (`Listening`,
    metrics) are for the connection there is: at most 16 wait, and the oldest is forgotten. Cues
    that cannot be carried are told once, to the next connection if need be: at most 256 wait, and
    the oldest is forgotten.
    """

    def __init__(self, hello: Hello, *, window_s: float) -> None:
        self._hello = hello
        self._busy: WorkerBusy | None = None
        self._window = Window(round(window_s * TICKS_PER_SECOND))
        self._notes: deque[bytes] = deque(maxlen=_MAX_NOTES)
        self._unsent: deque[bytes] = deque(maxlen=_MAX_UNSENT)
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
            self._window.rewind()
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

    def cue_unsent(self, unsent: CueUnsent) -> None:
        """A cue that cannot be carried."""
        with self._changed:
            self._unsent.append(frame(unsent))
            self._changed.notify_all()

    def init(self, section: InitSection) -> None:
        """An init section; all come before the first part."""
        with self._changed:
            self._window.add_init(section)
            self._changed.notify_all()

    def part(self, part: Part) -> None:
        """A part."""
        with self._changed:
            self._window.add_part(part)
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
        for waiting in (self._notes, self._unsent):
            if waiting:
                return waiting.popleft()
        return self._window.next()

    def _is_sent(self) -> bool:
        idle = not self._notes and not self._unsent and not self._window.pending
        return self._connected and idle and not self._handed_out
