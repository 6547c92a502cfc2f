"""The ingest alone, with a main and workers that only listen, and aiortc publishers.

For tests and benches that look at one process: the ingest runs in a task here, or as the child
process that a server starts. What it sends arrives on real sockets.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from bench.node import ROOT, free_port
from mediaserver import config as configuration
from mediaserver.bus.messages import (
    Metrics,
    OpenSession,
    SessionAnswer,
    SessionEvent,
    SessionRefused,
)
from mediaserver.bus.unix import Connection, serve
from mediaserver.config import WebRtcConfig
from mediaserver.ingest.process import run
from mediaserver.workers.setup import ChildSetup
from transcoder.control import Hello
from transcoder.values import AccessUnit

TIMEOUT_S = 20
HOST = "127.0.0.1"


class Pictures(MediaStreamTrack):
    """A moving picture at a constant rate, by its timestamps and by the clock."""

    kind = "video"

    def __init__(self, per_second: int = 60) -> None:
        super().__init__()
        self.number = 0
        self._per_second = per_second
        self._begun_s: float | None = None

    async def recv(self) -> av.VideoFrame:
        """The next picture, when it is due. A live source is paced: that is its clock."""
        now_s = time.monotonic()
        if self._begun_s is None:
            self._begun_s = now_s
        self.number += 1
        await asyncio.sleep(max(self._begun_s + self.number / self._per_second - now_s, 0))
        picture = np.full((144, 176, 3), self.number * 5 % 256, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = self.number * 90_000 // self._per_second
        frame.time_base = Fraction(1, 90_000)
        return frame


class Sound(MediaStreamTrack):
    """Silence in packets of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._begun_s: float | None = None

    async def recv(self) -> av.AudioFrame:
        """The next packet's worth, when it is due."""
        now_s = time.monotonic()
        if self._begun_s is None:
            self._begun_s = now_s
        self._number += 1
        await asyncio.sleep(max(self._begun_s + self._number / 50 - now_s, 0))
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48_000, self._number * 960
        frame.time_base = Fraction(1, 48_000)
        return frame


