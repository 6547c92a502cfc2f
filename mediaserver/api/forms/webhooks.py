"""The JSON of webhooks."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

EndpointState = Literal["on", "off", "gone"]
DeliveryState = Literal["waiting", "sent", "failed"]

_Url = Annotated[str, Meta(min_length=1, max_length=2000)]
_Events = Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=50)]


class WebhookForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be told. Without `show`: of every show. Without `events`: of everything."""

    url: _Url
    show: Annotated[str, Meta(max_length=63)] | None = None
    events: _Events = ()


class WebhookChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise."""

    url: _Url | None = None
    events: _Events | None = None
    state: Literal["on", "off"] | None = None


class Webhook(Struct, frozen=True, kw_only=True):
    """Somebody who is told."""

    id: str
    show: str | None
    url: str
    events: tuple[str, ...]
    state: EndpointState
    created_us: int


class SecretWebhook(Webhook, frozen=True, kw_only=True):
    """The same with its newest secret, which is shown this once."""

    secret: str


class Webhooks(Struct, frozen=True, kw_only=True):
    """Everybody who is told."""

    webhooks: tuple[Webhook, ...]


class DeliveriesQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page."""

    cursor: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class Delivery(Struct, frozen=True, kw_only=True):
    """One message to one endpoint, and how that fares."""

    message: str
    event: str
    show: str
    utc_us: int
    state: DeliveryState
    attempts: int
    due_us: int
    status: int | None
    error: str | None


class Deliveries(Struct, frozen=True, kw_only=True):
    """The newest first; `cursor` names the next page, if there is one."""

    deliveries: tuple[Delivery, ...]
    cursor: int | None
