"""Overload as numbers: a machine that encodes so many slots a second, and what is shed for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.grid import Grid
from transcoder.profiles.sections import ShedStep
from transcoder.roles import ENCODED, PASSED, check_roles, mirror
from transcoder.shedding import LadderPlan, Shedding, planned
from transcoder.values import TICKS_PER_SECOND

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
ALL: tuple[ShedStep, ...] = ("top_rung", "frame_rate", "single_rung")


def test_each_step_takes_the_next_thing() -> None:
    assert planned(3, (), passed=False).roles == (ENCODED,) * 3
    assert planned(3, ALL[:1], passed=False).roles == (mirror(1), ENCODED, ENCODED)
    assert planned(3, ALL[:2], passed=False) == LadderPlan(
        roles=(mirror(1), ENCODED, ENCODED), half_rate=True
    )
    assert planned(3, ALL, passed=False).roles == (mirror(2), mirror(2), ENCODED)


def test_the_sources_own_picture_is_never_shed() -> None:
    assert planned(3, ALL[:1], passed=True).roles == (PASSED, mirror(2), ENCODED)
    assert planned(2, ALL, passed=True).roles == (PASSED, ENCODED)
    assert planned(1, ALL, passed=True) == LadderPlan(roles=(PASSED,))


@given(st.integers(1, 8), st.lists(st.sampled_from(ALL)), st.booleans())
def test_any_steps_leave_roles_that_a_generation_can_have(
    rungs: int, taken: list[ShedStep], passed: bool
) -> None:
    plan = planned(rungs, taken, passed=passed)
    check_roles(plan.roles)
    assert len(plan.roles) == rungs
    assert rungs == 1 or ENCODED in plan.roles
    assert (plan.roles[0] == PASSED) == passed


@dataclass
class Machine:
    """Encoders that do `speed(step)` slots a second, fed 30; a look each 20 ms."""

    shedding: Shedding
    speed: Callable[[int, float], float]
    passed: bool = False
    backlog: float = 0.0
    now_s: float = 0.0

    def run(self, seconds: float) -> Iterator[tuple[float, int]]:
        """Each change of the step: when, and to what."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 0.02
            self.backlog = max(
                0.0, self.backlog - 0.02 * self.speed(self.shedding.step, self.now_s)
            )
            tick = round(self.now_s * TICKS_PER_SECOND)
            if self.shedding.observe(round(self.backlog), tick, passed=self.passed):
                yield self.now_s, self.shedding.step
            if not self.shedding.skipping:
                self.backlog += 0.02 * 30

    def steps(self, seconds: float) -> list[tuple[float, int]]:
        return [(round(at_s, 1), step) for at_s, step in self.run(seconds)]


def shedding(
    rungs: int = 3, shed: tuple[ShedStep, ...] = ALL, restore_after_s: float = 30
) -> Shedding:
    return Shedding(rungs, shed, grid=GRID, restore_after_s=restore_after_s)


def test_a_machine_that_keeps_up_sheds_nothing() -> None:
    machine = Machine(shedding(), speed=lambda step, now_s: 31)
    assert machine.steps(300) == []


def test_a_short_stall_sheds_nothing() -> None:
    machine = Machine(shedding(), speed=lambda step, now_s: 0 if now_s < 1.5 else 90)
    assert machine.steps(300) == []


def test_overload_is_shed_within_five_seconds_and_again_each_two() -> None:
    machine = Machine(shedding(), speed=lambda step, now_s: 10)
    (first_s, _), (second_s, _), (third_s, _) = machine.steps(60)
    assert first_s < 5
    assert second_s - first_s == pytest.approx(2, abs=0.1)
    assert third_s - second_s == pytest.approx(2, abs=0.1)
    assert machine.backlog <= 31


def test_what_was_shed_gets_the_time_to_help() -> None:
    """The first step is enough, but the backlog takes longer than two seconds to go."""
    machine = Machine(shedding(), speed=lambda step, now_s: 24 if step == 0 else 33)
    assert [step for _, step in machine.steps(20)] == [1]


def test_latency_never_grows_however_slow_the_machine() -> None:
    machine = Machine(shedding(shed=()), speed=lambda step, now_s: 3)
    most = 0.0
    for _ in range(50):
        machine.steps(1)
        most = max(most, machine.backlog)
    assert most <= 31


def test_a_burst_is_no_reason_to_give_up_and_a_backlog_that_stays_is() -> None:
    shed = shedding()
    for second, backlog in [(0, 1000), (2, 500), (3, 100), (4, 1000), (6, 1000)]:
        shed.observe(backlog, second * TICKS_PER_SECOND, passed=False)
        assert not shed.hopeless
    shed.observe(181, 7 * TICKS_PER_SECOND, passed=False)
    assert shed.hopeless


def test_of_many_slots_due_at_once_those_too_many_are_skipped() -> None:
    shed = shedding()
    shed.observe(0, 0, passed=False)
    encoded = 0
    for _ in range(1000):
        encoded += not shed.skips(encoded)
    assert encoded == 31


def test_steps_are_taken_back_one_by_one() -> None:
    machine = Machine(shedding(), speed=lambda step, now_s: 10 if now_s < 6 else 90)
    changes = machine.steps(200)
    down = [step for at_s, step in changes if at_s < 6]
    back = [(at_s, step) for at_s, step in changes if at_s >= 6]
    assert down == [1, 2]
    assert [step for _, step in back] == [1, 0]
    assert back[0][0] >= 36
    assert back[1][0] - back[0][0] == pytest.approx(30, abs=0.1)


def test_a_restore_that_fails_doubles_the_wait_up_to_ten_minutes() -> None:
    machine = Machine(shedding(), speed=lambda step, now_s: 20 if step == 0 else 90)
    changes = machine.steps(2400)
    shed = [at_s for at_s, step in changes if step == 1]
    restored = [at_s for at_s, step in changes if step == 0]
    waits = [back - down for down, back in zip(shed, restored, strict=False)]
    assert [round(wait, -1) for wait in waits] == [30, 60, 120, 240, 480, 600, 600]


def test_a_restore_that_holds_resets_the_wait() -> None:
    """Too slow in full at first, for longer than two waits; then fast; then slow once more."""

    def speed(step: int, now_s: float) -> float:
        return 20 if step == 0 and (now_s < 100 or 400 < now_s < 405) else 90

    changes = Machine(shedding(), speed=speed).steps(600)
    last_shed, last_restored = changes[-2:]
    assert last_shed[1] == 1
    assert last_shed[0] > 400
    assert last_restored[0] - last_shed[0] == pytest.approx(30, abs=2)


def test_blips_do_not_keep_a_rung_shed() -> None:
    """Something else runs for a moment every ten seconds."""

    def speed(step: int, now_s: float) -> float:
        if now_s < 6:
            return 10
        return 0 if now_s % 10 < 0.5 else 300

    changes = Machine(shedding(), speed=speed).steps(200)
    assert changes[-1][1] == 0


def test_steps_that_change_nothing_are_passed_over() -> None:
    one_rung = Machine(shedding(rungs=1), speed=lambda step, now_s: 10)
    assert [step for _, step in one_rung.steps(60)] == [2]
    two_with_passed = Machine(shedding(rungs=2), speed=lambda step, now_s: 10, passed=True)
    assert [step for _, step in two_with_passed.steps(60)] == [2]
    assert one_rung.shedding.plan(passed=False).half_rate
