"""Stored folds of a show's log: opening a show reads the last thousand lines, not a million.

A snapshot is worth nothing by itself: what it says is in the log too. So one that is of another
`STATE_VERSION`, or cannot be read, is passed over, and the log is folded from further back.
"""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from overlay.errors import InvalidInput
from overlay.show.fold import STATE_VERSION, ShowState
from overlay.store.schema import snapshots

LINES = 1000
"""How many lines of the log are between two snapshots."""
KEPT = 2
"""The last ones: should one not be readable, there is another."""


def load(connection: Connection, epoch: str, show: str) -> ShowState | None:
    """The newest snapshot that can be read, in the log epoch `epoch`; None where there is none."""
    query = (
        select(snapshots.c.offset, snapshots.c.state)
        .where((snapshots.c.show == show) & (snapshots.c.version == STATE_VERSION))
        .order_by(snapshots.c.offset.desc())
    )
    for row in connection.execute(query):
        if (state := _read(row.state, epoch, row.offset)) is not None:
            return state
    return None


def save(connection: Connection, show: str, state: ShowState) -> None:
    """Store `state`, and forget all but the last ones."""
    c = snapshots.c
    connection.execute(delete(snapshots).where((c.show == show) & (c.offset >= state.offset)))
    row = {"offset": state.offset, "version": STATE_VERSION, "state": state.to_plain()}
    connection.execute(insert(snapshots).values(show=show, **row))
    newest = select(c.offset).where(c.show == show).order_by(c.offset.desc()).limit(KEPT).subquery()
    oldest = connection.execute(select(func.min(newest.c.offset))).scalar_one()
    connection.execute(delete(snapshots).where((c.show == show) & (c.offset < oldest)))


def _read(plain: Any, epoch: str, offset: int) -> ShowState | None:
    """The epoch is the database's: a restored database has a new one, and the same log."""
    try:
        state = ShowState.from_plain({**plain, "epoch": epoch})
    except (InvalidInput, TypeError):
        return None
    return state if state.offset == offset else None
