"""One show through the whole pipeline, as fast as the machine can, on a clock of its own.

An `EpochRun` is fed what the host sends, each access unit at the moment its time says. The next one
waits while more than half a part is in the encoders, so that nothing ever looks like overload.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transcoder.control import CueUnsent, LatencyPreset, SourceStart, StartEpoch
from transcoder.epoch import EpochRun
from transcoder.errors import MediaError
from transcoder.grid import make_grid
from transcoder.profiles import Profile
from transcoder.telemetry import Telemetry
from transcoder.tune.clip import SOURCE, Clip
from transcoder.values import TICKS_PER_SECOND, AccessUnit, Anchor, InitSection, Part

LATENCY: LatencyPreset = "low"
_ANCHOR = Anchor(utc_us=0, monotonic_ns=0)
_STEP_TICKS = TICKS_PER_SECOND // 20
"""The clock moves at least so often, also where nothing is sent."""
_HELD_S = 1.0
"""An encoder that gives nothing back for so long holds a picture back."""
_SINGLE_THREADED = "avc"
"""Codecs whose encoders run on the rung's thread alone."""
_FINISH_S = 60.0
_STUCK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What came out of one rung: `init` and, in `file`, it and the parts behind it."""

    init: InitSection
    file: Path
    first_slot: int
    slots: int
    rate_bps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One pass of a clip through a profile."""

    renditions: tuple[Rendition, ...]
    """Best first."""
    media_s: float
    base_cpu_s: float
    """Decoding, sound and packaging."""
    rung_cpu_s: dict[str, float]
    delay_slots: int
    """Slots past its own that had to come in before the first part came out."""
    generations: int


class _Telemetry(Telemetry):
    """Adds up what the rungs cost."""

    def __init__(self) -> None:
        super().__init__("tune")
        self.rung_cpu_s: defaultdict[str, float] = defaultdict(float)

    def encoded(self, rung: str, cpu_s: float) -> None:
        """A rung's thread only ever writes its own entry."""
        self.rung_cpu_s[rung] += cpu_s


class _Collector:
    """A `RunOutput`: keeps init sections and writes parts to a file for each generation and rung.

    `folder` None: the bytes are counted and dropped.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.inits: dict[tuple[int, str], InitSection] = {}
        self.parts: defaultdict[tuple[int, str], list[tuple[int, int, int]]] = defaultdict(list)
        """Decode time, duration and bytes of each part."""

    def file(self, generation: int, rendition: str) -> Path:
        """Where that rendition's bytes are."""
        return (self._folder or Path()) / f"{rendition}-{generation}.mp4"

    def init(self, section: InitSection) -> None:
        """See `transcoder.stage.Output`."""
        self.inits[section.generation, section.rendition] = section
        if self._folder is not None:
            self.file(section.generation, section.rendition).write_bytes(section.data)

    def part(self, part: Part) -> None:
        """See `transcoder.stage.Output`."""
        key = (part.generation, part.rendition)
        self.parts[key].append((part.decode_time, part.duration, len(part.data)))
        if self._folder is not None:
            with self.file(*key).open("ab") as file:
                file.write(part.data)

    def request_keyframe(self, source: int) -> None:
        """A file sends none."""

    def cue_unsent(self, unsent: CueUnsent) -> None:
        """There are no cues."""

    def ladder(self, state: object) -> None:
        """What the rungs do is seen from what they make and cost."""


def run_show(
    clip: Clip,
    profile: Profile,
    *,
    folder: Path | None,
    on_tick: Callable[[int], None] | None = None,
) -> Shown:
    """One pass. Renditions are written into `folder`, where one is given.

    Raises `MediaError` or `ProfileError` when this machine cannot encode the profile.
    """
    collector, telemetry = _Collector(folder), _Telemetry()
    woken = threading.Event()
    run = EpochRun(_start(profile), output=collector, telemetry=telemetry, wake=woken.set, now_ns=0)
    feed = _Feed(run, woken, collector, profile)
    process_s = time.process_time()
    try:
        run.source_started(SourceStart(epoch="tune", source=SOURCE, anchor=_ANCHOR))
        for unit in clip.units:
            feed.give(unit)
            if on_tick is not None:
                on_tick(unit.pts)
        begun_s = time.thread_time()
        run.finish(_FINISH_S)
        feed.cpu_s += time.thread_time() - begun_s
    finally:
        run.close()
    renditions = tuple(_renditions(collector, profile))
    if not renditions or not renditions[0].slots:
        raise MediaError("nothing came out of it; the clip may be too short")
    every_duration = [sum(p[1] for p in parts) for parts in collector.parts.values()]
    ladder = len(renditions)
    return Shown(
        renditions=renditions,
        media_s=sum(every_duration) / ladder / TICKS_PER_SECOND,
        base_cpu_s=feed.cpu_s,
        rung_cpu_s=shared_out(
            telemetry.rung_cpu_s,
            threaded=[
                one.init.rendition
                for one in renditions
                if not one.init.codecs.startswith(_SINGLE_THREADED)
            ],
            spent_s=time.process_time() - process_s - feed.cpu_s,
        ),
        delay_slots=max(0, feed.delay_slots),
        generations=len({generation for generation, _ in collector.inits}),
    )


