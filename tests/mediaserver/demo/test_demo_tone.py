import numpy as np
import pytest

from mediaserver.demo.tone import BEEP_MS, SAMPLE_RATE, beeping, samples


def loudness(start_ms: int, length_ms: int) -> float:
    block = samples(start=start_ms * 48, count=length_ms * 48).astype(float)
    return float(np.sqrt((block**2).mean()))


def test_the_beep_sounds_at_each_full_second_for_80_ms() -> None:
    quiet = loudness(500, 100)
    for second in (0, 1, 1_732_276_800):
        assert loudness(second * 1000 + 2, BEEP_MS - 4) > 10 * quiet
        assert loudness(second * 1000 + BEEP_MS, 900) == pytest.approx(quiet, rel=0.05)


def test_blocks_join_without_a_click() -> None:
    whole = samples(start=47_000, count=4_000)
    parts = np.concatenate([samples(start=47_000 + n * 500, count=500) for n in range(8)])
    assert (whole == parts).all()
    assert np.abs(np.diff(whole.astype(int))).max() < 1_500


def test_picture_and_sound_agree_on_the_beep() -> None:
    assert [beeping(ms) for ms in (0, 79, 80, 999, 1000, 1_732_276_800_040)] == [
        True, True, False, False, True, True,
    ]  # fmt: skip
    assert BEEP_MS * SAMPLE_RATE // 1000 == 3840
