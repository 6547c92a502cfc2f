"""Who waits for what: futures by key, all of a key resolved with one value.

Bounded by the connections there are: each waits for one thing, and leaves when its client goes or
its time is up, so that nothing stays behind where no part ever comes.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Waiting(Generic[V]):
    """One waiter's place. Await `future`, and `leave` whatever happened."""

    def __init__(self, future: asyncio.Future[V], leave: Callable[[], None]) -> None:
        self.future = future
        self.leave = leave


class Waiters(Generic[K, V]):
    """The waiters of one rendition for one kind of thing."""

    def __init__(self) -> None:
        self._by_key: dict[K, set[asyncio.Future[V]]] = {}

    def __len__(self) -> int:
        return sum(len(futures) for futures in self._by_key.values())

    def join(self, key: K) -> Waiting[V]:
        """Wait for `key`."""
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._by_key.setdefault(key, set()).add(future)

        def leave() -> None:
            futures = self._by_key.get(key)
            if futures is not None:
                futures.discard(future)
                if not futures:
                    del self._by_key[key]

        return Waiting(future, leave)

    def resolve(self, value_of: Callable[[K], V | None]) -> None:
        """Give every waiter `value_of` its key; None lets those of that key wait on."""
        for key in list(self._by_key):
            value = value_of(key)
            if value is None:
                continue
            for future in self._by_key.pop(key):
                if not future.done():
                    future.set_result(value)
