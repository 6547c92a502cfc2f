"""An epoch run on air: the ladder is known, slots are filled, parts come out at a constant rate.

A `Stage` is made when the run's first slot and rungs are decided and lives to the run's end. Like
`EpochRun`, which owns it, it belongs to one thread and is told what the time is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from av.video.frame import VideoFrame

from transcoder.assemble import Assembler
from transcoder.audio import LOOKAHEAD_TICKS, AudioLine
from transcoder.audio_wait import AudioWait
from transcoder.control import StartEpoch
from transcoder.cues import CueQueue
from transcoder.decode import Picture
from transcoder.grid import Grid
from transcoder.ladder import Job, Ladder
from transcoder.packager import AudioConfig, Cutter, RenditionPackager, VideoConfig, init_section
from transcoder.profiles import Profile, RungPlan
from transcoder.slate import SlatePainter
from transcoder.slots import Filled, SlotFiller
from transcoder.telemetry import Telemetry
from transcoder.values import TICKS_PER_SECOND, AccessUnit, Anchor, InitSection, Part

OVERLOAD_S, RECOVERED_S = 2, 1
"""With more than the first in the encoders the last picture is repeated until less than the second
is. That spares the scaling; every slot must be encoded all the same, the grid has no holes."""
GIVE_UP_S = 6
"""With this much in the encoders the run fails, and a new worker begins again at the present."""


class Output(Protocol):
    """Where the results of a run go. Calls must not block."""

    def init(self, section: InitSection) -> None:
        """The init section of a rendition; all come before the first part, best first."""
        ...

    def part(self, part: Part) -> None:
        """The next part; all renditions of one number before any of the next."""
        ...

    def request_keyframe(self, source: int) -> None:
        """The source should send a keyframe."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """What a stage is made to do, decided once."""

    start: StartEpoch
    profile: Profile
    grid: Grid
    anchor: Anchor
    rungs: Sequence[RungPlan]
    first_slot: int


class Stage:
    """Makes parts. Raises `MediaError` when an encoder fails or cannot keep up.

    Waits for no input: slots are filled by the clock, and a part waits for its audio only as long
    as `AudioWait` says.
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
    ) -> None:
        self._plan = plan
        self._output = output
        self._telemetry = telemetry
        self._audio_wait = audio_wait
        self._filler = _filler(plan)
        self._audio = AudioLine(
            start_tick=plan.grid.tick_of(plan.first_slot),
            bitrate_bps=plan.profile.audio.bitrate_bps,
            channels=plan.profile.audio.channels,
        )
        self._cutter = Cutter(
            grid=plan.grid,
            first_slot=plan.first_slot,
            next_number=plan.start.next_number,
            next_msn=plan.start.next_msn,
        )
        self._assembler = Assembler(
            grid=plan.grid,
            cutter=self._cutter,
            packagers=_packagers(plan),
            audio=self._audio,
            cues=cues,
        )
        self._last_picture: VideoFrame | None = None
        self._overloaded = False
        self._ladder = Ladder(
            plan.rungs,
            grid=plan.grid,
            scaler=plan.profile.scaler,
            slate=_painter(plan.profile),
            max_backlog=GIVE_UP_S * plan.grid.frames_per_second,
            wake=wake,
            on_encoded=telemetry.encoded,
        )
        try:
            for section in _init_sections(plan, self._ladder, self._audio.asc):
                output.init(section)
        except Exception:
            self._ladder.close()
            raise

    @property
    def backlog(self) -> int:
        """Slots in the encoders."""
        return self._ladder.backlog

    @property
    def ended_tick(self) -> int:
        """Where the last part that came out ends."""
        return self._plan.grid.tick_of(self._cutter.current.first_slot)

    @property
    def due_tick(self) -> int:
        """When the next slot must be filled, whatever arrives."""
        return self._filler.due_tick

    def show(self, picture: Picture, now_tick: int) -> None:
        """A picture has been decoded."""
        self._telemetry.picture(self._filler.push(picture.pts, picture.frame, now_tick))

    def hear(self, unit: AccessUnit) -> None:
        """An access unit of audio has arrived."""
        self._audio.feed(unit)

    def reset_audio(self) -> None:
        """Another source follows, or none."""
        self._audio.reset_source()

    def advance(self, now_tick: int) -> None:
        """Fill the slots that are due, and emit the parts that are ready."""
        for filled in self._filler.due(now_tick):
            self._encode(filled)
        self._collect()
        while (end_tick := self._assembler.complete_until_tick) is not None:
            heard_tick = end_tick + LOOKAHEAD_TICKS
            if not self._audio_wait.settled(end_tick=heard_tick, now_tick=now_tick):
                return
            self._emit(self._assembler.next_part())

    def finish(self, timeout_s: float) -> None:
        """Encode and emit all there is, down to the last, shorter part; wait no longer than
        `timeout_s` for the encoders."""
        for filled in self._filler.flush():
            self._encode(filled)
        self._ladder.drain(timeout_s)
        self._collect()
        while self._assembler.complete_until_tick is not None:
            self._emit(self._assembler.next_part())
        self._emit(self._assembler.last_part())

    def close(self) -> None:
        """End the encoders' threads. Again is harmless."""
        self._ladder.close()

    def _encode(self, filled: Filled[VideoFrame]) -> None:
        self._telemetry.slot(filled.kind, self._plan.grid.slot_ticks / TICKS_PER_SECOND)
        picture = filled.picture
        if picture is not None and self._last_picture is not None and self._is_overloaded():
            self._telemetry.overloaded()
            picture = self._last_picture
        self._last_picture = picture
        idr = self._cutter.wants_idr(filled.slot)
        self._ladder.submit(Job(slot=filled.slot, picture=picture, idr=idr))

    def _is_overloaded(self) -> bool:
        limit_s = RECOVERED_S if self._overloaded else OVERLOAD_S
        self._overloaded = self.backlog > limit_s * self._plan.grid.frames_per_second
        return self._overloaded

    def _collect(self) -> None:
        for rung, sample in self._ladder.collect():
            self._assembler.add(rung, sample)

    def _emit(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._output.part(part)
        self._telemetry.parts(len(parts))
        for cue in parts[0].cues if parts else ():
            self._telemetry.cue("late" if cue.pts < parts[0].decode_time else "exact")


def _painter(profile: Profile) -> SlatePainter:
    slate = profile.slate
    return SlatePainter(
        text=slate.text,
        picture=Path(slate.picture) if slate.picture else None,
        font=Path(slate.font) if slate.font else None,
    )


def _filler(plan: StagePlan) -> SlotFiller[VideoFrame]:
    ticks_per_ms = TICKS_PER_SECOND // 1000
    return SlotFiller(
        grid=plan.grid,
        first_slot=plan.first_slot,
        hold_ticks=plan.profile.hold_ms * ticks_per_ms,
        slate_after_ticks=plan.profile.slate_after_ms * ticks_per_ms,
    )


def _packagers(plan: StagePlan) -> list[RenditionPackager]:
    start = plan.start
    return [
        RenditionPackager(
            show=start.show,
            epoch=start.epoch,
            rendition=rung.name,
            generation=start.generation,
            grid=plan.grid,
        )
        for rung in plan.rungs
    ]


def _init_sections(plan: StagePlan, ladder: Ladder, asc: bytes) -> list[InitSection]:
    start = plan.start
    return [
        init_section(
            show=start.show,
            epoch=start.epoch,
            rendition=rung.name,
            generation=start.generation,
            ladder=tuple(rung.name for rung in plan.rungs),
            anchor=plan.anchor,
            grid=plan.grid,
            video=VideoConfig(
                width=rung.width, height=rung.height, sps=encoder.sps, pps=encoder.pps
            ),
            audio=AudioConfig(asc=asc),
            bandwidth_bps=rung.bandwidth_bps,
            average_bandwidth_bps=rung.average_bandwidth_bps,
        )
        for rung, encoder in zip(plan.rungs, ladder.encoders, strict=True)
    ]
