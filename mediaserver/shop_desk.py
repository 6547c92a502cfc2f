"""The shop inside main: one thread that owns the database, one task that publishes what it commits.

Everything asked of the shop goes through one queue, in order: the job runs and commits on the
thread, then its events are published, then its caller is answered. So gateways see every show's
events in offset order, never before the commit, and whatever becomes of the caller. The folded
state of each show is kept here, so that a gateway is brought up to date without waiting.

A database that cannot be opened or written costs the shop alone: callers get `StoreUnavailable`,
and the desk keeps looking whether it is back.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import structlog

from mediaserver.bus.messages import ShowSnapshot
from mediaserver.errors import RequestRefused
from overlay.errors import LogGap, StoreUnavailable
from overlay.shop import Shop
from overlay.show.fold import ShowState
from overlay.values import Cue, ShowEvent

log = structlog.get_logger()

MAX_WAITING = 1000
CHECK_INTERVAL_S = 5.0

T = TypeVar("T")
Changed = tuple[T, Sequence[ShowEvent]]
_Job = Callable[[Shop], Changed[Any]]


class Audience(Protocol):
    """Who hears of what is committed."""

    def snapshot(self, snapshot: ShowSnapshot) -> None:
        """A show's whole state, where events would not lead to it: the database has been opened."""

    def event(self, event: ShowEvent) -> None:
        """The next event of a show."""


class ShopDesk:
    """The queue, the thread and the folded states. At most `MAX_WAITING` jobs wait; one more is
    refused with 503. `start` it before use, `close` it in the end."""

    def __init__(
        self, open_shop: Callable[[], Shop], *, shows: Sequence[str], audience: Audience
    ) -> None:
        self._open_shop = open_shop
        self._shows = shows
        self._audience = audience
        self._shop: Shop | None = None
        self._states: dict[str, ShowState] = {}
        self._queue: asyncio.Queue[tuple[_Job, asyncio.Future[Any]]] = asyncio.Queue(MAX_WAITING)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shop")
        self._tasks: list[asyncio.Task[None]] = []
        self.available = False
        """Whether the database could be written when last tried."""

    async def start(self) -> None:
        """Open the database if it can be, and begin to work."""
        try:
            await self._run(_check)
            self.available = True
        except StoreUnavailable as exc:
            log.error("shop_unavailable", reason=str(exc))
        self._tasks = [asyncio.ensure_future(self._work()), asyncio.ensure_future(self._watch())]

    async def close(self) -> None:
        """Let the job in hand end, close the database; who waits is cancelled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._queue.empty():
            self._queue.get_nowait()[1].cancel()
        if self._shop is not None:
            await self._in_thread(self._shop.close)
        self._thread.shutdown()

    def snapshots(self) -> list[ShowSnapshot]:
        """Every show's state as of its last published event; none while there is no database."""
        return [_snapshot(show, state) for show, state in self._states.items()]

    def cues(self, show: str) -> tuple[Cue, ...]:
        """The cues of the show's last media epoch that had one, in log order."""
        state = self._states.get(show)
        return () if state is None else state.cues

    def products(self, show: str) -> list[dict[str, Any]]:
        """The public products in the order of their creation. Raises `StoreUnavailable`."""
        state = self._states.get(show)
        if state is None:
            raise StoreUnavailable("The shop's database is not to be had; the picture goes on.")
        return list(state.products.values())

    async def read(self, job: Callable[[Shop], T]) -> T:
        """What `job` finds. Raises `ShopError`, `RequestRefused`."""
        return await self.change(lambda shop: (job(shop), ()))

    async def change(self, job: Callable[[Shop], Changed[T]]) -> T:
        """What `job` returns beside its events, once these are committed and published.

        Raises `ShopError`, `RequestRefused`.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((job, future))
        except asyncio.QueueFull:
            raise RequestRefused(
                503, "shop_busy", "Too many requests wait for the shop; try again in a moment."
            ) from None
        return await future

    async def _work(self) -> None:
        while True:
            job, future = await self._queue.get()
            try:
                value = await self._run(job)
            except asyncio.CancelledError:
                future.cancel()
                raise
            except Exception as exc:
                if isinstance(exc, StoreUnavailable):
                    self._failed(exc)
                if not future.done():
                    future.set_exception(exc)
            else:
                if not future.done():
                    future.set_result(value)

    async def _watch(self) -> None:
        """Look after the database while nobody asks for it."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            with contextlib.suppress(StoreUnavailable, RequestRefused):
                await self.change(_check)
                self._recovered()

    async def _run(self, job: _Job) -> Any:
        shop = self._shop or await self._open()
        value, events = await self._in_thread(job, shop)
        for event in events:
            try:
                self._states[event.show] = self._states[event.show].apply(event)
            except LogGap:
                # A commit that failed here and yet reached the disk: what is there counts.
                self._begin(event.show, await self._in_thread(shop.snapshot, event.show))
            else:
                self._audience.event(event)
        return value

    async def _open(self) -> Shop:
        shop, states = await self._in_thread(self._opened)
        self._shop = shop
        for show, state in states.items():
            self._begin(show, state)
        return shop

    def _begin(self, show: str, state: ShowState) -> None:
        self._states[show] = state
        self._audience.snapshot(_snapshot(show, state))

    def _opened(self) -> tuple[Shop, dict[str, ShowState]]:
        shop = self._open_shop()
        try:
            return shop, {show: shop.snapshot(show) for show in self._shows}
        except BaseException:
            shop.close()
            raise

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _failed(self, reason: StoreUnavailable) -> None:
        if self.available:
            log.error("shop_unavailable", reason=str(reason))
        self.available = False

    def _recovered(self) -> None:
        if not self.available:
            log.info("shop_available")
        self.available = True


def _check(shop: Shop) -> Changed[None]:
    shop.check()
    return None, ()


def _snapshot(show: str, state: ShowState) -> ShowSnapshot:
    return ShowSnapshot(show=show, epoch=state.epoch, offset=state.offset, state=state.to_plain())
