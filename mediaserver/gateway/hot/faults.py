"""What is said to requests that are none, and to those that only ask what they may ask."""

from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.hot.head import MAX_FIELDS, MAX_HEAD_BYTES, MAX_LINE_BYTES, Fault

READ_METHODS = "GET, HEAD, OPTIONS"

PREFLIGHT = Answer(
    status=204,
    headers=(
        ("Access-Control-Allow-Methods", READ_METHODS),
        ("Access-Control-Allow-Headers", "Range, Content-Type, Cache-Control"),
        ("Access-Control-Max-Age", "86400"),
        ("Allow", READ_METHODS),
    ),
)
"""To a browser that asks whether another origin's page may read here (Fetch standard)."""


def _fault(status: int, code: str, message: str) -> Answer:
    return answers.error(status, code, message, cache_control=answers.NO_STORE)


FAULTS: dict[Fault, Answer] = {
    "bad": _fault(400, "bad_request", "That is no HTTP/1.1 request."),
    "no_host": _fault(400, "bad_request", "A request names one host, in Host."),
    "uri_long": _fault(
        414, "uri_too_long", f"A request line has at most {MAX_LINE_BYTES} bytes here."
    ),
    "head_large": _fault(
        431,
        "head_too_large",
        f"A request's head has at most {MAX_FIELDS} fields of {MAX_LINE_BYTES} bytes here, and "
        f"{MAX_HEAD_BYTES} bytes in all.",
    ),
    "method_unknown": _fault(501, "method_unknown", "There is no such method."),
}
HEAD_LATE = _fault(408, "timeout", "The request took too long to arrive.")
