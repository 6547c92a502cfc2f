"""What a client's frames must keep beyond what aiohttp looks at, before aiohttp reads them.

aiohttp tells of whole messages: a message that never ends is never told of, and costs its sender
nothing. It takes frames without a mask, and does not see that a message begins inside another whose
first frame was empty. Here all that ends the connection (RFC 6455):

- §5.1, a frame that is not masked: 1002;
- §5.4, a message inside another, or the continuation of none: 1002;
- a frame that does not end its message, one too many in this second: 1008.

Everything else is aiohttp's.
"""

from collections.abc import Callable
from typing import Protocol

_FIN, _OPCODE, _CONTROL = 0x80, 0x0F, 0x08
_MASKED, _LENGTH = 0x80, 0x7F
_MASK_BYTES = 4
PROTOCOL_ERROR, POLICY_VIOLATION = 1002, 1008


class Parser(Protocol):
    """aiohttp's reader of frames."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]: ...

    def feed_eof(self) -> None: ...


class FrameGuard:
    """Between a connection and its `Parser`, which gets all that comes before a refused frame.

    `heard` is asked for each frame that does not end its message; `fail` is told at most once, with
    the code to close with, unless the parser found an error before; nothing is taken any more.
    """

    __slots__ = ("_fail", "_failed", "_head", "_heard", "_inside", "_left", "_parser")

    def __init__(
        self,
        parser: Parser,
        *,
        heard: Callable[[], bool],
        fail: Callable[[int, str], None],
    ) -> None:
        self._parser = parser
        self._heard = heard
        self._fail = fail
        self._failed = False
        self._head = bytearray()
        """Of the frame that begins, until it is whole; at most 14 bytes."""
        self._left = 0
        """Of the payload of the frame that came last."""
        self._inside = False
        """Whether a message has begun and not ended."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """As the parser's own: whether that is the end, and what was left over."""
        if self._failed:
            return True, b""
        at, end = 0, len(data)
        while at < end:
            if self._left:
                step = min(self._left, end - at)
                self._left -= step
                at += step
                continue
            begun = at
            at = self._take_head(data, at)
            if self._is_whole and (wrong := self._begin()) is not None:
                self._failed = True
                ended, _ = self._parser.feed_data(data[:begun])
                if not ended:
                    self._fail(*wrong)
                return True, b""
        return self._parser.feed_data(data)

    def feed_eof(self) -> None:
        """The connection has ended."""
        self._parser.feed_eof()

    @property
    def _is_whole(self) -> bool:
        return len(self._head) >= 2 and len(self._head) == _head_bytes(self._head[1])

    def _take_head(self, data: bytes, at: int) -> int:
        head = self._head
        wanted = 2 if len(head) < 2 else _head_bytes(head[1])
        taken = data[at : at + wanted - len(head)]
        head += taken
        return at + len(taken)

    def _begin(self) -> tuple[int, str] | None:
        """The head is whole: expect its payload. What is wrong with it, as code and reason."""
        head, inside = self._head, self._inside
        first, second = head[0], head[1]
        length = second & _LENGTH
        if length >= 126:
            length = int.from_bytes(head[2 : 2 + _length_bytes(second)], "big")
        self._left = length
        self._head = bytearray()
        if not second & _MASKED:
            return PROTOCOL_ERROR, "A client masks its frames."
        if first & _CONTROL:
            return None
        if inside == bool(first & _OPCODE):
            return PROTOCOL_ERROR, "A message begins in another, or none goes on."
        self._inside = not first & _FIN
        if self._inside and not self._heard():
            return POLICY_VIOLATION, "Too many messages."
        return None


def _length_bytes(second: int) -> int:
    return {126: 2, 127: 8}.get(second & _LENGTH, 0)


def _head_bytes(second: int) -> int:
    """How long the head is, by its second byte (§5.2)."""
    return 2 + _length_bytes(second) + (_MASK_BYTES if second & _MASKED else 0)
