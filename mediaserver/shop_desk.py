"""The shop inside main: one thread that owns the database, one task that publishes what it commits.

Everything asked of the shop goes through one queue, in order: the job runs and commits on the
thread, then its events are published, then its caller is answered. So gateways see every show's
events in offset order, never before the commit, and whatever becomes of the caller. The folded
state of each show is kept here, so that a gateway is brought up to date without waiting.

**Group commit**: the desk takes everything that waits. Ledger ops that follow each other are one
transaction, so that a crowd's orders share a commit, and the longer a commit takes, the more of
them the next one carries. Other jobs have a transaction each, in their turn.

A database that cannot be opened or written costs the shop alone: callers get `StoreUnavailable`,
and the desk keeps looking whether it is back. Where no session is to be had at all, nobody else
waits for another try: all are refused at once until the desk has seen it again.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog

from mediaserver.bus.messages import ShowSnapshot
from mediaserver.errors import RequestRefused
from overlay.errors import LogGap, StoreAway, StoreUnavailable
from overlay.orders.ops import Expired, ExpireDue, Op
from overlay.shop import Shop
from overlay.show.fold import ShowState
from overlay.values import Cue, ShowEvent

log = structlog.get_logger()

MAX_WAITING = 4096
MAX_BATCH = 512
"""Ledger ops in one transaction."""
CHECK_INTERVAL_S = 5.0
EXPIRE_INTERVAL_S = 1.0

_TELL_AGAIN_US = 1_000_000

T = TypeVar("T")
Changed = tuple[T, Sequence[ShowEvent]]
_Job = Callable[[Shop], Changed[Any]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What waits: a job, or an op of the ledger."""

    job: _Job | None
    op: Op | None
    future: asyncio.Future[Any]
    looking: bool
    """Whether to try although the database is away."""


class Audience(Protocol):
    """Who hears of what is committed."""

    def snapshot(self, snapshot: ShowSnapshot) -> None:
        """A show's whole state, where events would not lead to it: the database has been opened."""

    def event(self, event: ShowEvent) -> None:
        """The next event of a show."""


