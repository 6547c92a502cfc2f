"""What thousands ask for just now, found by the very words in which they ask.

A head is the line that names the target and the rest, which is a client's own and the same each
time (`HeadParser` remembers it). Whoever asks in words that both are known is answered without any
look at them; all that is found otherwise is noted here. An entry is good while no media changes and
for about a second, because of its ``Date``: then all are forgotten.
"""

from dataclasses import dataclass

from mediaserver.gateway.answers import Answer
from mediaserver.gateway.hot.metrics import Tally
from mediaserver.gateway.hot.targets import HotTarget
from mediaserver.gateway.hot.wire import Sent
from mediaserver.gateway.origin import Wait

NOTHING = Sent(0, (), 0)
"""Of what is waited for."""

MAX_SHORTCUTS = 1024
"""When there would be more, all are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """What a GET of media comes to at once, for all who ask: an answer, or a place to wait at."""

    target: HotTarget
    tally: Tally
    found: Answer | Wait
    plain: Sent
    """The answer as it goes out on a connection that persists; empty for a wait."""
    gzip: Sent


class Shortcuts:
    """Those of a listener, by request line up to its version."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[bytes, Shortcut] = {}

    def note(self, line: bytes, shortcut: Shortcut) -> None:
        """Answer this line so from now on."""
        if len(self.known) >= MAX_SHORTCUTS:
            self.known.clear()
        self.known[line] = shortcut

    def forget(self) -> None:
        """Nothing of it may be true any more."""
        self.known.clear()
