"""The outbox: what endpoints are to be told, written in the very transaction of what happened.

So nothing is told that did not happen, and nothing that happened goes untold, wherever the server
dies. While nobody is registered it costs one look at an empty tuple.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from overlay.hooks import deliveries, endpoints
from overlay.hooks.values import Endpoint, News
from overlay.store.statements import Statement, encode_json
from overlay.values import ShowEvent

MAX_WAITING = 500_000
"""Deliveries that may wait for one endpoint; one for whom more would is turned off."""

_ADD_MESSAGE = Statement(
    "INSERT INTO webhook_messages (id, show, type, body, utc_us) "
    "VALUES (:id, :show, :type, :body, :utc_us)"
)
_ADD_DELIVERY = Statement(
    "INSERT INTO webhook_deliveries (message, endpoint, state, attempts, due_us, status, error) "
    "VALUES (:message, :endpoint, 'waiting', 0, :due_us, NULL, NULL)"
)
_REHEARSING = Statement("SELECT show FROM show_settings WHERE rehearsal IS NOT NULL")
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


class Outbox:
    """Knows who is registered, and writes their mail. One store's thread only."""

    def __init__(self) -> None:
        self._endpoints: tuple[Endpoint, ...] | None = None
        self._waiting: dict[str, int] = {}
        """At most so much waits for each; counted anew where that would be too much."""

    def listening(self, connection: Connection) -> tuple[Endpoint, ...]:
        """The endpoints that are on."""
        if self._endpoints is None:
            self._endpoints = tuple(e for e in endpoints.all_of(connection) if e.state == "on")
        return self._endpoints

    @property
    def nobody(self) -> bool:
        """Whether it is known that nobody listens."""
        return self._endpoints == ()

    def forget(self) -> None:
        """Endpoints were changed: look again."""
        self._endpoints = None
        self._waiting.clear()

    def write(self, connection: Connection, news: Sequence[News], *, now_us: int) -> None:
        """Put it into the box for whoever wants it: three statements, however much it is.

        A show that rehearses makes no news.
        """
        if not news or not self.listening(connection):
            return
        listening = self._with_room(connection, len(news))
        rehearsing = {show for (show,) in _REHEARSING.all(connection, {})}
        messages: list[Mapping[str, Any]] = []
        mail: list[Mapping[str, Any]] = []
        for each in news:
            wanting = [e.id for e in listening if e.wants(each.show, each.event)]
            if not wanting or each.show in rehearsing:
                continue
            message = each.id or f"msg_{secrets.token_hex(12)}"
            messages.append(
                {
                    "id": message,
                    "show": each.show,
                    "type": each.event,
                    "body": encode_json(_payload(each, now_us)),
                    "utc_us": now_us,
                }
            )
            mail += [
                {"message": message, "endpoint": endpoint, "due_us": now_us} for endpoint in wanting
            ]
        _ADD_MESSAGE.many(connection, messages)
        _ADD_DELIVERY.many(connection, mail)

    def _with_room(self, connection: Connection, more: int) -> tuple[Endpoint, ...]:
        """Who can take `more`. Whoever has too much waiting is turned off, and misses it."""
        before, full = self.listening(connection), []
        for endpoint in before:
            known = self._waiting.get(endpoint.id)
            if known is None or known + more > MAX_WAITING:
                known = deliveries.waiting(connection, endpoint.id)
            if known + more > MAX_WAITING:
                full.append(endpoint)
            self._waiting[endpoint.id] = known + more
        if full:
            self.forget()
        for endpoint in full:
            endpoints.save(connection, replace(endpoint, state="off"))
        return tuple(endpoint for endpoint in before if endpoint not in full)

    def tell_line(self, connection: Connection, event: ShowEvent) -> None:
        """A line is written to a show's log: tell of it if it is news."""
        if event.type not in _LINES or not self.listening(connection):
            return
        kind = _kind(event)
        if kind is not None:
            news = News(
                show=event.show,
                event=kind,
                data={"media_epoch": event.media_epoch, "pts": event.pts, **event.data},
            )
            self.write(connection, [news], now_us=event.utc_us)


_LINES = frozenset({"cue", "offer"})
_OFFERS = {"running": "offer.started", "ended": "offer.ended", "cancelled": "offer.ended"}


def _kind(event: ShowEvent) -> str | None:
    if event.type == "cue":
        return "cue.pinned" if event.data["type"] == "pin" else None
    return _OFFERS.get(event.data.get("state", ""))


def _payload(news: News, now_us: int) -> dict[str, Any]:
    """As Standard Webhooks has it: type, timestamp, data."""
    moment = _UNIX + timedelta(microseconds=now_us)
    return {
        "type": news.event,
        "timestamp": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": {"show": news.show, **news.data},
    }
