"""What the ingest bench prints, from results made up."""

from pathlib import Path

import pytest

from bench.faults.profiles import PROFILES
from bench.ingest.__main__ import main
from bench.ingest.cpu import CpuResult
from bench.ingest.figures import Outcome, Span
from bench.ingest.kept import Results
from bench.ingest.report import COLUMNS, figures_of, notes_of, rows_of
from bench.ingest.run import Carried, Plan, ProfileResult

CPU = CpuResult(ours_ms=(2.0, 9.0, 3.0), stock_ms=(4.0, 3.0, 4.0))


def outcome(*, shown: int, freezes: tuple[float, ...], skews: tuple[float, ...]) -> Outcome:
    return Outcome(
        span_s=60.0,
        shown=shown,
        captured=1800,
        freezes=freezes,
        skews_before_ms=(),
        skews_after_ms=skews,
        recover_s=None,
        discontinuities=0,
    )


def result(
    profile: str,
    ours: Outcome,
    *,
    late_ms: float = 5.0,
    holes: int = 0,
    overflowed: int = 0,
    peer_passed: int = 980,
) -> ProfileResult:
    return ProfileResult(
        profile=profile,
        run=Span(start_s=0.0, end_s=60.0),
        ours=ours,
        stock=outcome(shown=1000, freezes=(2.0,) * 3, skews=(400.0,)),
        late_ms=late_ms,
        publishes=2,
        epochs=1,
        holes=holes,
        line=Carried(passed=980, lost=20, overflowed=overflowed, latest_ms=1.0),
        stock_line=Carried(passed=peer_passed, lost=20),
    )


RESULTS = [
    result("random-2", outcome(shown=1791, freezes=(0.6,), skews=(-12.0, 3.0))),
    result("burst-5", outcome(shown=1700, freezes=(0.3, 0.7, 0.8), skews=(20.0, -30.0))),
]


def test_the_figures_are_normalised_and_name_the_worst_skew() -> None:
    figures = figures_of(RESULTS, CPU, 0.5)
    assert figures["frames_share_2pct"] == pytest.approx(0.995)
    assert figures["freezes_500ms_2pct"] == 5
    assert figures["freezes_500ms_burst"] == 2
    assert figures["skew_p95_ms"] == 30
    assert figures["cpu_vs_aiortc"] == 0.75
    assert figures["aiortc_freezes_500ms_burst"] == 3


def test_a_profile_that_did_not_run_has_no_figure() -> None:
    figures = figures_of(RESULTS[1:], CPU, 0.5)
    assert figures["frames_share_2pct"] is None
    assert figures["freezes_500ms_2pct"] is None


def test_every_row_has_every_column_and_the_peer_stands_below() -> None:
    rows = rows_of(RESULTS)
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert [row[0].strip() for row in rows] == ["random-2", "aiortc", "burst-5", "aiortc"]


def test_a_busy_machine_is_named() -> None:
    good = outcome(shown=1800, freezes=(), skews=())
    assert list(notes_of([result("clean", good)])) == []
    (late,) = notes_of([result("clean", good, late_ms=150.0)])
    assert "too busy" in late
    (holes,) = notes_of([result("clean", good, holes=2)])
    assert "missed parts 2 times" in holes
    (dropped,) = notes_of([result("clean", good, overflowed=3)])
    assert "dropped 3 datagrams" in dropped


def test_a_peer_whose_packets_evade_their_line_has_no_row() -> None:
    evaded = result("random-2", outcome(shown=1700, freezes=(), skews=()), peer_passed=3)
    assert [row[:2] for row in rows_of([evaded])] == [("random-2", "2.0%")]
    assert figures_of([evaded], CPU, 0.5)["aiortc_frames_share_2pct"] is None
    (note,) = notes_of([evaded])
    assert "evaded their line" in note
    assert len(rows_of(RESULTS[:1])) == 2


def test_a_plan_moves_passing_troubles_only() -> None:
    plan = Plan(lead_s=1, run_s=10, after_s=2, lasts_s=3)
    assert plan.profile("blackout-90").lasts_s == 3
    assert plan.profile("blackout-90").after_s == 2
    assert plan.profile("random-2").lasts_s is None
    assert plan.profile("random-2").after_s == 0
    assert plan.profile("port-change").after_s == 2
    assert Plan(lead_s=1, run_s=10).profile("blackout-90").lasts_s == 90


def test_a_run_covers_a_passing_trouble_and_what_follows_it() -> None:
    plan = Plan(lead_s=1, run_s=60, settle_s=30)
    lengths = {name: plan.length_s(profile) for name, profile in PROFILES.items()}
    assert lengths["blackout-90"] == 130
    assert set(lengths.values()) == {60, 130}
    quick = Plan(lead_s=1, run_s=10, after_s=2, lasts_s=3)
    assert quick.length_s(quick.profile("blackout-90")) == 10


def test_results_are_kept_and_a_profile_measured_again_counts_as_it_was_then(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kept"
    assert Results.load(path) is None
    first = Results(profiles=tuple(RESULTS), cpu=CPU, idle_share=0.5)
    first.save(path)
    assert Results.load(path) == first
    again = result("random-2", outcome(shown=1800, freezes=(), skews=(1.0,)))
    clean = result("clean", outcome(shown=1800, freezes=(), skews=()))
    both = first.and_then(Results(profiles=(again, clean), cpu=None, idle_share=0.6))
    assert both == Results(profiles=(clean, again, RESULTS[1]), cpu=CPU, idle_share=0.5)
    path.write_text("[]")
    with pytest.raises(ValueError, match="holds no results of this bench"):
        Results.load(path)


def test_an_unknown_profile_is_refused_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--profiles", "random-2,sunspots"])
    assert stopped.value.code == 2
    assert "there is no profile 'sunspots'" in capsys.readouterr().err
