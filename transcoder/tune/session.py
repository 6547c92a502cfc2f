"""A tuning run from the clip to the results, in the order in which interrupting it costs least.

First every profile as it is, then the sweeps, then the recommended ladder itself, then how many
shows fit. Ctrl-C at any time ends it with what is done; so the report always tells the truth.
"""

import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from transcoder.errors import MediaError, TranscoderError
from transcoder.profiles import Profile
from transcoder.tune.clip import Clip, make_clip
from transcoder.tune.crowd import headroom
from transcoder.tune.errors import TuneError
from transcoder.tune.ffmpeg import Ffmpeg
from transcoder.tune.interrupts import Interrupts
from transcoder.tune.quality import judge
from transcoder.tune.recommend import NAME, recommend
from transcoder.tune.show import Shown, run_show
from transcoder.tune.stills import Place, find_place, still_of
from transcoder.tune.values import (
    METRICS,
    Budget,
    Headroom,
    Machine,
    Note,
    Recommendation,
    Results,
    RungResult,
    Still,
    Variant,
    VariantResult,
    note,
)
from transcoder.tune.variants import Sweep, fingerprint, variants_of
from transcoder.values import TICKS_PER_SECOND


class Progress(Protocol):
    """Who watches."""

    def plan(self, tasks: int) -> None:
        """So many tasks in all; may be called again."""
        ...

    def task(self, name: str) -> None:
        """The next task begins."""
        ...

    def called(self, name: str) -> None:
        """The task at hand goes on under another name."""
        ...

    def step(self, share: float) -> None:
        """So much of the task at hand is done, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator asks for."""

    clip: Path
    seconds: float
    profiles: tuple[Profile, ...]
    swept: tuple[str, ...]
    """Names of the profiles to sweep."""
    sweep: Sweep
    budget: Budget
    crowds: tuple[str, ...]
    """Names of the profiles to run several at once of; the recommended one always is."""
    max_shows: int
    """0: none at once."""
    notes: tuple[Note, ...] = ()
    """For the report, from whoever chose the profiles."""


def tune(wish: Wish, *, ffmpeg: Ffmpeg, progress: Progress) -> Results:
    """The whole. Raises `TuneError` when not even the clip can be used, or nothing be measured."""
    with tempfile.TemporaryDirectory(prefix="comptoir-tune-") as name:
        folder = Path(name)
        clip = make_clip(wish.clip, folder=folder, seconds=wish.seconds, ffmpeg=ffmpeg)
        variants, notes = variants_of(wish.profiles, wish.swept, wish.sweep)
        session = _Session(wish, clip, ffmpeg, progress, [*wish.notes, *notes])
        session.run(variants)
        if not session.variants and not session.interrupted:
            raise TuneError(
                "Nothing could be measured: "
                + (session.notes[0].places.get("why", "") if session.notes else "no profile given")
            )
        return session.results()


