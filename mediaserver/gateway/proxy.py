"""Everything that is not hot goes to main, streamed both ways, else unchanged.

Strangers' connection headers and forwarding claims end here: hop-by-hop fields are removed
(RFC 9110 §7.6.1) and ``X-Forwarded-*`` are set from what this process sees itself, or what a proxy
says of its client that the operator trusts. Bodies are
bounded in size, requests in time, connections to main in number: one more waits within its time.

Changes asked of the API are short; they go over kept connections (`mediaserver.gateway.main_link`),
because a crowd's orders are thousands a second. All else has a connection of its own.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType

import aiohttp
import structlog
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from mediaserver.addresses import Network, client_address, is_of
from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.main_link import LinkLost, MainLinks
from mediaserver.gateway.main_routes import SECRET_HEADER, MainAddress, MainRoutes

log = structlog.get_logger()

MAX_BODY_BYTES = 1024 * 1024
MAX_UPLOAD_BYTES = 20 * 1024 * 1024
"""Of a file of products, or a picture; main bounds each by its own kind."""
TIMEOUT_S = 30.0
MAX_CONNECTIONS = 256
MAX_SHORT_BYTES = 16 * 1024
"""Of a request that goes over a kept connection (`mediaserver.gateway.main_link`)."""

_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED = frozenset({"expect", "forwarded", "x-real-ip", SECRET_HEADER.lower()})
_NOT_RETURNED = _HOP_BY_HOP | {"content-length"}
_READ_BYTES = 64 * 1024

_MAIN_AWAY = answers.error(
    503,
    "process_unavailable",
    "The server is starting again. Try once more in a second.",
    cache_control=answers.NO_STORE,
    headers=(("Retry-After", "1"),),
)
_MAIN_SLOW = answers.error(
    504, "timeout", "The server took too long to answer.", cache_control=answers.NO_STORE
)
_BODY_SLOW = answers.error(
    408, "timeout", "The request took too long to arrive.", cache_control=answers.NO_STORE
)


def _body_large(most: int) -> Answer:
    return answers.error(
        413,
        "body_too_large",
        f"A request body has at most {most} bytes here.",
        cache_control=answers.NO_STORE,
    )


_UPLOAD = re.compile(r"/api/v1/shows/[^/]+/(?:products/import|pictures)")


class _Body:
    """A request's body on its way; remembers how that ended."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        upload = _UPLOAD.fullmatch(request.rel_url.raw_path)
        self.most = MAX_UPLOAD_BYTES if upload else MAX_BODY_BYTES
        self.too_large = (request.content_length or 0) > self.most
        self.done = not request.can_read_body

    async def chunks(self) -> AsyncIterator[bytes]:
        total = 0
        async for chunk in self._request.content.iter_chunked(_READ_BYTES):
            total += len(chunk)
            if total > self.most:
                self.too_large = True
                raise ValueError("the body is too large")
            yield chunk
        self.done = True


