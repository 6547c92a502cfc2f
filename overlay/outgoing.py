"""How the shop reaches out: through somebody else's safe client (`mediaserver.outgoing`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from overlay.errors import ShopError


class OutgoingFailed(ShopError):
    """The address was refused, or what is there did not answer as it must."""

    code = "outgoing_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingReply:
    """A whole response, its body within the bound that was asked for."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)


class Outgoing(Protocol):
    """One request to the world: to public addresses alone, no redirects, bounded."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int,
        timeout_s: float | None = None,
        cut: bool = False,
    ) -> OutgoingReply:
        """The response, whatever its status. Raises `OutgoingFailed`.

        `timeout_s` may shorten the client's own time. `cut`: of a body that is larger than
        `max_bytes` only so much is read, and that is well.
        """
        ...
