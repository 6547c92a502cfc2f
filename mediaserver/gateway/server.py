"""The HTTP layer: aiohttp's low-level server over `origin`, `event_sockets`, `faces` and `proxy`.

Hostile connections are bounded by aiohttp's parser (8 KB a line or field, 128 fields) and by the
keep-alive time, which runs from the connection on: headers that are not there by then never come.
A handler is cancelled when its client goes, so nobody waits for a viewer who has left.
"""

import asyncio
import os

from aiohttp import web

from mediaserver.errors import StartError
from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.encodings import accepts_gzip
from mediaserver.gateway.event_sockets import EventSockets
from mediaserver.gateway.faces import Faces
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.origin import Origin, Wait
from mediaserver.gateway.paths import LivePath, parse_live_path
from mediaserver.gateway.pictures import Pictures
from mediaserver.gateway.proxy import Proxy
from mediaserver.gateway.ranges import Unsatisfiable, parse_range

KEEPALIVE_S = 75.0
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 128
BACKLOG = 1024
STOP_S = 2.0

_READ_METHODS = "GET, HEAD, OPTIONS"
_SERVER = ("Server", "comptoir")
_CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Age, Content-Length, Content-Range, Date, Retry-After"),
)
_PREFLIGHT = Answer(
    status=204,
    headers=(
        ("Access-Control-Allow-Methods", _READ_METHODS),
        ("Access-Control-Allow-Headers", "Range, Content-Type, Cache-Control"),
        ("Access-Control-Max-Age", "86400"),
        ("Allow", _READ_METHODS),
    ),
)
_ALIVE = Answer(
    headers=(("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", answers.NO_STORE)),
    body=b"ok\n",
)
_BAD_TARGET = answers.bad_request("The request's target is no path.")


class GatewayServer:
    """Listens for viewers from `start` to `stop`."""

    def __init__(
        self,
        *,
        origin: Origin,
        events: EventSockets,
        faces: Faces,
        proxy: Proxy,
        metrics: GatewayMetrics,
        pictures: Pictures | None = None,
    ) -> None:
        self._origin = origin
        self._events = events
        self._faces = faces
        self._proxy = proxy
        self._metrics = metrics
        self._pictures = pictures
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int, *, reuse_port: bool) -> int:
        """Listen; the port (the one chosen, where `port` is 0). Raises `StartError`."""
        server = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            auto_decompress=False,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=STOP_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=BACKLOG, reuse_port=reuse_port or None)
        try:
            await site.start()
        except OSError as exc:
            await self.stop()
            reason = os.strerror(exc.errno) if exc.errno else str(exc)
            raise StartError(f"The gateway cannot listen on {host}:{port}: {reason}.") from exc
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening and close all connections, within a few seconds."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if not path.startswith("/") or request.method == "CONNECT":
            return self._respond(request, _BAD_TARGET, "bad")
        live = parse_live_path(path)
        if live is not None and live.kind == "events" and request.method != "OPTIONS":
            return await self._listen(request, live.show)
        if live is not None:
            answer = await self._live(request, live)
            return self._respond(request, answer, live.kind, extra=_CORS)
        if path == "/livez":
            return self._respond(request, _read_only(request, _ALIVE), "livez")
        face = self._faces.find(path)
        if face is not None:
            return self._respond(request, _read_only(request, face), "face")
        picture = self._pictures.find(path) if self._pictures else None
        if picture is not None:
            return self._respond(request, _read_only(request, picture), "picture", extra=_CORS)
        return await self._forward(request, path)

    async def _live(self, request: web.BaseRequest, path: LivePath) -> Answer:
        if request.method == "OPTIONS":
            return _PREFLIGHT
        if request.method not in ("GET", "HEAD"):
            return answers.method_not_allowed(_READ_METHODS)
        found = self._origin.get(path, request.query)
        if isinstance(found, Answer):
            return found
        return await _waited(found)

    async def _listen(self, request: web.BaseRequest, show: str) -> web.StreamResponse:
        answer = await self._events.handle(request, show)
        if isinstance(answer, Answer):
            return self._respond(request, answer, "events", extra=_CORS)
        self._metrics.request("events", answer.status, 0)
        return answer

    async def _forward(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        forwarded = await self._proxy.forward(request)
        if isinstance(forwarded, Answer):
            extra = _CORS if path.startswith(("/live/", "/whip")) else ()
            response = self._respond(request, forwarded, "proxy", extra=extra)
            if request.can_read_body:
                response.force_close()  # the rest of the body is not worth reading
            return response
        self._metrics.request("proxy", forwarded.status, forwarded.body_length)
        return forwarded

    def _respond(
        self,
        request: web.BaseRequest,
        answer: Answer,
        kind: str,
        *,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> web.Response:
        status, body = answer.status, answer.body
        headers = [*answer.headers, *extra, _SERVER]
        if answer.gzip_body is not None:
            headers.append(("Vary", "Accept-Encoding"))
            if accepts_gzip(",".join(request.headers.getall("Accept-Encoding", []))):
                headers.append(("Content-Encoding", "gzip"))
                body = answer.gzip_body
        if answer.ranges:
            headers.append(("Accept-Ranges", "bytes"))
            status, body = _ranged(request, status, body, headers)
        self._metrics.request(kind, status, 0 if request.method == "HEAD" else len(body))
        return web.Response(status=status, headers=headers, body=body)


async def _waited(wait: Wait) -> Answer:
    try:
        async with asyncio.timeout(wait.timeout_s):
            return await wait.waiting.future
    except TimeoutError:
        return wait.late
    finally:
        wait.waiting.leave()


def _read_only(request: web.BaseRequest, answer: Answer) -> Answer:
    return answer if request.method in ("GET", "HEAD") else answers.method_not_allowed("GET, HEAD")


def _ranged(
    request: web.BaseRequest, status: int, body: bytes, headers: list[tuple[str, str]]
) -> tuple[int, bytes]:
    """The status and the bytes that the request's Range leaves; changes `headers` accordingly.

    RFC 9110 §14.2: ranges are defined for GET alone, and "A server MUST ignore the Range header
    field" where If-Range does not match: there is no validator here that could.
    """
    if request.method != "GET" or "If-Range" in request.headers:
        return status, body
    try:
        part = parse_range(request.headers.get("Range"), len(body))
    except Unsatisfiable:
        # Appendix B.1: an error is not to be cached as the media itself is
        headers[:] = [header for header in headers if header[0] != "Cache-Control"]
        headers += [("Cache-Control", answers.FRESH), ("Content-Range", f"bytes */{len(body)}")]
        return 416, b""
    if part is None:
        return status, body
    headers.append(("Content-Range", part.content_range))
    return 206, part.cut(body)
