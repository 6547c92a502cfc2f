"""Main's copy of the live window, over many generations of encoders."""

from mediaserver.broadcast.window import EpochWindow
from transcoder.values import Anchor, InitSection, Part

LADDER = ("720p", "360p")


def init(generation: int, rendition: str) -> InitSection:
    return InitSection(
        show="s",
        epoch="e",
        rendition=rendition,
        generation=generation,
        ladder=LADDER,
        anchor=Anchor(utc_us=0, monotonic_ns=0),
        codecs="",
        width=2,
        height=2,
        frames_per_second=30,
        bandwidth_bps=1,
        average_bandwidth_bps=1,
        part_ticks=30_000,
        segment_ticks=180_000,
        data=b"",
    )


def part(number: int, generation: int, rendition: str) -> Part:
    return Part(
        show="s",
        epoch="e",
        rendition=rendition,
        generation=generation,
        number=number,
        msn=generation,
        index=0,
        decode_time=number * 30_000,
        duration=30_000,
        independent=True,
        last=True,
        cues=(),
        data=b"",
    )


def aired(window: EpochWindow, number: int) -> None:
    """A generation of one part."""
    for name in LADDER:
        assert window.add_init(init(number, name)) is not None
    steps = [window.add_part(part(number, number, name)) for name in LADDER]
    assert steps[0] is None
    assert steps[1] is not None


def newest(window: EpochWindow) -> list[int]:
    return [section.generation for section in window.newest_inits]


def test_init_sections_leave_with_the_last_step_of_their_generation() -> None:
    window = EpochWindow(window_ticks=5 * 30_000)
    for number in range(300):
        aired(window, number)
    kinds = [said.kind for said in window.said()]
    assert kinds == ["init"] * 12 + ["step"] * 6
    assert window.inits_of(293) == ()
    assert len(window.inits_of(294)) == 2


def test_what_a_worker_sends_again_of_a_generation_that_left_is_no_news() -> None:
    window = EpochWindow(window_ticks=5 * 30_000)
    for number in range(20):
        aired(window, number)
    assert window.add_init(init(3, "720p")) is None
    assert window.inits_of(3) == ()


def test_a_generation_counts_once_it_is_whole() -> None:
    window = EpochWindow(window_ticks=5 * 30_000)
    window.add_init(init(0, "720p"))
    assert newest(window) == []
    window.add_init(init(0, "360p"))
    aired(window, 1)
    window.add_init(init(2, "720p"))
    assert newest(window) == [1, 1]


def test_a_gateway_that_comes_just_then_gets_the_init_sections_of_the_part_to_come() -> None:
    window = EpochWindow(window_ticks=5 * 30_000)
    aired(window, 0)
    for name in LADDER:
        window.add_init(init(1, name))
    assert [said.kind for said in window.said()] == ["init"] * 4 + ["step"]
