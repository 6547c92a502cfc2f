"""Figures and rows from made-up outcomes."""

from dataclasses import replace

import pytest

from bench.fanout.air import Air
from bench.fanout.load import Crowd, Result, Spread
from bench.fanout.report import COLUMNS, figures, row
from bench.fanout.servers import Kind
from bench.fanout.stage import Outcome, Piece

PROMISED = {
    *("pull_p99_ms", "pull_cpu_vs_c", "aiohttp_vs_pull_cpu", "push_p99_ms", "push_cpu_vs_c"),
    *("viewers_low", "viewers_ultra", "cue_p99_ms", "mixed_cue_p99_ms", "rss_per_pull_kb"),
    "viewers",
}


def outcome(
    what: str, kind: Kind, crowd: Crowd, *, us: float = 20.0, p99: float = 100.0, idle: float = 0.9
) -> Outcome:
    watching = crowd.pull + crowd.poll + crowd.push
    spread = Spread(count=10, p50=p99 / 2, p99=p99, max=p99 + 1)
    return Outcome(
        piece=Piece(what=what, kind=kind, crowd=crowd, air=Air()),
        result=Result(
            connected=crowd.viewers,
            cpu_s=1.0,
            parts=watching * 10,
            wake=spread if crowd.pull else None,
            delivery=spread if watching else None,
            cue=spread if crowd.events else None,
            slow_lingered=None,
            loris_lingered=None,
            counts={"skipped": 0},
            errors={},
        ),
        server_cpu_s=us * watching * 10 / 1e6,
        seconds=5.0,
        feeder_cpu_s=0.1,
        idle_share=idle,
        interference=0.01,
        rss_kb_per_viewer=2.0,
        rss_kb=50_000,
    )


def test_nothing_played_has_no_figures() -> None:
    found = figures([])
    assert found.keys() >= PROMISED
    assert set(found.values()) == {None}


def test_ratios_compare_equal_crowds() -> None:
    many, few = Crowd(pull=10_000), Crowd(pull=2000)
    found = figures(
        [
            outcome("pull", "c", many, us=20),
            outcome("pull", "comptoir", many, us=26, p99=140),
            outcome("pull", "c", many, us=20),
            outcome("pull", "comptoir", many, us=34, p99=160),
            outcome("pull", "aiohttp", few, us=180, p99=400),
            outcome("pull", "comptoir", few, us=36),
            outcome("push", "c", Crowd(push=5000), us=10),
            outcome("push", "comptoir", Crowd(push=5000), us=12, p99=90, idle=0.5),
        ]
    )
    assert found["pull_cpu_vs_c"] == pytest.approx(1.5)
    assert found["aiohttp_vs_pull_cpu"] == pytest.approx(5)
    assert found["push_cpu_vs_c"] == pytest.approx(1.2)
    assert (found["pull_p99_ms"], found["push_p99_ms"]) == (160, 90)
    assert found["rss_per_pull_kb"] == 2
    assert found["idle_share"] == 0.5
    assert found["viewers"] == 10_000


def test_held_means_every_part_to_everyone_in_time() -> None:
    good = outcome("low", "comptoir", Crowd(pull=1000, events=1000), p99=499)
    assert good.held
    result = good.result
    assert not replace(good, result=replace(result, errors={"gap": 1})).held
    assert not replace(good, result=replace(result, connected=1999)).held
    assert not replace(good, result=replace(result, counts={"skipped": 1})).held
    assert not replace(good, result=replace(result, parts=9000)).held
    assert not outcome("low", "comptoir", Crowd(pull=1000), p99=501).held
    assert figures([good])["viewers_low"] == 1000
    assert figures([outcome("low", "comptoir", Crowd(pull=9), p99=501)])["viewers_low"] == 0


def test_cues_have_figures_of_their_own() -> None:
    found = figures(
        [
            outcome("cue", "comptoir", Crowd(events=10_000), p99=70),
            outcome("mixed", "comptoir", Crowd(pull=5000, events=5000), p99=50),
        ]
    )
    assert (found["cue_p99_ms"], found["mixed_cue_p99_ms"]) == (70, 50)


@pytest.mark.parametrize("crowd", [Crowd(pull=5), Crowd(events=5), Crowd(pull=5, events=5)])
def test_a_row_has_all_columns(crowd: Crowd) -> None:
    assert len(row(outcome("pull", "comptoir", crowd))) == len(COLUMNS)
