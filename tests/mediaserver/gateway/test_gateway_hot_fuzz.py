"""Strangers' bytes: whatever comes, however it is cut, is answered alike, and nothing grows."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediaserver.gateway.hot import asking
from mediaserver.gateway.hot import head as heads
from mediaserver.gateway.hot.body import ChunkedEnd, LengthEnd
from mediaserver.gateway.hot.connection import HotConnection
from mediaserver.gateway.hot.head import BadHead, Head, HeadParser, head_end
from mediaserver.gateway.hot.limits import Limits
from mediaserver.gateway.hot.listener import Listener
from mediaserver.gateway.hot.metrics import HotMetrics
from mediaserver.gateway.hot.targets import (
    MAX_KNOWN_TARGET_BYTES,
    MAX_TARGETS,
    Targets,
    parse_target,
)
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.shows import Shows
from mediaserver.gateway.turns import CHUNK

CASES = 20_000
SEEDS = (
    b"GET /live/demo/e1/720p/media.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /live/demo/e1/720p/media.m3u8?_HLS_msn=1&_HLS_part=2 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /live/demo/e1/720p/media.m3u8?_HLS_msn=0&_HLS_skip=YES HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /live/demo/e1/720p/part-7.m4s HTTP/1.1\r\nHost: x\r\nRange: bytes=1-4\r\n\r\n",
    b"GET /live/demo/e1/720p/seg-0.m4s HTTP/1.0\r\nRange: bytes=-4\r\nIf-Range: x\r\n\r\n",
    b"GET http://h/live/demo/index.m3u8 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0.1\r\n\r\n",
    b"OPTIONS /live/demo/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    b"GET /live/demo/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\n\r\n",
)
BITS = (
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"\0",
    b"\xff",
    b" ",
    b"%",
    b"Host: y\r\n",
    b"HTTP/1.0",
    b"a" * 9000,
    b"X: y\r\n" * 200,
)


class Wire(asyncio.Transport):
    """Takes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        assert not self.closing
        self.written += bytes(data)

    def writelines(self, buffers: Any) -> None:
        self.write(b"".join(buffers))

    def close(self) -> None:
        self.closing = True

    abort = close

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Echo:
    """A cold layer that keeps what it is given, for good."""

    def __init__(self) -> None:
        self.took = b""

    def handler(self, owner: Any) -> Any:
        return self

    def connection_made(self, transport: Any) -> None:
        pass

    def data_received(self, data: bytes) -> None:
        self.took += data

    def lose(self, exc: Any) -> None:
        pass


def mutated(rng: random.Random) -> bytes:
    """One or two requests, a little or badly damaged."""
    data = bytearray(b"".join(rng.choice(SEEDS) for _ in range(rng.randint(1, 2))))
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data[at:at] = rng.choice(BITS)
            case 1:
                del data[at : at + rng.randint(1, 8)]
            case 2 if at < len(data):
                data[at] = rng.randrange(256)
            case _:
                data[at:at] = rng.randbytes(rng.randint(1, 4))
    return bytes(data)


def served(
    listener: Listener, data: bytes, cuts: list[int], *, first: bytes = b""
) -> tuple[bytes, bytes]:
    """What is answered to `data` cut at `cuts`, and what the cold layer gets of it."""
    cold = Echo()
    listener.cold = cold  # type: ignore[assignment] # narrow on purpose
    listener.crowd.left = CHUNK
    wire, connection = Wire(), HotConnection(listener)
    connection.connection_made(wire)
    if first:
        connection.data_received(first)
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if begin < end and not wire.closing:
            connection.data_received(data[begin:end])
    connection.connection_lost(None)
    return wire.written, cold.took


@pytest.fixture
async def listener(broadcast: Any, clock: Any) -> Listener:
    """One that nobody connects to, over a show with eight parts."""
    shows = Shows(window_s=12)
    show = broadcast()
    for message in (show.status(), *show.inits(), *show.many(8)):
        shows.apply(message, clock())
    shows.publish_due(clock())

    async def never(_: Any) -> Any:
        raise AssertionError

    listener = Listener(
        origin=Origin(shows),
        handle=never,
        metrics=HotMetrics(clock),
        limits=Limits(connections_per_address=10),
        clock_ns=clock,
    )
    listener.date = lambda: b"Date: now\r\n"  # type: ignore[method-assign] # the same in all runs
    return listener


async def test_any_bytes_are_answered_alike_however_they_are_cut(
    listener: Listener,
) -> None:
    rng = random.Random(6)
    statuses: set[bytes] = set()
    for _ in range(CASES):
        data = mutated(rng)
        whole, cold = served(listener, data, [])
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randint(1, 6)))
        again, cold_again = served(listener, data, cuts)
        assert again == whole, (data, cuts)
        assert cold_again == cold[: len(cold_again)], (data, cuts)
        for line in whole.split(b"HTTP/1.1 ")[1:]:
            statuses.add(line[:3])
    assert {s for s in statuses if s.startswith(b"5")} <= {b"501"}
    assert {b"200", b"206", b"204", b"400", b"404", b"431", b"414"} <= statuses
    assert len(listener) == 0
    assert listener.origin._shows.waiting == 0


