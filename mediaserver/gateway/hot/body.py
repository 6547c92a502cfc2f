"""Where a request's body ends, so that what follows it on the connection is told apart. Pure.

Bodies themselves are aiohttp's to read. Where the two differ about a body the connection is never
taken back from aiohttp, and each request that it finds there is its own to answer.
"""

import re
from typing import Literal, Protocol

MAX_LINE_BYTES = 4096
MAX_TRAILER_BYTES = 8192

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class BodyEnd(Protocol):
    """Follows a body that comes in pieces."""

    done: bool

    def take(self, data: bytes) -> int | None:
        """How many bytes of `data` still belong to the body; None: it is no body that ends."""


class LengthEnd:
    """A body of a known length (RFC 9112 §6.2)."""

    __slots__ = ("_left", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def take(self, data: bytes) -> int | None:
        used = min(len(data), self._left)
        self._left -= used
        self.done = self._left == 0
        return used


class ChunkedEnd:
    """A chunked body (RFC 9112 §7.1), bounded in what it may say between its chunks."""

    __slots__ = ("_left", "_line", "_state", "_trailer_bytes", "done")

    def __init__(self) -> None:
        self.done = False
        self._state: Literal["size", "data", "trailer"] = "size"
        self._left = 0
        """Of the chunk and the line end after it."""
        self._line = b""
        self._trailer_bytes = 0

    def take(self, data: bytes) -> int | None:
        used = 0
        while used < len(data) and not self.done:
            if self._state == "data":
                step = min(len(data) - used, self._left)
                self._left -= step
                used += step
                if self._left == 0:
                    self._state = "size"
                continue
            end = data.find(b"\n", used)
            stop = len(data) if end < 0 else end + 1
            self._line += data[used:stop]
            used = stop
            if len(self._line) > MAX_LINE_BYTES:
                return None
            if end >= 0 and not self._take_line():
                return None
        return used

    def _take_line(self) -> bool:
        line, self._line = self._line, b""
        if self._state == "trailer":
            self._trailer_bytes += len(line)
            self.done = line == b"\r\n"
            return line.endswith(b"\r\n") and self._trailer_bytes <= MAX_TRAILER_BYTES
        match = _SIZE.fullmatch(line)
        if match is None:
            return False
        size = int(match[1], 16)
        self._state = "data" if size else "trailer"
        self._left = size + 2
        return True
