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

MAX_OVER = 32
"""Offers that are over and kept, the last ones."""

STATE_VERSION = 2
"""Of `ShowState.to_plain`, and of what is folded: raised with each change of either, so that no
stored snapshot of another version is used."""

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
    totals: Mapping[str, dict[str, int]]
    """By product, those that are gone included: {"quantity", "orders"} that were ever bought."""
    offers: Mapping[str, dict[str, Any]]
    """The public offers by id, in the order in which they came. Not to be changed."""
    before_rehearsal: Mapping[str, Any] | None
    """While the show rehearses: the plain `cues` and `totals` that stand again afterwards."""

    @classmethod
    def empty(cls, epoch: str) -> "ShowState":
        """Before the first event."""
        nothing: Mapping[str, Any] = MappingProxyType({})
        return cls(
            epoch=epoch,
            offset=0,
            products=nothing,
            cues=(),
            totals=nothing,
            offers=nothing,
            before_rehearsal=None,
        )

    @property
    def rehearsal(self) -> bool:
        """Whether everything is play."""
        return self.before_rehearsal is not None

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
            return replace(folded, totals=_with_order(self.totals, event.data))
        if event.type in ("offer", "offer_gone", "offer_left"):
            return replace(folded, offers=_with_offer(self.offers, event))
        if event.type == "rehearsal":
            return _rehearsing(folded, on=bool(event.data["on"]))
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
            "totals": dict(self.totals),
            "offers": dict(self.offers),
            "before_rehearsal": None
            if self.before_rehearsal is None
            else dict(self.before_rehearsal),
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
                totals=MappingProxyType(dict(plain["totals"])),
                offers=MappingProxyType(dict(plain["offers"])),
                before_rehearsal=_memory(plain["before_rehearsal"]),
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
        goods[data["product"]] = _with_stock(goods[data["product"]], data)
    return MappingProxyType(goods)


def _with_stock(product: dict[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """A variant's stock is as `data` says; the product's is the sum of its variants'."""
    left = {"available": data["available"], "sold_out": data["sold_out"]}
    variants = [
        {**variant, **left} if variant["id"] == data["variant"] else variant
        for variant in product["variants"]
    ]
    total = sum(variant["available"] for variant in variants)
    return {**product, "variants": variants, "available": total, "sold_out": total == 0}


def _with_offer(
    offers: Mapping[str, dict[str, Any]], event: ShowEvent
) -> Mapping[str, dict[str, Any]]:
    known, data = dict(offers), event.data
    if event.type == "offer":
        known[data["id"]] = data
        over = [key for key, offer in known.items() if offer["state"] in ("ended", "cancelled")]
        for key in over[:-MAX_OVER]:
            del known[key]
    elif event.type == "offer_gone":
        known.pop(data["id"], None)
    elif data["offer"] in known:
        known[data["offer"]] = {**known[data["offer"]], "left": data["left"]}
    return MappingProxyType(known)


def _rehearsing(state: ShowState, *, on: bool) -> ShowState:
    """Cards and sales go back to what they were; stock and offers have lines of their own."""
    memory = state.before_rehearsal
    if on == (memory is not None):
        return state
    if memory is None:
        cues = [plain_cue(cue) for cue in state.cues]
        return replace(state, before_rehearsal=_memory({"cues": cues, "totals": state.totals}))
    return replace(
        state,
        cues=tuple(read_cue(cue) for cue in memory["cues"]),
        totals=MappingProxyType(dict(memory["totals"])),
        before_rehearsal=None,
    )


def _memory(plain: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if plain is None:
        return None
    return MappingProxyType({"cues": list(plain["cues"]), "totals": dict(plain["totals"])})


def _with_order(
    totals: Mapping[str, dict[str, int]], data: Mapping[str, Any]
) -> Mapping[str, dict[str, int]]:
    before = totals.get(data["product"], {"quantity": 0, "orders": 0})
    after = {name: before[name] + data[name] for name in ("quantity", "orders")}
    return MappingProxyType({**totals, data["product"]: after})
