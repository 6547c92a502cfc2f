"""What main tells a worker of who watches, and what it keeps of the ladder's state."""

from dataclasses import dataclass, field

from structlog.testing import capture_logs

from mediaserver.broadcast.ladders import TELL_EVERY_S, WATCHED_S, Ladders
from mediaserver.bus.messages import RungsAsked
from transcoder.ladder_state import LadderState, Watched, ladder_state
from transcoder.profiles.sections import ShedStep
from transcoder.shedding import planned

RUNGS: tuple[str, ...] = ("720p", "480p", "360p")
STEPS: tuple[ShedStep, ...] = ("top_rung", "frame_rate")


@dataclass
class Worker:
    told: list[Watched] = field(default_factory=list)

    def send(self, value: object) -> bool:
        assert isinstance(value, Watched)
        self.told.append(value)
        return True


def state(*, epoch: str = "e1", step: int = 0, on_demand: bool = True) -> LadderState:
    return ladder_state(
        show="demo",
        epoch=epoch,
        rungs=RUNGS,
        plan=planned(3, STEPS[:step], passed=False),
        step=step,
        on_demand=on_demand,
    )


def asked(*rungs: str, epoch: str = "e1") -> RungsAsked:
    return RungsAsked(show="demo", epoch=epoch, rungs=rungs)


def test_a_rung_is_watched_until_a_while_after_the_last_sign() -> None:
    ladders, worker = Ladders(["demo"]), Worker()
    ladders.heard(worker, state(), 0)
    ladders.beat(0)
    assert worker.told[-1].rungs == RUNGS
    for second in range(30):
        ladders.asked(asked("480p"), second)
        ladders.beat(second)
        watched = RUNGS if second < WATCHED_S else ("480p",)
        assert worker.told[-1].rungs == watched
    ladders.asked(asked("360p", "strange"), 30)
    assert worker.told[-1].rungs == ("480p", "360p"), "at once, and only what there is"


def test_a_worker_is_told_again_though_nothing_changes() -> None:
    ladders, worker = Ladders(["demo"]), Worker()
    ladders.heard(worker, state(), 0)
    for tenth in range(100):
        ladders.asked(asked(*RUNGS), tenth / 10)
        ladders.beat(tenth / 10)
    assert len(worker.told) == 1 + int(9.9 / TELL_EVERY_S)


def test_while_no_gateway_says_anything_all_are_watched() -> None:
    ladders, worker = Ladders(["demo"]), Worker()
    ladders.heard(worker, state(), 0)
    for second in range(20):
        ladders.asked(asked(), second)
    ladders.beat(19)
    assert worker.told[-1].rungs == ()
    ladders.beat(19 + WATCHED_S)
    assert worker.told[-1].rungs == RUNGS


def test_only_a_ladder_on_demand_is_told() -> None:
    ladders, worker = Ladders(["demo"]), Worker()
    ladders.heard(worker, state(on_demand=False), 0)
    ladders.asked(asked("720p"), 1)
    ladders.beat(20)
    assert worker.told == []


def test_another_epoch_or_worker_begins_anew() -> None:
    ladders, one, other = Ladders(["demo"]), Worker(), Worker()
    ladders.heard(one, state(), 0)
    ladders.asked(asked("720p", epoch="e0"), 10)
    ladders.asked(asked(), 16)
    ladders.beat(16)
    assert one.told[-1].rungs == ()
    ladders.heard(other, state(), 17)
    ladders.beat(17)
    assert other.told[-1].rungs == RUNGS
    ladders.lost(one)
    assert ladders.of("demo") is not None
    ladders.lost(other)
    assert ladders.of("demo") is None
    assert ladders.states == {}


def test_what_changes_for_viewers_is_logged() -> None:
    ladders, worker = Ladders(["demo"]), Worker()
    with capture_logs() as logs:
        for step in (0, 0, 1, 1, 2, 0):
            ladders.heard(worker, state(step=step), 0)
    assert [(entry["log_level"], entry["step"]) for entry in logs] == [
        ("info", 0),
        ("warning", 1),
        ("warning", 2),
        ("info", 0),
    ]
    assert logs[1]["rungs"] == ["720p:mirror:480p", "480p:encoded", "360p:encoded"]


def test_a_show_that_is_not_ours_is_nobodys() -> None:
    ladders = Ladders(["other"])
    ladders.heard(Worker(), state(), 0)
    assert ladders.states == {}
