"""The gateway process: bus in, viewers out. The shell around it installs uvloop and the signals."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from mediaserver.addresses import Network
from mediaserver.bus.unix import dial_forever
from mediaserver.gateway.event_sockets import EventSockets
from mediaserver.gateway.faces import built_faces
from mediaserver.gateway.feed import Feed
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.pictures import Pictures
from mediaserver.gateway.proxy import Proxy
from mediaserver.gateway.server import GatewayServer
from mediaserver.gateway.shows import Shows

log = structlog.get_logger()


async def run(
    *,
    bus_path: Path,
    main_http: Path,
    host: str,
    port: int,
    window_s: float,
    gateway_id: str,
    reuse_port: bool = True,
    allowed_origins: tuple[str, ...] = (),
    pictures: Path | None = None,
    trusted_proxies: Sequence[Network] = (),
) -> None:
    """Serve until cancelled. Raises `StartError` when the port is not to be had.

    Pages of `allowed_origins` (``https://shop.example``) may open event sockets besides our own,
    and show the watch page in a frame.
    `bus_path` and `main_http` are main's Unix sockets: messages come from the one, requests that
    are not the gateway's own go to the other. Main may come and go. `pictures` is main's folder of
    products' pictures.
    """
    shows = Shows(window_s=window_s)
    metrics = GatewayMetrics(shows)
    events = EventSockets(
        shows,
        metrics=shows.event_metrics,
        clock_ns=time.monotonic_ns,
        allowed_origins=allowed_origins,
    )
    feed = Feed(
        shows=shows,
        metrics=metrics,
        gateway_id=gateway_id,
        clock_ns=time.monotonic_ns,
        playheads=events.playheads,
    )
    async with Proxy(main_http, trusted=trusted_proxies) as proxy:
        server = GatewayServer(
            origin=Origin(shows),
            events=events,
            faces=built_faces(allowed_origins),
            proxy=proxy,
            metrics=metrics,
            pictures=Pictures(pictures) if pictures else None,
        )
        bound = await server.start(host, port, reuse_port=reuse_port)
        log.info("gateway_listening", gateway=gateway_id, host=host, port=bound)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(dial_forever(bus_path, feed.converse))
                tasks.create_task(feed.prune_forever())
                tasks.create_task(events.keep_alive_forever())
        finally:
            shows.close()
            events.close()
            await server.stop()