def shared_out(
    rung_cpu_s: Mapping[str, float], *, threaded: Sequence[str], spent_s: float
) -> dict[str, float]:
    """What each rung cost: its own thread, and of the threads that encoders start by themselves
    (x265's and SVT-AV1's do) the share that its own thread's work has of theirs.

    `spent_s` is what all of them together took; `threaded` names the rungs of such encoders.
    """
    hidden_s = max(0.0, spent_s - sum(rung_cpu_s.values()))
    known_s = sum(rung_cpu_s.get(name, 0.0) for name in threaded)
    factor = 1 + hidden_s / known_s if known_s > 0 else 1.0
    return {name: s * (factor if name in threaded else 1.0) for name, s in rung_cpu_s.items()}


class _Feed:
    """Gives a run its access units, one at a time, and does not let it fall behind."""

    def __init__(
        self, run: EpochRun, woken: threading.Event, collector: _Collector, profile: Profile
    ) -> None:
        self._run = run
        self._woken = woken
        self._collector = collector
        self._grid = make_grid(
            frames_per_second=profile.frames_per_second,
            latency=LATENCY,
            idr_interval_s=profile.idr_interval_s,
            segment_s=profile.segment_s,
        )
        self._now_tick = 0
        self._newest_slot = 0
        self._held = 0
        """Pictures that an encoder holds back."""
        self.cpu_s = 0.0
        """Of this thread, waiting excluded."""
        self.delay_slots = 0

    def give(self, unit: AccessUnit) -> None:
        """The next unit, at its time; the clock runs up to it in small steps."""
        begun = bool(self._collector.parts)
        while self._now_tick + _STEP_TICKS < unit.pts:
            self._turn([], self._now_tick + _STEP_TICKS)
        if unit.kind == "video":
            self._newest_slot = self._grid.slot_of(unit.pts)
        self._turn([unit], max(self._now_tick, unit.pts))
        if begun:
            self._settle(self._held + max(1, self._grid.part_slots // 2))
            return
        # One at a time until the first part is out: that shows what is held back.
        self._settle(self._held)
        self._turn([], self._now_tick)
        if self._collector.parts:
            (decode_time, duration, _), *_ = next(iter(self._collector.parts.values()))
            end_slot = self._grid.slot_of(decode_time + duration)
            self.delay_slots = self._newest_slot + 1 - end_slot

    def _turn(self, units: list[AccessUnit], now_tick: int) -> None:
        self._now_tick = now_tick
        begun_s = time.thread_time()
        self._run.turn(units, _ANCHOR.monotonic_ns_at(now_tick) + 1)
        self.cpu_s += time.thread_time() - begun_s

    def _settle(self, backlog: int) -> None:
        """Wait until no more than `backlog` slots are in the encoders."""
        deadline_s = time.monotonic() + _STUCK_S
        while True:
            self._woken.clear()
            if self._run.backlog <= backlog:
                return
            if not self._woken.wait(_HELD_S):
                if self._run.backlog <= self._held + 1:
                    self._held = backlog = self._run.backlog
                elif time.monotonic() > deadline_s:
                    raise MediaError("the encoders stand still")


def _start(profile: Profile) -> StartEpoch:
    return StartEpoch(
        show="tune",
        epoch="tune",
        au_socket="",
        profile=profile.to_plain(),
        latency=LATENCY,
        generation=0,
        next_number=0,
        next_msn=0,
        next_tick=0,
        cues=(),
        previous=(),
    )


def _renditions(collector: _Collector, profile: Profile) -> Iterator[Rendition]:
    """Those of the generation that most was made of; one is all there is as a rule."""
    slot_ticks = TICKS_PER_SECOND // profile.frames_per_second
    made: defaultdict[int, int] = defaultdict(int)
    for (generation, _), parts in collector.parts.items():
        made[generation] += len(parts)
    chosen = max(made, key=lambda generation: made[generation], default=0)
    ladder = next(iter(collector.inits.values())).ladder if collector.inits else ()
    for name in ladder:
        parts = collector.parts[chosen, name]
        ticks = sum(duration for _, duration, _ in parts)
        if not ticks:
            continue
        yield Rendition(
            init=collector.inits[chosen, name],
            file=collector.file(chosen, name),
            first_slot=parts[0][0] // slot_ticks,
            slots=ticks // slot_ticks,
            rate_bps=8 * sum(size for *_, size in parts) * TICKS_PER_SECOND / ticks,
        )
