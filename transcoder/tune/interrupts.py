"""Ctrl-C that is not lost: where the interpreter may not pass on the exception, it is remembered.

`KeyboardInterrupt` is raised in whatever runs just then. In a finalizer, or in a callback of C
code, it is printed and forgotten; so who works on asks `Interrupts.check` between two steps.
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
        """SIGINT raises `KeyboardInterrupt`, as ever, and is remembered. In the main thread; in
        another one it changes nothing, since signals never come there."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._come = True
        raise KeyboardInterrupt
