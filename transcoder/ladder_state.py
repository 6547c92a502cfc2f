"""How an epoch's ladder fares, as the worker tells main; which rungs are watched, as main tells it.

A rung may be shed, doze, or be the source's own picture while its name stays in every playlist:
what is really on air is said here, in fields for machines and in one sentence for operators.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from transcoder.profiles import EncoderName, unavailable
from transcoder.shedding import LadderPlan
from transcoder.wire import wire_value

Passthrough = Literal["off", "passed", "unfit"]
"""The profile does not ask for it; the top rung is the source's own picture; it cannot be now."""


@wire_value("rung_state", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RungState:
    """What one rung is made of now."""

    rung: str
    role: Literal["encoded", "passed", "mirror"]
    mirrors: str
    """The rung whose samples a mirror carries; "" for the others."""
    dozing: bool
    """Nobody watches it: one picture a part, until somebody does."""
    instead_of: str
    """The encoder that the profile names, where its device is missing and software encodes; else
    ""."""


@wire_value("ladder_state", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LadderState:
    """worker → main: at an epoch's start, at every change, and again on every connection."""

    show: str
    epoch: str
    rungs: tuple[RungState, ...]
    """Best first."""
    step: int
    """Steps of the profile's `overload.shed` in force: 0 while the machine keeps up."""
    half_rate: bool
    """Encoded rungs leave out every other picture."""
    passthrough: Passthrough
    unfit: str
    """Why the source cannot be passed, as a code (`transcoder.passthrough`); "" unless
    `passthrough` is ``unfit``."""
    unfit_sentence: str
    """The same for operators."""
    on_demand: bool
    """The worker is to be told who is watched (`Watched`)."""
    sentence: str
    """All of it for an operator; never empty."""


@wire_value("watched", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """main → worker: the rungs of the epoch that are watched now, on all nodes; no others are.

    At every change and every few seconds, where the profile says `on_demand`."""

    epoch: str
    rungs: tuple[str, ...]


class Unfit(Protocol):
    """Why a source cannot be passed."""

    @property
    def code(self) -> str: ...

    @property
    def sentence(self) -> str: ...


def ladder_state(
    *,
    show: str,
    epoch: str,
    rungs: Sequence[str],
    plan: LadderPlan,
    step: int,
    dozing: Collection[str] = (),
    on_demand: bool = False,
    passthrough: bool = False,
    unfit: Unfit | None = None,
    stand_ins: Mapping[str, EncoderName] | None = None,
) -> LadderState:
    """The state of a ladder of `rungs`, best first, that does `plan`. `passthrough`: the profile
    asks for it; `unfit`: why it cannot be had now, while it cannot. `stand_ins`: by rung the
    encoder that software stands in for."""
    absent = stand_ins or {}
    states = tuple(
        RungState(
            rung=rung,
            role=role.kind,
            mirrors="" if role.of is None else rungs[role.of],
            dozing=rung in dozing,
            instead_of=absent.get(rung, ""),
        )
        for rung, role in zip(rungs, plan.roles, strict=True)
    )
    passed = states[0].role == "passed"
    why = unfit if passthrough and not passed else None
    return LadderState(
        show=show,
        epoch=epoch,
        rungs=states,
        step=step,
        half_rate=plan.half_rate,
        passthrough="passed" if passed else "unfit" if passthrough else "off",
        unfit=why.code if why else "",
        unfit_sentence=why.sentence if why else "",
        on_demand=on_demand,
        sentence=" ".join(
            [
                *_what_is_on_air(states, half_rate=plan.half_rate, why=why),
                *_missing_encoders(absent),
            ]
        )
        or "Every rung is encoded in full.",
    )


def _what_is_on_air(
    states: Sequence[RungState], *, half_rate: bool, why: Unfit | None
) -> list[str]:
    said = []
    top = states[0]
    if top.role == "passed":
        said.append(f"{top.rung} is the host's own picture.")
    elif why:
        said.append(f"{top.rung} is not the host's own picture: {why.sentence}")
    losses = [f"{s.rung} is shown as {s.mirrors}" for s in states if s.role == "mirror"]
    if half_rate:
        losses.append(f"{'every' if losses else 'Every'} other picture is left out")
    if losses:
        said.append(f"{_joined(losses)} until this computer keeps up.")
    return said


def _missing_encoders(absent: Mapping[str, EncoderName]) -> list[str]:
    said = []
    for encoder in dict.fromkeys(absent.values()):
        rungs = [rung for rung, wanted in absent.items() if wanted == encoder]
        said.append(unavailable(encoder, f"{_joined(rungs)} {'are' if rungs[1:] else 'is'}"))
    return said


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
