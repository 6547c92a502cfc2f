"""The time a host who was lost has to come back."""

import asyncio
from collections.abc import Callable


class Grace:
    """Runs while the host's media is missing, from the moment that is known; `over` is called at
    its end.

    Media that flows again stops it, and the host has all of it again the next time. To ask for a
    connection is not to be back: a host behind a shut firewall who posts again and again does not
    keep a show of slates on air.
    """

    def __init__(self, grace_s: float, over: Callable[[], None]) -> None:
        self._grace_s = grace_s
        self._over = over
        self._timer: asyncio.TimerHandle | None = None
        self._extended = False

    def watch(self, *, missing: bool) -> None:
        """The host is missing, or is not; saying it again changes nothing."""
        if not missing:
            self.stop()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._grace_s, self._ended)

    def extend(self, seconds: float) -> bool:
        """Run once more, for a host who is just connecting; False the second time."""
        if self._extended:
            return False
        self.stop()  # one that has been started since the end
        self._extended = True
        self._timer = asyncio.get_running_loop().call_later(seconds, self._ended)
        return True

    def stop(self) -> None:
        """Nobody is waited for."""
        self._extended = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ended(self) -> None:
        self._timer = None
        self._over()
