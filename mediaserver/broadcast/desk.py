"""What all shows of a node share: their neighbours, the operator's policy, a publish's shape."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from mediaserver.broadcast.epochs import EpochStore
from mediaserver.broadcast.recipe import Recipes
from mediaserver.bus.messages import OpenSession, ShowStatus
from mediaserver.bus.said import Said
from mediaserver.errors import PublishRefused
from mediaserver.workers.pool import WorkerPool


class Ingest(Protocol):
    """What a show needs of the ingest process (`mediaserver.ingest.link.IngestLink`)."""

    async def open(self, offer: OpenSession) -> str:
        """The SDP answer to an offer. Raises `PublishRefused`."""

    async def host_moment(self, session: str, host_utc_us: int) -> int | None:
        """The tick captured when the host's clock read this; None where that is unknown."""

    def close(self, session: str) -> None:
        """End a session."""

    def route(self, session: str, au_socket: str) -> None:
        """Send a session's access units to another worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPolicy:
    """The operator's settings that a show's life depends on."""

    grace_s: float
    window_s: float
    second_publisher: Literal["refuse", "take_over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDesk:
    """The neighbours that every show of a node shares."""

    pool: WorkerPool
    ingest: Ingest
    store: EpochStore
    say: Callable[[Said], None]
    """Tells every gateway."""
    recipes: Recipes
    told: Callable[[ShowStatus], None] = lambda _: None
    """Hears how each show fares, as the gateways do."""
    owns: Callable[[str], bool] = lambda _: True
    """Whether this node, and no other, speaks for a show."""

    def require_owned(self, show: str) -> None:
        """Raises `PublishRefused` where another node speaks for a show, or nobody yet."""
        if not self.owns(show):
            raise PublishRefused(
                503,
                "not_here",
                f"The show {show} is another node's, or nobody's yet. Try again in a second.",
                retry_after_s=1,
            )


@dataclass(slots=True, kw_only=True)
class Session:
    """A publish of the show, from its answer to its end."""

    id: str
    source: int
    state: Literal["connecting", "connected", "media", "silent"] = "connecting"

    @property
    def holds_the_air(self) -> bool:
        """Whether a second publisher would push a working host off."""
        return self.state in ("connected", "media")
