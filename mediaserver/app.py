"""The composition root of main: builds the rooms of one node and connects them."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from mediaserver.api.access import Access
from mediaserver.api.app import make_app, readiness_response, serve_unix
from mediaserver.api.endpoints import routes
from mediaserver.api.imports import ImportResources
from mediaserver.api.openapi import described
from mediaserver.api.profiles import ProfileResources
from mediaserver.api.publishes import PublishResources
from mediaserver.api.shop import shop_endpoints
from mediaserver.auth import KeyRing
from mediaserver.broadcast.desk import ShowDesk, ShowPolicy
from mediaserver.broadcast.epochs import EpochStore
from mediaserver.broadcast.hub import Hub
from mediaserver.broadcast.ladders import Ladders
from mediaserver.broadcast.show import ShowRunner
from mediaserver.broadcast.voice import Voice
from mediaserver.bus import said, unix
from mediaserver.bus.messages import ShowSnapshot, ShowStatus, ViewerMessage, WantWorkers
from mediaserver.checkouts import Checkouts, stripe_of, terms_of
from mediaserver.cluster_door import ClusterDoor, place_of
from mediaserver.config import Config
from mediaserver.errors import BusError, StartError
from mediaserver.health import Readiness
from mediaserver.ingest.link import IngestLink
from mediaserver.ingest.whip import WhipResources
from mediaserver.metrics import ChildMetrics, NodeMetrics, exposition
from mediaserver.offer_clock import OfferClock
from mediaserver.outgoing import SafeClient
from mediaserver.pictures.desk import PictureDesk
from mediaserver.pictures.store import PictureStore
from mediaserver.playheads import Playheads
from mediaserver.profile_desk import ProfileDesk
from mediaserver.shop_desk import ShopDesk
from mediaserver.viewers import ViewerTokens, load_secret
from mediaserver.webhooks import TIMEOUT_S as WEBHOOK_TIMEOUT_S
from mediaserver.webhooks import WebhookDesk
from mediaserver.workers.pool import WorkerPool
from mediaserver.workers.setup import RunFolder
from overlay.orders.ledger import Terms
from overlay.shop import Shop
from overlay.show.events import read_cue
from overlay.values import ShowEvent
from transcoder.control import Hello

log = structlog.get_logger()


class Node:
    """Main's rooms, connected. Made by `run_main`; lives until that is cancelled."""

    def __init__(self, config: Config, folder: RunFolder) -> None:
        self.config = config
        self.folder = folder
        self.supervisor = SupervisorLink()
        self.viewers = ViewerTokens(load_secret(config.data / "viewers.secret"))
        self.webhooks: WebhookDesk | None = None
        self.pool = WorkerPool(spares=config.spare_workers, want=self.supervisor.want)
        self.ingest = IngestLink()
        self.shows: dict[str, ShowRunner] = {}
        names = tuple(config.shows) if "api" in config.roles else ()
        self.shop = ShopDesk(lambda: _open_shop(config), shows=names, audience=self)
        self.playheads = Playheads(shows=self.shows, tokens=self.viewers)
        self.ladders = Ladders(names)
        self.voice = Voice(
            names=names,
            shows=self.shows,
            snapshots=self.shop.snapshots,
            playheads=self.playheads.take,
            ladders=self.ladders,
            place=place_of(config),
        )
        self.feed = self.voice.feed
        self.profiles = ProfileDesk(config)
        self.epochs = EpochStore(config.data / "epochs.json")
        desk = ShowDesk(
            pool=self.pool,
            ingest=self.ingest,
            store=self.epochs,
            say=self.voice.say,
            recipes=self.profiles,
            told=self._show_told,
            owns=self.voice.owns,
        )
        policy = ShowPolicy(
            grace_s=config.webrtc.grace_s,
            window_s=config.gateway.window_s,
            second_publisher=config.webrtc.second_publisher,
        )
        for name in names:
            title = config.shows[name].title or name
            self.shows[name] = ShowRunner(name=name, title=title, desk=desk, policy=policy)
        self.hub = Hub(
            shows=self.shows,
            pool=self.pool,
            ingest=self.ingest,
            feed=self.feed,
            ladders=self.ladders,
            au_socket=folder.access_units,
            reported=self.voice.reported,
        )

    def snapshot(self, snapshot: ShowSnapshot) -> None:
        """The shop's database has been opened: gateways begin with this."""
        self.voice.say(said.snapshot(snapshot))

    def event(self, event: ShowEvent) -> None:
        """The shop has committed an event: out to viewers, and a cue into the media as well."""
        self.voice.say(said.event(event))
        if event.type == "cue":
            self.shows[event.show].carry(read_cue(event.data))

    def tell_viewer(self, show: str, viewer: str, data: dict[str, Any]) -> None:
        """Something for one viewer alone, on whichever gateway they are."""
        token = self.viewers.token(viewer)
        self.voice.say(said.to_viewer(ViewerMessage(show=show, token=token, data=data)))

    def _show_told(self, status: ShowStatus) -> None:
        if self.webhooks is not None:
            self.webhooks.show_told(status)

    def readiness(self) -> Readiness:
        """Every dependency of what this node does."""
        checks = {"data": os.access(self.config.data, os.W_OK)}
        if "ingest" in self.config.roles:
            enough = min(1, self.config.spare_workers)
            checks["ingest"] = self.ingest.connected
            checks["transcoder"] = self.pool.idle + self.pool.busy >= enough
        if "gateway" in self.config.roles:
            checks["gateway"] = self.feed.count > 0
        # A node that stands by has no shop as long as another one has the database.
        if "api" in self.config.roles and (self.voice.cluster is None or self.voice.owned):
            checks["shop"] = self.shop.available
        if self.voice.cluster is not None:
            checks["redis"] = self.voice.cluster.connected
        return Readiness(checks=checks)

    def metrics(self) -> bytes:
        """The metrics page of the node."""
        own = NodeMetrics(
            states=lambda: [show.status.state for show in self.shows.values()],
            workers=lambda: {"idle": self.pool.idle, "busy": self.pool.busy},
            gateways=lambda: self.feed.count,
            viewers=self.voice.viewers,
            broken_profiles=lambda: {show: show in self.profiles.faults for show in self.shows},
            ladders=lambda: self.ladders.states,
        )
        return exposition([own, ChildMetrics(lambda: self.hub.metrics)])


