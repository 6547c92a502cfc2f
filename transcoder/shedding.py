"""When an overloaded ladder gives up what, and when it takes it back. Pure: ticks come in.

The one measure is the backlog, the slots that some rung has not encoded yet. More than a part of
it for two seconds, and the next step of the profile's list is taken; again after each two seconds
that it lasts. When it has been clear for long enough, the last step is taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.grid import Grid
from transcoder.profiles.sections import ShedStep
from transcoder.roles import ENCODED, PASSED, Role, mirror
from transcoder.values import TICKS_PER_SECOND

BEHIND_S = 2
"""How long the encoders must be behind before anything is given up."""
BLIP_S = 0.5
"""What lasts no longer interrupts no clear time: on any machine something else runs for once."""
PROVEN_S = 60
"""A step taken back has failed when overload comes back within this time."""
LONGEST_WAIT_S = 600
GIVE_UP_S, GIVE_UP_AFTER_S = 6, 3
"""A ladder that has more than the first in its encoders for longer than the second is hopeless. A
process that stood still has as much for a moment only: what begins no part is skipped."""
SKIP_ABOVE_S, SKIP_BELOW_S = 1.0, 0.5
"""With more than the first in the encoders the slots that begin no part are left out until it is
less than the second, so that latency never grows while the steps take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPlan:
    """What the whole ladder is to do."""

    roles: tuple[Role, ...]
    """Best rung first. Other roles are a new generation."""
    half_rate: bool = False
    """Encoded rungs leave out every other slot of a part; that takes no new generation."""


def planned(rungs: int, taken: Sequence[ShedStep], *, passed: bool) -> LadderPlan:
    """What so many rungs do after these steps.

    With `passed` the first rung is the source's own picture; it costs no encoding, so no step
    touches it. The last rung is never shed: a step that would do so does nothing.
    """
    encoded = list(range(passed, rungs))
    for step in taken:
        if step == "top_rung":
            encoded = encoded[1:] if len(encoded) > 1 else encoded
        elif step == "single_rung":
            encoded = encoded[-1:]
    roles = [PASSED] * passed
    roles += [
        ENCODED if rung in encoded else mirror(next(below for below in encoded if below > rung))
        for rung in range(passed, rungs)
    ]
    return LadderPlan(roles=tuple(roles), half_rate="frame_rate" in taken and bool(encoded))


class Shedding:
    """How much of a ladder is shed. One thread; `observe` often, at least several times a second.

    Steps that would change nothing are passed over. A restore that fails within a minute doubles
    the clear time that the next one takes, to ten minutes at most; one that holds resets it.
    """

    def __init__(
        self,
        rungs: int,
        shed: Sequence[ShedStep],
        *,
        grid: Grid,
        restore_after_s: float,
    ) -> None:
        self._rungs = rungs
        self._shed = tuple(shed)
        self._plans: dict[tuple[int, bool], LadderPlan] = {}
        self._grid = grid
        self._base_wait = round(restore_after_s * TICKS_PER_SECOND)
        self._wait = self._base_wait
        self.step = 0
        """How many steps of the profile's list are in force."""
        self.skipping = False
        """Whether slots that begin no part, and no pin, are to be left out just now."""
        self.hopeless = False
        """Nothing that can be shed helps: another worker should begin again at the present."""
        self._hopeless_since: int | None = None
        self._behind_since: int | None = None
        self._window_since = 0
        self._window_backlog = 0
        self._window_skipped = False
        self._clear_since: int | None = None
        self._restored_at: int | None = None

    def plan(self, *, passed: bool) -> LadderPlan:
        """What each rung does now. `passed`: the first one is the source's own picture."""
        return self._planned(self.step, passed=passed)

    def observe(self, backlog: int, now_tick: int, *, passed: bool) -> bool:
        """So many slots are in the encoders. True when the step has changed."""
        self.skips(backlog)
        self._despair(backlog, now_tick)
        if self._restored_at is not None and now_tick - self._restored_at >= _ticks(PROVEN_S):
            self._restored_at, self._wait = None, self._base_wait
        if backlog > self._grid.part_slots:
            return self._behind(backlog, now_tick, passed=passed)
        self._behind_since = None
        if self._clear_since is None:
            self._clear_since = now_tick
        if self.step and now_tick - self._clear_since >= self._wait:
            self._clear_since = self._restored_at = now_tick
            self.step = self._changing(range(self.step - 1, -1, -1), passed=passed) or 0
            return True
        return False

    def skips(self, backlog: int) -> bool:
        """Whether to leave the next slot out, unless it begins a part or a pin: ask for each one,
        since many may be due at once."""
        limit_s = SKIP_BELOW_S if self.skipping else SKIP_ABOVE_S
        self.skipping = backlog > limit_s * self._grid.frames_per_second
        self._window_skipped |= self.skipping
        return self.skipping

    def _despair(self, backlog: int, now_tick: int) -> None:
        if backlog <= GIVE_UP_S * self._grid.frames_per_second:
            self._hopeless_since = None
        elif self._hopeless_since is None:
            self._hopeless_since = now_tick
        since = now_tick if self._hopeless_since is None else self._hopeless_since
        self.hopeless = now_tick - since >= _ticks(GIVE_UP_AFTER_S)

    def _behind(self, backlog: int, now_tick: int, *, passed: bool) -> bool:
        if self._behind_since is None:
            self._behind_since = now_tick
            self._open_window(backlog, now_tick)
        if now_tick - self._behind_since >= _ticks(BLIP_S):
            self._clear_since = None
        if now_tick - self._window_since < _ticks(BEHIND_S):
            return False
        catching_up = not self._window_skipped and 4 * backlog < 3 * self._window_backlog
        self._open_window(backlog, now_tick)
        step = self._changing(range(self.step + 1, len(self._shed) + 1), passed=passed)
        if catching_up or step is None:
            return False
        if self._restored_at is not None:
            self._restored_at = None
            self._wait = min(2 * self._wait, max(_ticks(LONGEST_WAIT_S), self._base_wait))
        self.step = step
        return True

    def _open_window(self, backlog: int, now_tick: int) -> None:
        self._window_since, self._window_backlog = now_tick, backlog
        self._window_skipped = self.skipping

    def _changing(self, steps: range, *, passed: bool) -> int | None:
        """The first of `steps` that is another plan than now."""
        now = self.plan(passed=passed)
        return next((s for s in steps if self._planned(s, passed=passed) != now), None)

    def _planned(self, step: int, *, passed: bool) -> LadderPlan:
        plan = self._plans.get((step, passed))
        if plan is None:
            plan = planned(self._rungs, self._shed[:step], passed=passed)
            self._plans[step, passed] = plan
        return plan


def _ticks(seconds: float) -> int:
    return round(seconds * TICKS_PER_SECOND)
