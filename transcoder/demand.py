"""Which rungs may doze: those of an `on_demand` ladder that nobody watches. Pure: ticks come in.

Main says who is watched (`Watched`) at every change and every few seconds. What it has not said
lately is taken as watched, so a ladder whose main is away is wide awake.
"""

from collections.abc import Collection, Sequence

from transcoder.roles import Role
from transcoder.values import TICKS_PER_SECOND

KNOWN_S = 15
"""What main said holds for so long."""


class Demand:
    """The last word of main on one epoch's rungs."""

    def __init__(self, *, on_demand: bool) -> None:
        self._on_demand = on_demand
        self._watched: frozenset[str] = frozenset()
        self._told_tick: int | None = None

    def told(self, watched: Collection[str], now_tick: int) -> None:
        """These rungs are watched, and no others."""
        self._watched = frozenset(watched)
        self._told_tick = now_tick

    def dozing(self, rungs: Sequence[str], roles: Sequence[Role], now_tick: int) -> frozenset[str]:
        """The encoded rungs that nobody needs now, themselves or through a mirror of them."""
        heard = self._told_tick
        if not self._on_demand or heard is None or now_tick - heard >= KNOWN_S * TICKS_PER_SECOND:
            return frozenset()
        needed = {
            rungs[index if role.of is None else role.of]
            for index, role in enumerate(roles)
            if rungs[index] in self._watched
        }
        encoded = {rung for rung, role in zip(rungs, roles, strict=True) if role.kind == "encoded"}
        return frozenset(encoded - needed)