class _Session:
    """What is done so far."""

    def __init__(
        self, wish: Wish, clip: Clip, ffmpeg: Ffmpeg, progress: Progress, notes: list[Note]
    ) -> None:
        self._wish = wish
        self._clip = clip
        self._ffmpeg = ffmpeg
        self._progress = progress
        self._place: Place | None = None
        self._interrupts = Interrupts()
        self._begun = 0
        """Tasks."""
        self.variants: list[VariantResult] = []
        self.headroom: list[Headroom] = []
        self.stills: list[Still] = []
        self.recommendation: Recommendation | None = None
        self.recommended: VariantResult | None = None
        """The recommended ladder, measured as a whole."""
        self.notes = notes
        self.interrupted = False
        lacking = [metric for metric in METRICS if metric not in ffmpeg.metrics]
        notes.extend(note("no_metric", metric=metric) for metric in lacking)

    def run(self, variants: Sequence[Variant]) -> None:
        """Everything, or as much as there is time for."""
        try:
            with self._interrupts.remembered():
                self._all(variants)
        except KeyboardInterrupt:
            self.interrupted = True
            if self.recommendation is None:
                self.recommendation = recommend(self.variants, self._wish.budget)

    def _all(self, variants: Sequence[Variant]) -> None:
        self._progress.plan(len(variants) + 2)
        self._place, still = find_place(self._clip)
        self.stills.append(still)
        for variant in sorted(variants, key=lambda one: bool(one.changes)):
            self._try(variant)
        self._recommend()
        crowds = self._crowds()
        self._progress.plan(self._begun + len(crowds))
        for result in crowds:
            self._crowd(result)
            self._progress.step(1.0)

    def results(self) -> Results:
        """What is done."""
        return Results(
            clip=self._clip.facts,
            machine=Machine(
                cores=os.cpu_count() or 1, processor=_processor(), ffmpeg=self._ffmpeg.version
            ),
            budget=self._wish.budget,
            variants=tuple(self.variants),
            headroom=tuple(self.headroom),
            stills=tuple(self.stills),
            recommendation=self.recommendation,
            recommended=self.recommended,
            notes=tuple(self.notes),
            interrupted=self.interrupted,
        )

    def _begin(self, name: str) -> None:
        self._interrupts.check()
        self._begun += 1
        self._progress.task(name)

    def _try(self, variant: Variant) -> bool:
        """Measure it, or note why that cannot be."""
        self._begin(variant.label)
        with self._folder() as folder:
            try:
                shown = run_show(
                    self._clip, variant.profile, folder=folder, on_tick=self._on_tick(0.0, 0.3)
                )
            except TranscoderError as exc:
                self.notes.append(note("skipped", what=variant.label, why=_sentence(exc)))
                return False
            if shown.generations > 1:
                self.notes.append(note("restarted", what=variant.label))
            self.variants.append(self._measured(variant, shown))
            if not variant.changes and self._place is not None:
                self._keep_stills(variant, shown, self._place)
        self._progress.step(1.0)
        return True

    def _measured(self, variant: Variant, shown: Shown) -> VariantResult:
        settings = {rung["name"]: rung for rung in variant.profile.to_plain()["rungs"]}
        rungs: list[RungResult] = []
        for index, rendition in enumerate(shown.renditions):
            init = rendition.init
            low = 0.3 + 0.7 * index / len(shown.renditions)
            on_frame = self._on_frame(low, 0.7 / len(shown.renditions), rendition.slots)
            quality = judge(
                self._clip,
                rendition,
                ffmpeg=self._ffmpeg,
                threads=os.cpu_count() or 1,
                on_frame=on_frame,
            )
            rungs.append(
                RungResult(
                    name=init.rendition,
                    settings=settings[init.rendition],
                    width=init.width,
                    height=init.height,
                    codecs=init.codecs,
                    bandwidth_bps=init.bandwidth_bps,
                    rate_bps=rendition.rate_bps,
                    cores=shown.rung_cpu_s.get(init.rendition, 0.0) / shown.media_s,
                    quality=quality,
                )
            )
        return VariantResult(
            variant=variant,
            media_s=shown.media_s,
            base_cores=shown.base_cpu_s / shown.media_s,
            delay_frames=shown.delay_slots,
            rungs=tuple(rungs),
        )

    def _keep_stills(self, variant: Variant, shown: Shown, place: Place) -> None:
        for rendition in shown.renditions:
            still = still_of(rendition, place, self._clip, profile_name=variant.profile_name)
            if still is not None:
                self.stills.append(still)

    def _recommend(self) -> None:
        self.recommendation = recommend(self.variants, self._wish.budget)
        if self.recommendation is None:
            self.notes.append(note("no_ladder", cores=f"{self._wish.budget.cores:g}"))
            return
        profile = self.recommendation.profile
        mark = fingerprint(profile)
        known = (r for r in self.variants if fingerprint(r.variant.profile) == mark)
        self.recommended = next(known, None)
        if self.recommended is not None:
            self.notes.append(note("already", what=self.recommended.variant.label))
        elif self._try(Variant(profile_name=NAME, profile=profile, changes=())):
            self.recommended = self.variants[-1]

    def _crowds(self) -> list[VariantResult]:
        """Whose concurrent shows to count: the recommended ladder's first."""
        if not self._wish.max_shows:
            return []
        crowds = [self.recommended] if self.recommended else []
        for result in self.variants:
            variant = result.variant
            if variant.profile_name in self._wish.crowds and not variant.changes:
                crowds += [] if result in crowds else [result]
        return crowds

    def _crowd(self, result: VariantResult) -> None:
        variant = result.variant
        self._begin(variant.label)

        def on_run(shows: int) -> None:
            self._progress.called(f"{variant.label} × {shows}")

        try:
            self.headroom.append(
                headroom(
                    variant,
                    folder=self._clip.folder,
                    media_s=result.media_s,
                    cores_a_show=result.cores,
                    most=self._wish.max_shows,
                    on_run=on_run,
                    check=self._interrupts.check,
                )
            )
        except TuneError as exc:
            self.notes.append(note("no_crowd", what=variant.label, why=_sentence(exc)))

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        """Renditions are large: gone as soon as they are judged."""
        folder = self._clip.folder / "renditions"
        folder.mkdir(exist_ok=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _on_tick(self, low: float, share: float) -> Callable[[int], None]:
        return self._stepping(low, share, self._clip.facts.duration_s * TICKS_PER_SECOND)

    def _on_frame(self, low: float, share: float, frames: int) -> Callable[[int], None]:
        return self._stepping(low, share, frames)

    def _stepping(self, low: float, share: float, whole: float) -> Callable[[int], None]:
        def on_step(done: int) -> None:
            self._interrupts.check()
            self._progress.step(low + share * min(1.0, done / whole))

        return on_step


def _sentence(exc: TranscoderError) -> str:
    said = str(exc).splitlines()[0].rstrip(".")
    return f"{said}." if not isinstance(exc, MediaError) else f"{said[0].upper()}{said[1:]}."


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
