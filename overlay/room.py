"""What the rooms of the shop share: one store, one clock, one way into a show's log.

`overlay.shop.Shop` is all rooms over the same store. A room is a class of public methods beside
its rules (`overlay.catalog.room`, `overlay.orders.room` …); each method is one transaction.
"""

from collections.abc import Callable

from overlay.clock import ShopClock
from overlay.hooks.outbox import Outbox
from overlay.show.log import LogWriter
from overlay.store.engine import Store
from overlay.store.statements import Statement

_LAST_US = (
    Statement("SELECT utc_us FROM movements ORDER BY seq DESC LIMIT 1"),
    Statement("SELECT utc_us FROM prices ORDER BY seq DESC LIMIT 1"),
    Statement(
        'SELECT l.utc_us FROM (SELECT show, max("offset") AS last FROM log GROUP BY show) AS ends '
        'JOIN log AS l ON l.show = ends.show AND l."offset" = ends.last'
    ),
    Statement("SELECT max(utc_us) FROM claims"),
)


class Room:
    """The base of every room. Not used by itself."""

    def __init__(self, store: Store, *, utc_us: Callable[[], int] | None = None) -> None:
        """`utc_us` is the shop's clock, `ShopClock` where none is given."""
        self._store = store
        self._outbox = Outbox()
        self._utc_us = utc_us or ShopClock(floor_us=_last_us(store))

    @property
    def epoch(self) -> str:
        """The log epoch."""
        return self._store.epoch

    def _writer(self, show: str) -> LogWriter:
        return LogWriter(
            show=show, epoch=self.epoch, utc_us=self._utc_us(), told=self._outbox.tell_line
        )


def bounded(limit: int, most: int) -> int:
    """`limit`, if it is from 0 to `most`; else whichever is nearer."""
    return max(0, min(limit, most))


def _last_us(store: Store) -> int:
    """When the shop last wrote a moment down; its clock does not run back behind that."""
    with store.read() as connection:
        found = [us for each in _LAST_US for (us,) in each.all(connection, {})]
    return max((int(us) for us in found if us is not None), default=0)
