"""When a source that was unfit may be passed on again."""

from transcoder.values import TICKS_PER_SECOND

TRIAL_TICKS = 10 * TICKS_PER_SECOND
"""How long a source is watched before it is passed on again."""
QUIET_TICKS = TICKS_PER_SECOND
"""Nothing is tried so soon after something spoke against it."""
LONGEST_TICKS = 600 * TICKS_PER_SECOND
FORGIVEN_TICKS = 600 * TICKS_PER_SECOND


class Backoff:
    """Ready at once while nothing has spoken against the source; then `TRIAL_TICKS` after the last
    thing that did, and twice as long after each failure, up to `LONGEST_TICKS`.

    A failure is what ends a stretch on air, or a trial. A stretch of `FORGIVEN_TICKS` on air makes
    the failures before it forgotten.
    """

    def __init__(self) -> None:
        self._fault_tick: int | None = None
        self._failures = 0
        self._began_tick: int | None = None

    def fault(self, now_tick: int, *, failure: bool) -> None:
        """Something speaks against passing the source on."""
        self._fault_tick = now_tick
        if not failure:
            return
        if self._began_tick is not None and now_tick - self._began_tick >= FORGIVEN_TICKS:
            self._failures = 0
        self._failures += 1
        self._began_tick = None

    def began(self, now_tick: int) -> None:
        """The source is on air."""
        self._began_tick = now_tick

    def another_source(self, now_tick: int) -> None:
        """Another publish: what its forerunner did wrong is not its own, but it is watched."""
        self._failures = 0
        self._began_tick = None
        self.postpone(now_tick)

    def postpone(self, now_tick: int) -> None:
        """There is nothing to watch now; what was waited for begins again."""
        if self._fault_tick is not None:
            self._fault_tick = now_tick

    def on_trial(self, now_tick: int) -> bool:
        """Whether the source is being watched as if it were on air."""
        if self._fault_tick is None:
            return True
        quiet_ticks = max(self._wait_ticks - TRIAL_TICKS, QUIET_TICKS)
        return now_tick - self._fault_tick >= quiet_ticks

    def is_ready(self, now_tick: int) -> bool:
        """Whether it may be passed on."""
        return self._fault_tick is None or now_tick - self._fault_tick >= self._wait_ticks

    @property
    def _wait_ticks(self) -> int:
        doublings = min(max(self._failures - 1, 0), 10)
        return min(TRIAL_TICKS << doublings, LONGEST_TICKS)
