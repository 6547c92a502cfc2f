"""A request's head: where it ends in what has come, and what it says. Pure.

A head is parsed when all of it is there, by one parser for all connections: so a connection that
waits for its next request holds no parser, and however a client's bytes are cut, the same request
gets the same answer. Lines end in CRLF; llhttp, the parser, refuses anything else, and so does it
refuse what smuggles requests (both Content-Length and Transfer-Encoding, two Content-Lengths).
"""

import copy
import re
from typing import Final, Literal

import httptools

from mediaserver.gateway.hot.wire import Ask

MAX_LINE_BYTES = 8190
MAX_HEAD_BYTES = 32 * 1024
MAX_FIELDS = 128

MAX_KNOWN = 8192
MAX_KNOWN_BYTES = 1024
"""Of heads that are remembered: at most so many, and no longer ones."""

Fault = Literal["bad", "no_host", "uri_long", "head_large", "method_unknown"]

_EMPTY_LINE: Final = b"\r\n\r\n"
_ANY_EMPTY_LINE = re.compile(rb"\n\r?\n")
_TOKEN_BYTE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]")
_METHOD = re.compile(_TOKEN_BYTE.pattern + rb"+ ")
_PLAIN_TARGET = re.compile(rb"/[A-Za-z0-9/._~?=&%-]*")
_LONG_LINE = re.compile(rb"[^\n]{%d}" % (MAX_LINE_BYTES + 2))


class BadHead(ValueError):
    """A head that is refused, and the connection with it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault: Fault = fault


def head_end(data: bytes, at: int = 0) -> int:
    """Where the head ends that begins at `at`; 0 while it has not. Raises `BadHead`."""
    end = data.find(_EMPTY_LINE, at, at + MAX_HEAD_BYTES)
    if end > at:
        return end + 4
    if len(data) == at:
        return 0
    if not _TOKEN_BYTE.match(data, at):
        raise BadHead("bad")
    ends = _ANY_EMPTY_LINE.search(data, at, at + MAX_HEAD_BYTES)
    if ends is not None:
        return ends.end()
    if len(data) >= at + MAX_HEAD_BYTES:
        raise BadHead(_too_large(data[at:]))
    return 0


class Head:
    """What the head parsed last says. One for all connections: take what is to be kept."""

    __slots__ = (
        "_encodings",
        "_hosts",
        "_if_range",
        "_range",
        "ask",
        "body_bytes",
        "chunked",
        "expects",
        "keep_alive",
        "method",
        "old",
        "parser",
        "remembered",
        "target",
        "upgrade",
    )

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.target = b""
        self.remembered = False
        self.ask: Ask | None = None
        """Of a remembered head: the form of the answer, where a `Shortcut` has it."""
        self.on_message_begin()

    def on_message_begin(self) -> None:
        """The parser's callback; so are the others."""
        self.method = b""
        self.old = False
        """HTTP/1.0."""
        self.keep_alive = True
        self.body_bytes = 0
        """Content-Length."""
        self.chunked = False
        self.upgrade = False
        """To a WebSocket; RFC 9110 §7.8 lets a server ignore others."""
        self.expects = False
        self._hosts = 0
        self._if_range = False
        self._encodings: bytes | None = None
        self._range: bytes | None = None

    def on_url(self, url: bytes) -> None:
        self.target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        known = _NAMES.get(name)
        if known is None:
            known = _learn(name)
        match known:
            case b"":
                return
            case b"host":
                self._hosts += 1
            case b"accept-encoding":
                before = self._encodings
                self._encodings = value if before is None else before + b"," + value
            case b"range":
                self._range = value
            case b"if-range":
                self._if_range = True
            case b"content-length":
                self.body_bytes = int(value)
            case b"transfer-encoding":
                self.chunked = True
            case b"expect":
                self.expects = True
            case b"upgrade":
                self.upgrade = value.strip().lower() == b"websocket"

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        if version in ("1.0", "1.1"):
            self.method = self.parser.get_method()
        self.keep_alive = self.parser.should_keep_alive()
        self.old = version == "1.0"

    @property
    def encodings(self) -> bytes | None:
        """All of Accept-Encoding."""
        return self._encodings

    @property
    def range(self) -> str | None:
        """The value of Range; None where If-Range stands beside it."""
        return None if self._range is None or self._if_range else self._range.decode("latin-1")

    @property
    def one_host(self) -> bool:
        """RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any
        HTTP/1.1 request message that lacks a Host header field and to any request message that
        contains more than one"."""
        return self._hosts == 1 or (self._hosts == 0 and self.old)


