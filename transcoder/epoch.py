"""One epoch run: what one worker makes of one media epoch, from access units to parts.

`EpochRun` decodes the current source and decides when output begins; from then on a `Stage` makes
it. It belongs to one thread, which feeds it what arrived and calls `advance` often; only the
rungs of the ladder and their `wake` call run elsewhere. Time is `now_ns`, a reading of the
monotonic clock, so that tests may drive it. Results leave through `Output`.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

import structlog

from transcoder.audio_wait import AudioWait
from transcoder.control import CueUnsent, SourceEnd, SourceStart, StartEpoch
from transcoder.cues import CueQueue
from transcoder.decode import Picture, SourceDecoder
from transcoder.errors import MediaError
from transcoder.grid import make_grid
from transcoder.opening import Begin, Opening
from transcoder.profiles import MAX_SIDE, Profile, RungPlan, plan_rungs
from transcoder.stage import Output, Stage, StagePlan
from transcoder.telemetry import Telemetry
from transcoder.values import TICKS_PER_SECOND, AccessUnit, Anchor, InitSection, TimedMetadata

log = structlog.get_logger()

_EARLY_AUDIO_UNITS = 100
"""Audio kept from before the output begins: the newest two seconds of 20 ms packets."""


class RunOutput(Output, Protocol):
    """Where the results of a run go, cues that cannot be carried among them."""

    def cue_unsent(self, unsent: CueUnsent) -> None:
        """A cue is in no part, and will not be."""
        ...


class EpochRun:
    """Transcodes one media epoch. Raises `MediaError` when its own codecs fail or fall behind,
    `ProfileError` for a profile that cannot be used.

    Before the first picture nothing comes out, unless an earlier worker's renditions must go on or
    no picture comes for so long that the slate is due; from then on one part after another, with or
    without input, until `finish`.
    """

    def __init__(
        self,
        start: StartEpoch,
        *,
        output: RunOutput,
        telemetry: Telemetry,
        wake: Callable[[], None],
        now_ns: int,
    ) -> None:
        profile = Profile.from_plain(start.profile)
        self._start = start
        self._profile = profile
        self._output = output
        self._telemetry = telemetry
        self._wake = wake
        self._grid = make_grid(
            frames_per_second=profile.frames_per_second,
            latency=start.latency,
            idr_interval_s=profile.idr_interval_s,
            segment_s=profile.segment_s,
        )
        self._anchor: Anchor | None = start.previous[0].anchor if start.previous else None
        self._opening = Opening(
            grid=self._grid,
            top_short_side=profile.rungs[0].height,
            ladder_given=bool(start.previous),
            next_tick=start.next_tick,
            started_tick=self._anchor.tick(now_ns) if self._anchor else 0,
            slate_after_ticks=profile.slate_after_ms * TICKS_PER_SECOND // 1000,
        )
        self._decoder: SourceDecoder | None = None
        self._newest_source = 0
        self._newest: Picture | None = None
        self._early_audio: deque[AccessUnit] = deque(maxlen=_EARLY_AUDIO_UNITS)
        self._audio_wait = AudioWait()
        self._stage: Stage | None = None
        self._judged_ns = now_ns
        self._cues = CueQueue()
        for cue in start.cues:
            self.cue(cue)

    @property
    def backlog(self) -> int:
        """Slots in the encoders."""
        return self._stage.backlog if self._stage else 0

    def lag_s(self, now_ns: int) -> float:
        """How far the end of the last part lies behind now; 0 before output began."""
        if self._stage is None or self._anchor is None:
            return 0.0
        return (self._anchor.tick(now_ns) - self._stage.ended_tick) / TICKS_PER_SECOND

    def turn(self, arrived: Iterable[AccessUnit | SourceStart | SourceEnd], now_ns: int) -> None:
        """Take all that has arrived by `now_ns`, in order, then do whatever is due by then.

        Nothing is given up as missing while it may lie further back in `arrived`: else a turn that
        was long in coming would tear picture and sound. What is complete leaves meanwhile, so that
        pictures do not pile up.
        """
        for one in arrived:
            if isinstance(one, AccessUnit):
                self.take(one, now_ns)
            elif isinstance(one, SourceStart):
                self.source_started(one)
            else:
                self.source_ended(one)
            self.advance(self._judged_ns)
        self.advance(now_ns)
        self._judged_ns = now_ns

    def source_started(self, message: SourceStart) -> None:
        """A publish begins, or comes back on a new connection: its decoders start afresh. One
        older than the newest is late, and ignored."""
        if message.source < self._newest_source:
            log.warning("late_source_ignored", source=message.source, newest=self._newest_source)
            return
        self._newest_source = message.source
        if self._anchor is None:
            self._anchor = message.anchor
        elif self._anchor != message.anchor:
            log.warning("anchor_differs", source=message.source)
        self._decoder = SourceDecoder(message.source, on_error=self._telemetry.decode_error)
        self._reset_audio()
        log.info("source_started", source=message.source)

    def source_ended(self, message: SourceEnd) -> None:
        """A publish is over; its last picture stays until the slate takes over."""
        if self._decoder is not None and self._decoder.source == message.source:
            self._decoder = None
            self._reset_audio()
            log.info("source_ended", source=message.source)

    def take(self, unit: AccessUnit, now_ns: int) -> None:
        """One access unit. Those of another source than the current one are ignored."""
        if self._anchor is None or self._decoder is None or unit.source != self._decoder.source:
            return
        self._telemetry.unit(unit.kind)
        now_tick = self._anchor.tick(now_ns)
        self._opening.received(video=unit.kind == "video", now_tick=now_tick)
        if unit.kind == "video":
            for picture in self._decoder.decode(unit, now_ns):
                self._show(picture, now_tick)
        else:
            self._hear(unit, now_tick)

    def cue(self, cue: TimedMetadata) -> None:
        """Something is to happen on a frame, past or to come. Known ones are ignored."""
        reason = self._cues.add(cue)
        if reason is not None:
            self._unsent(cue, reason)

    def advance(self, now_ns: int) -> None:
        """Do whatever is due by now: begin, fill slots, emit parts, ask for a keyframe."""
        if self._decoder is not None and self._decoder.wants_keyframe(now_ns):
            self._telemetry.keyframe_asked()
            self._output.request_keyframe(self._decoder.source)
        if self._anchor is None:
            return
        now_tick = self._anchor.tick(now_ns)
        if self._stage is None and (begin := self._opening.decide(now_tick)):
            self._begin(begin, self._anchor, now_tick)
        if self._stage is not None:
            self._stage.advance(now_tick)

    def due_in_s(self, now_ns: int) -> float | None:
        """How long until a slot is due though nothing arrives; None before output began."""
        if self._stage is None or self._anchor is None:
            return None
        return max(0, self._anchor.monotonic_ns_at(self._stage.due_tick) - now_ns) / 1e9

    def finish(self, timeout_s: float) -> None:
        """The end: encode what is there, emit it down to the last, shorter part, end the threads.

        After `timeout_s` what is still in the encoders is given up. Cues whose frame has not come
        are unsent then.
        """
        try:
            if self._stage is not None:
                self._stage.finish(timeout_s)
            for cue in self._cues.left():
                self._unsent(cue, "the epoch ended before its frame")
        finally:
            self.close()

    def close(self) -> None:
        """End the threads; nothing more is emitted. Again is harmless."""
        if self._stage is not None:
            self._stage.close()

    def _unsent(self, cue: TimedMetadata, reason: str) -> None:
        self._telemetry.cue("unsent")
        log.warning("cue_unsent", cue=cue.id[:64], revision=cue.revision, reason=reason)
        self._output.cue_unsent(CueUnsent(id=cue.id, revision=cue.revision, reason=reason))

    def _show(self, picture: Picture, now_tick: int) -> None:
        if self._stage is not None:
            self._stage.show(picture, now_tick)
            return
        if self._newest is None or picture.pts >= self._newest.pts:
            self._newest = picture
        width, height = picture.frame.width, picture.frame.height
        self._opening.saw(pts=picture.pts, width=width, height=height, now_tick=now_tick)

    def _hear(self, unit: AccessUnit, now_tick: int) -> None:
        self._audio_wait.heard(until_tick=unit.pts, now_tick=now_tick)
        if self._stage is None:
            self._early_audio.append(unit)
        else:
            self._stage.hear(unit)

    def _reset_audio(self) -> None:
        self._audio_wait.gone()
        self._early_audio.clear()
        if self._stage is not None:
            self._stage.reset_audio()

    def _begin(self, begin: Begin, anchor: Anchor, now_tick: int) -> None:
        start = self._start
        rungs = (
            planned_again(self._profile, start.previous)
            if start.previous
            else _planned(self._profile, begin)
        )
        plan = StagePlan(
            start=start,
            profile=self._profile,
            grid=self._grid,
            anchor=anchor,
            rungs=rungs,
            first_slot=begin.first_slot,
        )
        self._stage = stage = Stage(
            plan,
            output=self._output,
            telemetry=self._telemetry,
            wake=self._wake,
            audio_wait=self._audio_wait,
            cues=self._cues,
        )
        log.info(
            "output_begun",
            first_slot=begin.first_slot,
            rungs=[f"{rung.name}:{rung.width}x{rung.height}" for rung in rungs],
        )
        if self._newest is not None:
            # A publisher that sends a second at once is ahead of now: better its picture early
            # than none until then.
            first_tick = self._grid.tick_of(begin.first_slot)
            stage.show(replace(self._newest, pts=min(self._newest.pts, first_tick)), now_tick)
        for unit in self._early_audio:
            stage.hear(unit)
        self._newest = None
        self._early_audio.clear()


def _planned(profile: Profile, begin: Begin) -> tuple[RungPlan, ...]:
    """The rungs for the pictures seen; for a source without any the whole ladder, 16:9."""
    if begin.width:
        return plan_rungs(profile, begin.width, begin.height)
    height = profile.rungs[0].height
    return plan_rungs(profile, min(height * 16 // 9, MAX_SIDE), height)


def planned_again(profile: Profile, previous: tuple[InitSection, ...]) -> tuple[RungPlan, ...]:
    """The rungs of an earlier worker, of the same names and sizes, as `profile` encodes them.

    Raises `MediaError` when the profile or `previous` lacks one that is on air.
    """
    known = {rung.name: rung for rung in plan_rungs(profile, MAX_SIDE, MAX_SIDE)}
    sections = {section.rendition: section for section in previous}
    names = previous[0].ladder
    missing = [name for name in names if name not in known or name not in sections]
    if missing:
        raise MediaError(f"the rendition {missing[0]!r} is on air and cannot be made again")
    return tuple(
        replace(known[name], width=sections[name].width, height=sections[name].height)
        for name in names
    )