class House:
    """main and two workers around one ingest process. `start`, `publish`, `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.units: dict[str, asyncio.Queue[Any]] = {"a": asyncio.Queue(), "b": asyncio.Queue()}
        self.workers: dict[str, Connection] = {}
        self.main: Connection | None = None
        self.metrics = b""
        self.past: dict[str, list[str]] = {}
        """The states that each session has been in."""
        self.log_path = folder / "ingest.log"
        self.host, self.port = HOST, 0
        self._publishers: list[RTCPeerConnection] = []
        self._servers: list[asyncio.Server] = []
        self._task: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, *, host: str = HOST, process: bool = False, **settings: Any) -> None:
        """Start the ingest with these WebRTC settings, here or as a process of its own."""
        self._servers.append(await serve(self.folder / "main.sock", self._serve_ingest))
        for name in self.units:
            self._servers.append(await serve(self.folder / name, self._serve_units(name)))
        self.host, self.port = host, free_port(socket.SOCK_DGRAM)
        config = WebRtcConfig(host=host, port=self.port, **settings)
        if process:
            self._process = self._spawn(config)
        else:
            bus_path = self.folder / "main.sock"
            self._task = asyncio.create_task(
                run(bus_path=bus_path, settings=config, ingest_id="i1")
            )
        hello = await self.hear(Hello)
        assert hello == Hello(role="ingest", id="i1", pid=self.pid)

    @property
    def pid(self) -> int:
        """The process that the ingest runs in."""
        return os.getpid() if self._process is None else self._process.pid

    async def stop(self) -> None:
        """End the ingest, the publishers and everything else."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._process is not None:
            self._process.terminate()
            assert await asyncio.to_thread(self._process.wait, TIMEOUT_S) == 0
            assert self._process.stdin is not None
            self._process.stdin.close()
        for publisher in self._publishers:
            await publisher.close()
        for server in self._servers:
            server.close()

    def send(self, message: object) -> None:
        """Say something to the ingest, as main."""
        assert self.main is not None
        self.main.send(message)

    async def hear(self, kind: type[Any]) -> Any:
        """The next message of `kind` from ingest; others before it are dropped."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                message = await self.heard.get()
                if isinstance(message, kind):
                    return message

    async def state(self, state: str, *, session: str = "s1") -> SessionEvent:
        """Wait until a session is in `state`."""
        while True:
            event: SessionEvent = await self.hear(SessionEvent)
            if (event.session, event.state) == (session, state):
                return event

    async def open(self, offer: str, *, session: str = "s1") -> SessionAnswer | SessionRefused:
        """Have an offer answered."""
        self.send(
            OpenSession(
                request=5,
                session=session,
                show="show1",
                epoch="e1",
                source=2,
                offer=offer,
                au_socket=str(self.folder / "a"),
                anchor=None,
            )
        )
        reply = await self.hear(SessionAnswer | SessionRefused)  # type: ignore[arg-type]
        assert reply.request == 5
        assert isinstance(reply, SessionAnswer | SessionRefused)
        return reply

    async def publish(
        self,
        codec: str,
        *,
        session: str = "s1",
        video: MediaStreamTrack | None = None,
        answer: Callable[[str], str] = str,
    ) -> RTCPeerConnection:
        """Publish with aiortc; `answer` may rewrite what the publisher is told."""
        publisher = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._publishers.append(publisher)
        publisher.addTransceiver(Sound(), direction="sendonly")
        transceiver = publisher.addTransceiver(video or Pictures(), direction="sendonly")
        wanted = [
            c
            for c in RTCRtpSender.getCapabilities("video").codecs
            if c.mimeType.lower() in (f"video/{codec}", "video/rtx")
        ]
        transceiver.setCodecPreferences(wanted)
        await publisher.setLocalDescription(await publisher.createOffer())
        reply = await self.open(publisher.localDescription.sdp, session=session)
        assert isinstance(reply, SessionAnswer)
        told = RTCSessionDescription(answer(reply.answer), "answer")
        await publisher.setRemoteDescription(told)
        return publisher

    async def leave(self, publisher: RTCPeerConnection) -> None:
        """A publisher closes its connection."""
        self._publishers.remove(publisher)
        await publisher.close()

    async def take(self, worker: str, *, frames: int) -> list[Any]:
        """What comes to a worker, until it has so many pictures."""
        got: list[Any] = []
        async with asyncio.timeout(TIMEOUT_S):
            while sum(isinstance(m, AccessUnit) and m.kind == "video" for m in got) < frames:
                got.append(await self.units[worker].get())
        return got

    def forget(self) -> None:
        """Drop what has come and was not waited for."""
        for queue in (self.heard, *self.units.values()):
            while not queue.empty():
                queue.get_nowait()

    async def lose_main(self) -> None:
        """main's socket vanishes and is dialled again."""
        assert self.main is not None
        await self.main.close()

    def _spawn(self, config: WebRtcConfig) -> "subprocess.Popen[bytes]":
        whole = configuration.load(None, {"log": {"format": "json"}})
        setup = ChildSetup(
            role="ingest",
            name="i1",
            run_folder=self.folder,
            config=whole.model_copy(update={"webrtc": config}),
        )
        with self.log_path.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "mediaserver.workers.child", "ingest"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=ROOT,
            )
        assert process.stdin is not None
        process.stdin.write(setup.to_line())
        process.stdin.flush()
        return process

    async def _serve_ingest(self, connection: Connection) -> None:
        self.main = connection
        async for message in connection:
            if isinstance(message, Metrics):
                self.metrics = message.text
            if isinstance(message, SessionEvent):
                self.past.setdefault(message.session, []).append(message.state)
            self.heard.put_nowait(message)

    def _serve_units(self, name: str) -> Callable[[Connection], Any]:
        async def handle(connection: Connection) -> None:
            self.workers[name] = connection
            async for message in connection:
                self.units[name].put_nowait(message)

        return handle