class HeadParser:
    """Parses whole heads, one after the other.

    A client's heads differ in their target alone, so what the rest of a GET says is remembered: it
    is found by its very bytes, and the target before it must be plain.
    """

    def __init__(self) -> None:
        self._head = Head()
        self.known: dict[bytes, Head] = {}
        """By all that follows the target."""

    def parse(self, data: bytes) -> Head:
        """What `data`, exactly one head, says: good until the next call. Raises `BadHead`."""
        if len(data) > MAX_KNOWN_BYTES or not data.startswith(b"GET "):
            return self._parse(data)
        rest_at = data.find(b" ", 4)
        target, rest = data[4:rest_at], data[rest_at:]
        known = self.known.get(rest)
        if known is not None and _PLAIN_TARGET.fullmatch(target):
            known.target = target
            return known
        head = self._parse(data)
        # llhttp bears spaces before a target: what follows that gap is no rest of any other head
        if rest.startswith(b" HTTP/") and not (head.body_bytes or head.chunked):
            if len(self.known) >= MAX_KNOWN:
                self.known.clear()
            known = self.known[rest] = copy.copy(head)
            known.remembered = True
            del known.parser  # it has no more to say, and weighs more than all the rest
            if _PLAIN_TARGET.fullmatch(target):
                return known
        return head

    def _parse(self, data: bytes) -> Head:
        if len(data) > MAX_LINE_BYTES:
            _check_lines(data)
        head = self._head
        renew = True
        try:
            head.parser.feed_data(data)
            # else it would wait for the body, or take nothing more
            renew = bool(head.body_bytes or head.chunked or not head.keep_alive)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserInvalidMethodError:
            raise BadHead("method_unknown" if _METHOD.match(data) else "bad") from None
        except httptools.HttpParserError:
            raise BadHead("bad") from None
        finally:
            if renew:
                self._head = Head()
        if not head.method:
            raise BadHead("bad")  # another version, or no HTTP at all
        if data.count(b"\n") > MAX_FIELDS + 2:
            raise BadHead("head_large")
        if not head.one_host:
            raise BadHead("no_host")
        return head


_NAMES: dict[bytes, bytes] = {}
"""Names of fields as clients spell them: in lower case where they matter here, else empty. When it
is full of strangers' inventions, all are forgotten."""

MAX_NAMES = 1024
MAX_NAME_BYTES = 64
"""Longer ones are not remembered."""

_KNOWN = frozenset(
    {
        b"host",
        b"accept-encoding",
        b"range",
        b"if-range",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"upgrade",
    }
)


def _learn(name: bytes) -> bytes:
    lowered = name.lower()
    known = lowered if lowered in _KNOWN else b""
    if len(name) <= MAX_NAME_BYTES:
        if len(_NAMES) >= MAX_NAMES:
            _NAMES.clear()
        _NAMES[name] = known
    return known


def _check_lines(data: bytes) -> None:
    """Refuse a long line, but for what comes before it and would have been refused by then."""
    ends = _ANY_EMPTY_LINE.search(data)
    if not _TOKEN_BYTE.match(data):
        raise BadHead("bad")
    if _LONG_LINE.search(data, 0, ends.end() if ends else len(data)):
        raise BadHead(_too_large(data))


def _too_large(data: bytes) -> Fault:
    line = data.find(b"\n", 0, MAX_LINE_BYTES + 2)
    return "uri_long" if line < 0 else "head_large"
