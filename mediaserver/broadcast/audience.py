"""How many watch each show, added up over the gateways of all nodes. Pure: `now_s` comes in."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from mediaserver.bus.messages import ShowAudience, ViewerCounts

TELL_EVERY_S = 5.0
"""A number that changes all the time is told no oftener than this."""
FORGET_AFTER_S = 10.0
"""A gateway that has said nothing for so long has nobody any more."""
MAX_GATEWAYS = 4096
"""More are not counted: what names gateways comes from other nodes."""
MAX_NAME = 256
MAX_VIEWERS = 10_000_000
"""No gateway has more."""


@dataclass(slots=True)
class _Gateway:
    heard_s: float
    counts: dict[str, int]


@dataclass(slots=True)
class _Told:
    viewers: int = 0
    at_s: float = field(default=float("-inf"))


class Audiences:
    """The last word of each gateway, and what gateways were told last."""

    def __init__(self, shows: Iterable[str]) -> None:
        self._gateways: dict[str, _Gateway] = {}
        self._told = {show: _Told() for show in shows}

    def heard(self, message: ViewerCounts, now_s: float) -> None:
        """A gateway says how many it has of the shows that it names; of any other it has none."""
        if message.gateway not in self._gateways and len(self._gateways) >= MAX_GATEWAYS:
            return
        if len(message.gateway) > MAX_NAME:
            return
        counts = {
            count.show: min(max(0, count.viewers), MAX_VIEWERS)
            for count in message.counts
            if count.show in self._told
        }
        self._gateways[message.gateway] = _Gateway(now_s, counts)

    def total(self, show: str, now_s: float) -> int:
        """How many watch a show just now."""
        self._forget(now_s)
        return sum(gateway.counts.get(show, 0) for gateway in self._gateways.values())

    def last(self, show: str) -> ShowAudience:
        """What was told last."""
        return ShowAudience(show=show, viewers=self._told[show].viewers)

    def due(self, shows: Collection[str], now_s: float) -> list[ShowAudience]:
        """What is to be told now, of these shows."""
        news = []
        for show in shows:
            told, viewers = self._told[show], self.total(show, now_s)
            if viewers != told.viewers and now_s - told.at_s >= TELL_EVERY_S:
                self._told[show] = _Told(viewers, now_s)
                news.append(self.last(show))
        return news

    def _forget(self, now_s: float) -> None:
        for name in [n for n, g in self._gateways.items() if now_s - g.heard_s > FORGET_AFTER_S]:
            del self._gateways[name]
