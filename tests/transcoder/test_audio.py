"""Opus in, AAC out: continuous whatever comes, and heard when it was said."""

import io
import itertools
from collections.abc import Callable, Sequence

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transcoder.audio import AudioLine
from transcoder.cmaf.aac import parse_asc
from transcoder.cmaf.boxes import box
from transcoder.cmaf.fragment import SYNC_FLAGS, TrackRun, fragment
from transcoder.cmaf.movie import AudioTrack, init_bytes
from transcoder.cmaf.video_config import VideoConfig
from transcoder.packager import AudioFrame
from transcoder.values import AccessUnit

RATE = 48_000
TICK = 90_000
FRAME = 1024
PACKET = 960

Samples = NDArray[np.float32]


def encoded(pcm: Samples, *, packet: int = PACKET, layout: str = "stereo") -> list[bytes]:
    """Opus packets as a WebRTC sender makes them: packet n is of the samples from n times
    `packet` on, whatever delay the encoder has."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, layout, "flt"
    encoder.bit_rate = 96_000
    encoder.options = {"frame_duration": str(packet * 1000 / RATE)}
    encoder.open()
    packets = []
    for start in range(0, len(pcm) - packet + 1, packet):
        block = np.repeat(pcm[start : start + packet], 1 if layout == "mono" else 2)
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.pts = RATE, start
        packets += [bytes(found) for found in encoder.encode(frame)]
    return packets


def unit(data: bytes, pts: int, *, source: int = 1) -> AccessUnit:
    return AccessUnit(
        kind="audio",
        codec="opus",
        source=source,
        pts=pts,
        keyframe=True,
        damaged=False,
        data=data,
    )


def beeps(seconds: float, at: Sequence[float]) -> Samples:
    """Silence with a beep of 100 ms at each of the times."""
    pcm = np.zeros(int(seconds * RATE), np.float32)
    beep = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 10) / RATE)
    for time in at:
        start = round(time * RATE)
        pcm[start : start + len(beep)] = beep
    return pcm


def muxed(asc: bytes, frames: list[AudioFrame]) -> bytes:
    """The frames as a player gets them: fragments behind an init section."""
    video = VideoConfig(
        codec_string="avc1.42000A",
        width=16,
        height=16,
        shown_width=16,
        sample_entry=box(b"avc1", bytes(78)),
    )
    run = TrackRun(
        track=2,
        decode_time=frames[0].start,
        sample_duration=FRAME,
        default_flags=SYNC_FLAGS,
        first_flags=SYNC_FLAGS,
        samples=[frame.data for frame in frames],
    )
    init = init_bytes(video, AudioTrack(asc=asc, rate_hz=RATE))
    return init + box(b"free") + fragment(1, [run])


def heard(line: AudioLine, frames: list[AudioFrame]) -> tuple[int, Samples]:
    """What a player hears of the left channel, and its first sample's place on the timeline."""
    with av.open(io.BytesIO(muxed(line.asc, frames)), "r") as container:
        decoded = list(container.decode(audio=0))
    assert decoded[0].pts is not None
    return decoded[0].pts, np.concatenate([frame.to_ndarray()[0] for frame in decoded])


