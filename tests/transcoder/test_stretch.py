"""The resampler: exact where nothing is asked of it, seamless where it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.stretch import LOOKAHEAD, Pcm, Stretcher


def tone(count: int, hz: float) -> Pcm:
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(count) / 48_000)
    return np.tile(wave.astype(np.float32), (2, 1))


def pushed(pcm: Pcm, cuts: list[int], longer: float) -> tuple[Pcm, Stretcher]:
    stretcher = Stretcher(2)
    pieces = [stretcher.push(piece, longer) for piece in np.split(pcm, cuts, axis=1)]
    return np.concatenate(pieces, axis=1), stretcher


def test_unasked_nothing_is_changed_and_the_last_samples_come_with_the_rest() -> None:
    pcm = tone(3000, 440)
    made, stretcher = pushed(pcm, [960, 1920], 0.0)
    assert stretcher.held == LOOKAHEAD
    whole = np.concatenate((made, stretcher.rest()), axis=1)
    np.testing.assert_array_equal(whole, pcm)


@pytest.mark.parametrize("hz", [50, 1000, 10_000, 16_000])
@pytest.mark.parametrize("longer", [-1 / 160, -0.0001, 0.0001, 1 / 160])
def test_a_tone_is_the_same_tone_a_little_lower_or_higher(hz: float, longer: float) -> None:
    made, _ = pushed(tone(48_000, hz), list(range(960, 48_000, 960)), longer)
    expected = 0.5 * np.sin(2 * np.pi * hz * np.arange(made.shape[1]) / (1 + longer) / 48_000)
    off = np.abs(made[0] - expected)[20:]
    assert off.max() < 0.5 * 10 ** (-60 / 20)
    assert abs(made.shape[1] - (48_000 - LOOKAHEAD) * (1 + longer)) <= 1


@given(
    cuts=st.lists(st.integers(0, 2000), max_size=8).map(sorted),
    longer=st.floats(-1 / 160, 1 / 160),
)
def test_where_it_is_cut_makes_no_difference(cuts: list[int], longer: float) -> None:
    pcm = tone(2000, 997)
    in_pieces, _ = pushed(pcm, cuts, longer)
    at_once, _ = pushed(pcm, [], longer)
    assert abs(in_pieces.shape[1] - at_once.shape[1]) <= 1
    both = min(in_pieces.shape[1], at_once.shape[1])
    np.testing.assert_allclose(in_pieces[:, :both], at_once[:, :both], atol=2e-3)
