"""The stills that are still wanted: the newest poster, and the thumbnails of the window. Pure."""

from collections import deque
from collections.abc import Iterator

from transcoder.stills.values import Still

MAX_THUMBNAILS = 240
"""Kept at a time, however long the window."""


class Shelf:
    """Keeps one epoch's stills for whoever comes later.

    At most `MAX_THUMBNAILS`, and those of the last `window_ticks` before the newest, with the one
    that stands for the window's beginning.
    """

    def __init__(self, window_ticks: int) -> None:
        self._window_ticks = window_ticks
        self._poster: Still | None = None
        self._thumbnails: deque[Still] = deque(maxlen=MAX_THUMBNAILS)

    def add(self, still: Still) -> bool:
        """Keep `still`; False when it is no newer than what is here."""
        if still.kind == "poster":
            if self._poster is not None and still.tick <= self._poster.tick:
                return False
            self._poster = still
            return True
        kept = self._thumbnails
        if kept and still.tick <= kept[-1].tick:
            return False
        kept.append(still)
        self.forget(still.tick - self._window_ticks)
        return True

    def forget(self, before_tick: int) -> None:
        """Let go of the thumbnails that stand for nothing from `before_tick` on."""
        kept = self._thumbnails
        while len(kept) > 1 and kept[1].tick <= before_tick:
            kept.popleft()

    @property
    def poster(self) -> Still | None:
        """The newest."""
        return self._poster

    @property
    def thumbnails(self) -> tuple[Still, ...]:
        """In order of time."""
        return tuple(self._thumbnails)

    def __iter__(self) -> Iterator[Still]:
        if self._poster is not None:
            yield self._poster
        yield from self._thumbnails