def onset_s(line: AudioLine, frames: list[AudioFrame], near_s: float) -> float:
    """When a beep near `near_s` is first heard."""
    start, pcm = heard(line, frames)
    first = round((near_s - 0.08) * RATE) - start
    loud = np.abs(pcm[first : first + RATE // 6]) > 0.1
    assert loud.any()
    return (start + first + int(loud.argmax())) / RATE


def assert_continuous(frames: list[AudioFrame]) -> None:
    for before, after in itertools.pairwise(frames):
        assert after.start == before.start + FRAME


def fed(line: AudioLine, packets: list[bytes], *, pts: Callable[[int], int]) -> None:
    for index, data in enumerate(packets):
        line.feed(unit(data, pts(index)))


def test_the_configuration_is_aac_lc_at_48_khz() -> None:
    for channels in (1, 2):
        head = parse_asc(AudioLine(start_tick=0, bitrate_bps=128_000, channels=channels).asc)
        assert (head.object_type, head.rate_hz, head.channels) == (2, 48_000, channels)


@pytest.mark.parametrize("start_tick", [0, 1, 3000, 12_345, 10**10])
def test_without_any_source_there_is_silence(start_tick: int) -> None:
    line = AudioLine(start_tick=start_tick, bitrate_bps=128_000)
    frames = line.take(start_tick + TICK) + line.take(start_tick + 2 * TICK)
    assert_continuous(frames)
    assert 0 <= frames[0].start * 15 - start_tick * 8 < 15
    end = frames[-1].start + FRAME
    assert end * 15 <= (start_tick + 2 * TICK) * 8 < (end + FRAME) * 15
    assert not heard(line, frames)[1].any()


def test_each_take_gives_what_ends_by_then_once() -> None:
    line = AudioLine(start_tick=0, bitrate_bps=128_000)
    assert line.take(FRAME * 15 // 8 - 1) == []
    (first,) = line.take(FRAME * 15 // 8)
    assert first.start == 0
    assert line.take(FRAME * 15 // 8) == []
    assert line.take(0) == []
    assert [frame.start for frame in line.take(30_000)] == list(range(FRAME, 15 * FRAME, FRAME))


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("packet", [480, 960, 2880])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_beep_is_heard_when_it_was_said(layout: str, packet: int, channels: int) -> None:
    at, offset = (0.5, 1.25, 1.9), 54_321
    line = AudioLine(start_tick=10_000, bitrate_bps=128_000, channels=channels)
    packets = encoded(beeps(2.5, at), packet=packet, layout=layout)
    fed(line, packets, pts=lambda index: offset + index * packet * 15 // 8)
    frames = line.take(offset + 9 * TICK // 4)
    assert line.lost_units == 0
    assert_continuous(frames)
    for time in at:
        expected = time + offset / TICK
        assert abs(onset_s(line, frames, expected) - expected) < 0.001


@pytest.mark.parametrize("drift_ppm", [-500, 500])
def test_a_source_whose_clock_drifts_stays_in_sync(drift_ppm: int) -> None:
    at = (1.0, 8.0, 18.0)
    line = AudioLine(start_tick=0, bitrate_bps=128_000)
    scale = 1 + drift_ppm / 1e6
    packets = encoded(beeps(19, at))
    frames: list[AudioFrame] = []
    for index, data in enumerate(packets):
        pts = round(index * 1800 * scale)
        line.feed(unit(data, pts))
        frames += line.take(pts - 4 * FRAME * 15 // 8)
    assert_continuous(frames)
    for time in at:
        assert abs(onset_s(line, frames, time * scale) - time * scale) < 0.005


def test_loss_moves_nothing_that_comes_after() -> None:
    at = (0.5, 1.5, 2.5, 3.5)
    line = AudioLine(start_tick=0, bitrate_bps=128_000)
    lost = {30, 31, 60, *range(100, 115), 140}
    for index, data in enumerate(encoded(beeps(4, at))):
        if index not in lost:
            line.feed(unit(data, index * 1800))
    frames = line.take(4 * TICK)
    assert_continuous(frames)
    for time in at:
        assert abs(onset_s(line, frames, time) - time) < 0.005


def test_the_source_goes_and_comes_back_elsewhere_on_the_timeline() -> None:
    line = AudioLine(start_tick=0, bitrate_bps=128_000)
    packets = encoded(beeps(2, (1.0,)))
    fed(line, packets, pts=lambda index: index * 1800)
    frames = line.take(5 * TICK)
    line.reset_source()
    fed(line, packets, pts=lambda index: 6 * TICK + 777 + index * 1800)
    frames += line.take(8 * TICK)
    assert_continuous(frames)
    second = 7 + 777 / TICK
    for time in (1.0, second):
        assert abs(onset_s(line, frames, time) - time) < 0.005
    start, pcm = heard(line, frames)
    quiet = pcm[round(2.2 * RATE) - start : round(5.9 * RATE) - start]
    assert np.abs(quiet).max() < 0.01


def test_another_source_is_in_sync_at_once() -> None:
    line = AudioLine(start_tick=0, bitrate_bps=128_000)
    packets = encoded(beeps(1, (0.06,)))
    fed(line, packets, pts=lambda index: index * 1800)
    line.reset_source()
    step = TICK * 9 // 1000  # within what would be slewed
    fed(line, packets, pts=lambda index: TICK + step + index * 1800)
    assert abs(onset_s(line, line.take(2 * TICK), 1.069) - 1.069) < 0.001


def test_bad_packets_are_counted_and_do_no_harm() -> None:
    line = AudioLine(start_tick=0, bitrate_bps=128_000)
    packets = encoded(beeps(1.5, (1.0,)))
    for index, data in enumerate(packets):
        line.feed(unit(data, index * 1800))
        if index in (10, 20):
            line.feed(unit(b"", index * 1800))
            line.feed(unit(b"\xff" * 10, index * 1800))
            line.feed(unit(bytes(100_000), index * 1800))
    assert line.lost_units == 6
    frames = line.take(5 * TICK // 4)
    assert abs(onset_s(line, frames, 1.0) - 1.0) < 0.001


def test_a_packet_from_the_far_future_does_not_silence_the_present() -> None:
    line = AudioLine(start_tick=0, bitrate_bps=128_000)
    packets = encoded(beeps(1.5, (1.0,)))
    line.feed(unit(packets[0], 3600 * TICK))
    fed(line, packets, pts=lambda index: index * 1800)
    assert line.lost_units == 1
    assert abs(onset_s(line, line.take(5 * TICK // 4), 1.0) - 1.0) < 0.001


def test_what_is_taken_does_not_depend_on_how_it_is_taken() -> None:
    packets = encoded(beeps(2, (0.3, 1.0)))
    lines = [AudioLine(start_tick=0, bitrate_bps=128_000) for _ in range(2)]
    for line in lines:
        fed(line, packets, pts=lambda index: index * 1800)
    at_once = lines[0].take(2 * TICK)
    in_steps = [f for tick in range(0, 2 * TICK + 1, 7500) for f in lines[1].take(tick)]
    assert at_once == in_steps


@pytest.mark.parametrize("packet", [120, 240, 480, 960, 1920, 2880])
@pytest.mark.parametrize("ppm", [0, 300])
def test_what_is_taken_as_soon_as_enough_was_heard_is_what_patience_gives(
    packet: int, ppm: int
) -> None:
    """However long the packets are, and while their clock is followed."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    units = [
        unit(data, 1234 + round(index * packet * 15 / 8 * (1 + ppm / 1e6)))
        for index, data in enumerate(encoded(tone, packet=packet))
    ]
    patient, prompt, early = (AudioLine(start_tick=777, bitrate_bps=128_000) for _ in range(3))
    for one in units:
        patient.feed(one)
    soonest: list[AudioFrame] = []
    too_soon: list[AudioFrame] = []
    until_tick = 777 + 30_000
    for one in units:
        prompt.feed(one)
        while prompt.heard_tick >= prompt.needed_tick(until_tick):
            soonest += prompt.take(until_tick)
            too_soon += early.take(until_tick)
            until_tick += 30_000
        early.feed(one)
    assert len(soonest) > RATE // FRAME
    assert soonest == patient.take(until_tick - 30_000)
    assert len(too_soon) == len(soonest)
    assert too_soon != soonest, "a packet less is not enough"


def test_what_is_heard_ends_with_the_last_packet_and_does_not_begin_before_one() -> None:
    line = AudioLine(start_tick=9000, bitrate_bps=128_000)
    assert line.heard_tick == 9000
    for index, data in enumerate(encoded(beeps(0.2, ()))):
        line.feed(unit(data, 18_000 + index * 1800))
        end_tick = 18_000 + (index + 1) * 1800
        assert end_tick - 700 <= line.heard_tick < end_tick - 585, "the codec's delay"
    line.feed(unit(b"", 90_000))
    assert line.heard_tick < 90_000
    line.reset_source()
    assert line.heard_tick == 9000


@settings(max_examples=25)
@given(
    units=st.lists(
        st.tuples(st.binary(max_size=60), st.integers(0, 4 * TICK), st.booleans()), max_size=12
    )
)
def test_whatever_comes_the_frames_go_on(units: list[tuple[bytes, int, bool]]) -> None:
    line = AudioLine(start_tick=0, bitrate_bps=64_000)
    frames: list[AudioFrame] = []
    for index, (data, pts, fresh) in enumerate(units):
        if fresh:
            line.reset_source()
        line.feed(unit(data, pts))
        frames += line.take(index * 15_000)
    frames += line.take(3 * TICK)
    assert_continuous(frames)
    assert frames[0].start == 0
    assert frames[-1].start == (3 * RATE // FRAME - 1) * FRAME
