"""The OpenAPI 3.1 document, made from the endpoints and the types of their JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from mediaserver.api.endpoints import JSON, Ask, Endpoint, answer
from mediaserver.api.forms import ErrorAnswer
from mediaserver.auth import Role
from mediaserver.config import SHOW_NAME
from mediaserver.viewers import COOKIE
from overlay.checks import IDENTIFIER

VERSION = "1.0"
_KEYED = frozenset({Role.HOST, Role.OPERATOR})
_REF = "#/components/schemas/{name}"
_PARAMETERS: Mapping[str, str] = {
    "show": f"^{SHOW_NAME.pattern}$",
    "id": f"^{IDENTIFIER.pattern}$",
    "message": f"^{IDENTIFIER.pattern}$",
}
_MEANS: Mapping[int, str] = {
    200: "Done, or as it already was.",
    201: "Created.",
    204: "Done.",
    400: "The request is not well formed; `field` names what is to blame.",
    401: "The key or the viewer's cookie is missing.",
    403: "The key, the role or the page's origin may not do this.",
    404: "There is no such show or product.",
    409: "It contradicts what is: sold out, an id that is taken, or a show that is not on air.",
    413: "The body is too large.",
    415: "The Content-Type is not application/json.",
    429: "Too often; `Retry-After` says when to try again.",
    422: "It is well formed and cannot be: an absurd time, a key used for something else.",
    504: "The other shop took too long.",
    503: "The shop, or the disk, is not to be had now; the picture goes on.",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document, as plain JSON data."""
    types = [ErrorAnswer, *(t for e in endpoints for t in (e.form, e.answer) if t is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Comptoir", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A show's host key, or the operator key.",
                },
                "viewer": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "Set by POST /api/v1/viewer.",
                },
            },
        },
    }


def described(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """`endpoints`, and the one that serves their document."""

    async def serve(_: Ask) -> web.Response:
        return answer(plain)

    own = Endpoint(
        row="GET /api/v1/openapi.json",
        does="This document.",
        handler=serve,
        answer=dict[str, Any],
    )
    everything = [own, *endpoints]
    plain = document(everything)
    return everything


def _operation(endpoint: Endpoint, by_type: Mapping[str, Any]) -> dict[str, Any]:
    success = {
        status: _response(status, endpoint.answer, by_type, endpoint.gives)
        for status in endpoint.statuses
    }
    refusals = {status: _response(status, ErrorAnswer, by_type) for status in _refusals(endpoint)}
    operation: dict[str, Any] = {
        "summary": endpoint.does,
        "description": f"For: {', '.join(_who(endpoint.roles))}.",
        "operationId": _operation_id(endpoint),
        "parameters": [
            *_path_parameters(endpoint),
            *_query_parameters(endpoint),
            *map(_header, endpoint.headers),
        ],
        "responses": {str(s): r for s, r in sorted({**success, **refusals}.items())},
        "security": _security(endpoint.roles),
    }
    content: dict[str, Any] = {kind: {} for kind in endpoint.takes}
    if endpoint.form is not None:
        content[JSON] = {"schema": by_type[repr(endpoint.form)]}
    if content:
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _response(
    status: int, body: Any, by_type: Mapping[str, Any], kind: str = JSON
) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _MEANS[status]}
    if body is not None:
        response["content"] = {kind: {"schema": by_type[repr(body)]}}
    return response


def _refusals(endpoint: Endpoint) -> list[int]:
    statuses = set(endpoint.refuses)
    if "{" in endpoint.path:
        statuses.add(404)
    if Role.ANYONE not in endpoint.roles:
        statuses |= {401, 403}
    if endpoint.roles & _KEYED and Role.ANYONE not in endpoint.roles:
        statuses.add(429)
    if endpoint.form is not None or endpoint.takes:
        statuses |= {400, 413, 415}
    if endpoint.query is not None:
        statuses.add(400)
    return sorted(statuses)


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _PARAMETERS[name]},
        }
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    (schema,), components = msgspec.json.schema_components([endpoint.query], ref_template=_REF)
    form = components[schema["$ref"].rpartition("/")[2]]
    return [
        {"name": name, "in": "query", "required": name in form.get("required", ()), "schema": kind}
        for name, kind in form["properties"].items()
    ]


def _header(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[!-~]{1,128}$"}
    return {"name": name, "in": "header", "required": True, "schema": schema}


def _security(roles: frozenset[Role]) -> list[dict[str, list[str]]]:
    if Role.ANYONE in roles:
        return []
    return [{"viewer": []}] if Role.VIEWER in roles else [{"key": []}]


def _who(roles: frozenset[Role]) -> list[str]:
    return ["anyone"] if Role.ANYONE in roles else sorted(roles)


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"\w+", endpoint.path.removeprefix("/api/v1/"))
    return "_".join([endpoint.method.lower(), *words])
