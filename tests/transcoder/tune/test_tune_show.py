"""What a rung costs when its encoder starts threads of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.tune.show import shared_out

CPU = st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 10), min_size=1)


def test_hidden_threads_are_shared_out_among_those_that_have_them() -> None:
    rungs = {"top": 1.0, "middle": 0.5, "low": 0.5}
    found = shared_out(rungs, threaded=["top", "middle"], spent_s=5.0)
    assert found == pytest.approx({"top": 3.0, "middle": 1.5, "low": 0.5})
    assert shared_out(rungs, threaded=[], spent_s=5.0) == rungs
    assert shared_out(rungs, threaded=["top"], spent_s=1.0) == rungs


@given(CPU, st.sets(st.sampled_from("abcde")), st.floats(0, 100))
def test_nothing_is_lost_and_nobody_pays_less(
    rungs: dict[str, float], threaded: set[str], spent_s: float
) -> None:
    found = shared_out(rungs, threaded=sorted(threaded), spent_s=spent_s)
    assert all(found[name] >= rungs[name] for name in rungs)
    if threaded & set(rungs):
        assert sum(found.values()) == pytest.approx(max(spent_s, sum(rungs.values())))