class SupervisorLink:
    """Tells the supervisor how many workers to keep; remembers the last word while it is away."""

    def __init__(self) -> None:
        self._connection: unix.Connection | None = None
        self._last: WantWorkers | None = None

    def want(self, message: WantWorkers) -> None:
        """Ask for this many workers."""
        if message == self._last and self._connection is not None:
            return
        self._last = message
        if self._connection is not None:
            with contextlib.suppress(BusError):
                self._connection.send(message)

    async def attach(self, connection: unix.Connection) -> None:
        """Own the connection until the supervisor is gone."""
        self._connection = connection
        connection.send(Hello(role="main", id="main", pid=0))
        if self._last is not None:
            connection.send(self._last)
        async for _ in connection:
            pass


async def run_main(*, config: Config, folder: RunFolder) -> None:
    """Be main until cancelled. Raises `StartError` where the admin port is taken."""
    node = Node(config, folder)
    async with contextlib.AsyncExitStack() as stack:
        if "api" in config.roles:
            await _serve_api(node, stack)
        bus = await unix.serve(folder.bus, node.hub.accept)
        stack.callback(bus.close)
        admin = await _serve_admin(config.admin.host, config.admin.port, node)
        stack.push_async_callback(admin.cleanup)
        for show in node.shows.values():
            stack.push_async_callback(show.close)
            show.restore(node.shop.cues(show.name))
        log.info("main_ready", shows=len(node.shows), admin_port=config.admin.port)
        async with asyncio.TaskGroup() as tasks:  # a main without its voice is to be started anew
            tasks.create_task(node.voice.run())
            tasks.create_task(unix.dial_forever(folder.supervisor, node.supervisor.attach))


