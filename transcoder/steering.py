"""What the rungs of an epoch run should do now: of the source, the load and the audience.

It asks `Passthrough` whether the source may be passed, `Shedding` what the machine can carry and
`Demand` who watches, and answers in the terms of generations. Pure: it is told what the time is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from transcoder.cmaf.video_config import VideoConfig, avc_config
from transcoder.demand import Demand
from transcoder.errors import MediaError
from transcoder.ladder_state import LadderState, ladder_state
from transcoder.passthrough.control import Passthrough
from transcoder.profiles import EncoderName
from transcoder.roles import Role
from transcoder.sections import StagePlan
from transcoder.shedding import Shedding
from transcoder.values import TICKS_PER_SECOND

log = structlog.get_logger()

_ASK_EVERY_TICKS = TICKS_PER_SECOND // 2
_RENEWALS = 3
"""How often one slot may begin a generation before it is encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a slot is that comes to a generation with a passed rung."""

    change: bool = False
    """Another generation begins with it,"""
    source: VideoConfig | None = None
    """whose top rung is passed, with these headers, or encoded."""
    keyframe: bool = False
    """It begins with a keyframe of the source, which is passed."""


class Steering:
    """Lives as long as the `Stage` that asks it."""

    def __init__(self, plan: StagePlan, *, passing: Passthrough, demand: Demand) -> None:
        self.passing = passing
        self._start = plan.start
        self._rungs = tuple(rung.name for rung in plan.rungs)
        self._asks = plan.profile.passthrough != "never"
        self._on_demand = plan.profile.on_demand
        self._shedding = Shedding(
            len(plan.rungs),
            plan.profile.overload.shed,
            grid=plan.grid,
            restore_after_s=plan.profile.overload.restore_after_s,
        )
        self._demand = demand
        self._step = 0
        """The step of the generation that slots go to."""
        self._wants_keyframe = False
        self._asked_tick = -_ASK_EVERY_TICKS
        self._told: LadderState | None = None
        self._told_of: tuple[object, ...] = ()
        """What it was made from."""

    def opening(self, slot: int) -> VideoConfig | None:
        """The source's headers, when the run can begin by passing it."""
        return self._begun(slot) if self.passing.offer(slot) is not None else None

    def roles(self, *, passed: bool) -> tuple[Role, ...]:
        """What the rungs do in a generation that begins now."""
        self._step = self._shedding.step
        self._wants_keyframe = False
        return self._shedding.plan(passed=passed).roles

    def retreats(self, backlog: int, now_tick: int, *, roles: Sequence[Role]) -> bool:
        """So many slots are in the encoders: whether the rungs must do less at once. Raises
        `MediaError` when nothing helps.

        Where the source is passed that waits for its next keyframe, which is asked for.
        """
        passed = _passed(roles)
        if self._shedding.observe(backlog, now_tick, passed=passed):
            log.warning("ladder_step", step=self._shedding.step, backlog=backlog)
        if self._shedding.hopeless:
            raise MediaError(f"the encoders are {backlog} pictures behind and cannot keep up")
        if self._shedding.plan(passed=passed).roles == tuple(roles):
            return False
        if passed:
            if now_tick - self._asked_tick >= _ASK_EVERY_TICKS:
                self._asked_tick = now_tick
                self.ask_keyframe()
            return False
        return self._shedding.step > self._step

    def restores(self, roles: Sequence[Role]) -> bool:
        """Whether rungs that are encoded in these `roles` may do more again: from the end of a
        segment on, so ask where one begins."""
        return self._shedding.plan(passed=False).roles != tuple(roles)

    def offered(self, slot: int) -> VideoConfig | None:
        """The source's headers when it can be passed from this slot on, which then is decided."""
        if self.passing.offer(slot) is not None:
            return self._begun(slot)
        self.passing.skip(slot)
        return None

    def view(self, slot: int, *, part_start: bool, roles: Sequence[Role]) -> View:
        """What this slot is to a generation that passes the source, and has these `roles`."""
        view = View()
        for _ in range(_RENEWALS):
            outlook = self.passing.look(slot, part_start=part_start)
            if outlook.kind == "encode":
                if outlook.unfit is not None:
                    log.warning("source_unfit", reason=outlook.unfit.code)
                break
            reshaped = self._shedding.plan(passed=True).roles != tuple(roles)
            if outlook.kind == "pass" and not (outlook.keyframe and reshaped):
                return View(change=view.change, source=view.source, keyframe=outlook.keyframe)
            view = View(change=True, source=self._begun(slot))
            part_start, roles = True, self._shedding.plan(passed=True).roles
        else:
            self.passing.leave()
        self.passing.skip(slot)
        return View(change=True)

    def skips(self, offset: int, backlog: int) -> Literal["backlog", "half_rate"] | None:
        """Why a slot so far into its part is left out, if it is; never one that must have a
        picture. So many slots are in the encoders."""
        if self._shedding.skips(backlog):
            return "backlog"
        if offset % 2 and self._shedding.plan(passed=False).half_rate:
            return "half_rate"
        return None

    def dozing(self, roles: Sequence[Role], now_tick: int) -> frozenset[str]:
        """The encoded rungs that nobody watches."""
        return self._demand.dozing(self._rungs, roles, now_tick)

    def ask_keyframe(self) -> None:
        """A keyframe of the source would be welcome now."""
        self._wants_keyframe = True

    def wants_keyframe(self, now_tick: int) -> bool:
        """True when the source should be asked for a keyframe now."""
        wanted, self._wants_keyframe = self._wants_keyframe, False
        return self.passing.wants_keyframe(now_tick) or wanted

    def news(
        self, roles: Sequence[Role], dozing: frozenset[str], stand_ins: Mapping[str, EncoderName]
    ) -> LadderState | None:
        """What the rungs do, when that is not what was said last."""
        wanted = self._shedding.plan(passed=_passed(roles))
        made_of = (wanted, tuple(roles), self._shedding.step, dozing, self.passing.unfit, stand_ins)
        if made_of == self._told_of:
            return None
        self._told_of = made_of
        state = ladder_state(
            show=self._start.show,
            epoch=self._start.epoch,
            rungs=self._rungs,
            plan=replace(wanted, roles=tuple(roles)),
            step=self._shedding.step,
            dozing=dozing,
            on_demand=self._on_demand,
            passthrough=self._asks,
            unfit=self.passing.unfit,
            stand_ins=stand_ins,
        )
        if state == self._told:
            return None
        self._told = state
        return state

    def _begun(self, slot: int) -> VideoConfig:
        sets = self.passing.begin(slot)
        return avc_config(sets.sps, sets.pps)


def _passed(roles: Sequence[Role]) -> bool:
    return roles[0].kind == "passed"
