"""The worker's connection to main: dialled again whenever it is lost.

Two threads: one dials and receives, one sends what the `Outbox` has. Losing main changes nothing
for the media; it is brought up to date when it is back.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog

from transcoder.errors import WireError
from transcoder.outbox import Outbox
from transcoder.sockets import Peer, dial

log = structlog.get_logger()

DIAL_EVERY_S = 0.1
_MAX_ORDERS = 1024


class MainLink:
    """Keeps a connection to the socket at `path` from `start` to `close`.

    What main says waits for `taken`; at most 1024 wait, then the connection is cut, since main
    never has that much to say: it repeats no more cues than may wait for their frames (256).
    `wake` is called after each.
    """

    def __init__(self, path: Path, outbox: Outbox, *, wake: Callable[[], None]) -> None:
        self._path = path
        self._outbox = outbox
        self._wake = wake
        self._orders: queue.Queue[Any] = queue.Queue(_MAX_ORDERS)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._peer: Peer | None = None
        self._thread = threading.Thread(target=self._keep_connected, name="main-link")

    def start(self) -> None:
        """Begin to dial."""
        self._thread.start()

    def taken(self) -> Iterator[Any]:
        """What main has said since the last call."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._orders.get_nowait()

    def close(self) -> None:
        """Cut the connection and end the threads."""
        self._closed.set()
        with self._lock:
            if self._peer is not None:
                self._peer.close()
        self._thread.join()

    def _keep_connected(self) -> None:
        while not self._closed.is_set():
            peer = dial(self._path)
            if peer is None:
                self._closed.wait(DIAL_EVERY_S)
                continue
            with self._lock:
                self._peer = peer
            self._serve(peer)
            self._closed.wait(DIAL_EVERY_S)

    def _serve(self, peer: Peer) -> None:
        self._outbox.connected()
        sender = threading.Thread(target=self._send, args=(peer,), name="main-link-send")
        sender.start()
        log.info("main_connected")
        try:
            if not self._closed.is_set():
                self._receive(peer)
        except WireError as exc:
            log.error("main_message_refused", error=str(exc))
        except queue.Full:
            log.error("main_says_too_much")
        finally:
            peer.close()
            self._outbox.disconnected()
            sender.join()
            log.info("main_disconnected")

    def _receive(self, peer: Peer) -> None:
        for order in peer.receive():
            self._orders.put_nowait(order)
            self._wake()

    def _send(self, peer: Peer) -> None:
        while (data := self._outbox.take()) is not None and peer.send(data):
            pass
