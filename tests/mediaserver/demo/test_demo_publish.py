import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import av
import pytest

from mediaserver.demo import host, timecode
from mediaserver.demo import publish as publishing
from mediaserver.demo.publish import Publish
from mediaserver.demo.scene import SceneRenderer
from mediaserver.demo.source import LiveSource
from mediaserver.demo.whip import WhipClient
from mediaserver.errors import BusError, PublishRefused

if TYPE_CHECKING:
    from tests.mediaserver.demo.conftest import WhipReceiver

ROOT = Path(__file__).resolve().parents[3]


def live_source() -> LiveSource:
    return LiveSource(scene=SceneRenderer(320, 180), frames_per_second=30)


@pytest.fixture
def publish(client: WhipClient) -> Publish:
    return Publish(client=client, source=live_source())


async def test_picture_and_sound_arrive_and_end_with_a_delete(
    receiver: "WhipReceiver", publish: Publish
) -> None:
    running = asyncio.ensure_future(publish.run())
    tracks = {track.kind: track for track in [await receiver.tracks.get() for _ in range(2)]}
    codes: list[timecode.Timecode | None] = []
    while len(codes) < 12:
        frame = await tracks["video"].recv()
        assert isinstance(frame, av.VideoFrame)
        codes.append(timecode.read(timecode.luma_of(frame)))
    sound = [await tracks["audio"].recv() for _ in range(10)]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert None not in codes
    times = [code.unix_ms for code in codes if code is not None]
    assert times == sorted(times)
    assert all(isinstance(frame, av.AudioFrame) and frame.samples == 960 for frame in sound)
    assert receiver.deleted == ["resource-1"]
    assert publish.connected


async def test_the_offer_holds_h264_and_opus_only_as_sender(
    receiver: "WhipReceiver", publish: Publish
) -> None:
    receiver.refusals = [403]
    with pytest.raises(PublishRefused, match="403"):
        await publish.run()
    (offer,) = receiver.offers
    assert "H264/90000" in offer
    assert "VP8/90000" not in offer
    assert "opus/48000/2" in offer
    assert offer.count("a=sendonly") == 2
    assert not publish.connected


async def test_an_unusable_answer_is_a_refusal(receiver: "WhipReceiver", publish: Publish) -> None:
    receiver.answer = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    with pytest.raises(PublishRefused, match="cannot be used"):
        await publish.run()
    assert receiver.deleted == []


async def test_silence_of_the_server_is_a_loss_and_does_not_end_the_show(
    receiver: "WhipReceiver", publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "SILENT_AFTER_S", 0.01)
    monkeypatch.setattr(publishing, "_WATCH_EVERY_S", 0.05)
    with pytest.raises(BusError, match="not reported"):
        await publish.run()
    assert publish.connected
    assert receiver.deleted == []


async def test_the_host_publishes_again_until_it_is_told_not_to(
    receiver: "WhipReceiver", client: WhipClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "FIRST_PAUSE_S", 0.0)
    receiver.refusals = [503, 409, 500, 401]
    with pytest.raises(PublishRefused) as refused:
        await host.keep_publishing(lambda: Publish(client=client, source=live_source()))
    assert refused.value.status == 401
    assert len(receiver.offers) == 4


async def test_a_server_that_is_not_there_is_tried_again(
    receiver: "WhipReceiver", endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "FIRST_PAUSE_S", 0.0)
    receiver.refusals = [404]
    async with aiohttp.ClientSession() as http:
        endpoints = iter(["http://127.0.0.1:1/whip", endpoint])

        def make() -> Publish:
            client = WhipClient(http=http, endpoint=next(endpoints), token="a-host-key-for-tests")
            return Publish(client=client, source=live_source())

        with pytest.raises(PublishRefused, match="404"):
            await host.keep_publishing(make)
    assert len(receiver.offers) == 1


@pytest.mark.parametrize("end", ["signal", "standard input"])
async def test_the_process_ends_its_publish_when_it_is_told(
    receiver: "WhipReceiver", endpoint: str, end: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mediaserver.demo.host", "--url", endpoint, "--size", "320x180",
        "--log-format", "json",
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, host.KEY_VARIABLE: "a-host-key-for-tests"},
    )  # fmt: skip
    tracks = [await receiver.tracks.get() for _ in range(2)]
    assert await tracks[0].recv()
    if end == "signal":
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    else:
        assert process.stdin is not None
        process.stdin.close()
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = await process.stdout.read(), await process.stderr.read()
        await process.wait()
    assert process.returncode == 0, err
    assert out == b""
    assert b"demo_on_air" in err
    assert b"a-host-key" not in err
    assert receiver.deleted == ["resource-1"]
