"""RFC 6455 case by case on a bare TCP socket: what Autobahn's fuzzing client tries.

The sections are its own, the numbers within nearly: 2 pings and pongs, 3 reserved bits, 4 reserved
opcodes, 5 fragments, 6 UTF-8, 7 closing; `+` are cases of ours. Each is sent whole and again a byte
at a time. A message that is to come back is a `clock`, whose `t` is answered. Where a case goes on,
a last question is answered; where the server fails the connection, its close code is expected.

What differs from the RFC, or from what others do, and harms nobody:

- a close is answered with 1000 whatever its code ("typically echoes", §5.5.1), and 1006 and what
  lies beyond 4999 are answered so too, not failed: the connection ends either way;
- invalid UTF-8 fails the connection at the end of its message, not at the byte (§8.1 says no when);
- a length may be longer in bytes than it has to be (§5.2): it is as good a length, and bounded;
- an empty message, and any that is no map, is no message of this protocol: 1007.
"""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mediaserver.gateway.event_socket import MESSAGES_PER_S

JSON = "comptoir.v1.json"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY = b"\x1f\xa0\x37\xc5"
Until = Callable[[Callable[[], bool]], Awaitable[None]]


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """A client's frame (§5.2)."""
    size = len(payload)
    coded = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | coded[0]]) + coded[1:]
    if not masked:
        return head + payload
    return head + KEY + bytes(byte ^ KEY[n % 4] for n, byte in enumerate(payload))


def question(text: bytes) -> bytes:
    """A message that brings `text` back."""
    return b'{"type":"clock","t":"' + text + b'"}'


def ask(text: bytes, *, rsv: int = 0) -> bytes:
    return frame(TEXT, question(text), rsv=rsv)


def parts(message: bytes, *cuts: int, between: bytes = b"") -> bytes:
    """A text message in fragments, with something between them."""
    edges = [0, *cuts, len(message)]
    pieces = [message[begin:end] for begin, end in itertools.pairwise(edges)]
    last = len(pieces) - 1
    return between.join(
        frame(CONTINUATION if n else TEXT, piece, fin=n == last) for n, piece in enumerate(pieces)
    )


