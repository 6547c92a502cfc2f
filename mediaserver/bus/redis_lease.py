"""Who speaks for a show: a lease in Redis with a fencing generation.

The owner renews it each third of its time. A node that stands by claims it once it has seen it free
for half its time: long enough for an owner who was cut off from Redis, like everybody, to take it
up again. A process that starts takes the lease of its own node at once, since the process before it
is dead; whoever finds a newer generation under its own name has lost all the same.

An owner who cannot reach Redis goes on for its own node: nobody can tell it otherwise, and the
fence keeps what it says from all others. It hears of a loss when Redis is back.
"""

import time
from collections.abc import Callable
from typing import Literal

import structlog

from mediaserver.bus import streams
from mediaserver.bus.redis_link import RedisLink

log = structlog.get_logger()


class Lease:
    """One node's claim to one show. `generation` is None while another has it, or nobody."""

    def __init__(
        self,
        show: str,
        *,
        link: RedisLink,
        node: str,
        lease_s: float,
        life_s: float = streams.LIFE_S,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`life_s`: how long what Redis has of the show outlives its last renewal."""
        self.generation: int | None = None
        self.show = show
        self._link = link
        self._node = node
        self._lease_s = lease_s
        self._life_ms = round(life_s * 1000)
        self._clock_ns = clock_ns
        self._seen = 0
        """The highest generation this process has had."""
        self._first = True
        self._renewed_ns = 0
        self._free_since_ns: int | None = None
        self._keys = (streams.key(show, "owner"), streams.key(show, "head"))
        self._all_keys = (*self._keys, *(streams.key(show, stream) for stream in streams.ALL))

    @property
    def look_every_s(self) -> float:
        """How often one who stands by looks."""
        return self._lease_s / 6

    @property
    def renewal_in_s(self) -> float:
        """When the owner is to renew."""
        due_ns = self._renewed_ns + round(self._lease_s / 3 * 1e9)
        return max(0.0, (due_ns - self._clock_ns()) / 1e9)

    async def stand_by(self) -> bool:
        """Look whether the show is free, and claim it if so. Raises `BusError`."""
        if self._first:
            claimed = await self._claim("again")
            self._first = False
            return claimed
        owner = await self._link.call("GET", self._keys[0])
        now_ns = self._clock_ns()
        if owner is not None:
            self._free_since_ns = None
            return False
        if self._free_since_ns is None:
            self._free_since_ns = now_ns
        if now_ns - self._free_since_ns < self._lease_s / 2 * 1e9:
            return False
        return await self._claim("now")

    async def renew(self) -> bool:
        """Go on as the owner; False when the show is another's. The generation may be a new one
        afterwards: then all was lost in Redis, or the lease had run out. Raises `BusError`."""
        answer = await self._ask_to_renew()
        if answer == b"ok":
            self._renewed_ns = self._clock_ns()
            return True
        if answer == b"gone" and await self._claim("now"):
            return True
        self.generation = None
        return False

    async def anew(self) -> bool:
        """Have a new generation, as the owner. False when the show is another's. Raises
        `BusError`."""
        answer = await self._ask_to_renew()
        if answer != b"taken" and await self._claim("again"):
            return True
        self.generation = None
        return False

    async def announce(self) -> None:
        """Let gateways know of the show. For its owner. Raises `BusError`."""
        await self._link.run(streams.ANNOUNCE, (streams.KNOWN,), self.show, self._life_ms)

    async def release(self) -> None:
        """Let another have the show at once. Raises `BusError`."""
        if self.generation is not None:
            generation, self.generation = self.generation, None
            await self._link.run(streams.RELEASE, self._keys, self._node, generation)

    @property
    def _lease_ms(self) -> int:
        return round(self._lease_s * 1000)

    async def _ask_to_renew(self) -> object:
        return await self._link.run(
            streams.RENEW, self._all_keys,
            self._node, self.generation or 0, self._lease_ms, self._life_ms,
        )  # fmt: skip

    async def _claim(self, how: Literal["again", "now"]) -> bool:
        state, value = await self._link.run(
            streams.CLAIM, self._all_keys,
            self._node, self._lease_ms, self._seen, how, self._life_ms,
        )  # fmt: skip
        self._free_since_ns = None
        if state != b"claimed":
            return False
        self.generation = self._seen = int(value)
        self._renewed_ns = self._clock_ns()
        log.info("show_claimed", show=self.show, generation=self.generation)
        return True