class ShopDesk:
    """The queue, the thread and the folded states. At most `MAX_WAITING` wait, besides those that
    are in hand; one more is refused with 503. `start` it before use, `close` it in the end."""

    def __init__(
        self, open_shop: Callable[[], Shop], *, shows: Sequence[str], audience: Audience
    ) -> None:
        self._open_shop = open_shop
        self._shows = shows
        self._audience = audience
        self._shop: Shop | None = None
        self._states: dict[str, ShowState] = {}
        self._queue: asyncio.Queue[_Asked] = asyncio.Queue(MAX_WAITING)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shop")
        self._tasks: list[asyncio.Task[None]] = []
        self._telling: asyncio.TimerHandle | None = None
        self._away: str | None = None
        self._unsure = False
        self.available = False
        """Whether the database could be written when last tried."""

    async def start(self) -> None:
        """Open the database if it can be, and begin to work."""
        try:
            await self._run(_check)
            self.available = True
        except StoreUnavailable as exc:
            log.error("shop_unavailable", reason=str(exc))
        self._tasks = [
            asyncio.ensure_future(work) for work in (self._work(), self._watch(), self._expire())
        ]

    async def close(self) -> None:
        """Let the job in hand end, close the database; who waits is cancelled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._telling is not None:
            self._telling.cancel()
        while not self._queue.empty():
            self._queue.get_nowait().future.cancel()
        if self._shop is not None:
            await self._in_thread(self._shop.close)
        self._thread.shutdown()

    def snapshots(self) -> list[ShowSnapshot]:
        """Every show's state as of its last published event; none while there is no database."""
        return [_snapshot(show, state) for show, state in self._states.items()]

    def rehearses(self, show: str) -> bool:
        """Whether the show's orders are play; not so while there is no database."""
        state = self._states.get(show)
        return state is not None and state.rehearsal

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

    def offers(self, show: str) -> list[dict[str, Any]]:
        """The public offers in the order in which they came; none while there is no database."""
        state = self._states.get(show)
        return [] if state is None else list(state.offers.values())

    async def read(self, job: Callable[[Shop], T]) -> T:
        """What `job` finds. Raises `ShopError`, `RequestRefused`."""
        return await self.change(lambda shop: (job(shop), ()))

    async def change(self, job: Callable[[Shop], Changed[T]]) -> T:
        """What `job` returns beside its events, once these are committed and published.

        Raises `ShopError`, `RequestRefused`.
        """
        value: T = await self._ask(job=job)
        return value

    async def settle(self, op: Op) -> Any:
        """The op's outcome (`overlay.orders.ops`), once it is committed and published.

        Raises `ShopError`, `RequestRefused`.
        """
        return await self._ask(op=op)

    def _ask(
        self, *, job: _Job | None = None, op: Op | None = None, looking: bool = False
    ) -> asyncio.Future[Any]:
        if self._away is not None and not looking:
            raise StoreUnavailable(self._away)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Asked(job, op, future, looking))
        except asyncio.QueueFull:
            raise RequestRefused(
                503, "shop_busy", "Too many requests wait for the shop; try again in a moment."
            ) from None
        return future

    async def _work(self) -> None:
        while True:
            waiting = [await self._queue.get()]
            while not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            for turn in _turns(waiting):
                try:
                    await self._serve(turn)
                except asyncio.CancelledError:
                    for asked in waiting:
                        asked.future.cancel()
                    raise

    async def _serve(self, turn: Sequence[_Asked]) -> None:
        """Do what one transaction does, and answer."""
        try:
            if self._away is not None and not turn[0].looking:
                raise StoreUnavailable(self._away)
            if turn[0].job is not None:
                outcomes = [await self._run(turn[0].job)]
            else:
                outcomes = await self._settled([asked.op for asked in turn if asked.op])
        except Exception as exc:
            if isinstance(exc, StoreUnavailable):
                self._failed(exc)
            outcomes = [exc] * len(turn)
        for asked, outcome in zip(turn, outcomes, strict=True):
            if asked.future.done():
                continue
            if isinstance(outcome, Exception):
                asked.future.set_exception(outcome)
            else:
                asked.future.set_result(outcome)

    async def _settled(self, ops: Sequence[Op]) -> list[Any]:
        def job(shop: Shop) -> Changed[Any]:
            batch = shop.settle(ops)
            return (batch.outcomes, shop.untold_us()), batch.events

        outcomes, untold_us = await self._run(job)
        self._tell_in(untold_us)
        return list(outcomes)

    def _tell_in(self, untold_us: int | None) -> None:
        """See to it that what a batch left untold is told in time."""
        if untold_us is None or self._telling is not None:
            return
        loop = asyncio.get_running_loop()
        self._telling = loop.call_later(untold_us / 1e6, self._tell)

    def _tell(self) -> None:
        self._telling = None

        def job(shop: Shop) -> Changed[int | None]:
            told = shop.tell()
            return shop.untold_us(), told

        def told(future: asyncio.Future[int | None]) -> None:
            if not future.cancelled():
                failed = future.exception() is not None
                self._tell_in(_TELL_AGAIN_US if failed else future.result())

        try:
            self._ask(job=job).add_done_callback(told)
        except (StoreUnavailable, RequestRefused):
            self._tell_in(_TELL_AGAIN_US)

    async def _expire(self) -> None:
        """End holds and unpaid orders in time, from the start on."""
        while True:
            more = False
            try:
                expired: Expired = await self.settle(ExpireDue())
                more = expired.more
                if expired.count:
                    log.info("holds_expired", count=expired.count)
            except (StoreUnavailable, RequestRefused):
                pass  # in a second again
            except Exception:
                log.exception("expiry_failed")
            if not more:
                await asyncio.sleep(EXPIRE_INTERVAL_S)

    async def _watch(self) -> None:
        """Look after the database while nobody asks for it."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            try:
                await self._ask(job=_check, looking=True)
                self._recovered()
                await self.change(_keep_snapshots)
            except (StoreUnavailable, RequestRefused):
                pass  # looked for again, as long as it takes
            except Exception:
                log.exception("shop_watch_failed")

    async def _run(self, job: _Job) -> Any:
        try:
            shop = self._shop or await self._open()
            if self._unsure:
                await self._catch_up(shop)
            value, events = await self._in_thread(job, shop)
        except StoreUnavailable as exc:
            self._unsure = True
            if self._shop is None or isinstance(exc, StoreAway):
                self._away = str(exc)
            raise
        self._away = None
        await self._publish(shop, events)
        return value

    async def _publish(self, shop: Shop, events: Sequence[ShowEvent]) -> None:
        """Fold what is committed and pass it on. A show that is not configured has no audience."""
        for event in events:
            state = self._states.get(event.show)
            if state is None or event.offset <= state.offset:
                continue
            try:
                self._states[event.show] = state.apply(event)
            except LogGap:
                try:
                    await self._catch_up(shop)
                except StoreUnavailable:
                    self._unsure = True  # stored it is: whoever asked for it is told so
                    return
            else:
                self._audience.event(event)

    async def _catch_up(self, shop: Shop) -> None:
        """A commit that failed here may have reached the disk: what is there counts."""
        for show in self._shows:
            state = await self._in_thread(shop.snapshot, show)
            if state.offset != self._states[show].offset:
                self._begin(show, state)
        self._unsure = False

    async def _open(self) -> Shop:
        shop, states = await self._in_thread(self._opened)
        self._shop, self._away, self._unsure = shop, None, False
        for show, state in states.items():
            self._begin(show, state)
        return shop

    def _begin(self, show: str, state: ShowState) -> None:
        self._states[show] = state
        self._audience.snapshot(_snapshot(show, state))

    def _opened(self) -> tuple[Shop, dict[str, ShowState]]:
        shop = self._open_shop()
        try:
            for show in self._shows:
                shop.recover(show, shop.snapshot(show))
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


def _turns(waiting: Sequence[_Asked]) -> Iterator[list[_Asked]]:
    """What goes into one transaction each: ops that follow each other, or one job."""
    ops: list[_Asked] = []
    for asked in waiting:
        if ops and (asked.job is not None or len(ops) == MAX_BATCH):
            yield ops
            ops = []
        if asked.job is not None:
            yield [asked]
        else:
            ops.append(asked)
    if ops:
        yield ops


def _check(shop: Shop) -> Changed[None]:
    shop.check()
    return None, ()


def _keep_snapshots(shop: Shop) -> Changed[None]:
    shop.keep_snapshots()
    return None, ()


def _snapshot(show: str, state: ShowState) -> ShowSnapshot:
    return ShowSnapshot(show=show, epoch=state.epoch, offset=state.offset, state=state.to_plain())
