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

from mediaserver.api.access import Access, Caller
from mediaserver.api.errors import CORS
from mediaserver.auth import PERMISSIONS, Role
from mediaserver.errors import RequestRefused

JSON = "application/json"

_AT = re.compile(r" - at `\$?\.?(.*?)`$")
_NAMED = re.compile(r"field `([^`]*)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that may be answered: read, and found in order."""

    request: web.Request
    caller: Caller
    form: Any
    """The body, of the endpoint's `form`; None without one."""

    @property
    def show(self) -> str:
        """The show in the path."""
        return self.request.match_info["show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What stands at one row of `PERMISSIONS`."""

    row: str
    does: str
    """A sentence for the documentation."""
    handler: Callable[[Ask], Awaitable[web.Response]]
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
        form = await _read(request, endpoint.form) if endpoint.form else None
        response = await endpoint.handler(Ask(request=request, caller=caller, form=form))
        if public:
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
