import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.machine import CpuTimes, machine_line
from bench.report import percentile, print_report

STAT = "cpu  100 1 50 800 40 2 3 4 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"


def test_cpu_times_are_read_from_proc_stat() -> None:
    assert CpuTimes.parse(STAT) == CpuTimes(total=1000, idle=840)


@pytest.mark.parametrize("text", ["", "cpu\n", "intr 1 2 3 4 5\n", "cpu a b c d e\n"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"stat|int|unpack"):
        CpuTimes.parse(text)


def test_the_idle_share_is_that_between_two_readings() -> None:
    before, after = CpuTimes(total=1000, idle=840), CpuTimes(total=1200, idle=890)
    assert before.idle_share_until(after) == 0.25
    assert before.idle_share_until(before) == 0


def test_this_machine_is_named() -> None:
    assert "cores" in machine_line()
    assert 0 <= CpuTimes(total=0, idle=0).idle_share_until(CpuTimes.now()) <= 1


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.95)) == (50, 95)
    assert percentile([3.0], 0.99) == 3
    with pytest.raises(ValueError, match="no value"):
        percentile([], 0.5)


@given(st.lists(st.floats(0, 1000), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_not_exceeded_by_its_share(values: list[float], share: float) -> None:
    bound = percentile(values, share)
    assert bound in values
    assert sum(value <= bound for value in values) >= share * len(values) - 1e-9


@pytest.mark.parametrize(("idle", "void"), [(0.5, False), (0.05, True), (None, False)])
def test_a_report_ends_with_one_json_line(
    idle: float | None, void: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    print_report(
        bench="latency",
        title="Title",
        columns=("player", "p50"),
        rows=[("ours", "0.86 s")],
        figures={"idle_share": idle, "p50_s": 0.86449, "stalls": 0, "ultra": None},
    )
    out = capsys.readouterr().out
    last = json.loads(out.splitlines()[-1])
    assert last["bench"] == "latency"
    assert last["machine"] == machine_line()
    assert last["figures"] == {"idle_share": idle, "p50_s": 0.864, "stalls": 0, "ultra": None}
    assert ("void" in out) is void
    assert "0.86 s" in out
