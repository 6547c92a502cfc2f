"""Who waits for what: callbacks by key, all of a key given one value, a chunk at a time.

No future, task or timer for a waiter: it is called with the value, or leaves when its client goes
or its time is up, so that nothing stays behind where no part ever comes. Bounded by the connections
there are, each of which waits for one thing, and by the keys that may be waited for (`blocking`).
"""

import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

import structlog

from mediaserver.gateway.turns import CHUNK, Turns

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Deliver = Callable[[V], None]


class WakeMeter(Protocol):
    """Hears how long those waited who had got what they waited for, but not their turn."""

    def woken(self, count: int, *, since_ns: int, ended_ns: int | None) -> None:
        """`count` were served just now of what was there at `since_ns`; its media ended at
        `ended_ns`. Both on the monotonic clock."""


class Waiting(Generic[V]):
    """A place to wait at, one for all who wait for the same. A callback is its own name: give the
    same one to `leave`."""

    __slots__ = ("_members", "_order", "ended_ns", "since_ns", "value")

    def __init__(self) -> None:
        self._members: dict[Deliver[V], None] = {}
        self._order: deque[Deliver[V]] | None = None
        """Whose turn comes when, once the value is there."""
        self.value: V
        self.since_ns = 0
        self.ended_ns: int | None = None

    def __len__(self) -> int:
        return len(self._members)

    @property
    def served(self) -> bool:
        """Whether nobody is left whose turn would come."""
        return not self._order

    def join(self, deliver: Deliver[V]) -> None:
        """Have `deliver` called once, with the value, when it is there."""
        self._members[deliver] = None
        if self._order is not None:
            self._order.append(deliver)

    def leave(self, deliver: Deliver[V]) -> None:
        """Do not call it any more. One that was called, or has left, is no matter."""
        self._members.pop(deliver, None)

    def resolve(self, value: V, *, since_ns: int, ended_ns: int | None) -> None:
        """The value is there."""
        self.value, self.since_ns, self.ended_ns = value, since_ns, ended_ns
        self._order = deque(self._members)

    def serve(self, most: int) -> int:
        """Call the next few; how many of them had not left. One that raises is told in the log,
        the first of them, and the others have their turn."""
        order, members, value = self._order, self._members, self.value
        if order is None:
            return 0
        served = failed = 0
        for _ in range(min(most, len(order))):
            deliver = order.popleft()
            if deliver in members:
                del members[deliver]
                served += 1
                try:
                    deliver(value)
                except Exception:
                    failed += 1
                    if failed == 1:
                        log.exception("waiter_failed")
        return served


class Waiters(Generic[K, V]):
    """The waiters of one rendition for one kind of thing."""

    def __init__(
        self,
        turns: Turns | None = None,
        meter: WakeMeter | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._turns = Turns() if turns is None else turns  # an empty one is false
        self._meter = meter
        self._clock_ns = clock_ns
        self._by_key: dict[K, Waiting[V]] = {}
        self._due: deque[Waiting[V]] = deque()

    def __len__(self) -> int:
        """How many wait, those included whose value is there and whose turn is not."""
        return sum(len(place) for place in (*self._by_key.values(), *self._due))

    def at(self, key: K) -> Waiting[V]:
        """Where to wait for `key`: good until `resolve` or `turn_away` is called next."""
        place = self._by_key.get(key)
        if place is None:
            place = self._by_key[key] = Waiting()
        return place

    def resolve(self, value_of: Callable[[K], V | None], *, ended_ns: int | None = None) -> None:
        """Give every waiter `value_of` its key, soon; None lets those of that key wait on.

        `ended_ns`: when the newest media in these values ended at the host.
        """
        now_ns = self._clock_ns()
        idle = not self._due
        for key in list(self._by_key):
            value = value_of(key)
            if value is not None:
                place = self._by_key.pop(key)
                place.resolve(value, since_ns=now_ns, ended_ns=ended_ns)
                self._due.append(place)
        if idle and self._due:
            self._turns.add(self._step, urgent=False)

    def turn_away(self, value: V) -> None:
        """Give every waiter `value`, now: nothing more will come."""
        while self._step():
            pass
        now_ns = self._clock_ns()
        for key in list(self._by_key):
            place = self._by_key.pop(key)
            place.resolve(value, since_ns=now_ns, ended_ns=None)
            while not place.served:
                place.serve(CHUNK)

    def _step(self) -> bool:
        """Serve one chunk; whether more are due."""
        if not self._due:
            return False
        place = self._due[0]
        served = place.serve(CHUNK)
        if place.served:
            self._due.popleft()
        if self._meter is not None and served:
            self._meter.woken(served, since_ns=place.since_ns, ended_ns=place.ended_ns)
        return bool(self._due)
