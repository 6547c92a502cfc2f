"""A display of a constant rate, put behind a receiver that hands frames out whenever it has them.

Our server shows its pictures on a grid: a slot takes the newest frame that has come by then, and
one that comes later than it waits for, 120 to 400 ms, is decoded and not shown. A viewer of the
peer is given the same screen, which always waits for the longest that ours does, so that both are
judged by what was seen, and when. Pure; times are in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.ingest.clip import FPS
from bench.ingest.figures import Seen
from transcoder.patience import LONGEST_TICKS
from transcoder.values import TICKS_PER_SECOND

HOLD_S = LONGEST_TICKS / TICKS_PER_SECOND
"""How late a frame may come: the most that our own grid ever allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One frame as a receiver handed it out."""

    came_s: float
    """When (Unix time)."""
    label_s: float
    """Its own time, on the track's clock."""
    counter: int
    """The number painted into it."""


def zero_s(decoded: Sequence[Decoded]) -> float | None:
    """The Unix time of label 0, as the frame with the shortest way says; None without a frame."""
    return min((each.came_s - each.label_s for each in decoded), default=None)


def displayed(decoded: Sequence[Decoded], *, hold_s: float = HOLD_S) -> list[Seen]:
    """What stood on the screen in each slot, old pictures included, at the slot's own time.

    `decoded` is in the order in which the frames came. Slots lie on the labels of a source of the
    clip's rate; a slot's picture is the one with the newest label not after it, of those that came
    within `hold_s` of the slot.
    """
    zero = zero_s(decoded)
    if zero is None:
        return []
    slots = [round(each.label_s * FPS) for each in decoded]
    shown: list[Seen] = []
    newest: tuple[int, int] | None = None
    waiting: list[tuple[int, int]] = []
    place = 0
    for slot in range(min(slots), max(slots) + 1):
        at_s = zero + slot / FPS
        while place < len(decoded) and decoded[place].came_s <= at_s + hold_s:
            waiting.append((slots[place], decoded[place].counter))
            place += 1
        due = [each for each in waiting if each[0] <= slot]
        waiting = [each for each in waiting if each[0] > slot]
        newest = max([*due, *([newest] if newest else [])], default=None)
        if newest is not None:
            shown.append(Seen(at_s=at_s, counter=newest[1]))
    return shown
