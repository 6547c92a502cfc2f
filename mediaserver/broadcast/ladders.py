"""What main knows of the ladders on air, and what it tells their workers: who is watched. Pure.

Time comes in as `now_s`. A rung is watched until `WATCHED_S` after somebody, on any node, asked for
it last. Where gateways have said nothing for as long, nobody knows, and every rung is watched.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from mediaserver.bus.messages import RungsAsked
from transcoder.ladder_state import LadderState, Watched

log = structlog.get_logger()

WATCHED_S = 15.0
TELL_EVERY_S = 4.0
"""A worker is told though nothing has changed: it takes long silence for a main that is away."""


class LadderWorker(Protocol):
    """What is needed of a worker (`mediaserver.workers.pool.Worker`)."""

    def send(self, value: object) -> bool:
        """Tell it something; False when it is gone."""


@dataclass(slots=True, kw_only=True)
class _Ladder:
    worker: LadderWorker
    state: LadderState
    heard_s: float
    """When a gateway has said anything of the epoch last."""
    asked_s: dict[str, float] = field(default_factory=dict)
    """When each rung was asked for last, or the ladder began."""
    told: tuple[str, ...] | None = None
    told_s: float = 0.0

    def watched(self, now_s: float) -> tuple[str, ...]:
        known = now_s - self.heard_s < WATCHED_S
        return tuple(
            rung for rung, at_s in self.asked_s.items() if not known or now_s - at_s < WATCHED_S
        )

    def tell(self, now_s: float) -> None:
        watched = self.watched(now_s)
        if watched != self.told or now_s - self.told_s >= TELL_EVERY_S:
            self.told, self.told_s = watched, now_s
            self.worker.send(Watched(epoch=self.state.epoch, rungs=watched))


class Ladders:
    """The ladder of each show on air; one of a show at a time, so bounded by the shows."""

    def __init__(self, shows: Iterable[str]) -> None:
        self._shows = frozenset(shows)
        self._ladders: dict[str, _Ladder] = {}

    def heard(self, worker: LadderWorker, state: LadderState, now_s: float) -> None:
        """A worker says how its ladder fares."""
        if state.show not in self._shows or not state.rungs:
            return
        before = self._ladders.get(state.show)
        if before is not None and before.worker is worker and before.state.epoch == state.epoch:
            known, before.state = before.state, state
        else:
            known = None
            self._ladders[state.show] = _Ladder(
                worker=worker,
                state=state,
                heard_s=now_s,
                asked_s={each.rung: now_s for each in state.rungs},
            )
        _log(state, known)

    def lost(self, worker: LadderWorker) -> None:
        """A worker is gone, or done."""
        for show in [s for s, ladder in self._ladders.items() if ladder.worker is worker]:
            del self._ladders[show]

    def asked(self, asked: RungsAsked, now_s: float) -> None:
        """A gateway says what is watched there; a rung that dozes is woken at once."""
        ladder = self._ladders.get(asked.show)
        if ladder is None or ladder.state.epoch != asked.epoch:
            return
        ladder.heard_s = now_s
        ladder.asked_s.update(
            dict.fromkeys((rung for rung in asked.rungs if rung in ladder.asked_s), now_s)
        )
        if ladder.told is not None and not set(asked.rungs) <= set(ladder.told):
            self._tell(ladder, now_s)

    def beat(self, now_s: float) -> None:
        """Tell each worker what it is to know now. Call it every second or so."""
        for ladder in self._ladders.values():
            self._tell(ladder, now_s)

    def of(self, show: str) -> LadderState | None:
        """How a show's ladder fares; None while nothing is encoded."""
        ladder = self._ladders.get(show)
        return None if ladder is None else ladder.state

    @property
    def states(self) -> Mapping[str, LadderState]:
        """By show."""
        return {show: ladder.state for show, ladder in self._ladders.items()}

    @staticmethod
    def _tell(ladder: _Ladder, now_s: float) -> None:
        if ladder.state.on_demand:
            ladder.tell(now_s)


def _log(state: LadderState, before: LadderState | None) -> None:
    """Tell the operator what has changed; not who dozes, which changes all the time."""
    if before is not None and before.sentence == state.sentence and before.step == state.step:
        return
    worse = state.step > (before.step if before else 0)
    tell = log.warning if worse else log.info
    tell(
        "ladder",
        show=state.show,
        epoch=state.epoch,
        step=state.step,
        half_rate=state.half_rate,
        passthrough=state.passthrough,
        rungs=[f"{r.rung}:{r.role}{':' if r.mirrors else ''}{r.mirrors}" for r in state.rungs],
        says=state.sentence,
    )
