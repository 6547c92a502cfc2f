"""Blocking Unix stream sockets that carry framed wire values, for threads."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transcoder.wire import Deframer, frame

_READ_BYTES = 256 * 1024
_TIMEVAL = struct.Struct("@ll")
SEND_TIMEOUT_S = 10
"""A peer that takes nothing for this long is given up."""


class Peer:
    """One connection. One thread receives, one thread sends, any may close."""

    def __init__(self, connected: socket.socket) -> None:
        # Not `settimeout`: it makes the descriptor non-blocking for the receiving thread as well.
        seconds = struct.pack("ll", int(SEND_TIMEOUT_S), 0)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        self._socket = connected

    def receive(self) -> Iterator[Any]:
        """Every value that arrives, until the peer closes. Raises `WireError` for anything else."""
        deframer = Deframer()
        while data := self._read():
            yield from deframer.feed(data)

    def send(self, data: bytes) -> bool:
        """Send framed bytes, waiting for the peer. False when it is gone or takes nothing."""
        try:
            self._socket.sendall(data)
        except OSError:
            self.close()
            return False
        return True

    def send_now(self, value: object) -> bool:
        """Send one small value without waiting; only where nothing else is sent. False when it
        found no room."""
        data = frame(value)
        try:
            sent = self._socket.send(data, socket.MSG_DONTWAIT)
        except OSError:
            return False
        if sent < len(data):
            self.close()
        return sent == len(data)

    def close(self) -> None:
        """End both directions, and with them whoever receives or sends. Again is harmless."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self) -> bytes:
        try:
            return self._socket.recv(_READ_BYTES)
        except OSError:
            return b""


def dial(path: Path) -> Peer | None:
    """A connection to `path`, or None while nobody listens there."""
    dialled = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        dialled.connect(str(path))
    except OSError:
        dialled.close()
        return None
    return Peer(dialled)


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, for our own user alone. Raises OSError."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(4)
    return listener
