"""Answers as bytes on a connection: made once for all who get the same. Pure.

An answer keeps its wire form (`Answer.wire`): a head for each encoding without its ``Date``, and
the whole of it as it was in the last second. What few ask for (ranges, HEAD, a connection that is
to close) is put together from these each time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.ranges import Unsatisfiable, parse_range

SERVER = ("Server", "comptoir")
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Age, Content-Length, Content-Range, Date, Retry-After"),
)

JOIN_BYTES = 128 * 1024
"""Bodies up to this are kept joined to their head, as one buffer: a copy a second costs less than a
second buffer for each viewer."""

_NO_LENGTH = (204, 304)


@dataclass(frozen=True, slots=True)
class Ask:
    """What of a request its answer depends on, besides the resource."""

    head: bool = False
    gzip: bool = False
    close: bool = False
    old: bool = False
    """HTTP/1.0: a connection that persists must say so (RFC 9112 appendix C.2.2)."""
    range: str | None = None
    """The value of Range, where the request has no If-Range: there is no validator to match."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A response as it goes out."""

    status: int
    buffers: tuple[bytes, ...]
    body_bytes: int


class _Form:
    """An answer in one encoding."""

    __slots__ = ("_body", "_date", "_head", "_sent", "_status")

    def __init__(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        length = () if status in _NO_LENGTH else (("Content-Length", str(len(body))),)
        self._status = status
        self._head = head_bytes(status, (*headers, *length))
        self._body = body
        self._date = b""
        self._sent = Sent(status, (), 0)

    def whole(self, date: bytes) -> Sent:
        """All of it on a connection that persists; the same buffers throughout a second."""
        if date != self._date:
            head = self._head + date + b"\r\n"
            joined = len(self._body) <= JOIN_BYTES
            buffers = (head + self._body,) if joined else (head, self._body)
            self._sent = Sent(self._status, buffers, len(self._body))
            self._date = date
        return self._sent

    def other(self, ask: Ask, date: bytes) -> Sent:
        """As HEAD gives it, or with what it says of the connection."""
        head = self._head + date + _connection(ask) + b"\r\n"
        if ask.head:
            return Sent(self._status, (head,), 0)
        return Sent(self._status, (head, self._body), len(self._body))


class Wire:
    """An answer's wire form in all encodings."""

    __slots__ = ("gzip", "headers", "identity")

    def __init__(self, answer: Answer) -> None:
        headers = [*answer.headers, *CORS, SERVER]
        if answer.gzip_body is not None:
            headers.append(("Vary", "Accept-Encoding"))
        if answer.ranges:
            headers.append(("Accept-Ranges", "bytes"))
        self.headers = tuple(headers)
        self.identity = _Form(answer.status, headers, answer.body)
        self.gzip = self.identity
        if answer.gzip_body is not None:
            packed = (*headers, ("Content-Encoding", "gzip"))
            self.gzip = _Form(answer.status, packed, answer.gzip_body)


def wire_of(answer: Answer) -> Wire:
    """The answer's wire form, made when it is asked for first."""
    wire = answer.wire
    if wire is None:
        wire = Wire(answer)
        object.__setattr__(answer, "wire", wire)
    return wire


def render(answer: Answer, ask: Ask, date: bytes) -> Sent:
    """The response to `ask`; `date` is a whole ``Date`` line."""
    wire = wire_of(answer)
    if ask.range is not None and answer.ranges and not ask.head:
        ranged = _ranged(wire, answer, ask, date)
        if ranged is not None:
            return ranged
    form = wire.gzip if ask.gzip else wire.identity
    if ask.head or ask.close or ask.old:
        return form.other(ask, date)
    return form.whole(date)


def head_bytes(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """A status line and header lines, without the empty line that ends them."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{fields}".encode("latin-1")


def _ranged(wire: Wire, answer: Answer, ask: Ask, date: bytes) -> Sent | None:
    """The part of the body that is asked for; None where that is the whole."""
    try:
        part = parse_range(ask.range, len(answer.body))
    except Unsatisfiable:
        # Appendix B.1: an error is not to be cached as the media itself is
        kept = [header for header in wire.headers if header[0] != "Cache-Control"]
        size = (("Content-Range", f"bytes */{len(answer.body)}"), ("Content-Length", "0"))
        headers = (*kept, ("Cache-Control", answers.FRESH), *size)
        return Sent(416, (head_bytes(416, headers) + date + _connection(ask) + b"\r\n",), 0)
    if part is None:
        return None
    body = part.cut(answer.body)
    size = (("Content-Range", part.content_range), ("Content-Length", str(len(body))))
    head = head_bytes(206, (*wire.headers, *size)) + date + _connection(ask) + b"\r\n"
    return Sent(206, (head, body), len(body))


def _connection(ask: Ask) -> bytes:
    if ask.close:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if ask.old else b""
