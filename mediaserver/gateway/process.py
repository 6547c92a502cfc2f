"""The gateway process: bus in, viewers out. The shell around it installs uvloop and the signals."""

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from mediaserver.addresses import Network
from mediaserver.bus.redis_link import RedisLink
from mediaserver.bus.redis_reader import RedisReader
from mediaserver.bus.unix import dial_forever
from mediaserver.config_tls import TlsFiles
from mediaserver.gateway.event_sockets import EventSockets
from mediaserver.gateway.faces import built_faces
from mediaserver.gateway.feed import Feed
from mediaserver.gateway.hot.admission import Limits, connections_possible
from mediaserver.gateway.main_routes import MainRoutes
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.pictures import Pictures
from mediaserver.gateway.proxy import Proxy
from mediaserver.gateway.server import LOOPBACK, GatewayServer
from mediaserver.gateway.shows import Shows
from mediaserver.gateway.tls import TlsKeeper

log = structlog.get_logger()

_GC_THRESHOLDS = (50_000, 20, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCluster:
    """What a gateway needs of other nodes."""

    redis: str = field(repr=False)
    mains: tuple[str, ...]
    secret: str = field(repr=False)


async def run(
    *,
    bus_path: Path,
    main_http: Path | None,
    host: str,
    port: int,
    window_s: float,
    gateway_id: str,
    lists_shows: bool = False,
    public_url: str = "",
    reuse_port: bool = True,
    allowed_origins: tuple[str, ...] = (),
    pictures: Path | None = None,
    trusted_proxies: Sequence[Network] = (),
    cluster: GatewayCluster | None = None,
    tls: TlsFiles | None = None,
    limits: Limits | None = None,
) -> None:
    """Serve until cancelled. Raises `StartError` when the port is not to be had.

    Pages of `allowed_origins` (``https://shop.example``) may open event sockets besides our own,
    and show the watch page in a frame.
    `lists_shows`: the home page names what is on air. Links begin with `public_url`.
    `bus_path` and `main_http` are main's Unix sockets: messages come from the one, requests that
    are not the gateway's own go to the other. Main may come and go. `pictures` is main's folder of
    products' pictures. In a `cluster` shows of other nodes come through Redis, and their requests
    go to their mains; `main_http` is None where this node's main has no API. With `tls` the port
    speaks HTTPS, and its files are read again when they change.
    """
    keeper = TlsKeeper(tls) if tls else None
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
    routes = MainRoutes(
        main_http,
        mains=cluster.mains if cluster else (),
        secret=cluster.secret if cluster else "",
        owner_of=feed.owner_of,
    )
    async with Proxy(routes, trusted=trusted_proxies) as proxy:
        server = GatewayServer(
            origin=Origin(shows, lists_shows=lists_shows),
            events=events,
            faces=built_faces(allowed_origins, public_url),
            proxy=proxy,
            metrics=metrics,
            pictures=Pictures(pictures) if pictures else None,
            tls=keeper,
            turns=shows.turns,
            limits=_bearable(limits or Limits()),
            exempt=(*LOOPBACK, *trusted_proxies),
        )
        shows.pulling = server.pulling
        _calm_collector()
        bound = await server.start(host, port, reuse_port=reuse_port)
        log.info(
            "gateway_listening", gateway=gateway_id, host=host, port=bound, tls=keeper is not None
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(dial_forever(bus_path, feed.converse))
                tasks.create_task(feed.prune_forever())
                if keeper is not None:
                    tasks.create_task(keeper.watch_forever())
                if cluster is not None:
                    tasks.create_task(_follow(cluster, feed, metrics))
                tasks.create_task(events.keep_alive_forever())
        finally:
            shows.close()
            events.close()
            await server.stop()


def _calm_collector() -> None:
    """Nothing that is made for a viewer is cyclic: do not look through tens of thousands of
    connections for garbage after every few hundred requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def _bearable(limits: Limits) -> Limits:
    """The limits, with as many connections as the system lets this process have."""
    return replace(limits, max_connections=connections_possible(limits.max_connections))


async def _follow(cluster: GatewayCluster, feed: Feed, metrics: GatewayMetrics) -> None:
    """Read from Redis until cancelled."""
    link = RedisLink(cluster.redis)
    try:
        await RedisReader(link, feed, meter=metrics).run()
    finally:
        await link.close()
