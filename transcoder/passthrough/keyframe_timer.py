"""When to ask the source for a keyframe, so that it comes just before it is due."""

from transcoder.values import TICKS_PER_SECOND

FIRST_LEAD_TICKS = TICKS_PER_SECOND * 15 // 100
AGAIN_TICKS = TICKS_PER_SECOND // 2
"""A request that is not answered is repeated no sooner; ingest repeats those it takes for lost."""


class KeyframeTimer:
    """Learns from the answers how long before the time that is wanted it must ask.

    The lead lies between nothing and `longest_lead_ticks`: an earlier keyframe could begin no
    segment. Sources that take no requests and send keyframes of their own teach it nothing wrong:
    theirs come when they come.
    """

    def __init__(self, *, longest_lead_ticks: int) -> None:
        self._longest_ticks = longest_lead_ticks
        self.lead_ticks = min(FIRST_LEAD_TICKS, longest_lead_ticks)
        """From a request to the time of the keyframe that answers it."""
        self._first_asked_tick: int | None = None
        """Of the requests that wait for an answer."""
        self._asked_tick: int | None = None

    def due(self, now_tick: int, *, wanted_tick: int | None) -> bool:
        """Whether to ask now, for a keyframe of the time `wanted_tick`, or for one as soon as may
        be; a yes counts as asked."""
        if wanted_tick is not None and now_tick < wanted_tick - self.lead_ticks:
            return False
        again_ticks = max(AGAIN_TICKS, 2 * self.lead_ticks)
        if self._asked_tick is not None and now_tick - self._asked_tick < again_ticks:
            return False
        self._asked_tick = now_tick
        if self._first_asked_tick is None:
            self._first_asked_tick = now_tick
        return True

    def came(self, pts: int) -> None:
        """A keyframe of this time came."""
        if self._first_asked_tick is not None:
            took_ticks = min(max(pts - self._first_asked_tick, 0), self._longest_ticks)
            self.lead_ticks += (took_ticks - self.lead_ticks) // 4
        self._first_asked_tick = None
