"""The line of samples: placed, joined, slewed, cut, and covered where nothing came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.pcm import MAX_AHEAD, SLEW_LIMIT, SampleLine
from transcoder.stretch import LOOKAHEAD, Pcm

BLOCK = 960


def tone(start: int, count: int = BLOCK, *, hz: float = 500.0, channels: int = 1) -> Pcm:
    """A sine whose phase is that of the place, so that a block out of place shows."""
    at = np.arange(start, start + count)
    wave = 0.5 * np.sin(2 * np.pi * hz * at / 48_000)
    return np.tile(wave.astype(np.float32), (channels, 1))


def steepest(pcm: Pcm) -> float:
    """The largest step from one sample to the next: a click has a large one."""
    return float(np.abs(np.diff(pcm)).max())


TONE_STEP = 0.5 * 2 * np.pi * 500 / 48_000


def test_blocks_in_a_row_come_out_as_they_went_in() -> None:
    line = SampleLine(start=0, channels=2)
    for at in range(0, 10 * BLOCK, BLOCK):
        assert line.place(at, tone(at, channels=2))
    read = np.concatenate([line.read(count) for count in (1024, 1, 500, 4000)], axis=1)
    assert line.position == read.shape[1] == 5525
    np.testing.assert_allclose(read[:, 128:], tone(0, 5525, channels=2)[:, 128:], atol=1e-6)


def test_nothing_is_silence() -> None:
    line = SampleLine(start=500, channels=2)
    assert not line.read(3000).any()
    assert line.position == 3500


def test_a_block_later_on_is_where_it_says() -> None:
    line = SampleLine(start=1000, channels=1)
    line.place(5000, tone(5000))
    read = line.read(6000)[0]
    assert not read[:4000].any()
    there = BLOCK - LOOKAHEAD
    np.testing.assert_allclose(read[4128 : 4000 + there], tone(5128, there - 128)[0], atol=1e-6)


def test_a_lost_block_leaves_the_others_in_place_without_a_click() -> None:
    line = SampleLine(start=0, channels=1)
    for at in range(0, 20 * BLOCK, BLOCK):
        if at != 10 * BLOCK:
            line.place(at, tone(at))
    read = line.read(20 * BLOCK)
    place = slice(11 * BLOCK + 128, 20 * BLOCK - LOOKAHEAD)
    np.testing.assert_allclose(read[:, place], tone(0, 20 * BLOCK)[:, place], atol=1e-6)
    assert steepest(read) < 1.6 * TONE_STEP
    assert np.abs(read[0, 10 * BLOCK : 10 * BLOCK + 200]).max() > 0.3


@pytest.mark.parametrize("missing", [500, 700, 900])
def test_the_end_of_a_short_gap_does_not_click(missing: int) -> None:
    line = SampleLine(start=0, channels=1)
    line.place(0, tone(0))
    line.place(BLOCK + missing, tone(BLOCK + missing))
    assert steepest(line.read(2 * BLOCK + missing)) < 1.3 * TONE_STEP


def test_the_echo_dies_away() -> None:
    line = SampleLine(start=0, channels=1)
    line.place(0, tone(0))
    read = line.read(10 * BLOCK)
    assert steepest(read) < 1.6 * TONE_STEP
    assert not read[:, 2 * BLOCK :].any()


@pytest.mark.parametrize("drift_ppm", [-500, -100, 100, 500])
def test_drift_is_followed_without_a_click(drift_ppm: int) -> None:
    line = SampleLine(start=0, channels=1)
    blocks = 1500
    at = [round(index * BLOCK * (1 + drift_ppm / 1e6)) for index in range(blocks)]
    pieces = []
    for index in range(blocks):
        # Marked by a soft pulse at a known place, so that the offset can be seen.
        block = tone(index * BLOCK, hz=100.0)
        line.place(at[index], block)
        if index % 100 == 99:
            pieces.append(line.read(at[index] - line.position))
    read = np.concatenate(pieces, axis=1)
    assert steepest(read) < 2 * 0.5 * 2 * np.pi * 100 / 48_000
    for index in range(200, blocks - 100, 100):
        expected = tone(index * BLOCK, hz=100.0)[0]
        offsets = range(-96, 97, 8)
        errors = [
            float(np.abs(read[0, at[index] + o : at[index] + o + BLOCK] - expected).mean())
            for o in offsets
        ]
        assert abs(offsets[int(np.argmin(errors))]) <= 48


def test_a_step_within_the_limit_is_slewed_away() -> None:
    line = SampleLine(start=0, channels=1)
    for index in range(300):
        step = 400 if index >= 10 else 0
        line.place(index * BLOCK + step, tone(index * BLOCK, hz=50.0))
    read = line.read(250 * BLOCK)
    assert steepest(read[:, 128:]) < 1.2 * 0.5 * 2 * np.pi * 50 / 48_000
    late = 240 * BLOCK
    np.testing.assert_allclose(
        read[0, late + 400 : late + 400 + BLOCK], tone(late, hz=50.0)[0], atol=0.1
    )


@pytest.mark.parametrize("jump", [SLEW_LIMIT + 1, 4800, 48_000])
def test_a_jump_forward_is_taken_at_once(jump: int) -> None:
    line = SampleLine(start=0, channels=1)
    line.place(0, tone(0))
    line.place(BLOCK + jump, tone(BLOCK + jump))
    read = line.read(2 * BLOCK + jump)
    place = slice(BLOCK + jump + 128, 2 * BLOCK + jump - LOOKAHEAD)
    np.testing.assert_allclose(read[:, place], tone(0, 2 * BLOCK + jump)[:, place], atol=1e-6)


def test_a_jump_back_cuts_what_overlaps() -> None:
    line = SampleLine(start=0, channels=1)
    for at in range(0, 5 * BLOCK, BLOCK):
        line.place(at, tone(at))
    for at in range(3 * BLOCK, 8 * BLOCK, BLOCK):
        line.place(at, tone(at) + 0.25)
    read = line.read(8 * BLOCK)
    first, second = slice(128, 5 * BLOCK), slice(5 * BLOCK + 128, 8 * BLOCK - LOOKAHEAD)
    whole = tone(0, 8 * BLOCK)
    np.testing.assert_allclose(read[:, first], whole[:, first], atol=1e-6)
    np.testing.assert_allclose(read[:, second], whole[:, second] + 0.25, atol=1e-6)


@pytest.mark.parametrize("back", [SLEW_LIMIT + 1, 700, 1500])
def test_the_seam_of_a_jump_back_does_not_click(back: int) -> None:
    line = SampleLine(start=0, channels=1)
    for at in range(0, 5 * BLOCK, BLOCK):
        line.place(at, tone(at))
    for at in range(5 * BLOCK, 8 * BLOCK, BLOCK):
        line.place(at - back, tone(at))
    assert steepest(line.read(7 * BLOCK - 600)) < 1.6 * TONE_STEP


def test_what_comes_after_its_time_is_cut() -> None:
    line = SampleLine(start=0, channels=1)
    line.read(1500)
    line.place(0, tone(0))
    line.place(BLOCK, tone(BLOCK))
    read = line.read(420 - LOOKAHEAD)
    np.testing.assert_allclose(read[:, 128:], tone(1628, 292 - LOOKAHEAD), atol=1e-6)


def test_another_source_is_placed_without_slewing() -> None:
    line = SampleLine(start=0, channels=1)
    line.place(0, tone(0))
    line.restart()
    line.place(BLOCK + 300, tone(BLOCK + 300))
    read = line.read(2 * BLOCK + 300)
    place = slice(BLOCK + 300 + 128, 2 * BLOCK + 300 - LOOKAHEAD)
    np.testing.assert_allclose(read[:, place], tone(0, 2 * BLOCK + 300)[:, place], atol=1e-6)


def test_what_lies_absurdly_far_ahead_is_refused() -> None:
    line = SampleLine(start=1000, channels=1)
    assert line.place(1000 + MAX_AHEAD - BLOCK, tone(0))
    assert not line.place(1001 + MAX_AHEAD - BLOCK, tone(0))
    assert not line.place(10**12, tone(0))
    line.read(BLOCK)
    assert line.place(1000 + MAX_AHEAD, tone(0))


@given(
    start=st.integers(0, 10_000),
    steps=st.lists(
        st.tuples(
            st.booleans(),
            st.integers(-60_000, 600_000),
            st.sampled_from([1, 120, 480, 960, 5760]),
        ),
        max_size=30,
    ),
)
def test_whatever_comes_the_line_goes_on(start: int, steps: list[tuple[bool, int, int]]) -> None:
    line = SampleLine(start=start, channels=2)
    position = start
    for reads, at, count in steps:
        if reads:
            read = line.read(count)
            assert read.shape == (2, count)
            assert np.isfinite(read).all()
            assert np.abs(read).max() <= 1.0
            position += count
        else:
            line.place(start + at, tone(at, count, channels=2))
        assert line.position == position
