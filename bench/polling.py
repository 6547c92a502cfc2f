"""Waiting for the thing itself, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

POLL_S = 0.05

_T = TypeVar("_T")


def wait_until(holds: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Ask `holds` again and again. Raises `TimeoutError` with `what` when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(_in_vain(timeout_s, what))
        time.sleep(POLL_S)


async def eventually(
    probe: Callable[[], Awaitable[_T]],
    timeout_s: float,
    what: str,
    *,
    despite: tuple[type[Exception], ...] = (),
) -> _T:
    """The first true result of `probe`, which is asked again and again.

    An error in `despite` counts as "not yet". Raises `TimeoutError` with `what` and the last such
    error when the time is over.
    """
    deadline = time.monotonic() + timeout_s
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if result := await probe():
                return result
        except despite as exc:
            last = exc
        await asyncio.sleep(POLL_S)
    raise TimeoutError(_in_vain(timeout_s, what)) from last


def _in_vain(timeout_s: float, what: str) -> str:
    return f"waited {timeout_s:g} s in vain until {what}"
