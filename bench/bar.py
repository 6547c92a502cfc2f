"""A bright bar that wanders over a ramp, and a tone: the smallest picture and sound that cannot be
taken for a slate and silence."""

from fractions import Fraction

import av
import numpy as np

WIDTH, HEIGHT, FPS, SAMPLE_RATE, TONE_HZ = 640, 360, 30, 48_000, 440


def picture(n: int) -> av.VideoFrame:
    """The `n`-th picture."""
    luma = np.linspace(40, 160, WIDTH, dtype=np.uint8)[None, :].repeat(HEIGHT, axis=0)
    at = n * 8 % (WIDTH - 80)
    luma[:, at : at + 80] = 235
    chroma = np.full((HEIGHT // 2, WIDTH), 128, dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
    frame.pts, frame.time_base = n, Fraction(1, FPS)
    return frame


def sound(n: int) -> av.AudioFrame:
    """The sound of the `n`-th picture."""
    count = SAMPLE_RATE // FPS
    at = np.arange(n * count, (n + 1) * count) / SAMPLE_RATE
    tone = (np.sin(2 * np.pi * TONE_HZ * at) * 12_000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(tone.repeat(2)[None, :], format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, n * count, Fraction(1, SAMPLE_RATE)
    return frame
