"""The aiohttp application that main serves on its Unix socket, behind the gateways."""

from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from mediaserver.api.errors import CORS, errors_middleware
from mediaserver.health import Readiness
from mediaserver.ingest.fragment import MAX_OFFER_BYTES

BACKLOG = 1024
"""Connections of gateways that wait to be taken: one more is refused, where TCP would try again."""


def make_app(
    *,
    routes: Sequence[web.RouteDef],
    readiness: Callable[[], Readiness],
    middlewares: Sequence[Middleware] = (),
) -> web.Application:
    """The application: `routes` and `/readyz`. Bodies are bounded by the largest legal one.
    `middlewares` may refuse a request before it is looked at."""

    async def readyz(_: web.Request) -> web.Response:
        return readiness_response(readiness())

    app = web.Application(
        middlewares=[errors_middleware, *middlewares], client_max_size=MAX_OFFER_BYTES
    )
    app.add_routes([*routes, web.get("/readyz", readyz)])
    return app


def readiness_response(readiness: Readiness) -> web.Response:
    """200 when every dependency is there, else 503; both name each of them."""
    return web.json_response(
        {"ready": readiness.ready, "checks": dict(readiness.checks)},
        status=200 if readiness.ready else 503,
        headers={**CORS, "Cache-Control": "no-store"},
    )


async def serve_unix(app: web.Application, path: Path) -> web.AppRunner:
    """Serve `app` on a Unix socket that only this user may open. Clean it up to stop."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    path.unlink(missing_ok=True)
    await web.UnixSite(runner, str(path), backlog=BACKLOG).start()
    path.chmod(0o600)
    return runner
