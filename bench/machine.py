"""The machine a bench runs on, and how much of it was left idle."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Self

VOID_BELOW_IDLE_SHARE = 0.10
"""With less of the machine idle a bench measures the machine, not the server: the run is void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTimes:
    """The machine's CPU time since boot, in clock ticks: the first line of /proc/stat."""

    total: int
    idle: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the text of /proc/stat (proc_stat(5)); waiting for disks counts as idle."""
        name, *fields = text.split("\n", 1)[0].split()
        if name != "cpu" or len(fields) < 5:
            raise ValueError("this is no /proc/stat")
        times = [int(field) for field in fields[:8]]
        return cls(total=sum(times), idle=times[3] + times[4])

    @classmethod
    def now(cls) -> Self:
        """As of this moment."""
        return cls.parse(Path("/proc/stat").read_text(encoding="ascii"))

    def idle_share_until(self, later: "CpuTimes") -> float:
        """Which share of all cores was idle between two readings (0 to 1)."""
        total = later.total - self.total
        return (later.idle - self.idle) / total if total > 0 else 0.0


def machine_line() -> str:
    """CPU model, cores, kernel and Python, for the reader of a result."""
    cores = len(os.sched_getaffinity(0))
    return (
        f"{_cpu_model()}, {cores} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()
