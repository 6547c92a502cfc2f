"""How often somebody may: so many a minute, evenly, with a minute's worth at once.

The generic cell rate algorithm: one number for each key, bounded in memory, no thread and no clock
of its own. (The storage in memory of the `limits` library starts threads, goes by the wall clock
and grows with every key.)
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol

from mediaserver.addresses import party

MAX_KEYS = 100_000
"""Whoever has been quiet for longest is forgotten first: they begin anew."""

_MINUTE_S = 60.0


class ShopLimits(Protocol):
    """How often the shop may be asked (`mediaserver.config.ShopConfig`)."""

    @property
    def viewer_orders_per_minute(self) -> int:
        """Orders of one viewer."""

    @property
    def address_orders_per_minute(self) -> int:
        """Orders from one address, which many viewers may share."""

    @property
    def address_viewers_per_minute(self) -> int:
        """New viewers from one address."""


class RateLimiter:
    """Lets each key in `limit_per_minute` times a minute. `now_s` is a monotonic clock.

    Who is refused is not counted, so a client that waits as told gets in.
    """

    def __init__(self, limit_per_minute: int) -> None:
        self._interval_s = _MINUTE_S / limit_per_minute
        self._full_s: OrderedDict[str, float] = OrderedDict()
        """By key: when all that it has used is free again."""

    def admit(self, key: str, now_s: float) -> float | None:
        """None: come in. Else the seconds after which to come again."""
        wait_s = self.wait_s(key, now_s)
        if wait_s is None:
            self._full_s[key] = self._full_after(key, now_s)
            self._full_s.move_to_end(key)
            if len(self._full_s) > MAX_KEYS:
                self._full_s.popitem(last=False)
        return wait_s

    def wait_s(self, key: str, now_s: float) -> float | None:
        """What `admit` would say; nothing is counted."""
        ahead_s = self._full_after(key, now_s) - now_s - _MINUTE_S
        return ahead_s if ahead_s > 1e-9 else None

    def _full_after(self, key: str, now_s: float) -> float:
        return max(self._full_s.get(key, now_s), now_s) + self._interval_s


def admit_all(asked: Iterable[tuple[RateLimiter, str]], now_s: float) -> float | None:
    """`RateLimiter.admit` by all of them, or by none: whom one refuses, no other counts."""
    pairs = list(asked)
    waits = [limiter.wait_s(key, now_s) for limiter, key in pairs]
    longest_s = max((wait_s for wait_s in waits if wait_s is not None), default=None)
    if longest_s is None:
        for limiter, key in pairs:
            limiter.admit(key, now_s)
    return longest_s


class Door:
    """Lets each party in so many times a minute: an IPv4 address, or an IPv6 network."""

    def __init__(self, *, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._limiter = RateLimiter(per_minute)
        self._now = now

    def knock(self, address: str) -> float | None:
        """None when `address` may come in, else the seconds after which it may."""
        return self._limiter.admit(party(address), self._now())

    def wait_s(self, address: str) -> float | None:
        """What `knock` would say; nothing is counted."""
        return self._limiter.wait_s(party(address), self._now())
