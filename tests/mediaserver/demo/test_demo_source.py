import asyncio
import itertools
from collections.abc import Iterator

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.demo import timecode, tone
from mediaserver.demo.encoders import OPUS_SAMPLES, Packet, PictureEncoder, SoundEncoder
from mediaserver.demo.scene import SceneRenderer
from mediaserver.demo.source import LiveSource, PacketTrack, Schedule

SECOND_NS = 1_000_000_000


def packet(*, keyframe: bool) -> Packet:
    made: Packet = av.Packet(b"x")
    made.is_keyframe = keyframe
    return made


async def test_a_track_hands_over_in_order_and_ends() -> None:
    track = PacketTrack("video")
    packets = [packet(keyframe=True), packet(keyframe=False)]
    for each in packets:
        track.put(each)
    assert [await track.recv(), await track.recv()] == packets
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0)
    track.stop()
    with pytest.raises(MediaStreamError):
        await waiting


async def test_a_full_track_goes_on_with_the_next_keyframe() -> None:
    track = PacketTrack("video")
    for _ in range(60):
        track.put(packet(keyframe=False))
    track.put(packet(keyframe=False))
    track.put(packet(keyframe=False))
    assert track.dropped == 62
    fresh = packet(keyframe=True)
    track.put(fresh)
    assert await track.recv() is fresh


@given(st.integers(0, 10_000), st.integers(0, 400 * SECOND_NS), st.sampled_from([5, 30, 60]))
def test_frames_go_forward_and_skip_what_is_past(frame: int, late_ns: int, fps: int) -> None:
    schedule = Schedule(start_ns=5 * SECOND_NS, frames_per_second=fps)
    following = schedule.next_frame(frame, schedule.start_ns + late_ns)
    assert following > frame
    if following > frame + 1:
        assert schedule.frame_due(following) <= schedule.start_ns + late_ns
        assert schedule.frame_due(following + 1) >= schedule.start_ns + late_ns - SECOND_NS // 100


def test_a_schedule_on_time_paints_every_frame() -> None:
    schedule = Schedule(start_ns=0, frames_per_second=30)
    frame = 0
    for _ in range(300):
        following = schedule.next_frame(frame, schedule.frame_due(frame) + 20_000_000)
        assert following == frame + 1
        frame = following


def test_blocks_of_sound_are_due_every_20_ms() -> None:
    schedule = Schedule(start_ns=7, frames_per_second=30)
    assert [schedule.block_due(block) - 7 for block in (0, 1, 50)] == [0, 20_000_000, SECOND_NS]


@pytest.fixture(scope="module")
def scene() -> SceneRenderer:
    return SceneRenderer(320, 180)


def decoded(packets: list[Packet]) -> Iterator[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    for each in packets:
        for frame in decoder.decode(each):
            assert isinstance(frame, av.VideoFrame)
            yield frame


def test_pictures_become_packets_without_delay(scene: SceneRenderer) -> None:
    encoder = PictureEncoder(width=320, height=180, frames_per_second=30)
    packets: list[Packet] = []
    for n in range(10):
        made = encoder.encode(scene.frame(n, 1_000 + n), ticks=n * 3000, keyframe=n in (0, 7))
        assert len(made) == 1
        packets += made
    assert [p.is_keyframe for p in packets] == [n in (0, 7) for n in range(10)]
    assert [p.pts for p in packets] == [n * 3000 for n in range(10)]
    for keyframe in (packets[0], packets[7]):
        assert {nal & 31 for nal in nal_headers(bytes(keyframe))} >= {5, 7, 8}
    for n, frame in enumerate(decoded(packets)):
        code = timecode.read(timecode.luma_of(frame))
        assert code == timecode.timecode_at(unix_ms=1_000 + n, counter=n)


def nal_headers(annex_b: bytes) -> list[int]:
    return [nal[0] for nal in annex_b.split(b"\x00\x00\x01") if nal.rstrip(b"\x00")]


def test_sound_decodes_where_its_timestamps_say() -> None:
    encoder, decoder = SoundEncoder(), av.CodecContext.create("libopus", "r")
    heard: list[tuple[int, float]] = []
    for block in range(60):
        start = block * OPUS_SAMPLES
        for made in encoder.encode(tone.samples(start=start, count=OPUS_SAMPLES), start=start):
            raw = av.Packet(bytes(made))
            for frame in decoder.decode(raw):
                assert isinstance(frame, av.AudioFrame)
                samples = np.abs(frame.to_ndarray().astype(float)).reshape(-1)
                samples = samples if samples.max() > 1 else samples * 32768
                step = len(frame.layout.channels)
                assert made.pts is not None
                heard += [(made.pts + i, level) for i, level in enumerate(samples[::step])]
    onset = min(at for at, level in heard if level > 4_000 and at > 24_000)
    assert abs(onset - 48_000) < 240, "the beep is heard within 5 ms of the full second"


async def test_a_live_source_paints_and_sounds_until_stopped(scene: SceneRenderer) -> None:
    source = LiveSource(scene=scene, frames_per_second=30)
    source.start()
    pictures = [await source.picture.recv() for _ in range(4)]
    sounds = [await source.sound.recv() for _ in range(4)]
    await source.stop()
    assert pictures[0].is_keyframe
    ticks = [p.pts for p in pictures if p.pts is not None]
    assert all(later - earlier >= 3000 for earlier, later in itertools.pairwise(ticks))
    assert [s.pts for s in sounds if s.pts is not None] == [960 - 312 + 960 * n for n in range(4)]
    codes = [timecode.read(timecode.luma_of(f)) for f in decoded(pictures)]
    assert None not in codes
    while not source.picture.idle:
        await source.picture.recv()
    with pytest.raises(MediaStreamError):
        await source.picture.recv()


async def test_a_source_that_never_started_stops() -> None:
    source = LiveSource(scene=SceneRenderer(320, 180), frames_per_second=30)
    await source.stop()
    with pytest.raises(MediaStreamError):
        await source.sound.recv()
