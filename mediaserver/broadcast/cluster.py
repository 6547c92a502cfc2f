"""The shows of a node among other nodes: which of them are ours, and Redis around them."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from mediaserver.bus.messages import ShowOwner
from mediaserver.bus.redis_lease import Lease
from mediaserver.bus.redis_link import RedisLink
from mediaserver.bus.redis_outlet import ShowOutlet
from mediaserver.bus.redis_up import Report, Upstream
from mediaserver.bus.said import Said, ShowBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a node is among others."""

    redis: str
    node: str
    address: str
    """Where this main answers gateways of other nodes, or ""."""
    lease_s: float


class Cluster:
    """Made by main; `run` until cancelled, then `close`."""

    def __init__(
        self,
        place: Place,
        shows: Iterable[str],
        *,
        base: Callable[[str], ShowBase],
        owned: Callable[[str, bool], None],
        heard: Callable[[str, Report], None],
    ) -> None:
        """`base` tells everything of a show, `owned` hears which are ours, `heard` what gateways
        of other nodes say of them."""
        self._link = RedisLink(place.redis)
        self._outlets = {
            show: ShowOutlet(
                lease=Lease(show, link=self._link, node=place.node, lease_s=place.lease_s),
                link=self._link,
                owner=ShowOwner(show=show, node=place.node, address=place.address),
                base=lambda show=show: base(show),  # type: ignore[misc]
                owned=owned,
            )
            for show in shows
        }
        self.up = Upstream(self._link, owned=lambda: self.owned, heard=heard)

    @property
    def owned(self) -> Collection[str]:
        """The shows that this node speaks for."""
        return [show for show, outlet in self._outlets.items() if outlet.owns]

    @property
    def connected(self) -> bool:
        """Whether Redis answers."""
        return all(outlet.connected for outlet in self._outlets.values())

    @property
    def refills(self) -> int:
        """How often a show was written to Redis anew, or what it had missed."""
        return sum(outlet.refills for outlet in self._outlets.values())

    def owns(self, show: str) -> bool:
        """Whether this node speaks for the show."""
        outlet = self._outlets.get(show)
        return outlet is not None and outlet.owns

    def say(self, said: Said) -> None:
        """Have the gateways of other nodes hear it."""
        self._outlets[said.show].say(said)

    async def run(self) -> None:
        """Until cancelled; then the shows are let go of."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.up.run())
                for outlet in self._outlets.values():
                    tasks.create_task(outlet.run())
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._link.timeout_s):
                    await asyncio.gather(*(o.release() for o in self._outlets.values()))
            await self._link.close()
