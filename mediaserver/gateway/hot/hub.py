"""What all connections of a listener share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mediaserver.gateway.hot.admission import Limits, Refusal
from mediaserver.gateway.hot.cold import Cold
from mediaserver.gateway.hot.crowd import Crowd
from mediaserver.gateway.hot.head import HeadParser
from mediaserver.gateway.hot.metrics import HotMetrics
from mediaserver.gateway.hot.shortcuts import Shortcuts
from mediaserver.gateway.hot.targets import Targets
from mediaserver.gateway.origin import Origin

if TYPE_CHECKING:
    from mediaserver.gateway.hot.connection import HotConnection


class Hub(Protocol):
    """`Listener`, as a connection sees it."""

    origin: Origin
    targets: Targets
    heads: HeadParser
    metrics: HotMetrics
    limits: Limits
    cold: Cold
    crowd: Crowd
    shortcuts: Shortcuts
    clock_ns: Callable[[], int]
    """The monotonic clock."""
    idle_ns: int
    """`Limits.idle_timeout_s`."""
    busy: bool
    """True while no new viewer is let in."""

    def opened(
        self, connection: "HotConnection", address: str
    ) -> tuple[str | None, Refusal | None]:
        """Count it. The answers are `Admission.enter`'s."""

    def closed(
        self, connection: "HotConnection", party: str | None, refusal: Refusal | None
    ) -> None:
        """It is gone. The answers were `opened`'s."""

    def date(self) -> bytes:
        """The ``Date`` line, renewed each second."""
