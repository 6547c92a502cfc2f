"""The webhooks' part of the shop: see `overlay.shop`.

Who is registered, and the outbox as those see it who empty it (`mediaserver.webhooks`): what is
due, and how each attempt went. An attempt that is not written down is made again, with the same
message id: at least once.
"""

import hashlib
import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from overlay.errors import InvalidInput
from overlay.hooks import deliveries, endpoints
from overlay.hooks.schedule import wait_s
from overlay.hooks.values import Attempt, Delivery, Due, Endpoint, EndpointState, News
from overlay.room import Room

KEEP_US = 7 * 24 * 3600 * 1_000_000
"""Messages older than this are forgotten, however they fared."""


class HooksRoom(Room):
    """Those who are told what happens."""

    def endpoints(self) -> tuple[Endpoint, ...]:
        """All of them, the oldest first."""
        with self._store.read() as connection:
            return endpoints.all_of(connection)

    def endpoint(self, endpoint: str) -> Endpoint:
        """One of them. Raises `UnknownEndpoint`."""
        with self._store.read() as connection:
            return endpoints.find(connection, endpoint)

    def add_endpoint(self, *, show: str | None, url: Any, events: Any) -> Endpoint:
        """Register one. Raises `InvalidInput`."""
        with self._store.write() as connection:
            made = endpoints.add(
                connection, show=show, url=url, events=events, now_us=self._utc_us()
            )
        self._outbox.forget()
        return made

    def change_endpoint(
        self,
        endpoint: str,
        *,
        url: Any = None,
        events: Any = None,
        state: EndpointState | None = None,
    ) -> Endpoint:
        """Change what is given. Raises `InvalidInput`, `UnknownEndpoint`."""
        if state == "gone":
            raise InvalidInput("state must be on or off.", field="state")
        with self._store.write() as connection:
            stored = endpoints.find(connection, endpoint)
            changed = replace(
                stored,
                url=stored.url if url is None else url,
                events=stored.events if events is None else endpoints.checked_events(events),
                state=state or stored.state,
            )
            endpoints.save(connection, changed)
        self._outbox.forget()
        return changed

    def delete_endpoint(self, endpoint: str) -> None:
        """Take one away, with what waits for it. Raises `UnknownEndpoint`."""
        with self._store.write() as connection:
            endpoints.remove(connection, endpoint)
        self._outbox.forget()

    def rotate_endpoint(self, endpoint: str) -> Endpoint:
        """Give it a new secret; the old one signs too for a day. Raises `UnknownEndpoint`."""
        with self._store.write() as connection:
            stored = endpoints.find(connection, endpoint)
            changed = endpoints.rotated(stored, now_us=self._utc_us())
            endpoints.save(connection, changed)
        self._outbox.forget()
        return changed

    def deliveries(
        self, endpoint: str, *, before: int | None = None, limit: int = deliveries.MAX_PAGE
    ) -> tuple[tuple[Delivery, ...], int | None]:
        """What was, or is to be, told to it, the newest first, and where the next page begins.

        Raises `UnknownEndpoint`.
        """
        with self._store.read() as connection:
            endpoints.find(connection, endpoint)
            return deliveries.page(connection, endpoint, before=before, limit=limit)

    def redeliver(self, endpoint: str, message: str) -> Delivery:
        """Tell it again, from the first attempt on. Raises `UnknownEndpoint`, `UnknownMessage`."""
        with self._store.write() as connection:
            endpoints.find(connection, endpoint)
            return deliveries.again(connection, endpoint, message, now_us=self._utc_us())

    def due_deliveries(
        self, *, most: int, most_each: int, busy: Collection[tuple[str, str]]
    ) -> tuple[Due, ...]:
        """What is to be sent now: the oldest, at most `most_each` under way for one endpoint.

        `busy` are those under way, as (message, endpoint).
        """
        if self._outbox.nobody:
            return ()
        with self._store.read() as connection:
            found: list[Due] = []
            for endpoint in self._outbox.listening(connection):
                under_way = [message for message, to in busy if to == endpoint.id]
                free = most_each - len(under_way)
                if free > 0:
                    found += deliveries.due(
                        connection, endpoint, now_us=self._utc_us(), most=free, but=under_way
                    )
            return tuple(found[:most])

    def settle_deliveries(self, attempts: Sequence[Attempt]) -> None:
        """Write down how attempts went. An endpoint that answered 410 (Gone) is turned off."""
        with self._store.write() as connection:
            for attempt in attempts:
                deliveries.note(
                    connection,
                    attempt,
                    now_us=self._utc_us(),
                    wait=lambda made: wait_s(made, random.random()),  # noqa: S311 - spreads load
                )
            for gone in {each.endpoint for each in attempts if each.status == 410}:
                deliveries.end(connection, gone)
                self._outbox.forget()

    def tell_show(self, show: str, event: str, media_epoch: str | None) -> None:
        """A show began, or ended. Of the same broadcast this is told once."""
        named = hashlib.sha256(f"{event} {show} {media_epoch}".encode()).hexdigest()[:24]
        data = {"media_epoch": media_epoch}
        news = News(show=show, event=event, data=data, id=f"msg_{named}")
        with self._store.write() as connection:
            if not deliveries.is_known(connection, f"msg_{named}"):
                self._outbox.write(connection, [news], now_us=self._utc_us())

    def prune_deliveries(self) -> int:
        """Forget some of what is too old: how many messages. Ask again while that is many."""
        with self._store.write() as connection:
            return deliveries.prune(connection, before_us=self._utc_us() - KEEP_US)
