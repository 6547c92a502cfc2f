"""The worker's own socket: access units of one source at a time, into a bounded queue."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from transcoder.control import KeyframeRequest, SourceEnd, SourceStart
from transcoder.errors import WireError
from transcoder.sockets import Peer, listen
from transcoder.values import AccessUnit

log = structlog.get_logger()

MAX_UNITS = 600
MAX_BYTES = 32 * 1024 * 1024
MAX_MUTE = 8
"""A publish dials when it is accepted and speaks with its first frame."""

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


@dataclass(frozen=True, slots=True)
class _OnAir:
    """The connection whose units count."""

    peer: Peer
    source: int


class Intake:
    """Listens at `path` from the start to `close`, and lets one source at a time through.

    A connection is mute until its `SourceStart`, which must be of our epoch, else it is cut; at
    most `MAX_MUTE` wait so, then the eldest is cut. With it, it replaces the one before, unless
    that is of a *newer* source: sources are fenced by their number, so that one that was taken over
    and does not know it yet disturbs nothing. What a replaced connection still had on its way is
    dropped. A source that is replaced, or lost without a `SourceEnd`, is given one. `wake` is
    called whenever something has arrived.
    """

    def __init__(self, path: Path, *, epoch: str, wake: Callable[[], None]) -> None:
        self._path = path
        self._epoch = epoch
        self._wake = wake
        self._lock = threading.Lock()
        self._units = UnitQueue()
        self._mute: list[Peer] = []
        self._on_air: _OnAir | None = None
        self._newest = 0
        """The highest source that has begun."""
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
            on_air = self._on_air
        if on_air is not None:
            on_air.peer.send_now(KeyframeRequest(source=source))

    def close(self) -> None:
        """Stop listening, cut the connections, end the threads, remove the socket."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        readers: list[threading.Thread] = []
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                break
            peer = Peer(connected)
            with self._lock:
                self._mute.append(peer)
                eldest = self._mute.pop(0) if len(self._mute) > MAX_MUTE else None
            if eldest is not None:
                eldest.close()
            reader = threading.Thread(target=self._read, args=(peer,), name="intake-read")
            reader.start()
            readers = [one for one in readers if one.is_alive()] + [reader]
        self._cut_all()
        for reader in readers:
            reader.join()

    def _cut_all(self) -> None:
        with self._lock:
            peers = [*self._mute, *([self._on_air.peer] if self._on_air else [])]
        for peer in peers:
            peer.close()

    def _read(self, peer: Peer) -> None:
        try:
            for message in peer.receive():
                if not self._take(peer, message):
                    break
                self._wake()
        except WireError as exc:
            log.error("ingest_message_refused", error=str(exc))
        finally:
            peer.close()
            self._left(peer)

    def _take(self, peer: Peer, message: object) -> bool:
        """Queue a message of `peer`; False when nothing more of it counts. Raises `WireError`."""
        with self._lock:
            if peer in self._mute:
                return self._begin(peer, message)
            if self._on_air is None or self._on_air.peer is not peer:
                return False
            if not isinstance(message, AccessUnit | SourceEnd):
                raise WireError(f"{type(message).__name__} has no place after SourceStart")
            self._units.put(message)
            return True

    def _begin(self, peer: Peer, message: object) -> bool:
        """The first message of `peer`; the lock is held."""
        if not isinstance(message, SourceStart):
            raise WireError("a connection begins with SourceStart")
        if message.epoch != self._epoch:
            raise WireError(f"SourceStart of the epoch {message.epoch[:40]!r} came, not ours")
        if message.source < self._newest:
            log.info("source_fenced_off", source=message.source, newest=self._newest)
            return False
        self._mute.remove(peer)
        before, self._on_air = self._on_air, _OnAir(peer, message.source)
        self._newest = message.source
        if before is not None:
            before.peer.close()
            self._units.put(SourceEnd(source=before.source))
        self._units.put(message)
        return True

    def _left(self, peer: Peer) -> None:
        with self._lock:
            if peer in self._mute:
                self._mute.remove(peer)
            if self._on_air is not None and self._on_air.peer is peer:
                self._units.put(SourceEnd(source=self._on_air.source))
                self._on_air = None
        self._wake()