async def test_any_bytes_are_answered_alike_whether_their_like_was_seen_or_not(
    listener: Listener,
) -> None:
    rng = random.Random(7)
    shortcuts = listener.shortcuts.known
    cut_short = 0
    for _ in range(CASES):
        data = mutated(rng)
        shortcuts.clear()
        listener.heads.known.clear()
        asked = served(listener, data, [], first=SEEDS[0])
        known = dict(shortcuts)
        again = served(listener, data, [], first=SEEDS[0])
        assert again == asked, data
        cut_short += any(data.startswith(line + b" ") for line in known)
    assert cut_short > CASES // 10


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_head_is_parsed_or_refused_and_the_parser_goes_on(data: bytes, cut: int) -> None:
    parser = HeadParser()
    for piece in (data, data[:cut] + SEEDS[0], SEEDS[0]):
        found: Head | None = None
        try:
            end = head_end(piece)
            found = parser.parse(piece[:end]) if end else None
        except BadHead as exc:
            assert exc.fault
    assert found is not None
    assert found.target == b"/live/demo/e1/720p/media.m3u8"


REST = b" HTTP/1.1\r\nHost: x\r\nRange: bytes=1-\r\nConnection: close\r\n\r\n"
USED = HeadParser()


def said(parser: HeadParser, data: bytes) -> object:
    try:
        head = parser.parse(data)
    except BadHead as exc:
        return exc.fault
    return (
        head.method, head.target, head.keep_alive, head.old, head.range, head.encodings,
        head.body_bytes, head.chunked, head.upgrade, head.expects,
    )  # fmt: skip


@given(
    st.binary(max_size=12) | st.text("/aA0?=&%-._~ #\t", max_size=12).map(str.encode),
    st.sampled_from([REST, REST.replace(b"1.1", b"1.0"), SEEDS[0][39:], b"\r\n\r\n"]),
)
@example(b" /", REST)
def test_a_head_says_the_same_when_its_like_was_seen_before(target: bytes, rest: bytes) -> None:
    for data in (b"GET " + target + rest, b"GET /" + target + rest):
        assert said(USED, data) == said(HeadParser(), data)
        said(USED, b"GET /seen" + rest)
        assert said(USED, data) == said(HeadParser(), data)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.data())
def test_the_end_of_a_chunked_body_is_found_in_any_cut(chunks: list[bytes], draw: Any) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\nX: y\r\n\r\n"
    data = body + b"GET /next"
    end, used, at = ChunkedEnd(), 0, 0
    while at < len(data) and not end.done:
        size = draw.draw(st.integers(1, len(data)))
        took = end.take(data[at : at + size])
        assert took is not None
        used, at = used + took, at + size
    assert end.done
    assert used == len(body)


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_any_bytes_as_a_chunked_body_are_taken_or_given_up(pieces: list[bytes]) -> None:
    end = ChunkedEnd()
    for piece in pieces:
        took = end.take(piece)
        if took is None:
            break
        assert 0 <= took <= len(piece)
        assert len(end._line) <= 4096 + 100


def test_a_body_of_a_known_length() -> None:
    end = LengthEnd(5)
    assert (end.take(b"abc"), end.done) == (3, False)
    assert (end.take(b"defg"), end.done) == (2, True)
    assert LengthEnd(0).done


@given(st.binary(max_size=100))
def test_any_target_is_looked_up(raw: bytes) -> None:
    parse_target(b"/live/" + raw)
    parse_target(b"http://" + raw)


def test_targets_are_remembered_within_bounds() -> None:
    targets = Targets()
    for n in range(3 * MAX_TARGETS):
        assert targets.find(b"/live/a/e/r/part-%d.m4s" % n) is not None
    assert len(targets._known) <= MAX_TARGETS
    assert targets.find(b"/other") is None
    found = targets.find(b"HTTPS://host:1/live/a/state?x=1")
    assert found is not None
    assert found.path.kind == "state"


def test_only_short_words_of_strangers_are_remembered() -> None:
    targets = Targets()
    for n in range(100):
        assert targets.find(b"/live/demo/state?a=%d" % n + b"x" * MAX_KNOWN_TARGET_BYTES)
    assert not targets._known
    assert targets.find(b"/live/demo/state") is targets.find(b"/live/demo/state")
    for n in range(100):
        asking._takes_gzip(b"gzip, x%d" % n + b"x" * asking.MAX_KNOWN_ENCODINGS_BYTES)
        heads._learn(b"X-%d" % n + b"x" * heads.MAX_NAME_BYTES)
    assert max(map(len, asking._GZIP), default=0) <= asking.MAX_KNOWN_ENCODINGS_BYTES
    assert max(map(len, heads._NAMES), default=0) <= heads.MAX_NAME_BYTES


def test_strangers_words_do_not_crowd_out_what_is_common() -> None:
    parser, ask = HeadParser(), b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n"
    for n in range(2 * heads.MAX_NAMES):
        parser.parse(ask % (b"X-%d: y\r\n" % n))
        asking._takes_gzip(b"gzip, x%d" % n)
        assert len(heads._NAMES) <= heads.MAX_NAMES
        assert len(asking._GZIP) <= asking.MAX_ENCODINGS
    parser.parse(ask % b"accept-ENCODING: br, gzip\r\n")
    assert heads._NAMES[b"accept-ENCODING"] == b"accept-encoding"
    assert asking._takes_gzip(b"br, gzip")
    assert asking._GZIP[b"br, gzip"]


def test_a_remembered_head_keeps_no_parser() -> None:
    parser = HeadParser()
    known = parser.parse(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert known.remembered
    assert not hasattr(known, "parser")
