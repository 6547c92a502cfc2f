"""The log's part of the shop, and the cues': see `overlay.shop`."""

from collections.abc import Callable
from dataclasses import dataclass

from overlay.room import Room, bounded
from overlay.show import cues as cue_rules
from overlay.show import log as show_log
from overlay.show import snapshots
from overlay.show.cues import CueDraft, CueMoment
from overlay.show.fold import ShowState
from overlay.store.engine import Store
from overlay.values import Cue, ShowEvent

MAX_EVENTS = 1000
"""The most that one `Shop.events_since` returns, and that a fold reads at once."""

_LAST_OFFSET = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A cue is in the log. Not `created`: it was there already, and `events` is empty."""

    cue: Cue
    events: tuple[ShowEvent, ...]
    created: bool


class ShowRoom(Room):
    """The shows themselves: their logs, and what is pinned."""

    def __init__(self, store: Store, *, utc_us: Callable[[], int] | None = None) -> None:
        super().__init__(store, utc_us=utc_us)
        self._states: dict[str, ShowState] = {}
        self._kept: dict[str, int] = {}

    def pin(self, show: str, draft: CueDraft, moment: CueMoment) -> Pinned:
        """Store a cue, pin or unpin, at `moment.pts`.

        The same id with the same content gives the stored cue, whatever the time now. Raises
        `InvalidInput`, `UnknownProduct`, `CueConflict`, `CueRefused`.
        """
        with self._store.write() as connection:
            cue, event = cue_rules.place(connection, self._writer(show), draft=draft, moment=moment)
        return Pinned(cue=cue, events=(event,) if event else (), created=event is not None)

    def cues(self, show: str) -> tuple[Cue, ...]:
        """The last cues of the newest media epoch that has one, in log order."""
        return self.snapshot(show).cues

    def snapshot(self, show: str) -> ShowState:
        """The whole log folded: `state.epoch`, `state.offset` (0 for an empty log), the rest."""
        state = self._states.get(show) or self._stored_state(show)
        while events := self.events_since(show, state.offset):
            for event in events:
                state = state.apply(event)
        self._states[show] = state
        return state

    def keep_snapshots(self) -> int:
        """Store the fold of each show that has gone on by `snapshots.LINES` since the last one: how
        many were stored. Not part of anybody's order: call it when there is time."""
        stored = 0
        for show in tuple(self._states):
            state = self.snapshot(show)
            if state.offset - self._kept.get(show, 0) >= snapshots.LINES:
                with self._store.write() as connection:
                    snapshots.save(connection, show, state)
                self._kept[show] = state.offset
                stored += 1
        return stored

    def _stored_state(self, show: str) -> ShowState:
        with self._store.read() as connection:
            state = snapshots.load(connection, self.epoch, show)
        self._kept[show] = state.offset if state else 0
        return state or ShowState.empty(self.epoch)

    def events_since(
        self, show: str, offset: int, limit: int = MAX_EVENTS
    ) -> tuple[ShowEvent, ...]:
        """The events after `offset`, in order; at most `limit` and `MAX_EVENTS`."""
        with self._store.read() as connection:
            return show_log.read_since(
                connection, self.epoch, show, min(offset, _LAST_OFFSET), bounded(limit, MAX_EVENTS)
            )
