"""The values of webhooks (Standard Webhooks 1.0): endpoints, messages, and how a telling fares.

A delivery is `waiting` (for its first attempt, or the next), `sent` (a 2xx came), or `failed` (all
attempts are used up, or the endpoint is gone). An endpoint is `on`, `off` (what is for it waits),
or `gone`: it answered 410, and gets nothing until staff turns it on again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EndpointState = Literal["on", "off", "gone"]
DeliveryState = Literal["waiting", "sent", "failed"]

EVENTS = (
    "show.began",
    "show.ended",
    "cue.pinned",
    "offer.started",
    "offer.ended",
    "cart.changed",
    "reservation.held",
    "reservation.released",
    "reservation.expired",
    "order.held",
    "order.confirmed",
    "order.released",
    "order.expired",
    "order.cancelled",
    "order.paid_late",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What messages to an endpoint are signed with, until `until_us` if that is set."""

    secret: str = field(repr=False)
    """``whsec_`` and the key in base64."""
    until_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Somebody who is told."""

    id: str
    show: str | None
    """None: every show."""
    url: str = field(repr=False)
    secrets: tuple[Secret, ...] = field(repr=False)
    """The newest first."""
    events: tuple[str, ...]
    """None of them: every event."""
    state: EndpointState
    created_us: int

    def wants(self, show: str, event: str) -> bool:
        """Whether it is to be told of such an event."""
        return (
            self.state == "on"
            and self.show in (None, show)
            and (not self.events or event in self.events)
        )

    def valid_secrets(self, now_us: int) -> tuple[str, ...]:
        """Those to sign with now."""
        return tuple(s.secret for s in self.secrets if s.until_us is None or s.until_us > now_us)

    def to_plain(self) -> dict[str, Any]:
        """The endpoint's JSON. Its secrets are not in it."""
        return {
            "id": self.id,
            "show": self.show,
            "url": self.url,
            "events": list(self.events),
            "state": self.state,
            "created_us": self.created_us,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something happened: what endpoints are to be told."""

    show: str
    event: str
    """One of `EVENTS`."""
    data: Mapping[str, Any]
    id: str | None = None
    """Of the message, where the same news may come twice; None: it is made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery whose time has come."""

    message: str
    endpoint: Endpoint
    body: str = field(repr=False)
    attempts: int
    """Made so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt at a delivery went."""

    message: str
    endpoint: str
    status: int | None
    """None: there was no response."""
    error: str = ""
    """A sentence, where there was none."""

    @property
    def sent(self) -> bool:
        """Whether the endpoint has it."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery as staff sees it."""

    message: str
    event: str
    show: str
    utc_us: int
    """When it happened."""
    state: DeliveryState
    attempts: int
    due_us: int
    """Of a waiting one: the next attempt."""
    status: int | None
    """Of the last response."""
    error: str | None

    def to_plain(self) -> dict[str, Any]:
        """The delivery's JSON."""
        return {name: getattr(self, name) for name in Delivery.__dataclass_fields__}