class Proxy:
    """Owns the client to main. Use it as an asynchronous context manager."""

    def __init__(self, main: Path | MainRoutes, *, trusted: Sequence[Network] = ()) -> None:
        """`main` is its Unix socket, or says which of several it is. `trusted` are proxies of the
        operator's, whose word on the client's address counts."""
        self._routes = MainRoutes(main) if isinstance(main, Path) else main
        self._links: dict[MainAddress, MainLinks] = {}
        self._trusted = trusted
        self._sessions: dict[str, aiohttp.ClientSession] | None = None

    async def __aenter__(self) -> "Proxy":
        self._sessions = {}
        return self

    def _session(self, main: MainAddress) -> aiohttp.ClientSession:
        """The client for a Unix socket, or for all of TCP."""
        if self._sessions is None:
            raise RuntimeError("the proxy is used outside of its context")
        if main.path not in self._sessions:
            # A connection to main lives for one request, so that none is found dead by a POST.
            connector: aiohttp.BaseConnector
            if main.path:
                connector = aiohttp.UnixConnector(
                    path=main.path, limit=MAX_CONNECTIONS, force_close=True
                )
            else:
                connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, force_close=True)
            self._sessions[main.path] = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._sessions[main.path]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for links in self._links.values():
            links.close()
        for session in (self._sessions or {}).values():
            await session.close()

    async def forward(self, request: web.BaseRequest) -> web.StreamResponse | Answer:
        """Main's response, already on its way; or an answer that says why there is none."""
        if _is_short(request):
            return await self._forward_short(request)
        body = _Body(request)
        if body.too_large:
            return _body_large(body.most)
        main = self._routes.of(request.rel_url.raw_path)
        response: web.StreamResponse | None = None
        try:
            async with asyncio.timeout(TIMEOUT_S), self._exchange(request, body, main) as upstream:
                response = web.StreamResponse(
                    status=upstream.status,
                    reason=upstream.reason,
                    headers=_end_to_end(upstream.headers),
                )
                await response.prepare(request)
                async for chunk in upstream.content.iter_chunked(_READ_BYTES):
                    await response.write(chunk)
                await response.write_eof()
                return response
        except TimeoutError:
            failure = _MAIN_SLOW if body.done else _BODY_SLOW
        except aiohttp.ClientError as exc:
            failure = _body_large(body.most) if body.too_large else _MAIN_AWAY
            if isinstance(exc, aiohttp.ClientConnectorError):
                self._routes.failed(main)
            log.info("proxy_failed", method=request.method, error=type(exc).__name__)
        if response is not None and response.prepared:
            # Half of it is out already: only a broken connection says that the rest is missing.
            if request.transport is not None:
                request.transport.abort()
            return response
        return failure

    async def _forward_short(self, request: web.BaseRequest) -> web.StreamResponse | Answer:
        """The same for a short request of the API, over a kept connection."""
        read = False
        main = self._routes.of(request.rel_url.raw_path)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                body = await request.read()
                read = True
                links = self._links_to(main)
                answer = await links.ask(_request_bytes(request, body, main, self._trusted))
        except TimeoutError:
            return _MAIN_SLOW if read else _BODY_SLOW
        except LinkLost as exc:
            log.info("proxy_failed", method=request.method, error=str(exc))
            self._routes.failed(main)
            return _MAIN_AWAY
        headers = [pair for pair in answer.headers if pair[0].lower() not in _NOT_RETURNED]
        response = web.Response(
            status=answer.status, reason=answer.reason, headers=headers, body=answer.body
        )
        await response.prepare(request)
        await response.write_eof()
        return response

    def _links_to(self, main: MainAddress) -> MainLinks:
        if main not in self._links:
            self._links[main] = MainLinks(main)
        return self._links[main]

    @contextlib.asynccontextmanager
    async def _exchange(
        self, request: web.BaseRequest, body: _Body, main: MainAddress
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        session = self._session(main)
        await _continue(request)
        url = URL.build(
            scheme="http",
            authority=main.authority,
            path=request.rel_url.raw_path,
            query_string=request.rel_url.raw_query_string,
            encoded=True,
        )
        async with session.request(
            request.method,
            url,
            headers=_forwarded_headers(request, main, self._trusted),
            data=None if body.done else body.chunks(),
            allow_redirects=False,
        ) as upstream:
            yield upstream


def _is_short(request: web.BaseRequest) -> bool:
    """Whether it is a change asked of the API with a body of a known, small size."""
    return (
        request.method in _CHANGES
        and (request.content_length or 0) <= MAX_SHORT_BYTES
        and ("Content-Length" in request.headers or not request.can_read_body)
        and "Expect" not in request.headers
        and request.rel_url.raw_path.startswith("/api/v1/")
    )


def _request_bytes(
    request: web.BaseRequest, body: bytes, main: MainAddress, trusted: Sequence[Network]
) -> bytes:
    """The request for main, in one piece."""
    headers = _forwarded_headers(request, main, trusted)
    headers.popall("Content-Length", None)
    headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    target = request.rel_url.raw_path_qs
    first = f"{request.method} {target} HTTP/1.1\r\n"
    return f"{first}{head}\r\n".encode("utf-8", "surrogateescape") + body


async def _continue(request: web.BaseRequest) -> None:
    """RFC 9110 §10.1.1: a client that expects 100 waits for it before it sends its body."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # These bytes are no part of the response, whose headers are still to come.
        request.writer.output_size = 0


def _forwarded_headers(
    request: web.BaseRequest, main: MainAddress, trusted: Sequence[Network]
) -> CIMultiDict[str]:
    claims = request.headers.getall("X-Forwarded-For", [])
    headers = _end_to_end(request.headers)
    for name in [n for n in headers if n.lower().startswith("x-forwarded-")]:
        headers.popall(name, None)
    for name in _NOT_FORWARDED:
        headers.popall(name, None)
    headers["X-Forwarded-For"] = client_address(request.remote or "", claims, trusted)
    headers["X-Forwarded-Proto"] = _scheme(request, trusted)
    headers["X-Forwarded-Host"] = request.host
    if main.secret:
        headers[SECRET_HEADER] = main.secret
    return headers


def _scheme(request: web.BaseRequest, trusted: Sequence[Network]) -> str:
    """What the client speaks: a proxy of the operator's that ends TLS says so."""
    claim = request.headers.get("X-Forwarded-Proto", "")
    if claim in ("http", "https") and is_of(request.remote or "", trusted):
        return claim
    return request.scheme


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """All but the hop-by-hop fields, and those that Connection names."""
    named = {
        name.strip().lower()
        for value in headers.getall("Connection", [])
        for name in value.split(",")
    }
    drop = _HOP_BY_HOP | named
    return CIMultiDict((n, v) for n, v in headers.items() if n.lower() not in drop)
