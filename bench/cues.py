"""From a key pressed in the studio to the card on a viewer's frame, counted in frames.

Pure: what was pressed, what the API stored, what a page showed beside each frame → errors. A cue is
told by its id alone: that is what a card carries.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.chromium import Press, SeenFrame

_COUNTER_RANGE = 2**16
_AROUND = 3
"""A picture is steady where each of so many frames before and after was shown."""

Kind = Literal["shown", "removed"]
KINDS: tuple[Kind, ...] = ("shown", "removed")
Shown = Callable[[SeenFrame], Iterable[str]]
"""The ids of the cues that were in force beside a frame, by one way of getting them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One press of a key, and the frames on which a viewer saw it take effect."""

    cue: str
    kind: Kind
    pressed: int
    """Number of the frame that was on camera."""
    seen: tuple[int, ...]
    """Numbers of the frames of the effect: none when lost, several when doubled."""
    steady: bool
    """Whether the viewer was shown each frame that was painted around that one. Where the picture
    itself skipped, nothing can be said of one frame."""

    @property
    def error(self) -> int | None:
        """Frames between what was meant and what was seen (+ is late); None when lost."""
        return distance(self.pressed, self.seen[0]) if self.seen else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All moments of a run, summed up."""

    moments: tuple[Moment, ...]
    skipped: int
    """Frames that the browser presented, or should have, without telling the page."""

    @property
    def errors(self) -> list[int]:
        """Absolute errors in frames of all that were not lost."""
        return [abs(each.error) for each in self.moments if each.error is not None]

    @property
    def steady(self) -> "Tally":
        """Those alone around which the picture was steady."""
        return Tally(
            moments=tuple(each for each in self.moments if each.steady), skipped=self.skipped
        )

    def of_kind(self, kind: Kind) -> "Tally":
        """Those of one kind."""
        moments = tuple(each for each in self.moments if each.kind == kind)
        return Tally(moments=moments, skipped=self.skipped)

    @property
    def lost(self) -> int:
        """Moments that no frame showed."""
        return sum(not each.seen for each in self.moments)

    @property
    def doubled(self) -> int:
        """Moments that came more than once."""
        return sum(len(each.seen) > 1 for each in self.moments)


def distance(start: int, end: int) -> int:
    """Frames from `start` to `end`, both mod 65536."""
    half = _COUNTER_RANGE // 2
    return (end - start + half) % _COUNTER_RANGE - half


def by_card(frame: SeenFrame) -> Iterable[str]:
    """What our page shows."""
    return frame.cards


def by_emsg(frame: SeenFrame) -> Iterable[str]:
    """What hls.js alone had in band; it may hold one from each of several renditions."""
    return {str(json.loads(payload)["id"]) for payload in frame.emsg}


def by_date_range(frame: SeenFrame) -> Iterable[str]:
    """What hls.js alone had from the playlist."""
    return (str(json.loads(payload)["id"]) for payload in frame.date_ranges)


def card_moments(
    presses: Sequence[Press], cues: Sequence[Mapping[str, Any]], frames: Sequence[SeenFrame]
) -> tuple[Moment, ...]:
    """Each pin and when its card came, each unpin and when the card it ends went."""
    begins, ends = onsets(frames, by_card), removals(frames, by_card)
    is_steady = _steadiness(frames)
    return tuple(
        Moment(
            cue=cue["id"],
            kind="shown" if cue["type"] == "pin" else "removed",
            pressed=press.counter,
            seen=begins.get(cue["id"], ()) if cue["type"] == "pin" else ends.get(cue["ends"], ()),
            steady=is_steady(press.counter),
        )
        for press, cue in zip(presses, cues, strict=True)
    )


def cue_moments(
    presses: Sequence[Press],
    cues: Sequence[Mapping[str, Any]],
    frames: Sequence[SeenFrame],
    shown: Shown,
) -> tuple[Moment, ...]:
    """Each cue, pin or unpin, and when it came into force."""
    begins, is_steady = onsets(frames, shown), _steadiness(frames)
    return tuple(
        Moment(
            cue=cue["id"],
            kind="shown",
            pressed=press.counter,
            seen=begins.get(cue["id"], ()),
            steady=is_steady(press.counter),
        )
        for press, cue in zip(presses, cues, strict=True)
    )


def onsets(frames: Sequence[SeenFrame], shown: Shown) -> dict[str, tuple[int, ...]]:
    """For each cue the frames that show it and follow one that does not; twice in one is twice."""
    found: dict[str, list[int]] = {}
    before: list[str] | None = None
    for counter, frame in _numbered(frames):
        now = list(shown(frame))
        if before is not None:
            for cue in set(now):
                found.setdefault(cue, []).extend(
                    [counter] * max(0, now.count(cue) - before.count(cue))
                )
        before = now
    return {cue: tuple(numbers) for cue, numbers in found.items() if numbers}


def removals(frames: Sequence[SeenFrame], shown: Shown) -> dict[str, tuple[int, ...]]:
    """For each cue the frames that no longer show it and follow one that does."""
    found: dict[str, list[int]] = {}
    before: set[str] = set()
    for counter, frame in _numbered(frames):
        now = set(shown(frame))
        for cue in before - now:
            found.setdefault(cue, []).append(counter)
        before = now
    return {cue: tuple(numbers) for cue, numbers in found.items()}


def skipped(frames: Sequence[SeenFrame]) -> int:
    """How many presentations the page was not told of."""
    steps = (after.presented - before.presented for before, after in itertools.pairwise(frames))
    return sum(step - 1 for step in steps if step > 1)


def _numbered(frames: Sequence[SeenFrame]) -> Iterator[tuple[int, SeenFrame]]:
    """Each frame with its number; one that cannot be read is taken to follow the one before."""
    counter = 0
    for frame in frames:
        counter = (counter + 1) % _COUNTER_RANGE if frame.counter is None else frame.counter
        yield counter, frame


def _steadiness(frames: Sequence[SeenFrame]) -> Callable[[int], bool]:
    shown = {frame.counter for frame in frames}

    def is_steady(counter: int) -> bool:
        around = range(counter - _AROUND, counter + _AROUND + 1)
        return all(each % _COUNTER_RANGE in shown for each in around)

    return is_steady
