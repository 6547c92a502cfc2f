"""The clip: its packets decode to what they say they are, round after round."""

import asyncio
import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bench.ingest.clip import BLOCKS, FPS, FRAMES, Clip, ClipSource
from bench.ingest.figures import BeepFinder
from mediaserver.demo import timecode, tone
from mediaserver.demo.encoders import OPUS_SAMPLES, Packet


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip.make()


def test_every_picture_carries_its_number(clip: Clip) -> None:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    numbers = []
    for data in [*clip.pictures, None]:
        for frame in decoder.decode(av.Packet(data) if data else None):
            code = timecode.read(timecode.luma_of(frame))
            assert code is not None
            numbers.append(code.counter)
    assert numbers == list(range(FRAMES))
    assert [n for n, keyframe in enumerate(clip.keyframes) if keyframe] == list(
        range(0, FRAMES, FPS)
    )


def test_beeps_lie_on_full_seconds_in_every_round(clip: Clip) -> None:
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = tone.SAMPLE_RATE, av.AudioLayout("stereo")
    finder = BeepFinder()
    for block in range(2 * BLOCKS):
        at = block * OPUS_SAMPLES - clip.sound_delay
        packet: Packet = av.Packet(clip.sounds[block % BLOCKS])
        packet.pts, packet.time_base = at, Fraction(1, tone.SAMPLE_RATE)
        for frame in decoder.decode(packet):
            assert isinstance(frame, av.AudioFrame)
            mono = frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.float32) / 32768
            finder.take(at / tone.SAMPLE_RATE, mono, tone.SAMPLE_RATE)
    assert finder.onsets_s[1:] == pytest.approx(range(1, 20), abs=0.004)


def test_a_clip_is_read_as_it_was_written(clip: Clip, tmp_path: Path) -> None:
    clip.save(tmp_path / "clip")
    assert Clip.load(tmp_path / "clip") == clip


async def test_a_source_sends_everything_in_order_and_labels_it(clip: Clip) -> None:
    source = ClipSource(clip)
    source.start()
    async with asyncio.timeout(20):
        pictures = [await source.picture.recv() for _ in range(4)]
        sounds = [await source.sound.recv() for _ in range(4)]
    await source.stop()
    assert [bytes(packet) for packet in pictures] == list(clip.pictures[:4])
    assert [packet.pts for packet in pictures] == [0, 3000, 6000, 9000]
    labels = [packet.pts or 0 for packet in sounds]
    assert [after - before for before, after in itertools.pairwise(labels)] == [960] * 3
    assert source.picture.readyState == "ended"
