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
from transcoder.bandwidth import passed_peak_bps
from transcoder.control import CueUnsent, SourceEnd, SourceStart, StartEpoch
from transcoder.cues import CueQueue
from transcoder.decode import KeyframeAsker, Picture, SourceDecoder
from transcoder.demand import Demand
from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import make_grid
from transcoder.opening import Begin, Opening
from transcoder.passthrough.control import Passthrough
from transcoder.passthrough.fitness import PassTarget
from transcoder.passthrough.keyframe_timer import FIRST_LEAD_TICKS
from transcoder.profiles import MAX_SIDE, Profile, RungPlan, plan_rungs
from transcoder.rung import MakeEncoder
from transcoder.sections import StagePlan
from transcoder.stage import Output, Stage
from transcoder.steering import Steering
from transcoder.telemetry import Telemetry
from transcoder.values import TICKS_PER_SECOND, AccessUnit, Anchor, InitSection, TimedMetadata

log = structlog.get_logger()

_EARLY_AUDIO_UNITS = 100
"""Audio kept from before the output begins: the newest two seconds of 20 ms packets."""
_REQUESTS_EVERY_NS = 100_000_000
"""Keyframe requests, whoever wants one, are no closer: one answer serves what was asked twice."""


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
        pictured: Callable[[Picture, int], None] = lambda _picture, _now_tick: None,
        make_encoder: MakeEncoder = RungEncoder,
    ) -> None:
        """`pictured` is shown each picture that is decoded, with the tick that is now, before any
        other thread has it."""
        profile = Profile.from_plain(start.profile)
        self._start = start
        self._profile = profile
        self._output = output
        self._telemetry = telemetry
        self._wake = wake
        self._pictured = pictured
        self._make_encoder = make_encoder
        self._grid = make_grid(
            frames_per_second=profile.frames_per_second,
            latency=start.latency,
            idr_interval_s=profile.idr_interval_s,
            segment_s=profile.segment_s,
        )
        self._anchor: Anchor | None = start.previous[0].anchor if start.previous else None
        self._opening = Opening(
            grid=self._grid,
            # `always`: the rungs' rates are those of the source, which are measured for a second.
            top_short_side=MAX_SIDE if profile.passthrough == "always" else profile.rungs[0].height,
            ladder_given=bool(start.previous),
            next_tick=start.next_tick,
            started_tick=self._anchor.tick(now_ns) if self._anchor else 0,
            slate_after_ticks=profile.slate_after_ms * TICKS_PER_SECOND // 1000,
        )
        self._decoder: SourceDecoder | None = None
        self._newest_source = 0
        self._taken_tick = 0
        self._newest: Picture | None = None
        self._early_audio: deque[AccessUnit] = deque(maxlen=_EARLY_AUDIO_UNITS)
        self._audio_wait = AudioWait()
        self._passing = Passthrough(mode=profile.passthrough, grid=self._grid)
        self._demand = Demand(on_demand=profile.on_demand)
        self._opening_asked = False
        self._keyframe_wanted = False
        """By someone, and not asked for yet."""
        self._requests = KeyframeAsker(_REQUESTS_EVERY_NS)
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
        for index, one in enumerate(arrived):
            if index:
                self.advance(self._judged_ns)
            if isinstance(one, AccessUnit):
                self.take(one, now_ns)
            elif isinstance(one, SourceStart):
                self.source_started(one)
            else:
                self.source_ended(one)
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
        self._decoder = SourceDecoder(message.source, on_error=self._undecodable)
        self._keyframe_wanted = False
        self._requests = KeyframeAsker(_REQUESTS_EVERY_NS)
        self._passing.source_started()
        self._reset_audio()
        log.info("source_started", source=message.source)

    def source_ended(self, message: SourceEnd) -> None:
        """A publish is over; its last picture stays until the slate takes over."""
        if self._decoder is not None and self._decoder.source == message.source:
            self._decoder = None
            self._passing.source_ended()
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
            self._taken_tick = now_tick
            self._passing.take(unit, now_tick)
            for picture in self._decoder.decode(unit, now_ns):
                self._show(picture, now_tick)
        else:
            self._hear(unit, now_tick)

    def cue(self, cue: TimedMetadata) -> None:
        """Something is to happen on a frame, past or to come. Known ones are ignored."""
        known = self._cues.knows(cue)
        reason = self._cues.add(cue)
        if reason is not None:
            self._unsent(cue, reason)
        elif cue.sharp and not known and self._stage is not None:
            self._stage.sharpen(cue.pts)

    def watched(self, rungs: Iterable[str], now_ns: int) -> None:
        """These rungs are watched, and no others."""
        if self._anchor is not None:
            self._demand.told(frozenset(rungs), self._anchor.tick(now_ns))

    def advance(self, now_ns: int) -> None:
        """Do whatever is due by now: begin, fill slots, emit parts, ask for a keyframe."""
        if self._anchor is not None:
            now_tick = self._anchor.tick(now_ns)
            if self._stage is None and (begin := self._opening.decide(now_tick)):
                self._begin(begin, self._anchor, now_tick)
            if self._stage is not None:
                self._stage.advance(now_tick)
        self._ask_keyframe(now_ns)

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

    def _ask_keyframe(self, now_ns: int) -> None:
        """Ask the source for a keyframe where decoding, or passing it on, needs one."""
        if self._anchor is None:
            return
        passing = self._passing_wants_keyframe(self._anchor.tick(now_ns))
        if self._decoder is None:
            return
        wanted = self._decoder.wants_keyframe(now_ns) or passing or self._keyframe_wanted
        asks = self._requests.ask(needed=wanted, now_ns=now_ns)
        self._keyframe_wanted = wanted and not asks
        if asks:
            self._telemetry.keyframe_asked()
            self._output.request_keyframe(self._decoder.source)

    def _passing_wants_keyframe(self, now_tick: int) -> bool:
        if self._stage is not None:
            return self._stage.wants_keyframe(now_tick)
        # What is watched for a second before it is passed on needs a fresh one to begin with.
        soon = self._opening.ends_within(FIRST_LEAD_TICKS, now_tick)
        wanted = soon and self._profile.passthrough == "always" and not self._opening_asked
        self._opening_asked = self._opening_asked or wanted
        return wanted

    def _undecodable(self) -> None:
        self._telemetry.decode_error()
        self._passing.undecodable(self._taken_tick)

    def _unsent(self, cue: TimedMetadata, reason: str) -> None:
        self._telemetry.cue("unsent")
        log.warning("cue_unsent", cue=cue.id[:64], revision=cue.revision, reason=reason)
        self._output.cue_unsent(CueUnsent(id=cue.id, revision=cue.revision, reason=reason))

    def _show(self, picture: Picture, now_tick: int) -> None:
        self._pictured(picture, now_tick)
        if self._stage is not None:
            self._stage.show(picture, now_tick)
            return
        if self._newest is None or picture.pts >= self._newest.pts:
            self._newest = picture
        width, height = picture.frame.width, picture.frame.height
        self._opening.saw(pts=picture.pts, width=width, height=height, now_tick=now_tick)

    def _hear(self, unit: AccessUnit, now_tick: int) -> None:
        until_tick = unit.pts
        if self._stage is None:
            self._early_audio.append(unit)
        else:
            # What cannot be decoded is there as well: it is not waited for.
            until_tick = max(until_tick, self._stage.hear(unit))
        self._audio_wait.heard(until_tick=until_tick, now_tick=now_tick)

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
            else _planned(self._profile, begin, self._passing.measured_bps)
        )
        plan = StagePlan(
            start=start,
            profile=self._profile,
            grid=self._grid,
            anchor=anchor,
            rungs=rungs,
            first_slot=begin.first_slot,
        )
        self._passing.aim(_target(plan))
        self._stage = stage = Stage(
            plan,
            output=self._output,
            telemetry=self._telemetry,
            wake=self._wake,
            audio_wait=self._audio_wait,
            cues=self._cues,
            steering=Steering(plan, passing=self._passing, demand=self._demand),
            make_encoder=self._make_encoder,
        )
        for cue in self._cues.left():
            if cue.sharp:
                stage.sharpen(cue.pts)
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


