"""Which shows are on air, as the home page lists them: ``/live/shows.json``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mediaserver.bus.messages import ShowStatus
from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.stills import ShowStills

GOOD_FOR_NS = 1_000_000_000
"""As caches are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAir:
    """One of them."""

    status: ShowStatus
    stills: ShowStills

    def document(self) -> dict[str, str | None]:
        """As plain data. The poster's address changes with the poster."""
        show, tag = self.status.show, self.stills.poster_tag
        return {
            "show": show,
            "title": self.status.title,
            "state": self.status.state,
            "poster": f"/live/{show}/poster.jpg?v={tag}" if tag else None,
        }


class ShowList:
    """The list, written once a second however many ask."""

    def __init__(self, on_air: Callable[[], Iterable[OnAir]], clock_ns: Callable[[], int]) -> None:
        self._on_air = on_air
        self._clock_ns = clock_ns
        self._until_ns = 0
        self._written: Answer | None = None

    def answer(self) -> Answer:
        """As it is now, or was a second ago."""
        now_ns = self._clock_ns()
        if self._written is None or now_ns >= self._until_ns:
            self._until_ns = now_ns + GOOD_FOR_NS
            self._written = answers.as_json({"shows": [each.document() for each in self._on_air()]})
        return self._written
