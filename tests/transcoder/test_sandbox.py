"""In a process of its own: what the worker gives up cannot be taken back."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from transcoder.control import EndEpoch, Hello, Listening, StartEpoch, WorkerIdle
from transcoder.profiles import Profile
from transcoder.sandbox import MEMORY_BYTES
from transcoder.sockets import Peer, listen
from transcoder.values import EpochEnd
from transcoder.wire import frame

CHILD = """
import json, resource, socket, sys
from transcoder.sandbox import enter_sandbox
enter_sandbox()
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5).close()
    reached = True
except OSError:
    reached = False
limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_CORE)]
print(json.dumps([reached, limits]))
"""

BALLAST = """
import mmap, sys
import structlog
from transcoder.sandbox import MEMORY_BYTES, enter_sandbox
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
enter_sandbox()
MAP_NORESERVE = 0x4000
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
ballast = mmap.mmap(-1, MEMORY_BYTES - 768 * 1024**2, flags=PRIVATE)  # never touched
"""
"""A sandboxed process that has 768 MiB left, so that no runaway takes the machine's memory."""

ARRAYS = """
import numpy as np
kept = []
try:
    while len(kept) < 30:
        kept.append(np.ones(64 * 1024**2, np.uint8))
except MemoryError:
    print("stopped", len(kept))
"""

ENCODERS = """
from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import Profile, plan_rungs
from transcoder.scale import solid
rung = {"name": "a", "height": 2160, "bitrate_bps": 50_000_000, "max_bitrate_bps": 50_000_000}
(plan,) = plan_rungs(Profile.from_plain({"rungs": [rung]}), 3840, 2160)
grid = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
picture = solid(3840, 2160, (60, 90, 150))
kept = []
try:
    while len(kept) < 6:
        kept.append(RungEncoder(plan, grid))
        kept[-1].encode(picture, slot=0, idr=True)
except (MediaError, MemoryError):
    print("stopped", len(kept))
"""

RESERVATION = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
]
PROT_NONE, FAILED = 0, ctypes.c_void_p(-1).value
print("reserved" if libc.mmap(None, 64 * 1024**3, PROT_NONE, PRIVATE, -1, 0) != FAILED else "")
"""

WORKER = """
import pathlib, sys, threading
from transcoder.worker import run
run(main_socket=pathlib.Path(sys.argv[1]), worker_id="w1", window_s=60, stop=threading.Event())
"""


def test_network_and_memory_are_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        child = subprocess.run(
            [sys.executable, "-c", CHILD, port], capture_output=True, text=True, check=True
        )
    reached, limits = json.loads(child.stdout.splitlines()[-1])
    assert limits == [MEMORY_BYTES, 0]
    assert "sandboxed" in child.stdout
    if "network=kept" in child.stdout.replace("'", ""):
        pytest.skip("this system permits no network namespace")
    assert not reached


@pytest.mark.parametrize(("runaway", "most"), [(ARRAYS, 12), (ENCODERS, 4)])
def test_what_takes_more_and_more_memory_is_stopped(runaway: str, most: int) -> None:
    stopped, count = _said(BALLAST + runaway).split()
    assert stopped == "stopped"
    assert 1 <= int(count) <= most


def test_address_space_that_is_only_reserved_is_free() -> None:
    """As CUDA reserves it when it begins: PROT_NONE, more than any machine has memory."""
    assert _said(BALLAST + RESERVATION) == "reserved"


def _said(program: str) -> str:
    child = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    return child.stdout.strip()


def test_a_worker_process_serves_one_epoch_in_its_sandbox(tmp_path: Path) -> None:
    listener = listen(tmp_path / "main.sock")
    child = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path / "main.sock")])
    connected, _ = listener.accept()
    main = Peer(connected)
    heard = main.receive()
    assert next(heard) == Hello(role="worker", id="w1", pid=child.pid)
    assert next(heard) == WorkerIdle()
    au_socket = str(tmp_path / "au.sock")
    start = StartEpoch(
        show="demo",
        epoch="e1",
        au_socket=au_socket,
        profile=Profile().to_plain(),
        latency="low",
        generation=0,
        next_number=0,
        next_msn=0,
        next_tick=0,
        cues=(),
        previous=(),
    )
    main.send(frame(start))
    assert next(heard) == Listening(epoch="e1", au_socket=au_socket)
    main.send(frame(EndEpoch(epoch="e1")))
    assert EpochEnd(show="demo", epoch="e1") in list(heard)
    assert child.wait(20) == 0
    main.close()
    listener.close()