def bye(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is sent, and what is to come of it: the answers, then a close code; None goes on."""

    sent: bytes
    answers: tuple[str, ...] = ()
    close: int | None = None


def case(sent: bytes, *answers: str, close: int | None = None) -> Case:
    return Case(sent=sent, answers=answers, close=close)


def pong(payload: str) -> str:
    return f"pong:{payload}"


OPEN = frame(TEXT, question(b"abcdef")[:9], fin=False)
REST = frame(CONTINUATION, question(b"abcdef")[9:])
START, GO_ON = frame(TEXT, b"x", fin=False), frame(CONTINUATION, b"x", fin=False)
END = frame(CONTINUATION, b"x")

PINGS = {
    "2.1 empty ping": case(frame(PING), pong("")),
    "2.2 ping with text": case(frame(PING, b"Hello"), pong("Hello")),
    "2.3 ping with bytes": case(frame(PING, bytes(range(8))), pong(bytes(range(8)).decode())),
    "2.4 ping of 125 bytes": case(frame(PING, b"*" * 125), pong("*" * 125)),
    "2.5 ping of 126 bytes": case(frame(PING, b"*" * 126), close=1002),
    "2.5+ pong of 126 bytes": case(frame(PONG, b"*" * 126), close=1002),
    "2.5+ ping with a length of 64 bits": case(b"\x89\xff" + bytes(8) + KEY, close=1002),
    "2.7 pong nobody asked for": case(frame(PONG)),
    "2.8 pong with text": case(frame(PONG, b"unasked")),
    "2.9 pong, then ping": case(frame(PONG, b"x") + frame(PING, b"y"), pong("y")),
    "2.10 ten pings": case(
        b"".join(frame(PING, b"%d" % n) for n in range(10)), *(pong(str(n)) for n in range(10))
    ),
    "+ ping in fragments": case(frame(PING, b"a", fin=False), close=1002),
    "+ pong in fragments": case(frame(PONG, b"a", fin=False), close=1002),
    "+ close in fragments": case(frame(CLOSE, b"\x03\xe8", fin=False), close=1002),
    "+ ping without a mask": case(frame(PING, b"a", masked=False), close=1002),
}
RESERVED_BITS = {
    "3.1 text, rsv 1": case(ask(b"a", rsv=1), close=1002),
    "3.2 text, rsv 2": case(ask(b"a") + ask(b"b", rsv=2) + frame(PING), "a", close=1002),
    "3.3 text, rsv 3": case(ask(b"a") + ask(b"b", rsv=3) + frame(PING), "a", close=1002),
    "3.4 text, rsv 4": case(ask(b"a") + ask(b"b", rsv=4) + frame(PING), "a", close=1002),
    "3.5 binary, rsv 5": case(frame(BINARY, b"a", rsv=5), close=1002),
    "3.6 ping, rsv 6": case(frame(PING, b"a", rsv=6), close=1002),
    "3.7 close, rsv 7": case(frame(CLOSE, rsv=7), close=1002),
    "+ rsv in a continuation": case(
        OPEN + frame(CONTINUATION, question(b"abcdef")[9:], rsv=4), close=1002
    ),
    "+ ping, rsv 4": case(frame(PING, b"a", rsv=4), close=1002),
}
RESERVED_OPCODES = {
    **{f"4.1 opcode {code}": case(frame(code), close=1002) for code in range(3, 8)},
    **{f"4.2 opcode {code}": case(frame(code), close=1002) for code in range(11, 16)},
    **{
        f"4 opcode {code} with bytes, after a message": case(
            ask(b"a") + frame(code, b"reserved") + frame(PING), "a", close=1002
        )
        for code in (3, 4, 7, 11, 12, 15)
    },
    "+ opcode 3 in a message": case(OPEN + frame(3, b"x"), close=1002),
}
FRAGMENTS = {
    "5.1 ping in fragments": case(
        frame(PING, b"a", fin=False) + frame(CONTINUATION, b"b"), close=1002
    ),
    "5.2 pong in fragments": case(
        frame(PONG, b"a", fin=False) + frame(CONTINUATION, b"b"), close=1002
    ),
    "5.3 two fragments": case(OPEN + REST, "abcdef"),
    "5.3+ seven fragments": case(parts(question(b"abcdef"), 1, 3, 9, 20, 22, 24), "abcdef"),
    "5.3+ empty fragments around": case(
        frame(TEXT, fin=False) + frame(CONTINUATION, question(b"a"), fin=False)
        + frame(CONTINUATION, fin=False) + frame(CONTINUATION),
        "a",
    ),
    "5.6 ping between fragments": case(OPEN + frame(PING, b"p") + REST, pong("p"), "abcdef"),
    "5.6+ pings between four": case(
        parts(question(b"abc"), 3, 9, 22, between=frame(PING, b"p")), *[pong("p")] * 3, "abc"
    ),
    "5.9 continuation of nothing, then a message": case(END + ask(b"a"), close=1002),
    "5.10 the same, unfinished": case(GO_ON + ask(b"a"), close=1002),
    "5.11 the same, empty": case(frame(CONTINUATION) + ask(b"a"), close=1002),
    "5.12 continuation after a message": case(ask(b"a") + END, "a", close=1002),
    "5.13 unfinished after a message": case(ask(b"a") + GO_ON, "a", close=1002),
    "5.14 continuations after an ended one": case(OPEN + REST + GO_ON + END, "abcdef", close=1002),
    "5.15 the same, then a message": case(OPEN + REST + END + ask(b"b"), "abcdef", close=1002),
    "5.16 continuation of nothing, twice": case((GO_ON + START + END) * 2, close=1002),
    "5.17 the same, ended": case((END + START + END) * 2, close=1002),
    "5.18 text in text": case(START + frame(TEXT, b"y"), close=1002),
    "5.18+ unfinished text in text": case(START + START, close=1002),
    "5.18+ binary in text": case(START + frame(BINARY, b"y"), close=1002),
    "5.18+ text in an empty text": case(frame(TEXT, fin=False) + ask(b"a"), close=1002),
    "5.18+ unfinished text in an empty one": case(frame(TEXT, fin=False) + START, close=1002),
    "5.19 six fragments, pings among them": case(
        parts(question(b"a"), 2, 4, 6) + frame(PING, b"1")
        + parts(question(b"b"), 2, between=frame(PING, b"2")),
        "a", pong("1"), pong("2"), "b",
    ),
    "+ pings and pongs in a message": case(
        OPEN + frame(PONG) + frame(PING) + frame(PONG) + REST, pong(""), "abcdef"
    ),
    "+ text without a mask": case(frame(TEXT, question(b"a"), masked=False), close=1002),
    "+ a fragment without a mask": case(
        OPEN + frame(CONTINUATION, question(b"abcdef")[9:], masked=False), close=1002
    ),
    "+ close without a mask": case(frame(CLOSE, b"\x03\xe8", masked=False), close=1002),
    "+ a length in more bytes than it needs": case(
        b"\x89\xfe\x00\x01" + KEY + bytes([ord("a") ^ KEY[0]]), close=1002
    ),
    "+ the same of a message": case(
        b"\x81\xfe" + len(question(b"a")).to_bytes(2, "big") + ask(b"a")[2:], "a"
    ),
    "+ fragments of 4,096 bytes together": case(
        parts(question(b"a").ljust(4096), 2000, 4000), "a"
    ),
    "+ fragments of 4,097 bytes together": case(
        parts(question(b"a").ljust(4097), 2000, 4000), close=1009
    ),
    "+ a length of 2^63": case(b"\x81\xff\x80" + bytes(7) + KEY, close=1009),
    "+ a length of 2^63 - 1, continued": case(
        START + b"\x80\xff\x7f" + b"\xff" * 7 + KEY, close=1009
    ),
    "+ endless empty fragments": case(
        frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 2 * MESSAGES_PER_S, close=1008
    ),
    "+ unfinished frames and messages together, as many as may be": case(
        (frame(TEXT, fin=False) + frame(CONTINUATION, question(b"a"))) * 9, *"aaaaaaaaa"
    ),
}  # fmt: skip

INVALID = {
    "6.3.1 a surrogate among words": b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80edited",
    "6.8.1 first byte of two, alone": b"\xc3",
    "6.8.2 first byte of three, alone": b"\xe2",
    "6.8.3 two bytes of three": b"\xe2\x82",
    "6.10 lengths of five and six": b"\xf8\x88\x80\x80\x80",
    "6.10.2 six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "6.11.5 beyond the last character": b"\xf4\x90\x80\x80",
    "6.12.1 continuation byte, alone": b"\x80",
    "6.12.2 the last continuation byte": b"\xbf",
    "6.12.8 all continuation bytes": bytes(range(0x80, 0xC0)),
    "6.13.1 first bytes of two, each alone": b"\xc0 \xc1 \xdf ",
    "6.13.3 first bytes of four, each alone": b"\xf0 \xf1 \xf7 ",
    "6.14.1 last byte missing": b"\xc0",
    "6.15.1 all those together": b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80",
    "6.16.1 a byte that never is": b"\xfe",
    "6.16.2 the other": b"\xff",
    "6.16.3 both, twice": b"\xfe\xfe\xff\xff",
    "6.17.1 overlong solidus in two": b"\xc0\xaf",
    "6.17.2 in three": b"\xe0\x80\xaf",
    "6.17.3 in four": b"\xf0\x80\x80\xaf",
    "6.18.1 the longest overlong of two": b"\xc1\xbf",
    "6.18.2 of three": b"\xe0\x9f\xbf",
    "6.18.3 of four": b"\xf0\x8f\xbf\xbf",
    "6.19.1 overlong zero in two": b"\xc0\x80",
    "6.19.3 in four": b"\xf0\x80\x80\x80",
    "6.20.1 first high surrogate": b"\xed\xa0\x80",
    "6.20.4 last high surrogate": b"\xed\xaf\xbf",
    "6.20.5 first low surrogate": b"\xed\xb0\x80",
    "6.21.1 a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "6.21.8 the last pair": b"\xed\xaf\xbf\xed\xbf\xbf",
}
VALID = {
    "6.2 four alphabets": "Hello-µ@ßöäüàá-UTF-8!!",
    "6.5 Greek": "κόσμε",
    "6.7.2 first of two bytes": "\u0080",
    "6.7.3 first of three": "\u0800",
    "6.7.4 first of four": "\U00010000",
    "6.9.1 last of one byte": "\u007f",
    "6.9.2 last of two": "\u07ff",
    "6.9.3 last of three": "\uffff",
    "6.9.4 last of all": "\U0010ffff",
    "6.11.1 before the surrogates": "\ud7ff",
    "6.11.2 after them": "\ue000",
    "6.11.3 replacement": "\ufffd",
    "6.22 no characters": "\ufffe\uffff\U0001fffe\U0001ffff\U0010fffe\U0010ffff",
    "6.23 specials": "\ufff9\ufffa\ufffb\ufffc\ufffd",
}


def split_in_characters(text: str) -> bytes:
    """A question in fragments that cut its first character of many bytes."""
    message = question(text.encode())
    begin = message.index(text.encode())
    return parts(message, begin + 1, begin + 2)


UTF_8 = {
    "6.1 an empty message": case(frame(TEXT), close=1007),
    **{name: case(ask(data), close=1007) for name, data in INVALID.items()},
    **{
        f"{name}, in fragments": case(parts(question(data), 23), close=1007)
        for name, data in INVALID.items()
    },
    **{name: case(ask(text.encode()), text) for name, text in VALID.items()},
    **{
        f"{name}, in fragments": case(split_in_characters(text), text)
        for name, text in VALID.items()
    },
}
CLOSING = {
    "7.1.1 a message, then close": case(ask(b"a") + bye(1000), "a", close=1000),
    "7.1.2 two closes": case(bye(1000) * 2, close=1000),
    "7.1.3 ping after close": case(bye(1000) + frame(PING, b"late"), close=1000),
    "7.1.4 text after close": case(bye(1000) + ask(b"late"), close=1000),
    "7.1.5 the rest of a message after close": case(OPEN + bye(1000) + REST, close=1000),
    "7.3.1 no code": case(frame(CLOSE), close=1000),
    "7.3.2 half a code": case(frame(CLOSE, b"\x03"), close=1002),
    "7.3.3 a code": case(bye(1000), close=1000),
    "7.3.4 a reason": case(bye(1000, b"Hello World!"), close=1000),
    "7.3.5 a reason of 123 bytes": case(bye(1000, b"*" * 123), close=1000),
    "7.3.6 a reason of 124 bytes": case(bye(1000, b"*" * 124), close=1002),
    "7.5.1 a reason that is no UTF-8": case(
        bye(1000, b"\xce\xba\xed\xa0\x80edited"), close=1007
    ),
    "7.5+ a reason that is UTF-8": case(bye(1000, "κόσμε".encode()), close=1000),
    **{
        f"7.7 code {code}": case(bye(code), close=1000)
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    },
    **{
        f"7.9 code {code}": case(bye(code), close=1002)
        for code in (0, 999, 1004, 1005, 1015, 1016, 1100, 2000, 2999)
    },
    "7.9.5 code 1006": case(bye(1006), close=1000),
    "7.13.1 code 5000": case(bye(5000), close=1000),
    "7.13.2 code 65535": case(bye(65535), close=1000),
}  # fmt: skip


@dataclass(slots=True)
class Talk:
    """What a server says on a bare socket, frame by frame."""

    raw: Any
    data: bytes = b""

    async def _more(self) -> None:
        received = await asyncio.get_running_loop().sock_recv(self.raw, 65_536)
        if not received:
            raise EOFError
        self.data += received

    async def _read(self, count: int) -> bytes:
        while len(self.data) < count:
            await self._more()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    async def upgraded(self) -> None:
        while b"\r\n\r\n" not in self.data:
            await self._more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        assert b" 101 " in head
        assert (await self.said())[0] == "hello"

    async def said(self) -> tuple[str, int | None]:
        """The next thing: an answer, or the code of a close."""
        first, size = await self._read(2)
        assert first & 0xF0 == 0x80
        if size == 126:
            size = int.from_bytes(await self._read(2), "big")
        payload, opcode = await self._read(size), first & 0x0F
        if opcode == CLOSE:
            return "close", int.from_bytes(payload[:2], "big")
        if opcode == PONG:
            return f"pong:{payload.decode()}", None
        message = json.loads(payload)
        return str(message["t"] if message["type"] == "clock" else message["type"]), None


async def send(raw: Any, data: bytes, *, each_byte: bool) -> None:
    loop = asyncio.get_running_loop()
    pieces = [data[n : n + 1] for n in range(len(data))] if each_byte else [data]
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            await loop.sock_sendall(raw, piece)
            await asyncio.sleep(0)


async def outcome(raw: Any, wanted: Case, *, each_byte: bool) -> Case:
    """What came of it, in the same form."""
    talk = Talk(raw)
    async with asyncio.timeout(20):
        await talk.upgraded()
    last = b"" if wanted.close else ask(b"goes on")
    sending = asyncio.create_task(send(raw, wanted.sent + last, each_byte=each_byte))
    answers: list[str] = []
    close = None
    async with asyncio.timeout(20):
        with contextlib.suppress(EOFError, ConnectionError):
            while (said := await talk.said())[0] != "goes on":
                if said[1] is None:
                    answers.append(said[0])
                else:
                    close = said[1]
        await sending
    return Case(sent=wanted.sent, answers=tuple(answers), close=close)


@pytest.mark.parametrize("each_byte", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize(
    "cases",
    [PINGS, RESERVED_BITS, RESERVED_OPCODES, FRAGMENTS, UTF_8, CLOSING],
    ids=["pings", "reserved_bits", "reserved_opcodes", "fragments", "utf_8", "closing"],
)
async def test_every_case(
    gateway: Any, aired: Any, sockets: Any, until: Until, cases: dict[str, Case], each_byte: bool
) -> None:
    differing = {}
    for name, wanted in cases.items():
        raw = await sockets.raw(receive_bytes=65_536, protocol=JSON)
        came = await outcome(raw, wanted, each_byte=each_byte)
        raw.close()
        if came != wanted:
            differing[name] = (came.answers, came.close)
    assert differing == {}
    await until(lambda: len(gateway.events) == 0)
    reasons = {1002: "malformed", 1007: "malformed", 1008: "flood", 1009: "too_big"}
    expected = Counter(reasons[each.close] for each in cases.values() if each.close in reasons)
    name = "comptoir_gateway_event_sockets_aborted_total"
    for reason in ("malformed", "flood", "too_big"):
        assert sockets.counted(f'{name}{{reason="{reason}"}}') == expected[reason]