def _planned(profile: Profile, begin: Begin, source_bps: int) -> tuple[RungPlan, ...]:
    """The rungs for the pictures seen; for a source without any the whole ladder, 16:9."""
    if begin.width:
        return plan_rungs(profile, begin.width, begin.height, source_bps=source_bps)
    height = profile.rungs[0].height
    return plan_rungs(profile, min(height * 16 // 9, MAX_SIDE), height)


def _target(plan: StagePlan) -> PassTarget:
    """The top rung's own rates; with `always` what its BANDWIDTH leaves to the pictures."""
    top, profile = plan.rungs[0], plan.profile
    if profile.passthrough == "always":
        rest_bps = passed_peak_bps(
            0,
            audio_bps=profile.audio.bitrate_bps,
            frames_per_second=profile.frames_per_second,
            segment_s=profile.segment_s,
        )
        top = replace(top, max_bitrate_bps=top.bandwidth_bps - rest_bps, buffer_bits=0)
    return PassTarget(
        rung=top.name,
        width=top.width,
        height=top.height,
        max_bitrate_bps=top.max_bitrate_bps,
        buffer_bits=top.buffer_bits,
        segment_s=profile.segment_s,
    )


def planned_again(profile: Profile, previous: tuple[InitSection, ...]) -> tuple[RungPlan, ...]:
    """The rungs of an earlier worker, of the same names and sizes, as `profile` encodes them: the
    rungs' own, whatever they showed last.

    Raises `MediaError` when the profile or `previous` lacks one that is on air.
    """
    known = {rung.name: rung for rung in plan_rungs(profile, MAX_SIDE, MAX_SIDE)}
    sections = {section.rendition: section for section in previous}
    names = previous[0].ladder
    missing = [name for name in names if name not in known or name not in sections]
    if missing:
        raise MediaError(f"the rendition {missing[0]!r} is on air and cannot be made again")
    return tuple(_again(known[name], sections[name]) for name in names)


def _again(rung: RungPlan, section: InitSection) -> RungPlan:
    """A source's rate that was once declared stays so."""
    return replace(
        rung,
        width=section.own_width or section.width,
        height=section.own_height or section.height,
        bandwidth_bps=max(rung.bandwidth_bps, 0 if section.own_width else section.bandwidth_bps),
    )
