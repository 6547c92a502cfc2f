"""The HTTP server: the hot layer (`hot`) in front, and behind it on aiohttp everything else.

What is not hot (event sockets, faces, pictures, what goes to main, and any request that is unusual)
is answered here. A handler is cancelled when its client goes, so nobody waits for a viewer who has
left.
"""

import asyncio
import ipaddress
import os
import time
from collections.abc import Callable, Sequence

from aiohttp import web

from mediaserver.addresses import Network
from mediaserver.errors import StartError
from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.encodings import accepts_gzip
from mediaserver.gateway.event_sockets import EventSockets
from mediaserver.gateway.faces import Faces
from mediaserver.gateway.hot.admission import Limits
from mediaserver.gateway.hot.faults import PREFLIGHT, READ_METHODS
from mediaserver.gateway.hot.listener import Listener
from mediaserver.gateway.hot.wire import CORS, SERVER
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.origin import Origin, Wait
from mediaserver.gateway.paths import LivePath, parse_live_path
from mediaserver.gateway.pictures import Pictures
from mediaserver.gateway.proxy import Proxy
from mediaserver.gateway.ranges import Unsatisfiable, parse_range
from mediaserver.gateway.tls import TlsKeeper
from mediaserver.gateway.turns import Turns
from mediaserver.gateway.validators import unless_known

STOP_S = 2.0
LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)
"""A proxy on this machine speaks for everybody."""

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
        limits: Limits | None = None,
        exempt: Sequence[Network] = LOOPBACK,
        tls: TlsKeeper | None = None,
        turns: Turns | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`exempt` are proxies of the operator's: no limit for one address counts for them. With
        `tls` HTTPS is spoken; its owner has it renewed."""
        self._origin = origin
        self._events = events
        self._faces = faces
        self._proxy = proxy
        self._metrics = metrics
        self._pictures = pictures
        self._limits = limits or Limits()
        self._exempt = exempt
        self._tls = tls
        self._turns = turns
        self._clock_ns = clock_ns
        self.listener: Listener | None = None

    async def start(self, host: str, port: int, *, reuse_port: bool) -> int:
        """Listen; the port (the one chosen, where `port` is 0). Raises `StartError`."""
        self.listener = Listener(
            origin=self._origin,
            handle=self._handle,
            metrics=self._metrics.hot,
            limits=self._limits,
            exempt=self._exempt,
            tls=self._tls,
            turns=self._turns,
            clock_ns=self._clock_ns,
        )
        try:
            return await self.listener.start(host, port, reuse_port=reuse_port)
        except OSError as exc:
            await self.stop()
            reason = os.strerror(exc.errno) if exc.errno else str(exc)
            raise StartError(f"The gateway cannot listen on {host}:{port}: {reason}.") from exc

    async def stop(self) -> None:
        """Stop listening and close all connections, within a few seconds."""
        if self.listener is not None:
            await self.listener.stop(STOP_S)
            self.listener = None

    def pulling(self, show: str) -> int:
        """How many connections pull a show's media."""
        return self.listener.pulling[show] if self.listener is not None else 0

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if not path.startswith("/") or request.method == "CONNECT":
            return self._respond(request, _BAD_TARGET, "bad")
        live = parse_live_path(path)
        if live is not None and live.kind == "events" and request.method != "OPTIONS":
            return await self._listen(request, live.show)
        if live is not None:
            answer = await self._live(request, live)
            return self._respond(request, answer, live.kind, extra=CORS)
        if path == "/livez":
            return self._respond(request, _read_only(request, _ALIVE), "livez")
        face = self._faces.find(path)
        if face is not None:
            return self._respond(request, _read_only(request, face), "face")
        picture = self._pictures.find(path) if self._pictures else None
        if picture is not None:
            return self._respond(request, _read_only(request, picture), "picture", extra=CORS)
        return await self._forward(request, path)

    async def _live(self, request: web.BaseRequest, path: LivePath) -> Answer:
        if request.method == "OPTIONS":
            return PREFLIGHT
        if request.method not in ("GET", "HEAD"):
            return answers.method_not_allowed(READ_METHODS)
        found = self._origin.get(path, request.query)
        if isinstance(found, Answer):
            return found
        return await _waited(found)

    async def _listen(self, request: web.BaseRequest, show: str) -> web.StreamResponse:
        answer = await self._events.handle(request, show)
        if isinstance(answer, Answer):
            return self._respond(request, answer, "events", extra=CORS)
        self._metrics.request("events", answer.status, 0)
        return answer

    async def _forward(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        forwarded = await self._proxy.forward(request)
        if isinstance(forwarded, Answer):
            extra = CORS if path.startswith(("/live/", "/whip")) else ()
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
        answer = unless_known(answer, request.headers.get("If-None-Match"))
        status, body = answer.status, answer.body
        headers = [*answer.headers, *extra, SERVER]
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
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def deliver(answer: Answer) -> None:
        if not future.done():
            future.set_result(answer)

    wait.waiting.join(deliver)
    try:
        async with asyncio.timeout(wait.timeout_s):
            return await future
    except TimeoutError:
        return wait.late
    finally:
        wait.waiting.leave(deliver)


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