async def _serve_api(node: Node, stack: contextlib.AsyncExitStack) -> None:
    """The shop, and all that is asked of it and of the shows over HTTP."""
    config = node.config
    stack.push_async_callback(node.shop.close)
    await node.shop.start()
    outgoing = await stack.enter_async_context(SafeClient(config.outgoing))
    imports = _imports(node, stack, outgoing)
    hooks = await _hooks(node, stack)
    offers = asyncio.create_task(OfferClock(shows=node.shows, desk=node.shop).run())
    stack.callback(offers.cancel)
    resources = _routes(node, imports, outgoing, hooks)
    door = ClusterDoor(elsewhere=node.voice.elsewhere, pictures=config.data / "pictures")
    app = make_app(routes=resources, readiness=node.readiness, middlewares=[door.owned_only])
    http = await serve_unix(app, node.folder.main_http)
    stack.push_async_callback(http.cleanup)
    if config.cluster.listen:
        # The same resources, so that a limit for each address is one for both doors.
        inner = make_app(
            routes=[*resources, door.picture_route()],
            readiness=node.readiness,
            middlewares=[
                door.known_only(config.cluster.secret.get_secret_value()),
                door.owned_only,
            ],
        )
        listener = await door.serve(inner, config.cluster.listen)
        stack.push_async_callback(listener.cleanup)


def _open_shop(config: Config) -> Shop:
    shop = Shop.open(config.shop_database, alone=True)
    shop.terms = Terms(
        hold_us=round(config.shop.hold_s * 1e6), checkout_us=round(config.shop.checkout_s * 1e6)
    )
    return shop


def _imports(node: Node, stack: contextlib.AsyncExitStack, outgoing: SafeClient) -> ImportResources:
    """What brings products and pictures in."""
    pictures = PictureDesk(store=PictureStore(node.config.data / "pictures"), outgoing=outgoing)
    imports = ImportResources(
        shows=node.shows, desk=node.shop, pictures=pictures, outgoing=outgoing
    )
    pictures.start(imports.settle)
    stack.push_async_callback(pictures.close)
    return imports


def _routes(
    node: Node, imports: ImportResources, outgoing: SafeClient, hooks: SafeClient
) -> list[web.RouteDef]:
    config, keys, viewers = node.config, KeyRing.of(node.config), node.viewers
    stripe = stripe_of(config, outgoing)
    public_url = config.http.public_url
    access = Access(keys=keys, viewers=viewers, shows=node.shows, public_url=public_url)
    whip = WhipResources(shows=node.shows, keys=keys, public_url=public_url, settings=config.webrtc)
    publishes = PublishResources(health=node.hub.health.of, ladder=node.ladders.of)
    profiles = ProfileResources(shows=node.shows, desk=node.profiles, recorded=node.epochs.get)
    shop = shop_endpoints(
        shows=node.shows,
        desk=node.shop,
        access=access,
        viewers=viewers,
        imports=imports,
        limits=config.shop,
        checkouts=Checkouts(terms_of(config), desk=node.shop, stripe=stripe),
        stripe_secret=config.stripe.webhook_secret.get_secret_value(),
        voice=node,
        sights=node.playheads,
        hooks=hooks,
    )
    return [
        *whip.routes(),
        *routes(described([*shop, *publishes.endpoints(), *profiles.endpoints()]), access),
    ]


async def _hooks(node: Node, stack: contextlib.AsyncExitStack) -> SafeClient:
    """What sends webhooks, with a client of its own: a slow endpoint holds up no import."""
    config = node.config.outgoing.model_copy(update={"timeout_s": WEBHOOK_TIMEOUT_S})
    client = await stack.enter_async_context(SafeClient(config))
    node.webhooks = WebhookDesk(desk=node.shop, client=client)
    node.webhooks.start()
    stack.push_async_callback(node.webhooks.close)
    return client


async def _serve_admin(host: str, port: int, node: Node) -> web.AppRunner:
    app = web.Application()
    app.add_routes(
        [
            web.get("/livez", _answering(lambda: web.json_response({"live": True}))),
            web.get("/readyz", _answering(lambda: readiness_response(node.readiness()))),
            web.get("/metrics", _answering(partial(_metrics_response, node))),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as exc:
        await runner.cleanup()
        raise StartError(
            f"The admin port {port} on {host} cannot be opened: {exc.strerror}."
        ) from None
    return runner


def _metrics_response(node: Node) -> web.Response:
    return web.Response(body=node.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answering(make: Callable[[], web.Response]) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return make()

    return handler
