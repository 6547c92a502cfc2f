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
limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CORE)]
print(json.dumps([reached, limits]))
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
