"""Who may ask for a publish, and how often: in front of the WHIP resources, before a body is read.

A stranger needs a key for anything that costs more than a glance; an address that asks too often,
with the right key or with wrong ones, waits. Publishes that were answered and never connect are
bounded for an address and in all.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mediaserver.addresses import party
from mediaserver.errors import PublishRefused
from mediaserver.limits import Door

_HALF_OPEN_WAIT_S = 5.0


@dataclass(slots=True, kw_only=True)
class Doorkeeper:
    """Refuses with 429 or 503. Owned by the WHIP resources, on main's loop."""

    door: Door
    half_open_per_address: int
    half_open_total: int
    is_connecting: Callable[[str], bool]
    """Whether a session has been answered and is not connected yet."""
    _answered: dict[str, str] = field(default_factory=dict)
    """Session → party, of the half-open."""
    _asking: dict[str, str] = field(default_factory=dict)
    """Session → party, of those being answered; with the half-open at most `half_open_total`."""

    def admit(self, address: str) -> None:
        """Count one request that an attacker would make often. Raises `PublishRefused`."""
        wait_s = self.door.knock(address)
        if wait_s is not None:
            raise PublishRefused(
                429,
                "too_many_requests",
                f"Too many publishes were asked for from this address; wait {math.ceil(wait_s)} s.",
                retry_after_s=wait_s,
            )

    @contextmanager
    def room(self, session: str, address: str) -> Iterator[None]:
        """Room for a publish: held while it is being answered, and then until it has connected or
        is given up. Left at once where the answering fails. Raises `PublishRefused` where too many
        have not connected yet."""
        who = party(address)
        self._require_room(who)
        self._asking[session] = who
        try:
            yield
            self._answered[session] = who
        finally:
            del self._asking[session]

    def _require_room(self, who: str) -> None:
        self._answered = {s: who for s, who in self._answered.items() if self.is_connecting(s)}
        taken = [*self._answered.values(), *self._asking.values()]
        if taken.count(who) >= self.half_open_per_address:
            raise PublishRefused(
                429,
                "too_many_half_open",
                "Other publishes from this address have not connected yet; try again when they "
                "have, or have been given up.",
                retry_after_s=_HALF_OPEN_WAIT_S,
            )
        if len(taken) >= self.half_open_total:
            raise PublishRefused(
                503,
                "too_many_half_open",
                "Too many publishes are connecting at this moment; try again soon.",
                retry_after_s=_HALF_OPEN_WAIT_S,
            )
