"""Who may have a show back by itself: the newest publish, and nobody whom it has overtaken.

Two pages with one key, both publishing again whenever they are pushed off, would push each other
off for ever. So a client says which session it lost, and only the last one is given the show back.
"""

from collections import deque

_REMEMBERED = 32


class Fence:
    """The sessions of one show, as far as taking over is concerned."""

    def __init__(self) -> None:
        self.overtaken: deque[str] = deque(maxlen=_REMEMBERED)
        """Sessions that lost the show to a newer publish; the oldest are forgotten."""
        self._last: str | None = None
        self._resumed: str | None = None

    def accepted(self, session: str, *, resumed: str | None, joined: bool) -> None:
        """A publish has got the show: in place of its own session `resumed`, or of whoever's where
        it has `joined` an epoch that was going on."""
        if self._last is not None and resumed is None and joined:
            self.overtaken.append(self._last)
        self._last, self._resumed = session, resumed

    def may_resume(self, session: str, *, last: str, flowing: bool) -> bool:
        """Whether the client that had `session` may have the show back; `last` is the newest one.

        A client that never heard of the answer to its last attempt asks for the session before it
        again, which is right as long as nothing is `flowing` from that attempt.
        """
        return session == last or (not flowing and session == self._resumed and last == self._last)
