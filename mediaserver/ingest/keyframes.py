"""When to ask the publisher's encoder for a keyframe. Pure.

A request or its keyframe may be lost, and some encoders never answer (OBS, FFmpeg), so a wish is
repeated a few times and then rests. Requests go out at most twice a second however often they are
wished for, and ever more rarely while none is answered: on a thin line a keyframe takes seconds,
and asking for another one makes it later still. Where answers have been quick a first request that
goes unanswered is taken for lost and repeated sooner: segments of a source that is passed on wait
for the keyframe.
"""

_SPACING_NS = 500_000_000
_LOST_AFTER_NS = 250_000_000
"""A request is not taken for lost earlier, however quick the answers before."""
_FIRST_AFTER_NS = 200_000_000
"""Most streams begin with a keyframe: asked at once, the encoder would make two."""
_LONGEST_NS = 4_000_000_000
_TRIES = 6


class KeyframeWish:
    """One track's wish for a keyframe; the first is there from the start of the stream.

    With an `interval_ns` it wishes by itself for one that long after the last, or after it had
    rested.
    """

    def __init__(self, *, interval_ns: int = 0) -> None:
        self._interval_ns = interval_ns
        self._tries_left = _TRIES
        self._unanswered = 0
        self._answer_ns = _SPACING_NS
        """How long the last answer to a single request took."""
        self._asked_ns: int | None = None
        self._fulfilled_ns: int | None = None

    @property
    def pending(self) -> bool:
        """Whether one is wished for now; the timer alone is no wish yet."""
        return self._asked_ns is not None and self._tries_left > 0

    @property
    def deadline_ns(self) -> int | None:
        """When `due` says yes next; None while there is no stream or no wish."""
        if self._asked_ns is None:
            return None
        if self._tries_left:
            return self._asked_ns + self._spacing_ns()
        if not self._interval_ns:
            return None
        rested_ns = max(self._fulfilled_ns or 0, self._asked_ns) + self._interval_ns
        return max(rested_ns, self._asked_ns + _SPACING_NS)

    def begin(self, now_ns: int) -> None:
        """The stream's first packet has come."""
        self._asked_ns = now_ns - _SPACING_NS + _FIRST_AFTER_NS
        self._tries_left = _TRIES
        self._unanswered = 0

    def wish(self) -> None:
        """A keyframe is needed."""
        self._tries_left = _TRIES

    def fulfilled(self, now_ns: int) -> None:
        """A keyframe came."""
        if self._unanswered == 1 and self._asked_ns is not None:
            self._answer_ns = now_ns - self._asked_ns
        self._tries_left = self._unanswered = 0
        self._fulfilled_ns = now_ns

    def postpone(self, now_ns: int) -> None:
        """The keyframe is on its way: look again in a while."""
        self._asked_ns = now_ns - self._spacing_ns() + _FIRST_AFTER_NS

    def due(self, now_ns: int) -> bool:
        """Whether to ask now; a yes counts as asked."""
        deadline_ns = self.deadline_ns
        if deadline_ns is None or now_ns < deadline_ns:
            return False
        self._tries_left = (self._tries_left or _TRIES) - 1
        self._unanswered += 1
        self._asked_ns = now_ns
        return True

    def _spacing_ns(self) -> int:
        """From the last request to the next: half a second, doubled for each without an answer; the
        first is repeated after twice the time that answers take, where that is sooner."""
        if self._unanswered == 1:
            return min(max(2 * self._answer_ns, _LOST_AFTER_NS), _SPACING_NS)
        return min(_SPACING_NS << min(max(self._unanswered - 1, 0), 4), _LONGEST_NS)
