"""Ctrl-C at a moment of our choosing: it is remembered, and whoever works asks between two steps.

A `KeyboardInterrupt` wherever the interpreter happens to be may strike in a finalizer, where it is
printed and forgotten, or amid a lock's hand-over, where it leaves a thread waiting for ever.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interrupts:
    """Whether SIGINT has come since `remembered` began."""

    def __init__(self) -> None:
        self._come = False

    def check(self) -> None:
        """Raises `KeyboardInterrupt` if it has."""
        if self._come:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def remembered(self) -> Iterator[None]:
        """The first SIGINT waits for `check`; one more raises `KeyboardInterrupt` on the spot.

        In the main thread; in another one it changes nothing, since signals never come there.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._come:
            raise KeyboardInterrupt
        self._come = True
