from dataclasses import dataclass

from transcoder.ladder_state import LadderState, Watched, ladder_state
from transcoder.profiles import EncoderName
from transcoder.shedding import LadderPlan, planned
from transcoder.wire import decode, encode

RUNGS = ("720p", "480p", "360p")


@dataclass(frozen=True)
class Why:
    code: str
    sentence: str


def state(
    plan: LadderPlan,
    *,
    step: int = 0,
    passthrough: bool = False,
    unfit: Why | None = None,
    stand_ins: dict[str, EncoderName] | None = None,
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
        stand_ins=stand_ins,
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


def test_encoders_without_their_device_are_named_after_all_else() -> None:
    absent: dict[str, EncoderName] = {
        "720p": "h264_nvenc",
        "480p": "h264_nvenc",
        "360p": "hevc_qsv",
    }
    full = state(planned(3, (), passed=False), stand_ins=absent)
    assert full.sentence == (
        "h264_nvenc needs an NVIDIA GPU, which is not to be had here: 720p and 480p are encoded by "
        "libx264, preset superfast. "
        "hevc_qsv needs an Intel GPU, which is not to be had here: 360p is encoded by libx265, "
        "preset superfast."
    )
    assert [rung.instead_of for rung in full.rungs] == list(absent.values())
    shed = state(planned(3, ("top_rung",), passed=False), step=1, stand_ins={"480p": "h264_nvenc"})
    assert shed.sentence.startswith("720p is shown as 480p until this computer keeps up. h264_nv")
    assert [rung.instead_of for rung in shed.rungs] == ["", "h264_nvenc", ""]


def test_both_messages_have_a_wire_form() -> None:
    told = state(planned(3, ("top_rung",), passed=False), step=1)
    assert decode(encode(told)) == told
    watched = Watched(epoch="e1", rungs=("720p",))
    assert decode(encode(watched)) == watched
