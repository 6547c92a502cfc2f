import re

import pytest

from bench.chromium import PAGES, PAINTED_FPS, PAINTED_HEIGHT, PAINTED_WIDTH, SeenFrame
from bench.latency import CASES, FULL, Measured, figures_of, measured
from bench.node import NodeError
from mediaserver.demo.tone import BEEP_MS


def seen(painted_ms: int | None, shown_at_ms: float) -> SeenFrame:
    return SeenFrame(
        painted_ms=painted_ms, counter=0, shown_at_ms=shown_at_ms, media_time_s=0, height=480
    )


@pytest.mark.parametrize(
    ("painted_ms", "shown_at_ms", "delay_s"),
    [
        (1_000, 1_900, 0.9),
        (2**32 - 100, 2**32 + 400, 0.5),
        (2**32 - 100, 5 * 2**32 + 400, 0.5),
        (1_000, 990, -0.01),
        (None, 1_900, None),
    ],
)
def test_the_delay_is_from_painting_to_showing(
    painted_ms: int | None, shown_at_ms: float, delay_s: float | None
) -> None:
    assert seen(painted_ms, shown_at_ms).delay_s == delay_s


def test_a_frame_is_read_from_what_the_page_noted() -> None:
    plain = {
        "painted": 5, "counter": 1, "shownAt": 900, "mediaTime": 3, "height": 360, "presented": 7,
        "cards": ["a"], "emsg": ["b"], "dateRange": [],
    }  # fmt: skip
    assert SeenFrame.parse(plain) == SeenFrame(
        painted_ms=5, counter=1, shown_at_ms=900.0, media_time_s=3.0, height=360, presented=7,
        cards=("a",), emsg=("b",),
    )  # fmt: skip


def test_unreadable_frames_are_counted_and_left_out() -> None:
    frames = [seen(0, 800), seen(None, 833), seen(66, 1066), seen(100, 1000)]
    result = measured("ours", frames, stalls_s=[0.5, 30], idle_share=0.5, first_frame_s=0.4)
    assert (result.p50_s, result.p95_s) == (0.9, 1.0)
    assert (result.unreadable, result.stalls_s) == (1, (0.5, 30))
    assert result.row()[:3] == ("ours", "0.90 s", "1.00 s")


def test_nothing_seen_is_no_measurement() -> None:
    with pytest.raises(NodeError, match="none could be read"):
        measured("ours", [seen(None, 1)], stalls_s=[], idle_share=0.5, first_frame_s=0)


def result(delay_s: float, *, stalls: int, idle_share: float) -> Measured:
    return Measured(
        name="x",
        delays_s=(delay_s,),
        unreadable=1,
        stalls_s=(1.0,) * stalls,
        idle_share=idle_share,
        first_frame_s=0.5,
    )


def test_figures_keep_their_keys_when_something_was_not_measured() -> None:
    some = {
        "push_low": result(0.6, stalls=1, idle_share=0.4),
        "hlsjs_default": result(1.8, stalls=5, idle_share=0.3),
        "push_rtt50": result(0.8, stalls=2, idle_share=0.5),
    }
    figures, whole = figures_of(some), figures_of(dict.fromkeys(CASES, some["push_low"]))
    assert figures.keys() == whole.keys()
    assert {name: figure for name, figure in figures.items() if figure is not None} == {
        "idle_share": 0.3,
        "push_low_p50_s": 0.6,
        "push_low_p95_s": 0.6,
        "push_low_first_frame_s": 0.5,
        "hlsjs_default_p50_s": 1.8,
        "hlsjs_default_p95_s": 1.8,
        "hlsjs_default_stalls": 5,
        "push_rtt50_p50_s": 0.8,
        "push_rtt50_p95_s": 0.8,
        "push_rtt50_first_frame_s": 0.5,
        "push_rtt50_stalls": 2,
        "stalls": 1,
        "unreadable": 3,
    }


def test_each_way_is_compared_on_the_same_bad_lines() -> None:
    troubled: dict[tuple[str, str], set[float]] = {}
    for case in CASES.values():
        if case.trouble is not None:
            assert case.trouble.loss == 0.01
            troubled.setdefault((case.how, case.preset), set()).add(case.trouble.rtt_s)
    assert troubled == {
        ("push", "low"): {0.05, 0.15},
        ("hls", "low"): {0.05, 0.15},
        ("push", "ultra"): {0.05, 0.15},
    }
    assert FULL.measure_s == 60


def test_the_pages_paint_and_read_the_same_picture() -> None:
    camera = (PAGES / "camera.js").read_text(encoding="utf-8")
    reader = (PAGES / "reader.js").read_text(encoding="utf-8")
    size = re.search(r"WIDTH = (\d+), HEIGHT = (\d+), FPS = (\d+)", camera)
    assert size is not None
    assert tuple(map(int, size.groups())) == (PAINTED_WIDTH, PAINTED_HEIGHT, PAINTED_FPS)
    assert f"PAINTED_WIDTH = {PAINTED_WIDTH}," in reader
    assert f"BEEP_MS = {BEEP_MS};" in camera
