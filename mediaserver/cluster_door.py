"""Main among other nodes: what it is called there, and the door for gateways of other nodes.

They hand requests on over TCP, as its own gateways do over a Unix socket, and are believed the same
things: the client's address, the scheme and the host. So whoever comes in there shows the cluster's
secret. It is no door for the public, nor for a network that is not the operator's own.
"""

import hmac
import re
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from mediaserver.api.app import BACKLOG
from mediaserver.broadcast.cluster import Place
from mediaserver.config import Config
from mediaserver.config_cluster import NODE_NAME, host_port
from mediaserver.errors import RequestRefused, StartError
from mediaserver.gateway.main_routes import SECRET_HEADER
from mediaserver.gateway.pictures import Pictures
from mediaserver.pictures.store import PREFIX

_NODE_FILE = "node"


def place_of(config: Config) -> Place | None:
    """What this node is in its cluster; None where there is none. Its name, where it was given
    none, is made up once and kept in the data folder. Raises `StartError`."""
    if not config.cluster.on:
        return None
    return Place(
        redis=config.cluster.redis.get_secret_value(),
        node=config.cluster.node or _kept_name(config.data / _NODE_FILE),
        address=config.cluster.told_address,
        lease_s=config.cluster.lease_s,
    )


def _kept_name(path: Path) -> str:
    try:
        if path.is_file():
            return _read_name(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()[:40]).lstrip(".-") or "node"
        name = f"{host}-{secrets.token_hex(4)}"
        # Whole or not at all: two nodes of an empty name would have each other's shows.
        temporary = path.with_suffix(".new")
        temporary.write_text(f"{name}\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as exc:
        raise StartError(f"The node's name cannot be kept in {path}: {exc.strerror}.") from None
    return name


def _read_name(path: Path) -> str:
    name = path.read_bytes()[:100].decode(errors="replace").strip()
    if not NODE_NAME.fullmatch(name):
        raise StartError(
            f"{path} holds no name of a node; delete it to have a new one, or give cluster.node."
        )
    return name


class ClusterDoor:
    """Middlewares of main's application, and its TCP listener."""

    def __init__(self, *, elsewhere: Callable[[str], bool], pictures: Path) -> None:
        """`elsewhere` says of a show of ours that another node speaks for it now, or nobody."""
        self._elsewhere = elsewhere
        self._pictures = Pictures(pictures)

    def known_only(self, secret: str) -> Middleware:
        """Refuses whoever does not show the secret."""

        @web.middleware
        async def known(request: web.Request, handler: Handler) -> web.StreamResponse:
            shown = request.headers.get(SECRET_HEADER, "")
            given = shown.encode(errors="surrogateescape")
            if not secret or not hmac.compare_digest(given, secret.encode()):
                raise RequestRefused(403, "forbidden", "This address is for gateways of ours.")
            return await handler(request)

        return known

    @property
    def owned_only(self) -> Middleware:
        """Refuses what concerns a show that another node speaks for: only there is it whole."""

        @web.middleware
        async def owned(request: web.Request, handler: Handler) -> web.StreamResponse:
            show = request.match_info.get("show")
            if show is not None and request.match_info.http_exception is None:
                self._require(show)
            return await handler(request)

        return owned

    def picture_route(self) -> web.RouteDef:
        """Products' pictures, for nodes that have no folder of them."""
        return web.get(PREFIX + "{name}", self._picture)

    async def serve(self, app: web.Application, listen: str) -> web.AppRunner:
        """Serve `app` at ``host:port``. Raises `StartError`; clean it up to stop."""
        host, port = host_port(listen)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        except OSError as exc:
            await runner.cleanup()
            raise StartError(
                f"cluster.listen: port {port} on {host} cannot be opened: {exc.strerror}."
            ) from None
        return runner

    def _require(self, show: str) -> None:
        if self._elsewhere(show):
            raise RequestRefused(
                503,
                "not_here",
                "The show is another node's, or nobody's yet. Try again in a second.",
                retry_after_s=1,
            )

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        answer = self._pictures.find(request.path)
        if answer is None:
            raise web.HTTPNotFound
        return web.Response(
            status=answer.status, headers=dict(answer.headers), body=bytes(answer.body)
        )
