"""How often a stranger may knock: moving windows per address, bounded in memory.

The windows are those of the `limits` library. Its own storage in memory starts threads, goes by the
wall clock and grows with every address; `_Windows` does none of that.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

from mediaserver.addresses import party

MAX_PARTIES = 4096
"""Whoever has been quiet for longest is forgotten first, once so many knock at the same time."""


class Door:
    """Lets each party in so many times a minute. Not thread-safe; `now` is a monotonic clock.

    A refused knock does not count, so a client that waits as told gets in.
    """

    def __init__(self, *, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._now = now
        self._limiter = MovingWindowRateLimiter(_Windows(now))

    def knock(self, address: str) -> float | None:
        """None when `address` may come in, else the seconds after which it may."""
        who = party(address)
        if self._limiter.hit(self._item, who):
            return None
        return max(self._limiter.get_window_stats(self._item, who).reset_time - self._now(), 0.0)


class _Windows(Storage, MovingWindowSupport):
    """The times of each key's last hits, newest last; at most `MAX_PARTIES` keys."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Note `amount` hits of `key`, unless they would make it more than `limit`."""
        hits = self._recent(key, expiry)
        if len(hits) + amount > limit:
            return False
        hits.extend([self._now()] * amount)
        self._hits[key] = hits
        self._hits.move_to_end(key)
        if len(self._hits) > MAX_PARTIES:
            self._hits.popitem(last=False)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The time of the oldest hit in the window, and how many there are."""
        hits = self._recent(key, expiry)
        return (hits[0] if hits else self._now()), len(hits)

    @property
    def base_exceptions(self) -> type[Exception]:
        """A storage in memory has no errors of its own."""
        return MemoryError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Of other strategies than the moving window."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """The hits remembered of `key`."""
        return len(self._hits.get(key, ()))

    def get_expiry(self, key: str) -> float:
        """Of other strategies than the moving window."""
        raise NotImplementedError

    def check(self) -> bool:
        """Always well."""
        return True

    def reset(self) -> int:
        """Forget every key; how many there were."""
        count = len(self._hits)
        self._hits.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one key."""
        self._hits.pop(key, None)

    def _recent(self, key: str, expiry: int) -> deque[float]:
        hits = self._hits.get(key) or deque()
        begin = self._now() - expiry
        while hits and hits[0] <= begin:
            hits.popleft()
        return hits
