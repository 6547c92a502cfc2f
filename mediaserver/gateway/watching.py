"""Which renditions somebody watches here, for main to let the others doze. Pure.

What is asked for in words known by heart (`hot.shortcuts`) is not noted, and need not be: all
shortcuts are forgotten with each part, so whoever pulls a rendition asks the long way once a part.
"""

from collections.abc import Callable, Iterable

from mediaserver.bus.messages import RungsAsked

FRESH_NS = 6_000_000_000
"""Main has heard so lately of a rendition that it need not hear at once."""


class Watching:
    """What was asked for since main was told last. Bounded by the renditions that are held: only
    what was found is noted."""

    def __init__(self) -> None:
        self._asked: set[tuple[str, str, str]] = set()
        self._told_ns: dict[tuple[str, str, str], int] = {}
        self.urgent: Callable[[], None] = lambda: None
        """Called when something is asked for that main may have let doze."""

    def ask(self, show: str, epoch: str, rendition: str) -> None:
        """Somebody wants it now."""
        key = (show, epoch, rendition)
        if key not in self._asked:
            self._asked.add(key)
            if key not in self._told_ns:
                self.urgent()

    def take(
        self, epochs: Iterable[tuple[str, str]], pushed: Iterable[tuple[str, str, str]], now_ns: int
    ) -> list[RungsAsked]:
        """What main is to be told: a message for each of `epochs`, a show's name and an epoch's,
        though nothing of it was asked for. `pushed` is watched without being asked for."""
        self._asked.update(pushed)
        for key in [k for k, told_ns in self._told_ns.items() if now_ns - told_ns > FRESH_NS]:
            del self._told_ns[key]
        self._told_ns.update(dict.fromkeys(self._asked, now_ns))
        rungs: dict[tuple[str, str], list[str]] = {epoch: [] for epoch in epochs}
        for show, epoch, rendition in sorted(self._asked):
            rungs.setdefault((show, epoch), []).append(rendition)
        self._asked.clear()
        return [
            RungsAsked(show=show, epoch=epoch, rungs=tuple(names))
            for (show, epoch), names in rungs.items()
        ]
