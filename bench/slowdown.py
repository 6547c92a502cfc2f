"""A process that gets only a share of the processor: stopped and let go on, many times a second.

What it can do is the share that it runs; so an overload can be made that depends on no machine.
"""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PERIOD_S = 0.1


class Slowdown:
    """While it is entered the process `pid` runs, on one core, `share` of the time; afterwards as
    before. `share` may be changed meanwhile."""

    def __init__(self, pid: int, share: float) -> None:
        self.share = share
        self._pid = pid
        self._cores: set[int] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slowdown")

    def __enter__(self) -> Self:
        self._cores = os.sched_getaffinity(self._pid)
        self._bind({min(self._cores)})
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._send(signal.SIGCONT)
        self._bind(self._cores)

    def _run(self) -> None:
        while not self._over.is_set():
            self._send(signal.SIGCONT)
            self._over.wait(PERIOD_S * self.share)
            self._send(signal.SIGSTOP)
            self._over.wait(PERIOD_S * (1 - self.share))

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def _bind(self, cores: set[int]) -> None:
        """Every thread that there is; those to come inherit it of the one that starts them."""
        for task in Path(f"/proc/{self._pid}/task").iterdir():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(task.name), cores)


def cpu_s(pid: int) -> float:
    """The processor time that a process has had so far (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class CpuUse:
    """How much of a core a process takes, from its making on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began_s, self._had_s = time.monotonic(), cpu_s(pid)

    @property
    def share(self) -> float:
        """Of one core, so far."""
        return (cpu_s(self._pid) - self._had_s) / (time.monotonic() - self._began_s)
