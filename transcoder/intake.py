"""The worker's own socket: access units of one ingest at a time, into a bounded queue."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from transcoder.control import KeyframeRequest, SourceEnd, SourceStart
from transcoder.errors import WireError
from transcoder.sockets import Peer, listen
from transcoder.values import AccessUnit

log = structlog.get_logger()

MAX_UNITS = 600
MAX_BYTES = 32 * 1024 * 1024

Arrived = AccessUnit | SourceStart | SourceEnd


class UnitQueue:
    """What arrived and was not read yet. Pure.

    Holds `MAX_UNITS` access units (some eight seconds) and `MAX_BYTES`. When it is full an access
    unit is dropped and counted, and the next picture is marked damaged; a source's start and end
    are always kept, there is one of each for a connection.
    """

    def __init__(self) -> None:
        self._queue: deque[Arrived] = deque()
        self._bytes = 0
        self._gap = False
        self.dropped = 0
        """Access units dropped so far."""

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, arrived: Arrived) -> None:
        """Queue what arrived, or drop it."""
        if not isinstance(arrived, AccessUnit):
            self._queue.append(arrived)
        elif len(self._queue) >= MAX_UNITS or self._bytes + len(arrived.data) > MAX_BYTES:
            self.dropped += 1
            self._gap = self._gap or arrived.kind == "video"
        else:
            if self._gap and arrived.kind == "video":
                arrived, self._gap = replace(arrived, damaged=True), False
            self._queue.append(arrived)
            self._bytes += len(arrived.data)

    def drain(self) -> list[Arrived]:
        """All that is queued, in order of arrival."""
        drained = list(self._queue)
        self._queue.clear()
        self._bytes = 0
        return drained


class Intake:
    """Listens at `path` from the start to `close`; a new connection replaces the one before.

    A connection begins with the `SourceStart` of our epoch, else it is cut. When it is lost without
    a `SourceEnd`, one is made up. `wake` is called whenever something has arrived.
    """

    def __init__(self, path: Path, *, epoch: str, wake: Callable[[], None]) -> None:
        self._path = path
        self._epoch = epoch
        self._wake = wake
        self._lock = threading.Lock()
        self._units = UnitQueue()
        self._peer: Peer | None = None
        self._listener = listen(path)
        self._acceptor = threading.Thread(target=self._accept, name="intake")
        self._acceptor.start()

    @property
    def dropped(self) -> int:
        """Access units dropped so far because the queue was full."""
        return self._units.dropped

    @property
    def depth(self) -> int:
        """What waits to be read."""
        return len(self._units)

    def drain(self) -> list[Arrived]:
        """What has arrived since the last call."""
        with self._lock:
            return self._units.drain()

    def request_keyframe(self, source: int) -> None:
        """Ask the connected ingest for a keyframe of `source`; nothing happens without one."""
        with self._lock:
            peer = self._peer
        if peer is not None:
            peer.send_now(KeyframeRequest(source=source))

    def close(self) -> None:
        """Stop listening, cut the connection, end the threads, remove the socket."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        reader: threading.Thread | None = None
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                break
            self._cut()
            if reader is not None:
                reader.join()
            peer = Peer(connected)
            with self._lock:
                self._peer = peer
            reader = threading.Thread(target=self._read, args=(peer,), name="intake-read")
            reader.start()
        self._cut()
        if reader is not None:
            reader.join()

    def _cut(self) -> None:
        with self._lock:
            peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()

    def _read(self, peer: Peer) -> None:
        source: int | None = None
        try:
            for message in peer.receive():
                if source is None:
                    source = self._greeted(message)
                elif not isinstance(message, AccessUnit | SourceEnd):
                    raise WireError(f"{type(message).__name__} has no place after SourceStart")
                self._put(message)
        except WireError as exc:
            log.error("ingest_message_refused", error=str(exc))
        finally:
            peer.close()
            if source is not None:
                self._put(SourceEnd(source=source))

    def _greeted(self, message: object) -> int:
        if not isinstance(message, SourceStart):
            raise WireError("a connection begins with SourceStart")
        if message.epoch != self._epoch:
            raise WireError(f"SourceStart of the epoch {message.epoch[:40]!r} came, not ours")
        return message.source

    def _put(self, arrived: Arrived) -> None:
        with self._lock:
            self._units.put(arrived)
        self._wake()
