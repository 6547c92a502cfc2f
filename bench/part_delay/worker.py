"""The worker alone: access units in at their time by its socket, parts out by its other socket.

The worker is a process of its own (``python -m bench.part_delay.worker SOCKET``), as it is in a
server, but without its sandbox. Main and ingest are threads here.
"""

import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

from bench import film
from bench.node import ROOT
from bench.part_delay.figures import Delays
from bench.polling import wait_until
from mediaserver.config import LogConfig
from mediaserver.logs import configure
from mediaserver.profiles import find_profile
from transcoder.control import EndEpoch, Hello, Listening, SourceStart, StartEpoch, WorkerIdle
from transcoder.sockets import Peer, dial, listen
from transcoder.values import TICKS_PER_SECOND, AccessUnit, Anchor, Part
from transcoder.wire import frame
from transcoder.worker import serve

READY_TIMEOUT_S, END_TIMEOUT_S = 20.0, 20.0
OPUS_TICKS = TICKS_PER_SECOND // 50
"""A packet of sound is whole, and leaves, when it has been heard: 20 ms after its beginning."""
LEAD_S = 0.5
SETTLE_TICKS = 3 * TICKS_PER_SECOND
"""The first parts are not counted."""


def measure(path: Path, *, seconds: float, sound: bool, folder: Path) -> Delays:
    """Send the film for so long, with or without its sound. Raises `TimeoutError`."""
    folder.mkdir()
    listener = listen(folder / "main.sock")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.part_delay.worker", str(folder / "main.sock")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
        )  # fmt: skip
    try:
        listener.settimeout(READY_TIMEOUT_S)
        connected, _ = listener.accept()
        connected.settimeout(None)
        main = _Main(Peer(connected))
        sent_ns = _play(main, path, seconds=seconds, sound=sound, folder=folder)
        main.close()
        process.wait(END_TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
        listener.close()
    return _delays(main.parts, sent_ns)


class _Main:
    """Takes what the worker says, and when."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.said: list[object] = []
        self.parts: list[tuple[Part, int]] = []
        self._thread = threading.Thread(target=self._run, name="bench-main")
        self._thread.start()

    def heard(self, kind: type) -> bool:
        """Whether it has said such a thing."""
        return any(isinstance(value, kind) for value in self.said)

    def close(self) -> None:
        """Wait until the worker has said all."""
        self._thread.join()
        self.peer.close()

    def _run(self) -> None:
        for value in self.peer.receive():
            if isinstance(value, Part):
                self.parts.append((value, time.monotonic_ns()))
            else:
                self.said.append(value)


def _play(main: _Main, path: Path, *, seconds: float, sound: bool, folder: Path) -> dict[int, int]:
    """Returns when the access unit of each tick was sent."""
    au_socket = folder / "au.sock"
    wait_until(lambda: main.heard(WorkerIdle), READY_TIMEOUT_S, "the worker is warm")
    start = StartEpoch(
        show="bench", epoch="e", au_socket=str(au_socket),
        profile=find_profile("default").to_plain(), latency="low",
        generation=0, next_number=0, next_msn=0, next_tick=0, cues=(), previous=(),
    )  # fmt: skip
    main.peer.send(frame(start))
    wait_until(lambda: main.heard(Listening), READY_TIMEOUT_S, "the worker listens")
    ingest = dial(au_socket)
    if ingest is None:
        raise TimeoutError("the worker does not listen")
    long = film.longer(path, int(seconds) // film.SECONDS + 1)
    units = [each for each in film.units(long) if sound or each.kind == "video"]
    anchor = Anchor(
        utc_us=time.time_ns() // 1000, monotonic_ns=time.monotonic_ns() + int(LEAD_S * 1e9)
    )
    ingest.send(frame(SourceStart(epoch="e", source=1, anchor=anchor)))
    sent_ns: dict[int, int] = {}
    for unit in sorted(units, key=_leaves):
        if unit.pts > seconds * TICKS_PER_SECOND:
            break
        wait_s = (anchor.monotonic_ns_at(_leaves(unit)) - time.monotonic_ns()) / 1e9
        if wait_s > 0:
            time.sleep(wait_s)
        if unit.kind == "video":
            sent_ns[unit.pts] = time.monotonic_ns()
        ingest.send(frame(unit))
    main.peer.send(frame(EndEpoch(epoch="e")))
    ingest.close()
    return sent_ns


def _leaves(unit: AccessUnit) -> int:
    """The tick at which a unit leaves."""
    return unit.pts + (OPUS_TICKS if unit.kind == "audio" else 0)


def _delays(parts: list[tuple[Part, int]], sent_ns: dict[int, int]) -> Delays:
    slot_ticks = TICKS_PER_SECOND // film.FPS
    newest_tick = max(sent_ns)
    ms: dict[str, list[float]] = defaultdict(list)
    for part, came_ns in parts:
        last_tick = part.decode_time + part.duration - slot_ticks
        # What the end of the epoch sets free at once is left out.
        if SETTLE_TICKS <= last_tick < newest_tick - slot_ticks and last_tick in sent_ns:
            ms[part.rendition].append((came_ns - sent_ns[last_tick]) / 1e6)
    return Delays(ms=dict(ms))


def main(socket: str) -> int:
    """Be the worker. Returns the exit status."""
    configure(LogConfig(format="json"), process="worker")
    hello = Hello(role="worker", id="bench", pid=0)
    serve(main_socket=Path(socket), hello=hello, window_s=10.0, stop=threading.Event())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
