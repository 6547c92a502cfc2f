"""What the ear would notice: a pure tone stays pure while its clock drifts, and a loss of any
length fades instead of clicking and moves nothing that comes after it."""

from collections.abc import Callable

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from transcoder.audio import AudioLine
from transcoder.packager import AudioFrame
from transcoder.pcm import SampleLine
from transcoder.values import AccessUnit

RATE = 48_000
BLOCK = 960
TONE_HZ = 997
Samples = NDArray[np.float32]


def tone(start: int, count: int, hz: float = TONE_HZ) -> Samples:
    at = np.arange(start, start + count)
    return (0.5 * np.sin(2 * np.pi * hz * at / RATE)).astype(np.float32).reshape(1, -1)


def impurity_db(heard: Samples, hz: float) -> float:
    """The energy farther than 12 Hz from the tone, against the tone's, over the whole band.

    A Blackman window hides nothing there: its side lobes lie below −58 dB at two seconds a window
    and fall on. A sample dropped once in two seconds shows at about −40 dB.
    """
    worst = -np.inf
    for start in range(0, len(heard) - 2 * RATE + 1, RATE):
        piece = heard[start : start + 2 * RATE] * np.blackman(2 * RATE)
        power = np.abs(np.fft.rfft(piece)) ** 2
        frequencies = np.fft.rfftfreq(2 * RATE, 1 / RATE)
        near = np.abs(frequencies - hz) < 12
        worst = max(worst, 10 * np.log10(power[~near].sum() / power[near].sum()))
    return float(worst)


def drifted(drift_ppm: int, blocks: int, *, wobble: int = 0) -> Samples:
    """A tone in blocks whose places drift, as a timeline gives them; `wobble` samples of noise."""
    rng = np.random.default_rng(1)
    line = SampleLine(start=0, channels=1)
    for index in range(blocks):
        noise = int(rng.integers(-wobble, wobble + 1)) if wobble else 0
        assert line.place(
            round(index * BLOCK * (1 + drift_ppm / 1e6)) + noise, tone(index * BLOCK, BLOCK)
        )
        if index == blocks // 2:
            first = line.read(index * BLOCK - RATE)
    whole: Samples = np.concatenate((first, line.read(blocks // 2 * BLOCK - RATE)), axis=1)[0]
    return whole


def test_the_measure_hears_a_dropped_sample() -> None:
    whole = tone(0, 4 * RATE)[0]
    assert impurity_db(whole, TONE_HZ) < -90
    assert impurity_db(np.delete(whole, 2 * RATE), TONE_HZ) > -45


@pytest.mark.parametrize("drift_ppm", [-500, -50, 50, 500])
def test_a_tone_stays_pure_while_its_clock_drifts(drift_ppm: int) -> None:
    heard = drifted(drift_ppm, 450)[RATE // 2 :]
    assert impurity_db(heard, TONE_HZ / (1 + drift_ppm / 1e6)) < -60


def test_rounded_and_wobbling_places_are_not_heard() -> None:
    assert impurity_db(drifted(100, 450, wobble=3)[RATE // 2 :], TONE_HZ) < -55


@pytest.mark.parametrize("lost", [1, 2, 3, 5, 10, 50])
def test_a_loss_of_any_length_fades_and_moves_nothing(
    lost: int, opus_tone: Callable[..., list[AccessUnit]], heard: Callable[..., Samples]
) -> None:
    """Read 60 ms behind, as the ingest gives a packet up."""
    units = opus_tone(150)
    gap = range(60, 60 + lost)
    results = []
    for missing in (range(0), gap):
        line, frames = AudioLine(start_tick=0, bitrate_bps=256_000, channels=1), []
        for index, unit in enumerate(units):
            if index not in missing:
                line.feed(unit)
            frames += line.take(unit.pts - 5400)
        results.append(heard(line, frames))
    whole, concealed = results
    assert len(whole) == len(concealed)
    after = slice((60 + lost + 3) * BLOCK, 140 * BLOCK)
    assert np.abs(concealed[after] - whole[after]).max() < 0.02, "what follows is in its place"
    around = slice(58 * BLOCK, (60 + lost + 2) * BLOCK)
    assert np.abs(np.diff(concealed[around])).max() < 1.6 * np.abs(np.diff(whole)).max()
    if lost > 3:
        middle = (60 + lost // 2) * BLOCK
        assert np.abs(concealed[middle : middle + BLOCK // 2]).max() < 0.02, "not a frozen buzz"


@pytest.fixture
def heard() -> Callable[[AudioLine, list[AudioFrame]], Samples]:
    """`heard(line, frames)`: the AAC frames decoded, the first sample at 0."""

    def decode(line: AudioLine, frames: list[AudioFrame]) -> Samples:
        decoder = av.CodecContext.create("aac", "r")
        decoder.extradata = line.asc
        blocks = [
            block.to_ndarray()[0]
            for frame in frames
            for block in decoder.decode(av.Packet(frame.data))
        ]
        return np.concatenate(blocks)

    return decode
