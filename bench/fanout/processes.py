"""What a process and its children have used: CPU by the scheduler's own clock, resident memory."""

import contextlib
import os
from pathlib import Path

from bench.machine import CpuTimes

SERVER_CORE = 0
_CORES = sorted(os.sched_getaffinity(0))


def pin_own(core: int) -> None:
    """Keep the calling process to one of the cores that there are: the bench's own, or a child
    before it becomes another program."""
    os.sched_setaffinity(0, {_CORES[core % len(_CORES)]})


def unpin_own() -> None:
    """Let the calling process run wherever it could."""
    os.sched_setaffinity(0, _CORES)


def cpu_s(pid: int) -> float:
    """Seconds of CPU that the process and its living children have used."""
    ns = 0
    for process in _family(pid):
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{process}/task").iterdir():
                ns += int((thread / "schedstat").read_text(encoding="ascii").split()[0])
    return ns / 1e9


def rss_kb(pid: int) -> int:
    """Resident memory of the process and its children, in KB (shared pages count for each)."""
    total = 0
    for process in _family(pid):
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
            line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "")
            total += int(line.split()[1]) if line else 0
    return total


def machine_busy_s(earlier: CpuTimes, later: CpuTimes) -> float:
    """Seconds of CPU that anything on the machine has used between two readings."""
    ticks = (later.total - earlier.total) - (later.idle - earlier.idle)
    return ticks / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[int]:
    family = [pid]
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children = (thread / "children").read_text(encoding="ascii").split()
            family += [int(child) for child in children]
    return family
