"""What OpenAPI says is what the server does: generated requests against the real app."""

import asyncio
import copy
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok

HOST, OPERATOR = "the-host-key-of-show-one", "the-key-of-the-operator"
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
SETTINGS = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
ANY_BYTES = ("/api/v1/stripe/webhook",)
"""Whatever is sent there is a legal body; its signature is what is judged."""
CHECKS = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
)


async def test_the_document_is_served_and_complete(api: Any) -> None:
    status, document = await api.call("GET /openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    rows = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert rows == {endpoint.row for endpoint in api.endpoints}


async def test_generated_requests_are_answered_as_documented(api: Any) -> None:
    for product in ("wine", "beer", "cider"):
        await api.stock(product, stock=10_000)
    await api.become_viewer()
    (cookie,) = list(api.client.session.cookie_jar)
    headers = {"Authorization": f"Bearer {OPERATOR}", "Cookie": f"{cookie.key}={cookie.value}"}
    _, document = await api.call("GET /openapi.json")
    base = f"http://{api.client.host}:{api.client.port}"
    _name_what_exists(document)
    illegal = copy.deepcopy(document)
    _fill_in_what_exists(document)
    seen = set()
    for mode, described in ((POSITIVE, document), (NEGATIVE, illegal)):
        seen |= await asyncio.to_thread(_examine, described, mode, base, headers)
    assert seen >= {
        ("GET", 200),
        ("GET", 404),
        ("PUT", 200),
        ("PUT", 400),
        ("DELETE", 204),
        ("DELETE", 404),
        ("POST", 201),
        ("POST", 204),
        ("POST", 400),
        ("POST", 404),
        ("POST", 409),
    }, sorted(seen)


def _examine(
    document: dict[str, Any], mode: GenerationMode, base: str, headers: dict[str, str]
) -> set[tuple[str, int]]:
    """Try every operation with legal or illegal requests; the (method, status) pairs that came."""
    seen: set[tuple[str, int]] = set()

    def examine(case: Any) -> None:
        response = case.call(base_url=base, headers={**(case.headers or {}), **headers})
        case.validate_response(response, checks=CHECKS)
        seen.add((case.method, response.status_code))

    shown = _any_id(document) if mode is NEGATIVE else document
    for found in schemathesis.openapi.from_dict(shown).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is NEGATIVE and (operation.body.items == [] or operation.path in ANY_BYTES):
            continue
        strategy = operation.as_strategy(generation_mode=mode)
        SETTINGS(given(case=strategy)(examine))()
    return seen


def _any_id(document: dict[str, Any]) -> dict[str, Any]:
    """An id that is favoured for nothing is not illegal."""
    shown = copy.deepcopy(document)
    for path in shown["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "id":
                    parameter["schema"] = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
    return shown


def _name_what_exists(document: dict[str, Any]) -> None:
    """Most of what is generated would name nothing that exists."""
    known = {"show": ["one", "one", "two", "three"], "id": ["beer", "cider"]}
    for path in document["paths"].values():
        for operation in path.values():
            # Every request carries good credentials; bad ones are the permission table's test.
            operation.pop("security", None)
            for parameter in operation["parameters"]:
                if parameter["name"] in known:
                    parameter["schema"] = {"enum": known[parameter["name"]]}


def _fill_in_what_exists(document: dict[str, Any]) -> None:
    """Likewise in bodies. For legal requests alone: these limits are not the server's, so what
    breaks them need not be refused."""
    forms = {name: form["properties"] for name, form in document["components"]["schemas"].items()}
    forms["OrderForm"]["contact"] = {"enum": [None, {"email": "anna@example.org"}]}
    forms["OrderForm"]["checkout"] = {"enum": ["form", None]}
    forms["WebhookForm"]["url"] = {"enum": ["http://127.0.0.1:9/in"]}
    forms["WebhookForm"]["show"] = {"enum": [None, "one"]}
    forms["WebhookForm"]["events"] = {"enum": [[], ["order.confirmed"]]}
    for name in ("CueForm", "OrderItemForm", "CartItemForm"):
        forms[name]["product"] = {"enum": ["wine"]}
    for name in ("name", "seller", "returns"):
        forms["ProductForm"][name] = {"type": "string", "pattern": "^[a-zé<>&]{1,200}$"}
    for name in ("price_minor", "stock"):
        forms["ProductForm"][name] = {"enum": [0, 1, 20_000, -1]}
    for name in ("options", "variants", "pictures"):
        forms["ProductForm"][name] = {"enum": [[]]}
    for name in ("picture", "struck_minor"):
        forms["ProductForm"][name] = {"enum": [None]}
    forms["ProductForm"]["description"] = {"type": "string", "pattern": "^[a-zé<>& ]{0,99}$"}
    document["components"]["schemas"]["ProductForm"]["required"] += ["price_minor", "stock"]
    forms["OrderItemForm"]["quantity"] = {"enum": [1, 2]}
