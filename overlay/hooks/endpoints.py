"""The rows of endpoints: what may be registered, and how their secrets are made and turned over."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from overlay import checks
from overlay.errors import InvalidInput, UnknownEndpoint
from overlay.hooks.values import EVENTS, Endpoint, Secret
from overlay.store.schema import deliveries
from overlay.store.schema import endpoints as table

MAX_ENDPOINTS = 50
MAX_URL_CHARS = 2000
OVERLAP_US = 24 * 3600 * 1_000_000
"""How long a secret that was rotated out still signs beside the new one."""
MAX_SECRETS = 3

_KEY_BYTES = 32
"""Standard Webhooks: 24 to 64."""


def all_of(connection: Connection) -> tuple[Endpoint, ...]:
    """Every endpoint, the oldest first."""
    query = select(table).order_by(table.c.created_us, table.c.id)
    return tuple(_endpoint(row) for row in connection.execute(query).mappings())


def find(connection: Connection, endpoint: str) -> Endpoint:
    """One endpoint. Raises `UnknownEndpoint`."""
    row = connection.execute(select(table).where(table.c.id == endpoint)).mappings().first()
    if row is None:
        raise UnknownEndpoint(f"There is no webhook {endpoint}.", field="id")
    return _endpoint(row)


def add(
    connection: Connection, *, show: str | None, url: Any, events: Any, now_us: int
) -> Endpoint:
    """Register one. Raises `InvalidInput`; where the address leads is the caller's to check."""
    if connection.execute(select(func.count()).select_from(table)).scalar_one() >= MAX_ENDPOINTS:
        raise InvalidInput(f"{MAX_ENDPOINTS} webhooks are the most: take one away first.")
    made = Endpoint(
        id=f"ep_{secrets.token_hex(8)}",
        show=show,
        url=checks.token(url, "url", most=MAX_URL_CHARS),
        secrets=(Secret(secret=_new_secret()),),
        events=checked_events(events),
        state="on",
        created_us=now_us,
    )
    connection.execute(insert(table).values(**_row(made)))
    return made


def save(connection: Connection, endpoint: Endpoint) -> Endpoint:
    """Write an endpoint as it is now."""
    connection.execute(update(table).where(table.c.id == endpoint.id).values(**_row(endpoint)))
    return endpoint


def remove(connection: Connection, endpoint: str) -> None:
    """Take one away, with what waits for it. Raises `UnknownEndpoint`."""
    find(connection, endpoint)
    connection.execute(delete(deliveries).where(deliveries.c.endpoint == endpoint))
    connection.execute(delete(table).where(table.c.id == endpoint))


def rotated(endpoint: Endpoint, *, now_us: int) -> Endpoint:
    """With a new secret; those before it sign too for `OVERLAP_US` at most."""
    until_us = now_us + OVERLAP_US
    old = [
        replace(s, until_us=until_us if s.until_us is None else s.until_us)
        for s in endpoint.secrets
        if s.until_us is None or s.until_us > now_us
    ]
    return replace(endpoint, secrets=(Secret(secret=_new_secret()), *old)[:MAX_SECRETS])


def checked_events(events: Any) -> tuple[str, ...]:
    """The events, each once. Raises `InvalidInput`."""
    if isinstance(events, str) or not isinstance(events, Sequence):
        raise InvalidInput("events must be a list.", field="events")
    for n, event in enumerate(events):
        if event not in EVENTS:
            raise InvalidInput(f"An event is one of {', '.join(EVENTS)}.", field=f"events.{n}")
    return tuple(dict.fromkeys(events))


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "show": endpoint.show,
        "url": endpoint.url,
        "secrets": [{"secret": s.secret, "until_us": s.until_us} for s in endpoint.secrets],
        "events": list(endpoint.events),
        "state": endpoint.state,
        "created_us": endpoint.created_us,
    }


def _endpoint(row: RowMapping) -> Endpoint:
    return Endpoint(
        id=row["id"],
        show=row["show"],
        url=row["url"],
        secrets=tuple(Secret(**each) for each in row["secrets"]),
        events=tuple(row["events"]),
        state=row["state"],
        created_us=row["created_us"],
    )
