"""Passthrough as the rest of the transcoder knows it: one object for an epoch run.

Two roles, in turn. While the top rung is **encoded** the caller asks for each slot whether the
source may be passed on from there (`offer`) and says when it does (`begin`) or does not (`skip`).
While it is **passed** the caller asks what the slot can be (`look`) and takes its pictures
(`pass_on`). Nothing that a stranger sent makes any of it raise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transcoder.cmaf.fragment import MOST_SAMPLE_BYTES
from transcoder.grid import Grid
from transcoder.passthrough import reasons
from transcoder.passthrough.backoff import Backoff
from transcoder.passthrough.declaration import Declaration
from transcoder.passthrough.fitness import PassTarget, size_of
from transcoder.passthrough.keyframe_timer import KeyframeTimer
from transcoder.passthrough.line import PassedLine, Waiting
from transcoder.passthrough.rate import RateBound
from transcoder.passthrough.reasons import Unfit
from transcoder.passthrough.segments import SegmentWatch
from transcoder.passthrough.sets import SourceSets
from transcoder.passthrough.source import SourceReader, read_or_fault
from transcoder.samples import EncodedPicture, SlotSamples
from transcoder.slots import AHEAD_TICKS
from transcoder.values import TICKS_PER_SECOND, AccessUnit

Mode = Literal["auto", "always", "never"]
RENEW_SEGMENTS = 2
"""Parameter sets that change again within so many segments make a source unfit."""
SILENT_TICKS = TICKS_PER_SECOND
"""A source that sent nothing for so long is not on trial: its silence is no fault of its
keyframes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a slot of a passed generation can be."""

    kind: Literal["pass", "renew", "encode"]
    """`renew`: the source's parameter sets change here, or more must be declared of its rate, which
    takes a new init section. `encode`: the source is not passed on any more."""
    keyframe: bool = False
    """It begins with a keyframe of the source."""
    unfit: Unfit | None = None
    """Why `encode`."""


class Passthrough:
    """Judges the source, keeps its pictures, and says when to ask it for a keyframe.

    `auto` passes on what is as the top rung would be: its size, its bitrate. `always` leaves the
    bitrate out of it: the caller declares `declared_bps`, which is raised where the source outgrows
    it. Both want H.264 that every player takes, in order, whole, in the colours of the other rungs,
    with keyframes in time. `never` does nothing at all.
    """

    def __init__(self, *, mode: Mode, grid: Grid) -> None:
        self._mode = mode
        self._grid = grid
        self._target: PassTarget | None = None
        self._reader = SourceReader()
        self._has_source = False
        self._line = PassedLine()
        self._watch = SegmentWatch(grid)
        self._rate: RateBound | None = None
        self._declaration: Declaration | None = None
        """Exactly with `always`."""
        self._timer = KeyframeTimer(longest_lead_ticks=grid.segment_ticks // 4)
        self._backoff = Backoff()
        self._now_tick = 0
        self._heard_tick = 0
        self._newest_slot = 0
        self._passing = False
        self._fault: Unfit | None = None
        """What ends the passing at the next `look`."""
        self._unfit = reasons.OFF if mode == "never" else reasons.WAITING
        self._sets: SourceSets | None = None
        """Of the generation that is passed."""
        self._began_slot = 0
        self._is_fresh = True
        """No slot has been filled: the first may show a picture that is ahead of its time."""
        self._ahead: Sequence[Waiting] = ()

    @property
    def passing(self) -> bool:
        """Whether the top rung is the source itself."""
        return self._passing

    @property
    def unfit(self) -> Unfit | None:
        """Why it is not; None while it is."""
        return None if self._passing else self._unfit

    @property
    def measured_bps(self) -> int:
        """The rate of the source's pictures since it began."""
        return self._reader.measured_bps

    @property
    def declared_bps(self) -> int:
        """What the generation that begins now must declare of the source's pictures; 0 where that
        is what the rung says anyway."""
        return self._declaration.peak_bps if self._declaration else 0

    def aim(self, target: PassTarget) -> None:
        """The rungs are planned: the source is held to the top one."""
        self._target = target
        self._rate = RateBound(target, self._grid) if self._mode != "never" else None
        self._declaration = Declaration(target.peak_bps) if self._mode == "always" else None

    def source_started(self) -> None:
        """A publish begins, or comes back."""
        self.source_ended()
        self._reader = SourceReader()
        self._has_source = True
        self._backoff.another_source(self._now_tick)

    def source_ended(self) -> None:
        """The publish is over."""
        if self._passing:
            self._speaks_against(reasons.STOPPED)
        self._has_source = False
        self._restart_watch()
        self._line.clear()

    def take(self, unit: AccessUnit, now_tick: int) -> None:
        """The next access unit of the source's video."""
        self._now_tick = self._heard_tick = max(self._now_tick, now_tick)
        if self._mode == "never":
            return
        read = read_or_fault(self._reader, unit, self._target)
        if isinstance(read, Unfit) or (unit.damaged and not read.unit.keyframe):
            self._speaks_against(read if isinstance(read, Unfit) else reasons.DAMAGED)
            self._line.clear()
            return
        if unit.pts > now_tick + AHEAD_TICKS:
            self._speaks_against(reasons.AHEAD)
            self._line.clear()
            return
        if read.unfit is not None:
            self._speaks_against(read.unfit)
        if read.unit.keyframe:
            self._timer.came(unit.pts)
            if self._target is None:
                self._line.clear()
        self._newest_slot = max(self._newest_slot, self._grid.slot_of(unit.pts))
        picture = EncodedPicture(keyframe=read.unit.keyframe, data=read.unit.sample)
        if not self._line.push(Waiting(slot=self._newest_slot, picture=picture, sets=read.sets)):
            self._line.clear()
            if self._target is not None:
                self._speaks_against(reasons.FLOOD)

    def undecodable(self, now_tick: int) -> None:
        """The decoder refused a unit: those of players might too."""
        self._now_tick = max(self._now_tick, now_tick)
        if self._mode != "never":
            self._speaks_against(reasons.UNDECODABLE)

    def wants_keyframe(self, now_tick: int) -> bool:
        """Whether the source is to be asked for a keyframe now."""
        self._now_tick = max(self._now_tick, now_tick)
        if not self._is_watching():
            return False
        if self._passing and self._is_outgrown:
            return self._timer.due(now_tick, wanted_tick=None)
        due_slot = self._watch.due_slot
        wanted_tick = None if due_slot is None else self._grid.tick_of(due_slot - 1)
        return self._timer.due(now_tick, wanted_tick=wanted_tick)

    def offer(self, slot: int) -> SourceSets | None:
        """The parameter sets with which a passed generation may begin at this slot, if it may.

        Not with a keyframe half a second old: all that came since would crowd into the slot.
        """
        if self._passing or not self._is_watching() or not self._backoff.is_ready(self._now_tick):
            return None
        first = self._line.keyframe(slot, early=self._is_fresh)
        if first is None or first.sets is None or not self._fits(first.sets):
            return None
        is_old = slot - first.slot > self._grid.frames_per_second // 2
        return None if is_old else first.sets

    def skip(self, slot: int) -> None:
        """The slot is encoded: the source's pictures up to it are not needed. They are judged as if
        they had been passed on."""
        self._is_fresh = False
        skipped = self._line.take_until(slot)
        if self._is_silent:
            self._backoff.postpone(self._now_tick)
        if not self._is_watching():
            self._restart_watch()
            return
        keyframe = any(waiting.picture.keyframe for waiting in skipped)
        if self._is_overdue(slot, keyframe=keyframe):
            self._speaks_against(self._too_seldom(), failure=True)
            return
        if not self._allows(skipped, cut=keyframe):
            self._speaks_against(self._too_fat())
            return
        self._follow(slot, keyframe, skipped)

    def begin(self, slot: int) -> SourceSets:
        """A passed generation begins at this slot; after an `offer`, or a `look` that said `renew`.
        `declared_bps` is its own from here on.

        Raises ValueError when nothing was offered.
        """
        renewing, early = self._passing, self._is_fresh
        first = self._ahead[0] if renewing else self._line.keyframe(slot, early=early)
        if first is None or first.sets is None:
            raise ValueError(f"no keyframe of the source lies in slot {slot}")
        if not renewing:
            self._restart_watch()
            self._line.begin_with(first)
            self._backoff.began(self._now_tick)
        elif self._rate is not None:
            self._rate.cut()
        if self._declaration is not None:
            self._declaration.raise_it()
        if not renewing or first.sets != self._sets:
            self._sets, self._began_slot = first.sets, slot
        self._is_fresh = False
        self._passing, self._fault = True, None
        self._watch.begin(slot)
        return first.sets

    def look(self, slot: int, *, part_start: bool) -> Outlook:
        """What this slot of a passed generation can be; asked again, it says the same.
        `part_start`: a part begins here whatever the source does."""
        if not self._passing:
            return Outlook(kind="encode", unfit=self._unfit)
        self._ahead = self._line.ahead(slot, early=part_start)
        keyframe = bool(self._ahead) and self._ahead[0].picture.keyframe
        if part_start and not self._ahead:
            self._speaks_against(reasons.STOPPED)
        elif self._ahead and slot - self._ahead[0].slot > self._grid.frames_per_second:
            self._speaks_against(reasons.FLOOD)
        renewed = keyframe and self._ahead[0].sets != self._sets
        if renewed and slot - self._began_slot < RENEW_SEGMENTS * self._grid.segment_slots:
            self._speaks_against(reasons.SETS_OFTEN)
        if self._fault is None and renewed:
            return Outlook(kind="renew", keyframe=True)
        if self._is_overdue(slot, keyframe=keyframe):
            self._speaks_against(self._too_seldom())
        if not self._allows(self._ahead, cut=keyframe):
            self._speaks_against(self._too_fat())
        if self._fault is None and keyframe and self._is_outgrown:
            return Outlook(kind="renew", keyframe=True)
        if self._fault is not None:
            return self._ended(self._fault)
        return Outlook(kind="pass", keyframe=keyframe)

    def pass_on(self, slot: int) -> SlotSamples:
        """The pictures of the slot that `look` was asked for last, and said `pass`."""
        keyframe = bool(self._ahead) and self._ahead[0].picture.keyframe
        self._follow(slot, keyframe, self._ahead)
        taken = self._line.take(len(self._ahead))
        self._ahead = ()
        return SlotSamples(slot=slot, pictures=taken)

    def leave(self) -> None:
        """The top rung is encoded from here on for a reason of the caller's own, which is no
        failure of the source's."""
        self._passing, self._fault = False, None
        self._unfit = reasons.WAITING
        self._restart_watch()

    def _fits(self, sets: SourceSets) -> bool:
        return self._target is not None and size_of(sets, self._target) is None

    def _is_watching(self) -> bool:
        """Whether the source is on air, or looked at as if it were."""
        able = self._mode != "never" and self._has_source and self._target is not None
        on_trial = not self._is_silent and self._backoff.on_trial(self._now_tick)
        return able and (self._passing or on_trial)

    @property
    def _is_silent(self) -> bool:
        return self._now_tick - self._heard_tick >= SILENT_TICKS

    def _follow(self, slot: int, keyframe: bool, taken: Sequence[Waiting]) -> None:
        """One slot further, on air or on trial."""
        cut = self._watch.follow(slot, keyframe=keyframe)
        if self._rate is not None:
            if cut:
                self._rate.cut()
            self._rate.add(_size_bytes(taken))

    def _is_overdue(self, slot: int, *, keyframe: bool) -> bool:
        return not keyframe and self._watch.is_overdue(slot)

    @property
    def _is_outgrown(self) -> bool:
        return self._declaration is not None and self._declaration.is_outgrown

    def _allows(self, taken: Sequence[Waiting], *, cut: bool) -> bool:
        """Whether the rung's rate does; `always` what was declared is to follow instead."""
        if self._rate is None:
            return True
        if self._declaration is not None:
            self._declaration.saw(self._rate.highest_bps(_size_bytes(taken), cut=cut))
            return True
        return self._rate.allows(_size_bytes(taken))

    def _too_seldom(self) -> Unfit:
        longest_ticks = self._watch.longest_slots * self._grid.slot_ticks
        return reasons.too_seldom(longest_ticks / TICKS_PER_SECOND)

    def _too_fat(self) -> Unfit:
        return reasons.too_fat(self._target.max_bitrate_bps if self._target else 0)

    def _speaks_against(self, unfit: Unfit, *, failure: bool = False) -> None:
        self._unfit = unfit
        self._backoff.fault(
            self._now_tick, failure=failure or (self._passing and self._fault is None)
        )
        if self._passing:
            self._fault = self._fault or unfit
        else:
            self._restart_watch()

    def _ended(self, unfit: Unfit) -> Outlook:
        self._passing, self._fault, self._ahead = False, None, ()
        self._unfit = unfit
        self._restart_watch()
        return Outlook(kind="encode", unfit=unfit)

    def _restart_watch(self) -> None:
        self._watch.stop()
        if self._rate is not None:
            self._rate.restart()


def _size_bytes(taken: Sequence[Waiting]) -> int:
    """With what the container says of each: there may be more pictures than slots."""
    return sum(len(waiting.picture.data) + MOST_SAMPLE_BYTES for waiting in taken)
