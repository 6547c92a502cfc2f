from dataclasses import dataclass

from transcoder.ladder_state import LadderState, Watched, ladder_state
from transcoder.shedding import LadderPlan, planned
from transcoder.wire import decode, encode

RUNGS = ("720p", "480p", "360p")


@dataclass(frozen=True)
class Why:
    code: str
    sentence: str


def state(
    plan: LadderPlan, *, step: int = 0, passthrough: bool = False, unfit: Why | None = None
) -> LadderState:
    return ladder_state(
        show="demo",
        epoch="e1",
        rungs=RUNGS,
        plan=plan,
        step=step,
        dozing={"360p"},
        passthrough=passthrough,
        unfit=unfit,
    )


def test_a_full_ladder_is_said_in_one_sentence() -> None:
    full = state(planned(3, (), passed=False))
    assert full.sentence == "Every rung is encoded in full."
    assert full.passthrough == "off"
    assert [rung.dozing for rung in full.rungs] == [False, False, True]


def test_what_is_shed_is_named() -> None:
    shed = state(planned(3, ("top_rung", "frame_rate", "single_rung"), passed=False), step=3)
    assert shed.sentence == (
        "720p is shown as 360p, 480p is shown as 360p and every other picture is left out until "
        "this computer keeps up."
    )
    assert [rung.mirrors for rung in shed.rungs] == ["360p", "360p", ""]
    half = state(planned(3, ("frame_rate",), passed=False), step=1)
    assert half.sentence == "Every other picture is left out until this computer keeps up."


def test_passthrough_is_named_and_why_not() -> None:
    passed = state(
        planned(3, (), passed=True), passthrough=True, unfit=Why("damaged", "It was damaged.")
    )
    assert passed.passthrough == "passed"
    assert passed.unfit == ""
    assert passed.sentence == "720p is the host's own picture."
    unfit = state(
        planned(3, ("top_rung",), passed=False),
        step=1,
        passthrough=True,
        unfit=Why("reordered", "It has B-frames."),
    )
    assert (unfit.passthrough, unfit.unfit) == ("unfit", "reordered")
    assert unfit.unfit_sentence == "It has B-frames."
    assert unfit.sentence == (
        "720p is not the host's own picture: It has B-frames. "
        "720p is shown as 480p until this computer keeps up."
    )


def test_both_messages_have_a_wire_form() -> None:
    told = state(planned(3, ("top_rung",), passed=False), step=1)
    assert decode(encode(told)) == told
    watched = Watched(epoch="e1", rungs=("720p",))
    assert decode(encode(watched)) == watched
