"""Where a server's CPU goes: by process, by thread of the workers, by rung, and by library.

Threads are read from /proc; what the rungs' threads used comes from the workers' own metrics; the
libraries from `perf`, where that is there and allowed.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bench.node import Node, NodeProcess

RUNGS_METRIC = "comptoir_transcoder_encode_seconds"
PERF_S = 5
_PERF_LINES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """CPU seconds so far."""

    processes: Mapping[NodeProcess, float]
    loops: Mapping[NodeProcess, float]
    """The workers' first threads: they decode, fill the slots, encode the sound and package."""
    rungs: Mapping[str, float]
    """Scaling and encoding, by rung."""

    @classmethod
    def now(cls, node: Node) -> "Spent":
        """As of this moment."""
        processes: dict[NodeProcess, float] = {}
        loops: dict[NodeProcess, float] = {}
        for process in node.processes():
            with contextlib.suppress(OSError):  # it may just have ended
                processes[process] = _process_s(process.pid)
                if process.role == "worker":
                    loops[process] = _thread_s(process.pid, process.pid)
        return cls(processes=processes, loops=loops, rungs=_rungs(node))

    def cores_until(self, later: "Spent", seconds: float) -> dict[str, float]:
        """Cores used in between: each role, then the workers' loops and rungs (`worker: …`).

        What a process used that has ended in between is lost.
        """
        cores: dict[str, float] = defaultdict(float)
        for process, used in later.processes.items():
            cores[process.role] += used - self.processes.get(process, 0.0)
        for process, used in later.loops.items():
            cores["worker: decode, sound, parts"] += used - self.loops.get(process, 0.0)
        for rung, used in later.rungs.items():
            cores[f"worker: {rung}"] = max(0.0, used - self.rungs.get(rung, 0.0))
        return {name: used / seconds for name, used in cores.items()}


def server_cores(cores: Mapping[str, float]) -> float:
    """The whole server."""
    return sum(used for name, used in cores.items() if ":" not in name)


def by_library(pids: Iterable[int], *, seconds: int = PERF_S) -> str:
    """What `perf` says of these processes: thread name and library, largest first.

    A sentence where it cannot be had.
    """
    perf = shutil.which("perf")
    if perf is None:
        return "perf is not installed: no figures by library."
    with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as folder:
        data = Path(folder) / "perf.data"
        recorded = subprocess.run(
            [perf, "record", "-q", "-F", "499", "-p", ",".join(map(str, pids)), "-o", data,
             "--", "sleep", str(seconds)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if recorded.returncode != 0:
            return f"perf may not look at processes here: {recorded.stderr.strip()}"
        told = subprocess.run(
            [perf, "report", "-i", data, "--no-children", "--sort", "comm,dso", "--stdio"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    lines = [line.rstrip() for line in told.stdout.splitlines() if line.strip()]
    return "\n".join(line for line in lines if not line.startswith("#"))[: _PERF_LINES * 120]


def _process_s(pid: int) -> float:
    """User and system time, that of threads that have ended included (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _thread_s(pid: int, tid: int) -> float:
    text = Path(f"/proc/{pid}/task/{tid}/schedstat").read_text(encoding="ascii")
    return int(text.split()[0]) / 1e9


def _rungs(node: Node) -> dict[str, float]:
    url = f"http://127.0.0.1:{node.admin_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as response:
        text = response.read().decode()
    rungs: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        if family.name == RUNGS_METRIC:
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    rungs[sample.labels["rung"]] += sample.value
    return dict(rungs)
