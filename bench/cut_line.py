"""A TCP line that can be cut: for a while nothing comes through and nobody is told.

That is a partition as a network makes it: connections stay, what was sent is on its way, and goes
on when the line is mended. One thread for each direction of each connection; for a handful of them.
"""

import contextlib
import socket
import threading
from typing import Self

HOST = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
JOIN_S = 5.0


class CutLine:
    """Leads from a port of its own to another of this machine. Use it as a context manager."""

    def __init__(self, target_port: int) -> None:
        self._target = (HOST, target_port)
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._ended = False
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="cut-line")]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._whole.set()
        for end in [self._listener, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(JOIN_S)

    def cut(self) -> None:
        """From now on nothing comes through."""
        self._whole.clear()

    def mend(self) -> None:
        """All that was held back goes on its way."""
        self._whole.set()

    def _accept(self) -> None:
        while not self._ended:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._whole.wait()
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            self._ends += [near, far]
            for source, sink in ((near, far), (far, near)):
                pump = threading.Thread(target=self._pump, args=(source, sink), name="cut-line")
                self._threads.append(pump)
                pump.start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                self._whole.wait()
                sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
