"""The pool hands every worker to one epoch, and asks for as many as are needed."""

import asyncio
from pathlib import Path

import pytest

from mediaserver.bus.messages import WantWorkers
from mediaserver.errors import BusError
from mediaserver.workers.pool import Worker, WorkerPool


class _Peer:
    def send(self, value: object) -> None:
        del value


def _worker(name: str) -> Worker:
    return Worker(name=name, au_socket=Path(name), connection=_Peer())


def _pool(spares: int = 1) -> tuple[WorkerPool, list[int]]:
    wanted: list[int] = []

    def want(message: WantWorkers) -> None:
        wanted.append(message.count)

    return WorkerPool(spares=spares, want=want), wanted


async def test_an_idle_worker_is_had_at_once_and_a_new_spare_is_asked_for() -> None:
    pool, wanted = _pool()
    first = _worker("first")
    pool.attach_idle(first)
    assert await pool.acquire(timeout_s=1) is first
    assert (pool.idle, pool.busy, wanted[-1]) == (0, 1, 2)


async def test_who_waits_gets_the_next_worker_first_come_first_served() -> None:
    pool, wanted = _pool(spares=0)
    waiting = [asyncio.ensure_future(pool.acquire(timeout_s=5)) for _ in range(2)]
    await asyncio.sleep(0)
    assert wanted[-1] == 2
    workers = [_worker("a"), _worker("b")]
    for worker in workers:
        pool.attach_idle(worker)
    assert await asyncio.gather(*waiting) == workers


async def test_waiting_in_vain_is_a_bus_error_and_leaves_no_claim() -> None:
    pool, wanted = _pool(spares=0)
    with pytest.raises(BusError, match="no transcoder worker is free"):
        await pool.acquire(timeout_s=0.001)
    late = _worker("late")
    pool.attach_idle(late)
    assert (pool.idle, pool.busy) == (1, 0)
    pool.tell_supervisor()
    assert wanted[-1] == 0


async def test_a_released_worker_serves_the_next() -> None:
    pool, _ = _pool()
    worker = _worker("w")
    pool.attach_idle(worker)
    pool.release(await pool.acquire(timeout_s=1))
    assert await pool.acquire(timeout_s=1) is worker


async def test_a_lost_worker_is_forgotten_whatever_it_did() -> None:
    pool, wanted = _pool()
    idle, busy, reserved = _worker("idle"), _worker("busy"), _worker("reserved")
    pool.attach_busy(busy)
    pool.attach_idle(reserved)
    assert await pool.acquire(timeout_s=1) is reserved
    pool.attach_idle(idle)
    for worker in (idle, busy, reserved):
        pool.detach(worker)
    pool.release(reserved)
    assert (pool.idle, pool.busy, wanted[-1]) == (0, 0, 1)
