"""From the first sale to the whole shop: variants hold the stock, movements tell how it got there.

Every table is made anew (`frozen_0002`): what the old ones held waits in copies without names that
could collide. What was sold is still sold, under the same numbers and keys; the log is the same log
with each line in the words of its version 1.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from overlay.store.migrations import frozen_0002
from overlay.store.migrations.frozen_0002 import carry, lines

revision = "0002"
down_revision = "0001"

_OLD = ("meta", "log", "products", "orders", "order_items")


def upgrade() -> None:
    """Set the old tables aside, make the new ones, carry over, and forget the old."""
    connection = op.get_bind()
    for name in _OLD:
        copy = f'CREATE TABLE old_{name} AS SELECT * FROM "{name}"'  # noqa: S608 - our own names
        connection.execute(sa.text(copy))
    for name in reversed(_OLD):
        op.drop_table(name)
    frozen_0002.metadata.create_all(connection)
    carry.everything(connection)
    _reword(connection)
    for name in _OLD:
        op.drop_table(f"old_{name}")


def _reword(connection: Any) -> None:
    """The data of lines of the log that lack what version 1 says, a bounded number at a time."""
    log = frozen_0002.show.log
    query = sa.select(log.c.show, log.c.offset, log.c.type, log.c.data).where(
        log.c.type.in_(["product", "stock", "order"])
    )
    place = (0, "", 0)
    change = (
        sa.update(log)
        .where((log.c.show == sa.bindparam("of")) & (log.c.offset == sa.bindparam("at")))
        .values(data=sa.bindparam("words"))
    )
    while rows := _page(connection, query, log, place):
        connection.execute(
            change,
            [
                {"of": row.show, "at": row.offset, "words": lines.reworded(row.type, row.data)}
                for row in rows
            ],
        )
        place = (1, rows[-1].show, rows[-1].offset)


def _page(connection: Any, query: Any, log: Any, place: tuple[int, str, int]) -> Any:
    begun, show, offset = place
    if begun:
        later = (log.c.show > show) | ((log.c.show == show) & (log.c.offset > offset))
        query = query.where(later)
    return connection.execute(query.order_by(log.c.show, log.c.offset).limit(1000)).all()
