"""The log of a show in the database, which numbers it: offsets count from 1 without a gap."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select

from overlay.show.events import EventType
from overlay.store.schema import log
from overlay.values import ShowEvent

LINE_VERSION = 1
"""Of every line that is written now: its type's keys are those of `overlay.show.events`."""

_NOT_TOLD = frozenset({"version", "cue_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTime:
    """A moment of a broadcast."""

    media_epoch: str
    pts: int
    """Ticks of 1/90,000 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWriter:
    """Appends to one show's log, inside the caller's transaction, at one moment."""

    show: str
    epoch: str
    """The log epoch."""
    utc_us: int
    told: Callable[[Connection, ShowEvent], None] | None = None
    """Hears of each event, inside the same transaction."""

    def append(
        self,
        connection: Connection,
        event_type: EventType,
        data: dict[str, Any],
        *,
        at: MediaTime | None,
        cue_id: str | None = None,
    ) -> ShowEvent:
        """Write the next event. The caller holds the database's write lock, so the number is ours.

        It is not in the log until the caller's transaction commits.
        """
        last = select(func.max(log.c.offset)).where(log.c.show == self.show)
        row: dict[str, Any] = {
            "show": self.show,
            "offset": (connection.execute(last).scalar_one() or 0) + 1,
            "media_epoch": at.media_epoch if at else None,
            "pts": at.pts if at else None,
            "utc_us": self.utc_us,
            "type": event_type,
            "data": data,
        }
        connection.execute(insert(log).values(**row, version=LINE_VERSION, cue_id=cue_id))
        event = ShowEvent(epoch=self.epoch, **row)
        if self.told is not None:
            self.told(connection, event)
        return event


def read_since(
    connection: Connection, epoch: str, show: str, offset: int, limit: int
) -> tuple[ShowEvent, ...]:
    """At most `limit` events after `offset`, in order."""
    query = (
        select(log)
        .where((log.c.show == show) & (log.c.offset > offset))
        .order_by(log.c.offset)
        .limit(limit)
    )
    return tuple(_event(row, epoch) for row in connection.execute(query).mappings())


def find_cue(connection: Connection, epoch: str, show: str, cue_id: str) -> ShowEvent | None:
    """The event of the cue with this id."""
    query = select(log).where((log.c.show == show) & (log.c.cue_id == cue_id))
    row = connection.execute(query).mappings().first()
    return None if row is None else _event(row, epoch)


def _event(row: RowMapping, epoch: str) -> ShowEvent:
    return ShowEvent(epoch=epoch, **{name: row[name] for name in row if name not in _NOT_TOLD})
