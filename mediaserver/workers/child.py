"""What every child process of the supervisor is: ``python -m mediaserver.workers.child ROLE``.

The child reads its `ChildSetup` from standard input, runs its role until SIGTERM or until standard
input ends (the supervisor died), and exits with 0; with `EXIT_CANNOT_START` and one sentence when
what it needs is not to be had; with 1 after an error of its own, logged.
"""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
import uvloop
from prometheus_client import disable_created_metrics

from mediaserver import logs
from mediaserver.errors import ComptoirError
from mediaserver.workers.setup import ChildSetup, RunFolder
from transcoder.errors import TranscoderError

EXIT_CANNOT_START = 78  # EX_CONFIG of sysexits.h

log = structlog.get_logger()


def main() -> int:
    """Run the child to its end and return its exit status."""
    setup = ChildSetup.from_line(sys.stdin.buffer.readline())
    logs.configure(setup.config.log, process=setup.name)
    _without_created_metrics()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to handle
    try:
        if setup.role == "worker":
            _run_worker(setup)
        else:
            role = _role(setup)
            # What the imports have made never goes: looking through it takes a quarter of a second,
            # in which no packet and no viewer would be served.
            gc.freeze()
            uvloop.run(_until_told(role))
    except ComptoirError as exc:
        log.error("cannot_start", reason=str(exc))
        return EXIT_CANNOT_START
    except TranscoderError as exc:
        log.error("transcoder_gave_up", reason=str(exc))
        return 1
    except Exception:
        log.exception("process_failed")
        return 1
    return 0


def _without_created_metrics() -> None:
    """Prometheus' `_created` series would double the page and say nothing."""
    disable: Callable[[], None] = disable_created_metrics
    disable()


def _role(setup: ChildSetup) -> Coroutine[Any, Any, None]:
    config, folder = setup.config, RunFolder(path=setup.run_folder)
    if setup.role == "gateway":
        from mediaserver.gateway import process as gateway

        api = "api" in config.roles
        cluster = config.cluster
        return gateway.run(
            bus_path=folder.bus,
            main_http=folder.main_http if api else None,
            host=config.http.host,
            port=config.http.port,
            window_s=config.gateway.window_s,
            lists_shows=config.gateway.list_shows,
            public_url=config.http.public_url,
            gateway_id=setup.name,
            allowed_origins=config.http.own_origins,
            pictures=config.data / "pictures" if api else None,
            trusted_proxies=config.http.trusted_networks,
            tls=config.http.tls.files,
            limits=config.gateway.limits,
            cluster=gateway.GatewayCluster(
                redis=cluster.redis.get_secret_value(),
                mains=cluster.main,
                secret=cluster.secret.get_secret_value(),
            )
            if cluster.on
            else None,
        )
    if setup.role == "ingest":
        from mediaserver.ingest import process as ingest

        return ingest.run(bus_path=folder.bus, settings=config.webrtc, ingest_id=setup.name)
    from mediaserver import app

    return app.run_main(config=config, folder=folder)


async def _until_told(role: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(role)
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    _watch_stdin(lambda: loop.call_soon_threadsafe(task.cancel))
    try:
        await task
    except asyncio.CancelledError:
        log.info("process_stopped")


def _run_worker(setup: ChildSetup) -> None:
    os.environ.setdefault("PYAV_LOGGING", "off")
    from transcoder import worker

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    _watch_stdin(stop.set)
    worker.run(
        main_socket=RunFolder(path=setup.run_folder).bus,
        worker_id=setup.name,
        window_s=setup.config.gateway.window_s,
        stop=stop,
    )


def _watch_stdin(on_end: Any) -> None:
    def watch() -> None:
        while os.read(0, 4096):
            pass
        on_end()

    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
