"""When to ask the publisher's encoder for a keyframe. Pure.

A request may be lost and some encoders never answer (OBS, FFmpeg), so a wish is repeated a few
times and then rests; requests go out at most twice a second however often they are wished for.
"""

_SPACING_NS = 500_000_000
_FIRST_AFTER_NS = 200_000_000
"""Most streams begin with a keyframe: asked at once, the encoder would make two."""
_TRIES = 6


class KeyframeWish:
    """One track's wish for a keyframe; the first is there from the start of the stream."""

    def __init__(self) -> None:
        self._tries_left = _TRIES
        self._asked_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        """When `due` says yes next; None while there is no stream or no wish."""
        if not self._tries_left or self._asked_ns is None:
            return None
        return self._asked_ns + self._spacing_ns()

    def begin(self, now_ns: int) -> None:
        """The stream's first packet has come."""
        self._asked_ns = now_ns - _SPACING_NS + _FIRST_AFTER_NS
        self._tries_left = _TRIES

    def wish(self) -> None:
        """A keyframe is needed."""
        self._tries_left = _TRIES

    def fulfilled(self) -> None:
        """A keyframe came."""
        self._tries_left = 0

    def due(self, now_ns: int) -> bool:
        """Whether to ask now; a yes counts as asked."""
        deadline_ns = self.deadline_ns
        if deadline_ns is None or now_ns < deadline_ns:
            return False
        self._tries_left -= 1
        self._asked_ns = now_ns
        return True

    def _spacing_ns(self) -> int:
        """Half a second after a fresh wish, a second from one repetition to the next."""
        return _SPACING_NS if self._tries_left >= _TRIES - 1 else 2 * _SPACING_NS
