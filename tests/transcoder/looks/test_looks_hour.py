"""An hour of sound, counted to the sample.

The line is the real one; only the two codecs stand in, which would take half a minute: packets say
which they are, and what goes to the AAC encoder is read where each frame begins and ends.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transcoder import audio
from transcoder.values import AccessUnit

RATE, TICKS = 48_000, 90_000
PACKET, PACKET_TICKS = 960, 1800
FRAME = 1024
DELAY = 312
"""By so many samples what Opus decodes is late."""
PACKETS = 3600 * 50
LOST = frozenset(range(9_000, 170_000, 7_001))
"""Packets that never come."""
PART_TICKS = 30_000
LAG = 6
"""Packets that a part waits for after its end."""
START_TICK = 21_014
"""Where no sample lies; frames then begin, and end, where packets do: one in fifteen."""


class CannedPacket:
    """What the encoder gives for a frame."""

    def __init__(self, pts: int) -> None:
        self.pts = pts

    def __bytes__(self) -> bytes:
        return b"aac"


class CannedDecoder:
    """A packet of number n holds 960 samples of a value that tells n from its neighbours."""

    layout = SimpleNamespace(nb_channels=1)

    def decode(self, packet: Any) -> list[Any]:
        number = int.from_bytes(bytes(packet), "big")
        pcm: NDArray[np.int16] = np.full((1, PACKET), value_of(number), np.int16)
        return [SimpleNamespace(to_ndarray=lambda: pcm)]


class CannedEncoder:
    """Gives each frame out two frames later, as FFmpeg's AAC encoder does."""

    extradata = b""

    def __init__(self) -> None:
        self.heard: list[tuple[int, float, float]] = []
        """Of each frame: its place, its first and its last sample."""

    def encode(self, frame: Any) -> list[CannedPacket]:
        pcm = frame.to_ndarray()[0]
        self.heard.append((frame.pts, float(pcm[0]), float(pcm[-1])))
        # The very first one primes the decoder.
        return [CannedPacket(frame.pts - 2 * FRAME)] if len(self.heard) > 1 else []


def value_of(number: int) -> int:
    return 1 + number % 30_000


def test_an_hour_of_sound_is_neither_longer_nor_shorter_by_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = CannedEncoder()
    monkeypatch.setattr(audio, "_opus_decoder", lambda layout: CannedDecoder())
    monkeypatch.setattr(audio, "_aac_encoder", lambda bitrate_bps, layout: encoder)
    line = audio.AudioLine(start_tick=START_TICK, bitrate_bps=128_000, channels=1)
    start = due = -(-START_TICK * RATE // TICKS)
    until_tick = START_TICK
    for number in range(PACKETS):
        if number not in LOST:
            line.feed(packet(number))
        while until_tick + PART_TICKS + LAG * PACKET_TICKS <= number * PACKET_TICKS:
            until_tick += PART_TICKS
            frames = line.take(until_tick)
            assert [frame.start for frame in frames] == [
                due + n * FRAME for n in range(len(frames))
            ]
            due += len(frames) * FRAME
            end = until_tick * RATE // TICKS
            assert end - FRAME < due <= end, "sound and pictures drift apart"
    assert line.lost_units == 0
    assert due - start > 3599 * RATE
    places = [place for place, _, _ in encoder.heard]
    assert places == list(range(start, start + len(places) * FRAME, FRAME))
    # The first frame, what was lost and what follows it are faded in.
    faded = LOST | {number + 1 for number in LOST}
    for place, first, last in encoder.heard[1:]:
        for at, value in ((place, first), (place + FRAME - 1, last)):
            if (at + DELAY) // PACKET not in faded:
                assert value == value_of((at + DELAY) // PACKET) / 32_768


def packet(number: int) -> AccessUnit:
    return AccessUnit(
        kind="audio", codec="opus", source=1, pts=number * PACKET_TICKS, keyframe=True,
        damaged=False, data=number.to_bytes(3, "big"),
    )  # fmt: skip
