"""An endpoint: a row of the permission table with what it reads, answers and refuses.

Routes and OpenAPI are both made from these, so that neither can say what the other does not.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from aiohttp import web

from mediaserver.addresses import party
from mediaserver.api.access import Access, Caller, client_address
from mediaserver.api.errors import CORS
from mediaserver.auth import PERMISSIONS, Role
from mediaserver.errors import RequestRefused

JSON = "application/json"
_READ_BYTES = 64 * 1024

_AT = re.compile(r" - at `\$?\.?(.*?)`$")
_NAMED = re.compile(r"field `([^`]*)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that may be answered: read, and found in order."""

    request: web.Request
    caller: Caller
    form: Any
    """The body, of the endpoint's `form`; None without one."""
    query: Any = None
    """The query string, of the endpoint's `query`; None without one."""
    body: bytes = b""
    """The body as it came, of an endpoint that `takes` some."""

    @property
    def show(self) -> str:
        """The show in the path."""
        return self.request.match_info["show"]

    @property
    def address(self) -> str:
        """The client's as limits count it: of IPv4 the address, of IPv6 the network."""
        return party(client_address(self.request))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What stands at one row of `PERMISSIONS`."""

    row: str
    does: str
    """A sentence for the documentation."""
    handler: Callable[[Ask], Awaitable[web.StreamResponse]]
    form: type[msgspec.Struct] | None = None
    """What the body holds."""
    answer: Any = None
    """The type of a success's body; None for an empty one."""
    statuses: tuple[int, ...] = (200,)
    """Of success."""
    refuses: tuple[int, ...] = ()
    """Beyond what the row, the path and the form imply."""
    headers: tuple[str, ...] = ()
    """Request headers that must be there."""
    query: type[msgspec.Struct] | None = None
    """What the query string may hold: texts, and whole numbers."""
    takes: tuple[str, ...] = ()
    """The media types of a body that is not JSON; any, where it names ``*/*``."""
    max_body_bytes: int = 0
    """Of such a body."""
    gives: str = JSON
    """The media type of a success."""

    @property
    def method(self) -> str:
        """GET, PUT …"""
        return self.row.split(" ", 1)[0]

    @property
    def path(self) -> str:
        """With its parameters in braces."""
        return self.row.split(" ", 1)[1]

    @property
    def roles(self) -> frozenset[Role]:
        """Who may."""
        return PERMISSIONS[self.row]


def routes(endpoints: Iterable[Endpoint], access: Access) -> list[web.RouteDef]:
    """The routes of `endpoints`. A row that is not in the table is a `KeyError`."""
    return [_route(endpoint, access) for endpoint in endpoints]


def answer(value: Any, *, status: int = 200) -> web.Response:
    """A success with `value` as JSON."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type=JSON,
        headers={"Cache-Control": "no-store"},
    )


def _route(endpoint: Endpoint, access: Access) -> web.RouteDef:
    public = endpoint.method == "GET" and Role.ANYONE in PERMISSIONS[endpoint.row]

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = access.admit(request, endpoint.row)
        query = _read_query(request, endpoint.query) if endpoint.query else None
        form, body = None, b""
        if endpoint.takes and (endpoint.form is None or request.content_type != JSON):
            body = await _read_body(request, endpoint)
        elif endpoint.form:
            form = await _read(request, endpoint.form)
        response = await endpoint.handler(
            Ask(request=request, caller=caller, form=form, query=query, body=body)
        )
        if public and not response.prepared:
            response.headers.update(CORS)
        return response

    return web.route(endpoint.method, endpoint.path, handle)


async def _read(request: web.Request, form: type[msgspec.Struct]) -> Any:
    if request.content_type != JSON:
        raise RequestRefused(415, "wrong_content_type", f"The Content-Type must be {JSON}.")
    body = await request.read()
    try:
        return _decoder(form).decode(body)
    except msgspec.ValidationError as exc:
        raise _fault(str(exc)) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise RequestRefused(400, "not_json", "The body is not JSON in UTF-8.") from None


def _read_query(request: web.Request, form: type[msgspec.Struct]) -> Any:
    given = request.query
    twice = next((name for name in given if len(given.getall(name)) > 1), None)
    if twice is not None:
        raise RequestRefused(400, "invalid", "A parameter is there twice.", field=twice[:100])
    try:
        return msgspec.convert(dict(given), form, strict=False)
    except msgspec.ValidationError as exc:
        raise _fault(str(exc)) from None


async def _read_body(request: web.Request, endpoint: Endpoint) -> bytes:
    """The body, within the endpoint's own bound."""
    if "*/*" not in endpoint.takes and request.content_type not in endpoint.takes:
        kinds = ", ".join((*endpoint.takes, *([JSON] if endpoint.form else [])))
        raise RequestRefused(415, "wrong_content_type", f"The Content-Type must be one of {kinds}.")
    most, body = endpoint.max_body_bytes, bytearray()
    if (request.content_length or 0) <= most:
        async for chunk in request.content.iter_chunked(_READ_BYTES):
            body += chunk
            if len(body) > most:
                break
        else:
            return bytes(body)
    raise RequestRefused(413, "too_large", f"The body has more than {most} bytes.")


@lru_cache
def _decoder(form: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(form)


def _fault(reason: str) -> RequestRefused:
    """The decoder's reason as a sentence, and the key at fault: ``items.0.quantity``."""
    at, named = _AT.search(reason), _NAMED.search(reason)
    steps = [re.sub(r"\[(\d+)\]", r".\1", at[1])] if at and at[1] else []
    steps += [named[1][:100]] if named else []
    field = ".".join(steps)[:200] or None
    if named:
        sentence = f"{field} is missing." if "missing" in reason else f"There is no key {field}."
    else:
        text = _AT.sub("", reason).replace("`", "")[:300]
        sentence = f"{field}: {text}." if field else f"{text}."
    return RequestRefused(400, "invalid", sentence, field=field)
