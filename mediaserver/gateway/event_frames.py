"""The messages of the event socket as finished WebSocket frames (RFC 6455 §5.2). Pure.

A message is made once for each of the two encodings, whoever is to have it. A server's frames are
not masked (§5.1), so the same bytes do for every socket.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from overlay.values import ShowEvent

Encoding = Literal["json", "msgpack"]

SUBPROTOCOLS: Mapping[str, Encoding] = {
    "comptoir.v1.json": "json",
    "comptoir.v1.msgpack": "msgpack",
}
MAX_CLIENT_MESSAGE_BYTES = 4096

_FIN, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x80, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES: Mapping[Encoding, int] = {"json": _TEXT, "msgpack": _BINARY}
_UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)


class BadMessage(Exception):
    """What a client sent is no message of the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """One message, framed, in each encoding."""

    json: bytes
    msgpack: bytes

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.json) + len(self.msgpack)

    def of(self, encoding: Encoding) -> bytes:
        """The bytes for a socket of that encoding."""
        return self.json if encoding == "json" else self.msgpack


def framed(message: Mapping[str, Any]) -> Frames:
    """The message in both encodings."""
    return Frames(json=frame(message, "json"), msgpack=frame(message, "msgpack"))


def frame(message: Mapping[str, Any], encoding: Encoding) -> bytes:
    """The message in one encoding."""
    encode = msgspec.json.encode if encoding == "json" else msgspec.msgpack.encode
    return _frame(_OPCODES[encoding], encode(message))


def hello(
    *, epoch: str, offset: int, recovered: bool, state: Mapping[str, Any] | None
) -> dict[str, Any]:
    """First on every socket, and again when all that was known is void (`recovered` is false).

    The next event is number `offset` + 1.
    """
    return {
        "type": "hello",
        "epoch": epoch,
        "offset": offset,
        "recovered": recovered,
        "state": state,
    }


def event(line: ShowEvent) -> dict[str, Any]:
    """One line of the show's log."""
    return {
        "type": "event",
        "epoch": line.epoch,
        "offset": line.offset,
        "media_epoch": line.media_epoch,
        "pts": line.pts,
        "utc_us": line.utc_us,
        "event": line.type,
        "data": line.data,
    }


def air(state: str, epoch: str | None) -> dict[str, Any]:
    """How the show fares has changed; `epoch` is the media epoch to watch."""
    return {"type": "air", "state": state, "epoch": epoch}


def audience(viewers: int) -> dict[str, Any]:
    """How many watch has changed; said at most every few seconds."""
    return {"type": "audience", "viewers": viewers}


def said(data: bytes | str, encoding: Encoding) -> Mapping[str, Any]:
    """A client's message. Raises `BadMessage`."""
    decode = msgspec.json.decode if encoding == "json" else msgspec.msgpack.decode
    try:
        message: dict[str, Any] = decode(data, type=dict[str, Any])  # type: ignore[arg-type]
    except _UNREADABLE as exc:
        raise BadMessage(f"no message of this protocol: {exc}") from None
    return message


def clock(question: Mapping[str, Any], encoding: Encoding, server_ms: int) -> bytes:
    """The framed answer to a client's `clock`. Raises `BadMessage` where its `t` cannot be
    given back."""
    try:
        return frame({"type": "clock", "t": question.get("t"), "server_ms": server_ms}, encoding)
    except _UNREADABLE as exc:
        raise BadMessage(f"no message of this protocol: {exc}") from None


def pong(payload: bytes) -> bytes:
    """The answer to a ping, with "identical 'Application data'" (§5.5.3)."""
    return _frame(_PONG, payload)


def close(code: int, reason: str) -> bytes:
    """The end (§5.5.1); `reason` has at most 123 bytes."""
    return _frame(_CLOSE, struct.pack(">H", code) + reason.encode())


def _frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        head = struct.pack(">BB", _FIN | opcode, length)
    elif length < 65_536:
        head = struct.pack(">BBH", _FIN | opcode, 126, length)
    else:
        head = struct.pack(">BBQ", _FIN | opcode, 127, length)
    return head + payload


PING = _frame(_PING, b"")
GOING_AWAY = close(1001, "The server stops. Connect again.")
