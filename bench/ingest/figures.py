"""What pictures and beeps at the far end say about the line's way through an ingest. Pure.

Times are in seconds on the timeline of whatever was watched: media time of what the gateway
served, or the time of arrival at a peer.
"""

import bisect
import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from bench.ingest.clip import FPS, unwrapped
from bench.report import percentile
from mediaserver.demo import tone

FREEZE_S, LONG_FREEZE_S = 0.2, 0.5
RECOVERED_FOR_S = 2.0
"""The picture has recovered once it has not frozen for this long."""
SKEW_WINDOW_S = 0.5
"""Pictures within this of a beep say where the picture is."""
HEALING_S = 10.0
"""Lip sync may take this long to heal after the trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One picture that was shown."""

    at_s: float
    counter: int
    """The number painted into it (`bench.ingest.clip`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """All that a viewer had of one publish. `pictures` are those in which a number could be read:
    the slate has none. `shown` says when each came on, where that is another clock than the one
    that `pictures` and `beeps` share for lip sync."""

    pictures: Sequence[Seen]
    beeps_s: Sequence[float]
    shown: Sequence[Seen] = ()
    discontinuities: int = 0

    @property
    def on_screen(self) -> Sequence[Seen]:
        """What freezes are counted in."""
        return self.shown or self.pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time."""

    start_s: float
    end_s: float

    def holds(self, at_s: float) -> bool:
        """Whether it holds a moment."""
        return self.start_s <= at_s < self.end_s

    @property
    def length_s(self) -> float:
        """How long it is."""
        return max(0.0, self.end_s - self.start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One publish under one profile."""

    span_s: float
    shown: int
    captured: int
    freezes: tuple[float, ...]
    """How long each over `FREEZE_S` was."""
    skews_before_ms: tuple[float, ...] = field(repr=False)
    skews_after_ms: tuple[float, ...] = field(repr=False)
    recover_s: float | None
    """From the end of the trouble to a picture that goes on; None where the trouble has no end, or
    the picture never went on."""
    discontinuities: int

    @property
    def share(self) -> float:
        """Which share of the frames captured was shown. One frame too many at the run's edges,
        where time is that of arrival, makes it no more than all."""
        return min(1.0, self.shown / self.captured) if self.captured else 0.0

    def freezes_over(self, limit_s: float) -> int:
        """How many were longer."""
        return sum(length > limit_s for length in self.freezes)

    def skew_p95_ms(self) -> float | None:
        """The 95th percentile of |picture − sound|, from `HEALING_S` after the trouble on."""
        after = [abs(skew) for skew in self.skews_after_ms]
        return percentile(after, 0.95) if after else None

    @classmethod
    def of(
        cls, watched: Watched, *, run: Span, trouble: Span, endless: bool, numbered: bool = False
    ) -> Self:
        """Judge what was watched during `run`; `trouble` is when the line was bad, and an `endless`
        one is judged while it goes on, `HEALING_S` after its beginning. The frames captured are
        those of the clip's rate, or where they are `numbered` as many as the numbers say."""
        new = _new_pictures(watched.on_screen)
        inside = [picture for picture in new if run.holds(picture[0])]
        skews = skews_ms(watched)
        settled_s = (trouble.start_s if endless else trouble.end_s) + HEALING_S
        return cls(
            span_s=run.length_s,
            shown=len(inside),
            captured=_counted(inside) if numbered else round(run.length_s * FPS),
            freezes=tuple(_freezes([at for at, _ in inside], run)),
            skews_before_ms=tuple(s for at, s in skews if at < min(trouble.start_s, run.end_s)),
            skews_after_ms=tuple(s for at, s in skews if settled_s <= at < run.end_s),
            recover_s=None if endless else _recovered(inside, trouble.end_s, run.end_s),
            discontinuities=watched.discontinuities,
        )


def skews_ms(watched: Watched) -> list[tuple[float, float]]:
    """For each beep with pictures around it: when it came, and picture − sound in milliseconds.

    Positive where the picture is late. The beep is that of the full second nearest to what the
    pictures around it say.
    """
    new = _new_pictures(watched.pictures)
    times = [at for at, _ in new]
    skews = []
    for beep_s in watched.beeps_s:
        first = bisect.bisect_left(times, beep_s - SKEW_WINDOW_S)
        last = bisect.bisect_right(times, beep_s + SKEW_WINDOW_S)
        if first == last:
            continue
        picture_s = statistics.median(at - number / FPS for at, number in new[first:last])
        sound_s = beep_s - round(beep_s - picture_s)
        skews.append((beep_s, (picture_s - sound_s) * 1000))
    return skews


def _new_pictures(seen: Sequence[Seen]) -> list[tuple[float, int]]:
    """(time, running number) of each picture that was not shown before, in order."""
    numbers = unwrapped([(each.at_s, each.counter) for each in seen])
    fresh: list[tuple[float, int]] = []
    newest = None
    for each, number in zip(seen, numbers, strict=True):
        if newest is None or number > newest:
            fresh.append((each.at_s, number))
            newest = number
    return fresh


def _counted(fresh: Sequence[tuple[float, int]]) -> int:
    return fresh[-1][1] - fresh[0][1] + 1 if fresh else 0


def _freezes(times: Sequence[float], run: Span) -> list[float]:
    edges = [run.start_s, *times, run.end_s]
    return [after - before for before, after in itertools.pairwise(edges)
            if after - before > FREEZE_S]  # fmt: skip


def _recovered(fresh: Sequence[tuple[float, int]], end_s: float, run_end_s: float) -> float | None:
    times = [at for at, _ in fresh if at >= end_s]
    for place, start_s in enumerate(times):
        if start_s + RECOVERED_FOR_S > run_end_s:
            return None
        ahead = [at for at in times[place:] if at <= start_s + RECOVERED_FOR_S + FREEZE_S]
        goes_on = ahead[-1] - start_s >= RECOVERED_FOR_S - FREEZE_S
        steps = (after - before for before, after in itertools.pairwise(ahead))
        if goes_on and all(step <= FREEZE_S for step in steps):
            return start_s - end_s
    return None


class BeepFinder:
    """Finds where beeps begin in sound that comes piece by piece.

    A beep whose beginning was lost begins where its rest does, and so seems late by as much: one
    that is too short is torn, says nothing of lip sync and is left out.
    """

    _WINDOW_S = 0.001
    _LEVEL = 0.1
    """Of full scale: the beep has 0.27, the tone beneath 0.015."""
    _QUIET_WINDOWS = 200
    """So long it was quiet before a beep begins: the hole that a loss tears into one is shorter."""
    _WHOLE_WINDOWS = tone.BEEP_MS - 10
    """From the first to the last of a beep that lacks nothing: it rises and falls softly."""

    def __init__(self) -> None:
        self._beeps: list[tuple[float, float]] = []
        """When the first and the last millisecond of each was."""
        self._quiet = self._QUIET_WINDOWS

    @property
    def onsets_s(self) -> list[float]:
        """When each whole beep began."""
        return [first_s for first_s, last_s in self._beeps if self._is_whole(first_s, last_s)]

    @property
    def torn(self) -> int:
        """How many beeps were not whole."""
        return len(self._beeps) - len(self.onsets_s)

    def take(self, start_s: float, samples: npt.NDArray[np.floating], rate: int) -> None:
        """Mono samples (full scale is 1.0) that begin at `start_s`."""
        size = round(rate * self._WINDOW_S)
        whole = len(samples) // size * size
        peaks = np.abs(samples[:whole]).reshape(-1, size).max(axis=1)
        for place, loud in enumerate(peaks > self._LEVEL):
            if not loud:
                self._quiet += 1
                continue
            at_s = start_s + place * self._WINDOW_S
            first_s = at_s if self._quiet >= self._QUIET_WINDOWS else self._beeps.pop()[0]
            self._beeps.append((first_s, at_s))
            self._quiet = 0

    def _is_whole(self, first_s: float, last_s: float) -> bool:
        return last_s - first_s >= self._WHOLE_WINDOWS * self._WINDOW_S
