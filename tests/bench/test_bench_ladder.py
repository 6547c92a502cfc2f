"""The pure parts of the benches of the ladder: transcode, streams and part_delay."""

from dataclasses import replace

import pytest

from bench.node import NodeProcess
from bench.part_delay.figures import Delays, frame_numbers
from bench.streams.run import Held, Window
from bench.streams.where import Spent, server_cores
from bench.transcode.cost import ratio
from bench.transcode.peer import scaling
from transcoder.profiles import Profile, plan_rungs

WINDOW = Window(
    shows=2, parts=1000, late=1, missed=0, lag_p50_ms=80, lag_p99_ms=120, lag_max_ms=400,
    cores={"worker": 0.8, "main": 0.1, "worker: 720p": 0.5}, publishers_cores=0.02, idle_share=0.4,
)  # fmt: skip


def test_each_rung_is_scaled_from_the_one_above() -> None:
    rungs = plan_rungs(Profile(), 1280, 720)
    assert scaling(rungs, scaler="bicubic") == (
        "[0:v]split=2[v0][s0];"
        "[s0]scale=854:480:flags=bicubic,split=2[v1][s1];"
        "[s1]scale=640:360:flags=bicubic,null[v2]"
    )


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    assert ratio([1.0, 2.0, 9.0], [2.0, 2.0, 3.0]) == 1.0


def test_one_part_in_a_thousand_may_be_late_and_none_missing() -> None:
    assert WINDOW.held
    assert not replace(WINDOW, late=2).held
    assert not replace(WINDOW, missed=1).held


def test_what_is_held_is_the_most_without_a_gap() -> None:
    fails = replace(WINDOW, shows=3, late=5)
    held = Held(windows=[WINDOW, fails], libraries="", quiet_idle_share=1.0)
    assert held.best == WINDOW
    assert Held(windows=[fails], libraries="", quiet_idle_share=1.0).best is None


def test_a_servers_cores_are_those_of_its_processes() -> None:
    assert WINDOW.core_per_show == pytest.approx(0.45)
    worker, main = NodeProcess(pid=1, role="worker"), NodeProcess(pid=2, role="main")
    gone = NodeProcess(pid=3, role="worker")
    before = Spent(
        processes={worker: 1.0, gone: 5.0}, loops={worker: 0.5, gone: 1.0}, rungs={"720p": 0.4}
    )
    after = Spent(processes={worker: 3.0, main: 0.2}, loops={worker: 0.7}, rungs={"720p": 1.4})
    cores = before.cores_until(after, 2.0)
    assert cores["worker: 720p"] == pytest.approx(0.5)
    assert server_cores(cores) == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("came_s", "painted", "expected"), [(1.05, 31, 31), (11.05, 31, 331), (10.01, 299, 299)]
)
def test_a_parts_last_picture_is_the_newest_that_can_be(
    came_s: float, painted: int, expected: int
) -> None:
    numbers = frame_numbers([(came_s, painted)], period=300, frames_per_second=30)
    assert numbers == [expected]


def test_delays_are_the_slowest_renditions() -> None:
    delays = Delays(ms={"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    assert delays.p(0.5) == 5.0
    assert delays.p(0.5, "a") == 2.0
