"""The ingest process against a real WebRTC publisher over UDP, with a main and a worker faked.

The publisher is aiortc's RTCPeerConnection. What reaches the worker's socket is decoded.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from mediaserver.bus.messages import (
    AskHostMoment,
    CloseSession,
    HostMoment,
    Metrics,
    OpenSession,
    RouteSession,
    SessionAnswer,
    SessionEvent,
    SessionInfo,
    SessionRefused,
)
from mediaserver.bus.unix import Connection, serve
from mediaserver.config import WebRtcConfig
from mediaserver.ingest.process import run
from transcoder.control import Hello, KeyframeRequest, SourceEnd, SourceStart
from transcoder.values import AccessUnit

TIMEOUT_S = 20


class Pictures(MediaStreamTrack):
    """A moving picture at 60 a second. A live source is paced: that is its clock, not a wait."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    async def recv(self) -> av.VideoFrame:
        self._number += 1
        await asyncio.sleep(1 / 60)
        picture = np.full((144, 176, 3), self._number * 5 % 256, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._number * 1500, Fraction(1, 90_000)
        return frame


class Sound(MediaStreamTrack):
    """Silence in packets of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    async def recv(self) -> av.AudioFrame:
        self._number += 1
        await asyncio.sleep(1 / 50)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48_000, self._number * 960
        frame.time_base = Fraction(1, 48_000)
        return frame


class House:
    """main and two workers around one ingest process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.units: dict[str, asyncio.Queue[Any]] = {"a": asyncio.Queue(), "b": asyncio.Queue()}
        self.workers: dict[str, Connection] = {}
        self.main: Connection | None = None
        self.metrics = b""
        self._publishers: list[RTCPeerConnection] = []
        self._servers: list[asyncio.Server] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self, **settings: Any) -> None:
        self._servers.append(await serve(self.folder / "main", self._serve_ingest))
        for name in self.units:
            self._servers.append(await serve(self.folder / name, self._serve_units(name)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = WebRtcConfig(host="127.0.0.1", port=self.port, **settings)
        self._task = asyncio.create_task(
            run(bus_path=self.folder / "main", settings=config, ingest_id="i1")
        )
        assert await self.hear(Hello) == Hello(role="ingest", id="i1", pid=os.getpid())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        for publisher in self._publishers:
            await publisher.close()
        for server in self._servers:
            server.close()

    def send(self, message: object) -> None:
        assert self.main is not None
        self.main.send(message)

    async def hear(self, kind: type[Any]) -> Any:
        """The next message of `kind` from ingest; others before it are dropped."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                message = await self.heard.get()
                if isinstance(message, kind):
                    return message

    async def open(self, offer: str, *, session: str = "s1") -> SessionAnswer | SessionRefused:
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

    async def publish(self, codec: str, *, session: str = "s1") -> RTCPeerConnection:
        publisher = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._publishers.append(publisher)
        publisher.addTransceiver(Sound(), direction="sendonly")
        transceiver = publisher.addTransceiver(Pictures(), direction="sendonly")
        wanted = [
            c
            for c in RTCRtpSender.getCapabilities("video").codecs
            if c.mimeType.lower() in (f"video/{codec}", "video/rtx")
        ]
        transceiver.setCodecPreferences(wanted)
        await publisher.setLocalDescription(await publisher.createOffer())
        reply = await self.open(publisher.localDescription.sdp, session=session)
        assert isinstance(reply, SessionAnswer)
        await publisher.setRemoteDescription(RTCSessionDescription(reply.answer, "answer"))
        return publisher

    async def take(self, worker: str, *, frames: int) -> list[Any]:
        """What comes to a worker, until it has so many pictures."""
        got: list[Any] = []
        async with asyncio.timeout(TIMEOUT_S):
            while sum(isinstance(m, AccessUnit) and m.kind == "video" for m in got) < frames:
                got.append(await self.units[worker].get())
        return got

    async def lose_main(self) -> None:
        """main's socket vanishes and is dialled again."""
        assert self.main is not None
        await self.main.close()

    async def _serve_ingest(self, connection: Connection) -> None:
        self.main = connection
        async for message in connection:
            if isinstance(message, Metrics):
                self.metrics = message.text
            self.heard.put_nowait(message)

    def _serve_units(self, name: str) -> Callable[[Connection], Any]:
        async def handle(connection: Connection) -> None:
            self.workers[name] = connection
            async for message in connection:
                self.units[name].put_nowait(message)

        return handle


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    before = asyncio.all_tasks()
    made = House(tmp_path)
    yield made
    await made.stop()
    for _ in range(20):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() - before if "mediaserver" in repr(task)]
    assert not left


def decoded(units: list[AccessUnit], codec: str) -> int:
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    pictures = sum(len(context.decode(av.Packet(unit.data))) for unit in units)
    return pictures + len(context.decode(None))


def of(kind: str, messages: list[Any]) -> list[AccessUnit]:
    return [m for m in messages if isinstance(m, AccessUnit) and m.kind == kind]


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_a_publish_reaches_its_worker_whatever_strangers_send(
    house: House, codec: str
) -> None:
    await house.start()
    await house.publish(codec)
    assert (await house.hear(SessionEvent)).state == "connected"
    assert (await house.hear(SessionEvent)).state == "media"
    messages = await house.take("a", frames=10)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(30):
            hello = b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x01\x01" + bytes(50)
            for datagram in (b"", hello, b"\x80\xe0" + bytes(60), b"\x00\x01\x00\x00", b"?" * 1500):
                stranger.sendto(datagram, ("127.0.0.1", house.port))
            messages += await house.take("a", frames=1 + number % 2)
    start, *_ = messages
    assert isinstance(start, SourceStart)
    assert (start.epoch, start.source) == ("e1", 2)
    video, audio = of("video", messages), of("audio", messages)
    assert video[0].keyframe
    assert not any(unit.damaged for unit in video)
    assert {unit.codec for unit in messages[1:]} == {codec, "opus"}
    assert decoded(video, codec) == len(video) >= 50
    assert len(audio) > 10
    for units in (video, audio):
        ticks = [unit.pts for unit in units]
        assert ticks == sorted(set(ticks))
        assert ticks[0] >= 0
    assert min(video[0].pts, audio[0].pts) < 9000


async def test_a_session_ends_when_main_says_so(house: House) -> None:
    await house.start()
    await house.publish("vp8")
    await house.take("a", frames=3)
    house.send(CloseSession(session="s1"))
    event = await house.hear(SessionEvent)
    while event.state != "closed":
        event = await house.hear(SessionEvent)
    async with asyncio.timeout(TIMEOUT_S):
        while await house.units["a"].get() != SourceEnd(source=2):
            pass


async def test_main_asks_which_frame_a_host_was_living_in(house: House) -> None:
    await house.start()
    house.send(AskHostMoment(request=1, session="none", host_utc_us=1))
    assert await house.hear(HostMoment) == HostMoment(request=1, pts=None)
    await house.publish("vp8")
    moment = HostMoment(request=1, pts=None)
    async with asyncio.timeout(TIMEOUT_S):
        while moment.pts is None:  # until a sender report has come
            (*_, frame) = of("video", await house.take("a", frames=1))
            asked = moment.request + 1
            house.send(
                AskHostMoment(request=asked, session="s1", host_utc_us=time.time_ns() // 1000)
            )
            moment = await house.hear(HostMoment)
            assert moment.request == asked
    assert abs(moment.pts - frame.pts) < 2 * 90_000
    house.send(AskHostMoment(request=0, session="s1", host_utc_us=1))
    assert await house.hear(HostMoment) == HostMoment(request=0, pts=None)


async def test_a_session_ends_when_the_publisher_leaves(house: House) -> None:
    await house.start()
    publisher = await house.publish("vp8")
    await house.take("a", frames=3)
    await publisher.close()
    event = await house.hear(SessionEvent)
    while event.state != "closed":
        event = await house.hear(SessionEvent)
    assert event.reason == "the publisher has left"


async def test_the_session_outlives_main_and_is_told_when_it_is_back(house: House) -> None:
    await house.start()
    await house.publish("vp8")
    await house.take("a", frames=3)
    await house.lose_main()
    assert (await house.hear(Hello)).role == "ingest"
    info = await house.hear(SessionInfo)
    assert (info.session, info.show, info.epoch, info.source) == ("s1", "show1", "e1", 2)
    assert info.state == "media"
    assert info.anchor is not None
    assert not any(unit.damaged for unit in of("video", await house.take("a", frames=10)))
    await house.hear(Metrics)
    assert b'comptoir_ingest_frames_total{kind="video",show="show1"}' in house.metrics


async def test_another_worker_begins_with_a_keyframe_that_was_asked_for(house: House) -> None:
    await house.start()
    await house.publish("vp8")
    await house.take("a", frames=10)
    house.send(RouteSession(session="s1", au_socket=str(house.folder / "b")))
    messages: list[Any] = []
    while not any(unit.keyframe for unit in of("video", messages)):
        messages += await house.take("b", frames=1)
    assert isinstance(messages[0], SourceStart)
    house.workers["b"].send(KeyframeRequest(source=2))
    messages = []
    while not any(unit.keyframe for unit in of("video", messages)):
        messages += await house.take("b", frames=1)


async def test_a_publisher_that_falls_silent_is_noticed_and_heard_again(house: House) -> None:
    await house.start(silent_after_s=0.5)
    publisher = await house.publish("vp8")
    await house.take("a", frames=3)
    senders = publisher.getSenders()
    tracks = [sender.track for sender in senders]
    for sender in senders:
        sender.replaceTrack(None)
    event = await house.hear(SessionEvent)
    while event.state != "silent":
        event = await house.hear(SessionEvent)
    assert event.reason == "no frame for 0.5 s"
    for sender, track in zip(senders, tracks, strict=True):
        sender.replaceTrack(track)
    assert (await house.hear(SessionEvent)).state == "media"


async def test_a_publisher_that_never_connects_is_let_go(house: House) -> None:
    await house.start(connect_timeout_s=2)
    publisher = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    publisher.addTransceiver("video", direction="sendonly")
    await publisher.setLocalDescription(await publisher.createOffer())
    assert isinstance(await house.open(publisher.localDescription.sdp), SessionAnswer)
    await publisher.close()
    event = await house.hear(SessionEvent)
    assert (event.state, event.reason) == ("closed", "no connection within 2 s")


async def test_refusals_carry_a_status_and_a_sentence(house: House) -> None:
    await house.start(max_sessions=1)
    refused = await house.open("nonsense")
    assert isinstance(refused, SessionRefused)
    assert (refused.status, refused.code) == (400, "offer_malformed")
    publisher = await house.publish("vp8")
    again = await house.open(publisher.localDescription.sdp)
    assert isinstance(again, SessionRefused)
    assert (again.status, again.code) == (409, "session_exists")
    full = await house.open(publisher.localDescription.sdp, session="s2")
    assert isinstance(full, SessionRefused)
    assert (full.status, full.code) == (503, "ingest_full")
    house.send(CloseSession(session="unknown"))
    house.send(RouteSession(session="unknown", au_socket="x"))
    await house.take("a", frames=1)
