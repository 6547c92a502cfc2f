import pytest

from transcoder.grid import Grid
from transcoder.opening import Begin, Opening

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
SECOND = 90_000


def opening(*, given: bool = False, next_tick: int = 0, started_tick: int = 0) -> Opening:
    return Opening(
        grid=GRID,
        top_short_side=720,
        ladder_given=given,
        next_tick=next_tick,
        started_tick=started_tick,
        slate_after_ticks=225_000,
    )


def test_a_picture_of_the_top_rungs_size_decides_at_once() -> None:
    waiting = opening()
    waiting.saw(pts=6000, width=1280, height=720, now_tick=6100)
    assert waiting.decide(6100) == Begin(first_slot=2, width=1280, height=720)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (4000, 700)])
def test_a_smaller_picture_is_watched_for_a_second_of_media(width: int, height: int) -> None:
    waiting = opening()
    waiting.saw(pts=0, width=width, height=height, now_tick=0)
    waiting.saw(pts=SECOND - 3000, width=width, height=height, now_tick=SECOND - 3000)
    assert waiting.decide(SECOND - 1) is None
    waiting.saw(pts=SECOND, width=width, height=height, now_tick=SECOND)
    assert waiting.decide(SECOND) == Begin(first_slot=30, width=width, height=height)


def test_a_source_that_falls_silent_is_not_waited_for() -> None:
    waiting = opening()
    waiting.saw(pts=0, width=640, height=480, now_tick=300)
    assert waiting.decide(SECOND + 299) is None
    assert waiting.decide(SECOND + 300) == Begin(first_slot=0, width=640, height=480)


def test_the_largest_picture_counts_and_the_newest_begins() -> None:
    waiting = opening()
    for index, size in enumerate([(320, 180), (640, 360), (480, 270)]):
        waiting.saw(pts=index * SECOND // 2, width=size[0], height=size[1], now_tick=0)
    begin = waiting.decide(SECOND)
    assert begin == Begin(first_slot=30, width=640, height=360)


def test_output_never_begins_before_the_parts_on_air_end() -> None:
    waiting = opening(next_tick=90_001)
    waiting.saw(pts=0, width=1280, height=720, now_tick=0)
    begin = waiting.decide(0)
    assert begin is not None
    assert begin.first_slot == 31


def test_a_time_from_the_future_does_not_move_the_beginning() -> None:
    waiting = opening()
    waiting.saw(pts=100 * SECOND, width=1280, height=720, now_tick=3000)
    begin = waiting.decide(3000)
    assert begin is not None
    assert begin.first_slot == 1


def test_nothing_begins_without_a_picture() -> None:
    assert opening().decide(1000 * SECOND) is None


def test_a_run_that_takes_over_goes_on_alone_after_half_a_second() -> None:
    waiting = opening(given=True, next_tick=6 * SECOND, started_tick=10 * SECOND)
    assert waiting.decide(10 * SECOND + 44_999) is None
    assert waiting.decide(10 * SECOND + 45_000) == Begin(first_slot=315, width=0, height=0)


def test_a_run_that_takes_over_begins_with_its_first_picture_of_any_size() -> None:
    waiting = opening(given=True, next_tick=0, started_tick=0)
    waiting.saw(pts=3000, width=320, height=180, now_tick=3000)
    assert waiting.decide(3000) == Begin(first_slot=1, width=320, height=180)


def test_sound_alone_begins_with_the_slate_when_that_is_due() -> None:
    waiting = opening()
    waiting.received(video=False, now_tick=30_000)
    waiting.received(video=False, now_tick=200_000)
    assert waiting.decide(254_999) is None
    assert waiting.decide(255_000) == Begin(first_slot=85, width=0, height=0)


def test_video_that_shows_no_picture_is_given_longer() -> None:
    waiting = opening()
    waiting.received(video=False, now_tick=0)
    waiting.received(video=True, now_tick=3000)
    assert waiting.decide(10 * SECOND - 1) is None
    assert waiting.decide(10 * SECOND) == Begin(first_slot=300, width=0, height=0)


def test_a_picture_in_time_decides_the_shape() -> None:
    waiting = opening()
    waiting.received(video=False, now_tick=0)
    waiting.received(video=True, now_tick=200_000)
    waiting.saw(pts=200_000, width=720, height=1280, now_tick=200_000)
    assert waiting.decide(200_000) == Begin(first_slot=67, width=720, height=1280)
