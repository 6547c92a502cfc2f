"""What is declared of a source that is always passed: BANDWIDTH's share of its pictures."""

_NEAR_PERCENT = 85
"""Of what is declared. Nearer than that it is to be raised, for the raise must wait for a
keyframe, and the source may go on rising until then."""
_ROOM_PERCENT = 150
"""How far a source may rise above the most that was seen of it."""


class Declaration:
    """A rate that is declared, and raised when the source outgrows it.

    It never falls, and each raise at least doubles it, so that there are few: a raise takes a new
    init section. It counts only from the next generation on.
    """

    def __init__(self, peak_bps: int) -> None:
        self.peak_bps = peak_bps
        """Of any run of segments of 0.5 to 1.5 targets."""
        self._seen_bps = 0
        """The most that came too near to it."""

    @property
    def is_outgrown(self) -> bool:
        """Whether more must be declared."""
        return self._seen_bps > 0

    def saw(self, run_bps: int) -> None:
        """A run of segments has this rate, or would have."""
        if 100 * run_bps > _NEAR_PERCENT * self.peak_bps:
            self._seen_bps = max(self._seen_bps, run_bps)

    def raise_it(self) -> None:
        """Another generation begins: where it was outgrown it has room again."""
        if self.is_outgrown:
            self.peak_bps = max(2 * self.peak_bps, self._seen_bps * _ROOM_PERCENT // 100)
            self._seen_bps = 0
