"""The supervisor: starts the other processes, watches them, starts them again. Nothing else.

It runs main and, by the node's roles, ingest, `gateway.workers` gateways, and as many transcoder
workers as main asks for (`WantWorkers`). A child that dies is started again at once, and ever more
slowly (up to `MAX_BACKOFF_S`) while it keeps dying young. A child that cannot start at all (a port
taken) ends the whole server with its sentence.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from mediaserver.bus import unix
from mediaserver.bus.messages import WantWorkers
from mediaserver.config import ENV_PREFIX, Config
from mediaserver.errors import StartError
from mediaserver.workers.child import EXIT_CANNOT_START
from mediaserver.workers.setup import ChildSetup, Role, RunFolder

YOUNG_S = 5.0
"""A child that lived shorter than this is started again more slowly than the last time."""
MAX_BACKOFF_S = 5.0
STOP_TIMEOUT_S = 5.0
MAX_WORKERS = 256

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before a child is started again (pure)."""

    deaths_in_a_row: int = 0

    def after_death(self, *, lived_s: float) -> "Backoff":
        """The state after a child died that had lived `lived_s`."""
        return Backoff(deaths_in_a_row=self.deaths_in_a_row + 1 if lived_s < YOUNG_S else 1)

    @property
    def wait_s(self) -> float:
        """0 for a first death, then 0.25 s, doubled each time."""
        if self.deaths_in_a_row <= 1:
            return 0.0
        return float(min(MAX_BACKOFF_S, 0.25 * 2 ** (self.deaths_in_a_row - 2)))


class Supervisor:
    """Runs one node until `stop` is called. Owns every child process."""

    def __init__(self, config: Config, folder: RunFolder) -> None:
        self._config = config
        self._folder = folder
        self._numbers = itertools.count(1)
        self._wanted_workers = (config.spare_workers or 1) if "ingest" in config.roles else 0
        self._worker_tasks: set[asyncio.Task[None]] = set()
        self._processes: dict[asyncio.subprocess.Process, Role] = {}
        self._failed: asyncio.Future[None] | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Make `run` end. Safe to call from a signal handler of the loop."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep the node running until `stop`. Raises `StartError` when a child cannot start."""
        self._failed = asyncio.get_running_loop().create_future()
        server = await unix.serve(self._folder.supervisor, self._listen)
        keepers = [asyncio.ensure_future(self._keep(role, name)) for role, name in self._fixed()]
        self._start_missing_workers()
        stopping = asyncio.ensure_future(self._stopping.wait())
        ends: set[asyncio.Future[Any]] = {stopping, self._failed, *keepers}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.close()
            tasks = {stopping, *keepers, *self._worker_tasks}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._end_processes()
        for end in (self._failed, *keepers):
            if end.done() and not end.cancelled():
                end.result()
        self._failed.cancel()

    def _fixed(self) -> list[tuple[Role, str]]:
        """Main is there whatever the node's roles are: the others report to it."""
        fixed: list[tuple[Role, str]] = [("main", "main")]
        if "ingest" in self._config.roles:
            fixed.append(("ingest", "ingest"))
        if "gateway" in self._config.roles:
            fixed += [("gateway", f"gateway-{n}") for n in range(self._config.gateway.workers)]
        return fixed

    async def _keep(self, role: Role, name: str) -> None:
        backoff = Backoff()
        while True:
            born = time.monotonic()
            await self._lived(role, name)
            backoff = backoff.after_death(lived_s=time.monotonic() - born)
            await asyncio.sleep(backoff.wait_s)

    def _start_missing_workers(self) -> None:
        for _ in range(self._wanted_workers - len(self._worker_tasks)):
            task = asyncio.ensure_future(self._one_worker(f"worker-{next(self._numbers)}"))
            self._worker_tasks.add(task)
            task.add_done_callback(self._worker_ended)

    async def _one_worker(self, name: str) -> None:
        born = time.monotonic()
        await self._lived("worker", name)
        self._folder.access_units(name).unlink(missing_ok=True)
        if time.monotonic() - born < YOUNG_S:
            await asyncio.sleep(1.0)  # a worker that cannot start must not be tried in a hot loop

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        self._worker_tasks.discard(task)
        if not task.cancelled() and not self._stopping.is_set():
            task.result()
            self._start_missing_workers()

    async def _lived(self, role: Role, name: str) -> None:
        """One life of a child. A machine that cannot start one now is asked again later."""
        try:
            await self._run_child(role, name)
        except OSError as exc:
            log.error("process_not_started", child=name, error=exc.strerror)

    async def _run_child(self, role: Role, name: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mediaserver.workers.child",
            role,
            stdin=asyncio.subprocess.PIPE,
            env=_environment_without_settings(),
            start_new_session=True,  # the terminal's Ctrl-C reaches the supervisor alone
        )
        self._processes[process] = role
        setup = ChildSetup(
            role=role,
            name=name,
            run_folder=self._folder.path,
            config=self._config,
        )
        if process.stdin is None:
            raise StartError(f"The process {name} has no standard input.")
        with contextlib.suppress(ConnectionError):
            process.stdin.write(setup.to_line())
            await process.stdin.drain()
        log.info("process_started", child=name, pid=process.pid)
        status = await process.wait()
        self._processes.pop(process, None)
        self._note_death(name, process.pid, status)

    def _note_death(self, name: str, pid: int, status: int) -> None:
        if status == EXIT_CANNOT_START:
            if self._failed is not None and not self._failed.done():
                self._failed.set_exception(
                    StartError(f"The {name} process cannot start (see above).")
                )
        elif status == 0:
            log.debug("process_ended", child=name, pid=pid)
        else:
            log.warning("process_died", child=name, pid=pid, status=status)

    async def _listen(self, connection: unix.Connection) -> None:
        async for message in connection:
            if isinstance(message, WantWorkers):
                workers = "ingest" in self._config.roles
                self._wanted_workers = min(message.count, MAX_WORKERS) if workers else 0
                self._start_missing_workers()

    async def _end_processes(self) -> None:
        """Main goes first: it would take the end of the others for their death."""
        main = [process for process, role in self._processes.items() if role == "main"]
        await _end(main)
        await _end([process for process in self._processes if process not in main])
        self._processes.clear()


async def _end(processes: Sequence[asyncio.subprocess.Process]) -> None:
    for process in processes:
        _signal(process, signal.SIGTERM)
    waits = [asyncio.ensure_future(process.wait()) for process in processes]
    if not waits:
        return
    await asyncio.wait(waits, timeout=STOP_TIMEOUT_S)
    for process in processes:
        if process.returncode is None:
            log.warning("process_killed", pid=process.pid)
            _signal(process, signal.SIGKILL)
    await asyncio.gather(*waits)


def _environment_without_settings() -> dict[str, str]:
    """Ours, without settings: children get these by pipe, and keys may be among them."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


async def supervise(
    config: Config,
    folder: RunFolder,
    *,
    on_start: Callable[[Supervisor], None] | None = None,
) -> None:
    """Run a node until SIGINT or SIGTERM."""
    supervisor = Supervisor(config, folder)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    if on_start is not None:
        on_start(supervisor)
    log.info("server_starting", pid=os.getpid(), data=str(Path(config.data)))
    await supervisor.run()
    log.info("server_stopped")
