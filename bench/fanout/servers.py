"""The servers under test, each a process of its own on its own core."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from bench.fanout import build
from bench.fanout.air import FOLDER, PLAYLIST, WINDOW_S, Air
from bench.fanout.feeder import Feeder
from bench.fanout.processes import SERVER_CORE, pin_own
from mediaserver import config as configuration
from mediaserver.workers.setup import ChildSetup, RunFolder

Kind = Literal["comptoir", "c", "aiohttp", "nginx"]

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; use epoll; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 75;
    keepalive_requests 1000000;
    open_file_cache max=1000 inactive=20s;
    open_file_cache_valid 1s;
    types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }}
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location {url} {{ alias {media}/; }}
        location {url}media.m3u8 {{ alias {media}/media.m3u8; open_file_cache off; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that is ready for viewers, and what feeds it."""

    kind: Kind
    pid: int
    port: int
    feeder: Feeder


def missing(kind: Kind) -> str | None:
    """What is not here, as a sentence; None where that server can be started."""
    if kind == "c":
        return build.missing()
    if kind == "nginx" and _nginx() is None:
        return "nginx is not installed"
    return None


@asynccontextmanager
async def running(
    kind: Kind, air: Air, *, programs: Path, settings: dict[str, Any] | None = None
) -> AsyncIterator[Running]:
    """Start a server, feed it, and stop it in the end. `settings` go into ours under `gateway`.

    Raises `RuntimeError` with the server's last words where it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="fanout-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        sockets = RunFolder(path=folder)
        media = folder / "media"
        media.mkdir()
        folder.chmod(0o755)  # nginx's worker is another user
        static = media if kind == "nginx" else None
        async with Feeder(
            air, bus=sockets.bus, steps=folder / "steps.sock", static=static
        ) as feeder:
            port = free_port()
            words = (folder / "words.txt").open("wb")
            process = await asyncio.create_subprocess_exec(
                *_command(kind, folder, port, programs),
                stdin=asyncio.subprocess.PIPE,
                stdout=words,
                stderr=words,
                preexec_fn=partial(pin_own, SERVER_CORE),
            )
            words.close()
            try:
                if kind == "comptoir":
                    _tell(process, folder, port, settings or {})
                try:
                    await _ready(process, feeder, port, fed=kind != "nginx")
                except TimeoutError:
                    raise RuntimeError(f"{kind} does not come up: {_last_words(folder)}") from None
                yield Running(kind=kind, pid=process.pid, port=port, feeder=feeder)
                if process.returncode is not None:
                    raise RuntimeError(f"{kind} has died: {_last_words(folder)}")
            finally:
                await _stop(process)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _command(kind: Kind, folder: Path, port: int, programs: Path) -> list[str]:
    steps = str(folder / "steps.sock")
    if kind == "comptoir":
        return [sys.executable, "-m", "mediaserver.workers.child", "gateway"]
    if kind == "c":
        return [str(build.server(programs)), steps, str(port)]
    if kind == "aiohttp":
        return [sys.executable, "-m", "bench.fanout.aiohttp_peer", steps, str(port)]
    text = _NGINX.format(
        folder=folder,
        port=port,
        media=folder / "media",
        url=FOLDER,
        files=20_000,
        connections=16_000,
    )
    (folder / "nginx.conf").write_text(text, encoding="ascii")
    return [_nginx() or "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def _tell(
    process: asyncio.subprocess.Process, folder: Path, port: int, settings: dict[str, Any]
) -> None:
    known = configuration.GatewayConfig.model_fields
    gateway = {name: value for name, value in settings.items() if name in known}
    config = configuration.from_plain(
        {
            "http": {"host": "127.0.0.1", "port": port},
            "gateway": {"window_s": float(WINDOW_S), **gateway},
            "data": str(folder / "data"),
        }
    )
    setup = ChildSetup(role="gateway", name="gateway-1", run_folder=folder, config=config)
    assert process.stdin is not None
    process.stdin.write(setup.to_line())


async def _ready(
    process: asyncio.subprocess.Process, feeder: Feeder, port: int, *, fed: bool
) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        if fed:
            await feeder.dialled.wait()
        while not await _has_playlist(port):
            if process.returncode is not None:
                raise TimeoutError
            await asyncio.sleep(0.05)


async def _has_playlist(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(f"GET {PLAYLIST} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _last_words(folder: Path) -> str:
    words = (folder / "words.txt").read_text(encoding="utf-8", errors="replace")
    return words[-2000:] or "it said nothing"


def _nginx() -> str | None:
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
