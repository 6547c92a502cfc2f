"""The state of a show: its log, folded. The same events give the same state, wherever folded.

Knows no database: main folds what it appends, and a gateway what it receives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from overlay.errors import InvalidInput, LogGap
from overlay.show.events import cue as plain_cue
from overlay.show.events import read_cue
from overlay.values import Cue, ShowEvent

MAX_CUES = 256
"""Kept of the newest media epoch, the last ones: more than a window of any length shows."""

_NEVER = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowState:
    """What a show is after the first `offset` events of its log."""

    epoch: str
    """The log epoch."""
    offset: int
    """Of the last event folded; 0 before the first."""
    products: Mapping[str, dict[str, Any]]
    """The public products by id, in the order of their creation. Not to be changed."""
    cues: tuple[Cue, ...]
    """In log order, all of one media epoch: the newest that has a cue."""

    @classmethod
    def empty(cls, epoch: str) -> "ShowState":
        """Before the first event."""
        return cls(epoch=epoch, offset=0, products=MappingProxyType({}), cues=())

    def apply(self, event: ShowEvent) -> "ShowState":
        """The state after `event`; the same state if that is folded already.

        Raises `LogGap` for an event that is not the next one, or of another log epoch.
        """
        if event.epoch != self.epoch:
            raise LogGap(f"The event is of log {event.epoch}, the state of log {self.epoch}.")
        if event.offset <= self.offset:
            return self
        if event.offset != self.offset + 1:
            raise LogGap(f"Event {event.offset} does not follow event {self.offset}.")
        folded = replace(self, offset=event.offset)
        if event.type == "cue":
            return replace(folded, cues=_with_cue(self.cues, read_cue(event.data)))
        if event.type == "order":
            return folded
        return replace(folded, products=_with_goods(self.products, event))

    def cues_since(self, media_epoch: str, tick: int) -> tuple[Cue, ...]:
        """The cues of `media_epoch` that are not over by `tick`, the earliest first, unpins too.

        A pin is over at its end, or at the earliest unpin that names it.
        """
        cues = [cue for cue in self.cues if cue.media_epoch == media_epoch]
        cut: dict[str, int] = {}
        for cue in cues:
            if cue.ends is not None:
                cut[cue.ends] = min(cue.pts, cut.get(cue.ends, cue.pts))
        lasting = [
            cue for cue in cues if min(cue.pts + cue.duration, cut.get(cue.id, _NEVER)) > tick
        ]
        return tuple(sorted(lasting, key=lambda cue: cue.pts))

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "epoch": self.epoch,
            "offset": self.offset,
            "products": dict(self.products),
            "cues": [plain_cue(cue) for cue in self.cues],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "ShowState":
        """The inverse of `to_plain`. Raises `InvalidInput`."""
        try:
            return cls(
                epoch=str(plain["epoch"]),
                offset=int(plain["offset"]),
                products=MappingProxyType(dict(plain["products"])),
                cues=tuple(read_cue(cue) for cue in plain["cues"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise InvalidInput(f"That is no state of a show: {exc!r}.") from None


def _with_cue(cues: tuple[Cue, ...], cue: Cue) -> tuple[Cue, ...]:
    if cues and cues[-1].media_epoch != cue.media_epoch:
        return (cue,)
    return (*cues, cue)[-MAX_CUES:]


def _with_goods(
    products: Mapping[str, dict[str, Any]], event: ShowEvent
) -> Mapping[str, dict[str, Any]]:
    goods, data = dict(products), event.data
    if event.type == "product":
        goods[data["id"]] = data
    elif event.type == "product_gone":
        goods.pop(data["id"], None)
    elif data["product"] in goods:
        left = {"available": data["available"], "sold_out": data["sold_out"]}
        goods[data["product"]] = {**goods[data["product"]], **left}
    return MappingProxyType(goods)
