"""An epoch run on air: slots are filled, the ladder changes, parts come out at a constant rate.

A `Stage` is made when the run's first slot and rungs are decided and lives to the run's end. What
goes on through all of it is here: the line of slots, the sound, the cues, the numbers. What the
rungs do is a `Generation`; when that changes the next one begins at the very slot at which the last
ends, and the last gives its parts first. Like `EpochRun`, which owns it, it belongs to one thread
and is told what the time is.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from av.video.frame import VideoFrame

from transcoder.audio import AudioLine
from transcoder.audio_wait import AudioWait
from transcoder.cmaf.video_config import VideoConfig
from transcoder.cues import CueQueue
from transcoder.cutter import Cut
from transcoder.decode import Picture
from transcoder.encode import RungEncoder
from transcoder.generation import Generation, Origin, Workshop
from transcoder.ladder_state import LadderState
from transcoder.roles import Role
from transcoder.rung import Job, MakeEncoder
from transcoder.sections import StagePlan
from transcoder.sharp import SharpSlots
from transcoder.slots import Filled, SlotFiller
from transcoder.steering import Steering
from transcoder.telemetry import Telemetry
from transcoder.values import TICKS_PER_SECOND, AccessUnit, InitSection, Part

log = structlog.get_logger()


class Output(Protocol):
    """Where the results of a run go. Calls must not block."""

    def init(self, section: InitSection) -> None:
        """The init section of a rendition; those of a generation come right before its first part,
        best first."""
        ...

    def part(self, part: Part) -> None:
        """The next part; all renditions of one number before any of the next."""
        ...

    def ladder(self, state: LadderState) -> None:
        """What the rungs do from now on."""
        ...

    def request_keyframe(self, source: int) -> None:
        """The source should send a keyframe."""
        ...


class Stage:
    """Makes parts. Raises `MediaError` when an encoder fails or cannot keep up.

    Waits for no input: slots are filled by the clock, and a part waits for its audio only as long
    as `AudioWait` says. `steering` decides what the rungs do.
    """

    def __init__(
        self,
        plan: StagePlan,
        *,
        output: Output,
        telemetry: Telemetry,
        wake: Callable[[], None],
        audio_wait: AudioWait,
        cues: CueQueue,
        steering: Steering,
        make_encoder: MakeEncoder = RungEncoder,
    ) -> None:
        self._plan = plan
        self._output = output
        self._telemetry = telemetry
        self._audio_wait = audio_wait
        self._steering = steering
        self._filler = _filler(plan)
        self._sharp = SharpSlots(plan.grid, plan.profile.on_pin)
        self._audio = AudioLine(
            start_tick=plan.grid.tick_of(plan.first_slot),
            bitrate_bps=plan.profile.audio.bitrate_bps,
            channels=plan.profile.audio.channels,
        )
        self._workshop = Workshop(
            audio=self._audio,
            asc=self._audio.asc,
            cues=cues,
            wake=wake,
            on_encoded=telemetry.encoded,
            make_encoder=make_encoder,
        )
        self._dozing: frozenset[str] = frozenset()
        self._ended_slot = plan.first_slot
        source = steering.opening(plan.first_slot)
        first = Origin(
            number=plan.start.generation,
            roles=steering.roles(passed=source is not None),
            source=source,
            source_bps=steering.passing.declared_bps,
            first_slot=plan.first_slot,
            next_number=plan.start.next_number,
            next_msn=plan.start.next_msn,
        )
        self._generations = deque([Generation(plan, first, self._workshop)])
        """Those that have parts to give; slots go to the newest. All but that one have ended."""

    @property
    def backlog(self) -> int:
        """Slots in the encoders."""
        return sum(generation.backlog for generation in self._generations)

    @property
    def ended_tick(self) -> int:
        """Where the last part that came out ends."""
        return self._plan.grid.tick_of(self._ended_slot)

    @property
    def due_tick(self) -> int:
        """When the next slot must be filled, whatever arrives."""
        return self._filler.due_tick

    def show(self, picture: Picture, now_tick: int) -> None:
        """A picture has been decoded."""
        self._telemetry.picture(self._filler.push(picture.pts, picture.frame, now_tick))

    def hear(self, unit: AccessUnit) -> int:
        """An access unit of audio has arrived; returns the tick up to which all sound has."""
        self._audio.feed(unit)
        return self._audio.heard_tick

    def reset_audio(self) -> None:
        """Another source follows, or none."""
        self._audio.reset_source()

    def wants_keyframe(self, now_tick: int) -> bool:
        """True when the source should be asked for a keyframe now."""
        return self._steering.wants_keyframe(now_tick)

    def sharpen(self, pts: int) -> None:
        """Something happens on the frame of this time that is to be seen well."""
        added = self._sharp.add(pts, next_slot=self._filler.next_slot)
        if added and self._sharp.keyframe and self._newest.passes:
            self._steering.ask_keyframe()

    def advance(self, now_tick: int) -> None:
        """Fill the slots that are due, and emit the parts that are ready."""
        for generation in self._generations:
            generation.collect()
        self._steer(now_tick)
        for filled in self._filler.due(now_tick):
            self._fill(filled)
        self._emit_ready(now_tick)
        self._tell()

    def finish(self, timeout_s: float) -> None:
        """Encode and emit all there is, down to the last, shorter part; wait no longer than
        `timeout_s` for each generation's encoders."""
        for filled in self._filler.flush():
            self._fill(filled)
        for generation in self._generations:
            complete = generation.give_up(timeout_s)
            while generation.complete_until_tick is not None:
                self._emit(generation)
            if not complete:
                return  # what comes after would leave a hole

    def close(self) -> None:
        """End the encoders' threads. Again is harmless."""
        for generation in self._generations:
            generation.close()

    @property
    def _newest(self) -> Generation:
        return self._generations[-1]

    def _steer(self, now_tick: int) -> None:
        """Follow the load and the audience."""
        if self._steering.retreats(self.backlog, now_tick, roles=self._newest.roles):
            self._retreat(self._steering.roles(passed=False))
        self._dozing = self._steering.dozing(self._newest.roles, now_tick)
        self._newest.ladder.set_dozing(self._dozing)

    def _fill(self, filled: Filled[VideoFrame]) -> None:
        self._telemetry.slot(filled.kind, self._plan.grid.slot_ticks / TICKS_PER_SECOND)
        keyframe = self._make_way(filled.slot)
        newest = self._newest
        cut = newest.place(keyframe=keyframe)
        if newest.passes:
            newest.pass_on(self._steering.passing.pass_on(filled.slot))
        self._encode(filled.slot, filled.picture, cut, backlog=self.backlog)

    def _make_way(self, slot: int) -> bool:
        """Begin another generation where the source makes that needful or possible, or the machine
        can carry more again. True when the slot begins with a keyframe of the source that is
        passed."""
        if not self._newest.passes:
            source = self._steering.offered(slot)
            if source is None:
                # Many slots may be filled in one turn: no other place sees each of them.
                if self._newest.cutter.ends_segment and self._steering.restores(self._newest.roles):
                    self._switch(self._steering.roles(passed=False), None)
                return False
            self._switch(self._steering.roles(passed=True), source)
        newest = self._newest
        view = self._steering.view(
            slot, part_start=newest.cutter.begins_part(slot), roles=newest.roles
        )
        if view.change:
            self._switch(self._steering.roles(passed=view.source is not None), view.source)
        return view.keyframe

    def _encode(self, slot: int, picture: VideoFrame | None, cut: Cut, *, backlog: int) -> None:
        ladder = self._newest.ladder
        sharp = self._sharp.take(slot)
        if sharp:
            ladder.boost(self._sharp.boost_percent, self._sharp.boost_slots)
        idr = cut.idr or (sharp and self._sharp.keyframe)
        reason = None if cut.part or idr or sharp else self._steering.skips(cut.offset, backlog)
        if reason is not None:
            self._telemetry.skipped(reason)
        self._newest.encode(
            Job(slot=slot, picture=picture, idr=idr, part_start=cut.part, skip=reason is not None)
        )

    def _switch(self, roles: tuple[Role, ...], source: VideoConfig | None) -> None:
        """The rungs do something else from the next slot on; the encoders finish what they have."""
        last = self._newest
        last.end()
        self._begin(roles, source)

    def _retreat(self, roles: tuple[Role, ...]) -> None:
        """The encoders are behind: those of other roles take over what they have not done."""
        jobs = self._newest.halt()
        behind = self.backlog + len(jobs)
        self._begin(roles, None)
        for job in jobs:
            self._encode(job.slot, job.picture, self._newest.place(), backlog=behind)

    def _begin(self, roles: tuple[Role, ...], source: VideoConfig | None) -> None:
        last = self._newest
        origin = Origin(
            number=last.next_number,
            roles=roles,
            source=source,
            source_bps=self._steering.passing.declared_bps,
            first_slot=last.cutter.next_slot,
            next_number=last.cutter.next_number,
            next_msn=last.cutter.next_msn,
        )
        self._generations.append(Generation(self._plan, origin, self._workshop))
        self._dozing = frozenset()
        log.info(
            "ladder_changed",
            generation=origin.number,
            slot=origin.first_slot,
            roles=[role.kind for role in roles],
        )

    def _emit_ready(self, now_tick: int) -> None:
        while True:
            eldest = self._generations[0]
            while (end_tick := eldest.complete_until_tick) is not None:
                needed_tick = self._audio.needed_tick(end_tick)
                if not self._audio_wait.settled(end_tick=needed_tick, now_tick=now_tick):
                    return
                self._emit(eldest)
            if not eldest.is_over or eldest is self._newest:
                return
            self._generations.popleft().close()

    def _emit(self, generation: Generation) -> None:
        sections, parts = generation.next_part()
        for section in sections:
            self._output.init(section)
        for part in parts:
            self._output.part(part)
        self._ended_slot = generation.cutter.ended_slot
        self._count(parts)

    def _count(self, parts: Sequence[Part]) -> None:
        self._telemetry.parts(len(parts))
        for cue in parts[0].cues:
            self._telemetry.cue("late" if cue.pts < parts[0].decode_time else "exact")

    def _tell(self) -> None:
        """Say what the rungs do when that has changed."""
        newest = self._newest
        state = self._steering.news(newest.roles, self._dozing, newest.stand_ins)
        if state is not None:
            self._output.ladder(state)


def _filler(plan: StagePlan) -> SlotFiller[VideoFrame]:
    ticks_per_ms = TICKS_PER_SECOND // 1000
    return SlotFiller(
        grid=plan.grid,
        first_slot=plan.first_slot,
        hold_ticks=plan.profile.hold_ms * ticks_per_ms,
        slate_after_ticks=plan.profile.slate_after_ms * ticks_per_ms,
    )
