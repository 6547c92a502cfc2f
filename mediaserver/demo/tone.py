"""The sound of the demo: a quiet tone, and a beep at each full second of the timecode's clock.

The picture flashes (`timecode.flash_box`) during the same 80 ms as the beep, so that the distance
between picture and sound can be measured wherever both come out. Pure.
"""

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48_000
BEEP_MS = 80
BEEP_HZ, TONE_HZ = 1_000, 220

_BEEP_SAMPLES = BEEP_MS * SAMPLE_RATE // 1_000
_BEEP_LEVEL, _TONE_LEVEL = 9_000, 500
_EDGE_SAMPLES = 48
"""The beep rises and falls within 1 ms: sharp enough to measure, without a click."""


def beeping(unix_ms: int) -> bool:
    """Whether the picture flashes, and the beep sounds, at this Unix time in milliseconds."""
    return unix_ms % 1_000 < BEEP_MS


def samples(*, start: int, count: int) -> npt.NDArray[np.int16]:
    """`count` mono samples at 48 kHz; sample 0 of the clock lies on a full second of Unix time."""
    at = np.arange(start, start + count, dtype=np.int64)
    second = at % SAMPLE_RATE
    tone = _TONE_LEVEL * np.sin(second * (2 * np.pi * TONE_HZ / SAMPLE_RATE))
    edge = np.minimum(second, _BEEP_SAMPLES - second)
    envelope = np.clip(edge / _EDGE_SAMPLES, 0.0, 1.0)
    beep = _BEEP_LEVEL * envelope * np.sin(second * (2 * np.pi * BEEP_HZ / SAMPLE_RATE))
    mixed: npt.NDArray[np.int16] = (tone + beep).astype(np.int16)
    return mixed
