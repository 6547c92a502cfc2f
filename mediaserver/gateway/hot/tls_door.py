"""Where TLS connections come in: who has not shaken hands yet is bounded in number and in time.

A connection becomes a viewer's (`HotConnection`, with all its limits) once its handshake is done.
Until then it costs a task, a socket and some 50 KB; so there are at most `MAX_HANDSHAKES` of them,
of one address `MAX_OF_A_PARTY`, and one more is closed at once and counted as `full`. A handshake
that is not done within `HANDSHAKE_S` is given up.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from mediaserver.addresses import Network, is_of, party

MAX_HANDSHAKES = 1024
MAX_OF_A_PARTY = 128
HANDSHAKE_S = 10.0
SHUTDOWN_S = 5.0
ACCEPT_AT_ONCE = 32
"""A handshake takes most of a millisecond: between so many, viewers have their turn."""
PAUSE_S = 1.0
"""After the system has refused a socket."""

Handshake = Literal["done", "late", "plain", "failed", "full"]
"""`plain`: somebody spoke HTTP without TLS. `failed`: anything else that is no handshake."""


class HandshakeMeter(Protocol):
    """Counts them."""

    def handshake(self, outcome: Handshake) -> None:
        """One has ended."""


class TlsDoor:
    """Accepts from `start` to `close`, on listening sockets that it then owns."""

    def __init__(
        self,
        *,
        context: Callable[[], ssl.SSLContext],
        connect: Callable[[], asyncio.Protocol],
        meter: HandshakeMeter,
        room: Callable[[], int] = lambda: MAX_HANDSHAKES,
        exempt: Sequence[Network] = (),
    ) -> None:
        """`context` is asked for each handshake, `room` for how many connections may be taken yet.
        `exempt` are not limited by address."""
        self._context = context
        self._connect = connect
        self._meter = meter
        self._room = room
        self._exempt = exempt
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._shaking: dict[asyncio.Task[None], str] = {}
        self._of_party: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many are shaking hands."""
        return len(self._shaking)

    def start(self, listening: Sequence[socket.socket]) -> None:
        """Accept from now on."""
        self._listening = list(listening)
        for each in self._listening:
            each.setblocking(False)
            self._loop.add_reader(each.fileno(), self._accept, each)

    async def close(self) -> None:
        """Stop listening, and give up the handshakes under way."""
        listening, self._listening = self._listening, []
        for each in listening:
            self._loop.remove_reader(each.fileno())
            each.close()
        shaking = list(self._shaking)
        for task in shaking:
            task.cancel()
        await asyncio.gather(*shaking, return_exceptions=True)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no file descriptor is left: it would be tried again at once, forever
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(PAUSE_S, self._resume, listening)
                return
            self._admit(accepted, str(address[0]))

    def _resume(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _admit(self, accepted: socket.socket, address: str) -> None:
        who = "" if is_of(address, self._exempt) else party(address)
        crowded = who and self._of_party[who] >= MAX_OF_A_PARTY
        if crowded or len(self._shaking) >= min(MAX_HANDSHAKES, self._room()):
            accepted.close()
            self._meter.handshake("full")
            return
        accepted.setblocking(False)
        self._of_party[who] += 1
        task = self._loop.create_task(self._shake(accepted))
        self._shaking[task] = who
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        who = self._shaking.pop(task)
        self._of_party[who] -= 1
        if not self._of_party[who]:
            del self._of_party[who]

    async def _shake(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._connect,
                accepted,
                ssl=self._context(),
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except ssl.SSLError as exc:
            self._meter.handshake("plain" if exc.reason == "HTTP_REQUEST" else "failed")
        except (TimeoutError, ConnectionAbortedError):
            self._meter.handshake("late")
        except OSError:
            self._meter.handshake("failed")
        else:
            self._meter.handshake("done")
