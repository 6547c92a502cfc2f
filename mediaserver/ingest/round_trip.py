"""The round trip to a publisher that sends and receives nothing: it echoes our reference times
(RFC 3611 §4.4 and §4.5, a receiver's only way to know). Pure.
"""

from mediaserver.ingest.rtcp_in import TimeEcho

_SECOND_NS = 1_000_000_000
_LONGEST = 10 << 16
"""Ten seconds in 1/65536 s: a longer round trip is a wrong one."""
_SMOOTHING = 3


def reference_ntp(now_ns: int) -> int:
    """A time for a reference time block: 32.32 fixed point. The monotonic clock does, since only we
    read what comes back."""
    return ((now_ns << 32) // _SECOND_NS) & 0xFFFFFFFF_FFFFFFFF


class RoundTrip:
    """One publish's round trip, smoothed."""

    def __init__(self, *, ssrc: int) -> None:
        self._ssrc = ssrc
        self.rtt_s: float | None = None
        """None before the first echo."""

    def echo(self, echo: TimeEcho, now_ns: int) -> None:
        """The publisher has echoed a reference time; an absurd one is ignored."""
        if echo.ssrc != self._ssrc or echo.reference == 0:
            return
        now = reference_ntp(now_ns) >> 16 & 0xFFFFFFFF
        taken = (now - echo.reference - echo.delay) & 0xFFFFFFFF
        if taken >= 0xFFFF_FFF0:
            taken = 0  # both ends round down
        if taken > _LONGEST:
            return
        rtt_s = taken / 65_536
        self.rtt_s = rtt_s if self.rtt_s is None else self.rtt_s + (rtt_s - self.rtt_s) / _SMOOTHING
