"""The ingest process against a real WebRTC publisher over UDP, with a main and a worker faked.

The publisher is aiortc's RTCPeerConnection. What reaches the worker's socket is decoded.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from bench.house import TIMEOUT_S, House
from mediaserver.bus.messages import (
    AskHostMoment,
    CloseSession,
    HostMoment,
    Metrics,
    RouteSession,
    SessionAnswer,
    SessionEvent,
    SessionInfo,
    SessionRefused,
)
from mediaserver.ingest.session import next_look_ns
from transcoder.control import Hello, KeyframeRequest, SourceEnd, SourceStart
from transcoder.values import AccessUnit


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


@pytest.mark.parametrize(
    ("due_ms", "silent_ms", "looks_ms"),
    [
        (None, None, 500),
        (20, None, 20),
        (900, 1_500, 500),
        (900, 120, 120),
        (20, 120, 20),
        (None, 120, 120),
    ],
)
def test_the_timers_look_around_as_the_publish_falls_silent(
    due_ms: int | None, silent_ms: int | None, looks_ms: int
) -> None:
    now_ns = 7_000_000_000

    def at_ns(after_ms: int | None) -> int | None:
        return None if after_ms is None else now_ns + after_ms * 1_000_000

    looks_ns = next_look_ns(now_ns, due_ns=at_ns(due_ms), silent_ns=at_ns(silent_ms))
    assert looks_ns == at_ns(looks_ms)
