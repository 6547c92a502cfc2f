"""``comptoir demo``: the server, and beside it the built-in host as a process of its own.

The host is a WHIP client like any other and gets nothing but an address and a key. A second show,
`yours`, waits for the person at this machine to go live from a browser.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import uvloop
from rich.console import Console
from rich.panel import Panel

from mediaserver import config as configuration
from mediaserver import logs
from mediaserver.auth import new_key
from mediaserver.config import Config
from mediaserver.demo.shopkeeper import Shopkeeper, api_url
from mediaserver.errors import ComptoirError, StartError
from mediaserver.workers.node import run_node
from mediaserver.workers.supervisor import Supervisor

POLL_S = 0.1
ON_AIR_TIMEOUT_S = 60.0
HOST_STOP_TIMEOUT_S = 5.0
KEY_VARIABLE = "COMPTOIR_DEMO_KEY"

Probe = Callable[[], Awaitable[bool]]


def run_demo(options: Mapping[str, Any]) -> None:
    """Go on air until Ctrl-C. Raises `ComptoirError` with a sentence when that cannot be."""
    shows = {
        "demo": {"title": "The corner shop", "host_key": new_key()},
        "yours": {"title": "Your own show", "host_key": new_key()},
    }
    demonstrated = {"log": {"level": "warning"}, "gateway": {"list_shows": True}}
    config = configuration.load(None, {**demonstrated, **options, "shows": shows})
    logs.configure(config.log, process="demo")
    uvloop.run(_demo(config, Console()))


async def _demo(config: Config, console: Console) -> None:
    told_to_stop = asyncio.Event()
    supervisors: list[Supervisor] = []

    def take_the_signals(supervisor: Supervisor) -> None:
        """Ours before the supervisor's: the host is to end its show while there is a server."""
        supervisors.append(supervisor)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)

    server = asyncio.ensure_future(run_node(config, on_start=take_the_signals))
    show = asyncio.ensure_future(_go_on_air(config, console))
    stop = asyncio.ensure_future(told_to_stop.wait())
    ends: set[asyncio.Future[Any]] = {server, show, stop}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        failures = await asyncio.gather(_stopped(show), _stopped(stop), return_exceptions=True)
        for supervisor in supervisors:
            supervisor.stop()
        await server
        console.print("Off air. Nothing is left running.")
    for failure in failures:
        if isinstance(failure, ComptoirError):
            raise failure


async def _go_on_air(config: Config, console: Console) -> None:
    base = f"http://{_reachable(config.http.host)}:{config.http.port}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        with console.status("Starting the server …") as status:
            admin = f"http://{_reachable(config.admin.host)}:{config.admin.port}"
            await _until(_answers(http, f"{admin}/readyz"), "the server is ready")
            status.update("The host goes live …")
            host = asyncio.ensure_future(_keep_host(config, f"{base}/live/demo/whip"))
            try:
                on_air = _answers(http, f"{base}/live/demo/index.m3u8")
                await _until(on_air, "the first picture is on air", host)
                await _stocked(config, http, f"{base}/live/yours/whip")
            except BaseException:
                await _stopped(host)
                raise
    try:
        console.print(_welcome(config, base))
        await host
    finally:
        await _stopped(host)


async def _stocked(config: Config, http: aiohttp.ClientSession, whip_url: str) -> None:
    """Something to pin for the person at this machine."""
    key = config.shows["yours"].host_key.get_secret_value()
    await Shopkeeper(http=http, show_url=api_url(whip_url), key=key).fill()


def _welcome(config: Config, base: str) -> Panel:
    key = config.shows["yours"].host_key.get_secret_value()
    local = base.replace("127.0.0.1", "localhost")
    return Panel(
        f"[bold green]On air.[/]\n\n"
        f"Watch it         [bold]{local}/watch/demo[/]\n"
        f"Go live yourself [bold]{local}/studio/yours#key={key}[/]\n"
        f"   and watch     [bold]{local}/watch/yours[/]\n\n"
        f"Playlist         {local}/live/demo/index.m3u8\n"
        f"Metrics          http://{config.admin.host}:{config.admin.port}/metrics\n\n"
        f"[dim]Ctrl-C ends it.[/]",
        title="Comptoir",
        expand=False,
    )


def _reachable(host: str) -> str:
    """Where this machine itself finds a server that listens on `host`, as part of a URL."""
    if host == "0.0.0.0":  # noqa: S104 - a comparison
        return "127.0.0.1"
    return f"[{'::1' if host == '::' else host}]" if ":" in host else host


def _answers(http: aiohttp.ClientSession, url: str) -> Probe:
    async def probe() -> bool:
        try:
            async with http.get(url) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    return probe


async def _until(probe: Probe, what: str, beside: "asyncio.Future[None] | None" = None) -> None:
    """Ask `probe` until it holds. Raises `StartError`, or what `beside` failed with."""
    try:
        async with asyncio.timeout(ON_AIR_TIMEOUT_S):
            while not await probe():
                if beside is not None and beside.done():
                    beside.result()
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise StartError(f"Waited {ON_AIR_TIMEOUT_S:.0f} s in vain until {what}.") from None


async def _keep_host(config: Config, url: str) -> None:
    """Run the host's process, and start it again if it dies."""
    key = config.shows["demo"].host_key.get_secret_value()
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "mediaserver.demo.host", "--url", url, "--sell", "--log-level", "warning"),
            stdin=asyncio.subprocess.PIPE,  # its end tells the host that we are gone
            env={**os.environ, KEY_VARIABLE: key},
            start_new_session=True,
        )
        try:
            await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        await asyncio.sleep(1.0)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(HOST_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _stopped(task: "asyncio.Future[Any]") -> None:
    """Cancel `task` and wait for its end. Raises what it failed with, if it had."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
