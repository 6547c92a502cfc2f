"""How long a part whose video is complete waits for its audio. Pure."""

from transcoder.patience import Patience
from transcoder.values import TICKS_PER_SECOND

PATIENCE_TICKS = TICKS_PER_SECOND // 10
"""Past the time of what a part needs: the ingest waits 60 ms for a lost packet, and a packet, which
comes when it is whole, lasts 20 ms or so."""
SILENT_TICKS = TICKS_PER_SECOND // 5
"""Audio that has not come for this long is not waited for."""
_SPARE_TICKS = TICKS_PER_SECOND * 3 // 100
"""What a part needs ends within a packet, which comes when that has ended."""


class AudioWait:
    """Follows what audio has arrived, and says when a part need wait no longer.

    Not at all without an audio source, or when it has fallen silent, or when the audio of the part
    is there; else until `PATIENCE_TICKS` past the end of that audio, and longer while audio comes
    later than that (`Patience`).
    """

    def __init__(self) -> None:
        self._until_tick = 0
        self._heard_tick: int | None = None
        self._patience = Patience(shortest_ticks=PATIENCE_TICKS, spare_ticks=_SPARE_TICKS)

    def heard(self, *, until_tick: int, now_tick: int) -> None:
        """Audio up to `until_tick` of the media timeline has arrived, just now."""
        self._until_tick = max(self._until_tick, until_tick)
        self._heard_tick = now_tick
        self._patience.came(now_tick - until_tick, now_tick)

    def gone(self) -> None:
        """The source has ended, or another begins."""
        self._until_tick = 0
        self._heard_tick = None

    def settled(self, *, end_tick: int, now_tick: int) -> bool:
        """True when the part that needs audio up to `end_tick` may be packaged."""
        if self._heard_tick is None or self._until_tick >= end_tick:
            return True
        patience_ticks = self._patience.ticks
        silent = now_tick - self._heard_tick > max(SILENT_TICKS, patience_ticks)
        return silent or now_tick >= end_tick + patience_ticks
