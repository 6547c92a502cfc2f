"""The rows of deliveries: what is due, how it fared, and what is old enough to be forgotten."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select, update

from overlay.errors import UnknownMessage
from overlay.hooks.values import Attempt, Delivery, DeliveryState, Due, Endpoint
from overlay.store.schema import deliveries as table
from overlay.store.schema import endpoints, messages
from overlay.store.statements import Statement

MAX_PAGE = 100
MAX_ERROR_CHARS = 300
PRUNED_AT_ONCE = 2000

_DUE = Statement(
    "SELECT d.message, m.body, d.attempts FROM webhook_deliveries d "
    "JOIN webhook_messages m ON m.id = d.message "
    "WHERE d.endpoint = :endpoint AND d.state = 'waiting' AND d.due_us <= :now_us "
    "ORDER BY d.due_us LIMIT :most"
)
_WAITING = Statement(
    "SELECT count(*) FROM webhook_deliveries WHERE endpoint = :endpoint AND state = 'waiting'"
)
_OLD = Statement(
    "SELECT id FROM webhook_messages WHERE utc_us < :before_us ORDER BY seq LIMIT :most"
)
_FORGET_DELIVERIES = Statement("DELETE FROM webhook_deliveries WHERE message IN (:ids[1])")
_FORGET_MESSAGES = Statement("DELETE FROM webhook_messages WHERE id IN (:ids[1])")


def due(
    connection: Connection, endpoint: Endpoint, *, now_us: int, most: int, but: Sequence[str]
) -> list[Due]:
    """What is to be sent to it now, the longest due first, without what is under way."""
    rows = _DUE.all(
        connection, {"endpoint": endpoint.id, "now_us": now_us, "most": most + len(but)}
    )
    found = [
        Due(message=message, endpoint=endpoint, body=body, attempts=attempts)
        for message, body, attempts in rows
        if message not in but
    ]
    return found[:most]


def note(
    connection: Connection,
    attempt: Attempt,
    *,
    now_us: int,
    wait: Callable[[int], float | None],
) -> None:
    """Write down how an attempt went, and when the next is to be."""
    mine = (table.c.message == attempt.message) & (table.c.endpoint == attempt.endpoint)
    made = connection.execute(select(table.c.attempts).where(mine)).scalar_one_or_none()
    if made is None:
        return
    state: DeliveryState = "sent"
    due_us = now_us
    if not attempt.sent:
        wait_s = None if attempt.status == 410 else wait(made + 1)
        state = "failed" if wait_s is None else "waiting"
        due_us = now_us + round((wait_s or 0) * 1e6)
    connection.execute(
        update(table)
        .where(mine)
        .values(
            state=state,
            attempts=made + 1,
            due_us=due_us,
            status=attempt.status,
            error=attempt.error[:MAX_ERROR_CHARS] or None,
        )
    )


def end(connection: Connection, endpoint: str) -> None:
    """The endpoint is gone: nothing more is sent to it. What waits goes on if it is turned on."""
    connection.execute(update(endpoints).where(endpoints.c.id == endpoint).values(state="gone"))


def waiting(connection: Connection, endpoint: str) -> int:
    """How many wait for it."""
    return int(_WAITING.all(connection, {"endpoint": endpoint})[0][0])


def is_known(connection: Connection, message: str) -> bool:
    """Whether there is a message of this id."""
    query = select(messages.c.id).where(messages.c.id == message)
    return connection.execute(query).first() is not None


def again(connection: Connection, endpoint: str, message: str, *, now_us: int) -> Delivery:
    """Have it sent again, with all attempts before it. Raises `UnknownMessage`."""
    mine = (table.c.message == message) & (table.c.endpoint == endpoint)
    connection.execute(update(table).where(mine).values(state="waiting", attempts=0, due_us=now_us))
    row = connection.execute(_LISTED.where(mine)).mappings().first()
    if row is None:
        raise UnknownMessage(f"The webhook was never to be told {message}.", field="message")
    return Delivery(**{name: row[name] for name in Delivery.__dataclass_fields__})


def page(
    connection: Connection, endpoint: str, *, before: int | None, limit: int
) -> tuple[tuple[Delivery, ...], int | None]:
    """Some deliveries, the newest first; `before` is where the page before said to go on."""
    query = _LISTED.where(table.c.endpoint == endpoint).order_by(messages.c.seq.desc())
    if before is not None:
        query = query.where(messages.c.seq < before)
    rows = list(connection.execute(query.limit(limit + 1)).mappings())
    found = tuple(
        Delivery(**{name: row[name] for name in Delivery.__dataclass_fields__})
        for row in rows[:limit]
    )
    return found, rows[limit - 1]["seq"] if len(rows) > limit else None


def prune(connection: Connection, *, before_us: int) -> int:
    """Forget messages from before that time, `PRUNED_AT_ONCE` at most: how many."""
    ids = [
        message
        for (message,) in _OLD.all(connection, {"before_us": before_us, "most": PRUNED_AT_ONCE})
    ]
    if ids:
        _FORGET_DELIVERIES.run(connection, {"ids": ids})
        _FORGET_MESSAGES.run(connection, {"ids": ids})
    return len(ids)


_LISTED = select(
    table.c.message,
    messages.c.type.label("event"),
    messages.c.show,
    messages.c.utc_us,
    table.c.state,
    table.c.attempts,
    table.c.due_us,
    table.c.status,
    table.c.error,
    messages.c.seq,
).join_from(table, messages, messages.c.id == table.c.message)
