"""The clock of one RTP track on this machine's monotonic clock: `local = rtp + offset`. Pure.

It unwraps timestamps, keeps what arrival and sender reports say, re-anchors where the sender has
begun a new clock, and is moved by `mediaserver.ingest.timeline`, which knows the other track.
"""

from collections import deque

from mediaserver.ingest.rtcp import SenderReport
from transcoder.values import Kind

SECOND_NS = 1_000_000_000

_FAST_PPM = 50_000
"""The picture: 50 ms in a second, which the grid of slots hides."""
_SLOW_PPM = 500
_FAR_NS, _FAR_PPM = 15_000_000, 5_000
"""The sound: 0.5 ms in a second; 5 ms in a second while it is more than 15 ms off."""
_START_NS, _START_PPM = 3 * SECOND_NS, {"audio": _FAST_PPM, "video": 200_000}
"""The first frames of a track often come late: nobody watches yet."""
_START_AHEAD_NS = 40_000_000
"""A track that begins with what was encoded while it connected steps to the present at once."""

REANCHOR_NS = SECOND_NS
LONGER_NS = 300_000_000
"""A worker waits at most 400 ms for what is late."""
_HOPELESS_NS = 10 * SECOND_NS
"""No network holds a frame back that long."""
_WINDOW_NS = SECOND_NS
_WINDOWS = 8
"""The earliest arrival is that of the last eight windows of a second."""

_SR_RATE_ERROR = 20
"""A report may disagree with the one before by 1/20: 5 % of the time between them …"""
_SR_NOISE_NS = 20_000_000
"""… and by what scheduling adds on the host."""
_SR_SMOOTHING = 4
SETTLE_NS = 15 * SECOND_NS
"""After a step of the host's clock, until both tracks have reported on the new one."""


class TrackClock:
    """One track: unwraps its timestamps and keeps its offset. Times are monotonic nanoseconds."""

    def __init__(self, *, kind: Kind, clock_rate: int) -> None:
        self.kind = kind
        self._clock_rate = clock_rate
        self._rtp: int | None = None
        self._newest_ns: int | None = None
        """The newest frame's time on the RTP clock."""
        self.offset_ns: int | None = None
        """The current mapping; None before the first frame."""
        self.host_ns: int | None = None
        """host clock − RTP clock, from sane sender reports; None without any."""
        self.stepped_ns = -SETTLE_NS
        """When the host's clock was last seen to step."""
        self._delays: deque[tuple[int, int]] = deque(maxlen=_WINDOWS)
        self.earliest_ns: int | None = None
        """The least (arrival − RTP clock) of the last seconds: the offset that arrival suggests."""
        self._report: tuple[int, int] | None = None
        self._suspect: tuple[int, int] | None = None
        self._begun_ns = 0
        self.last_ns: int | None = None
        """When the last frame came."""
        self.delay_ns = 0
        """Its arrival against the RTP clock."""
        self.reanchored = 0

    def unwrap(self, timestamp: int) -> int:
        """The time on the RTP clock of a 32-bit `timestamp`, in ns; signed differences (RFC 3550
        leaves the 32-bit wrap to the receiver), so a step back is a step back."""
        if self._rtp is None:
            self._rtp = timestamp
        else:
            self._rtp += _signed32(timestamp - self._rtp)
        return self._to_ns(self._rtp)

    def arrived(self, rtp_ns: int, arrival_ns: int) -> None:
        """A frame came: keep how early, and re-anchor where the sender's clock has jumped."""
        self.delay_ns = delay = arrival_ns - rtp_ns
        back_ns = 0 if self._newest_ns is None else self._newest_ns - rtp_ns
        self.last_ns, self._newest_ns = arrival_ns, rtp_ns
        if self.offset_ns is None:
            self._anchor(delay, arrival_ns)
            return
        self._note_delay(delay, arrival_ns)
        ahead_ns = self.offset_ns - delay
        # Frames come in order, so it is no network that takes the timestamps back.
        jumped = back_ns > REANCHOR_NS or ahead_ns > REANCHOR_NS or ahead_ns < -_HOPELESS_NS
        if jumped or self.behind_ns(arrival_ns) > REANCHOR_NS:
            self._anchor(delay, arrival_ns)
            self.reanchored += 1
        elif ahead_ns > _START_AHEAD_NS and arrival_ns - self._begun_ns < _START_NS:
            self.offset_ns = delay

    def behind_ns(self, now_ns: int) -> int:
        """By how much everything of the last two windows was late at least; 0 where there was too
        little to say, or the last frame came soon enough."""
        if self.offset_ns is None or self.delay_ns - self.offset_ns < LONGER_NS:
            return 0
        window = now_ns // _WINDOW_NS
        recent = [delay for at, delay in self._delays if at >= window - 1]
        if not any(at == window - 1 for at, _ in self._delays):
            return 0
        return min(recent) - self.offset_ns

    @property
    def lead_ns(self) -> int:
        """By how much what comes now is placed ahead of now: the line had been longer."""
        if self.offset_ns is None or self.earliest_ns is None:
            return 0
        return max(0, self.offset_ns - self.earliest_ns)

    def step(self, by_ns: int, now_ns: int) -> None:
        """The line has become longer by so much: what it was before says nothing any more."""
        if self.offset_ns is None:
            return
        self.offset_ns += by_ns
        window = now_ns // _WINDOW_NS
        recent = [(at, delay) for at, delay in self._delays if at >= window - 1]
        self._delays = deque(recent, _WINDOWS)
        self.earliest_ns = min((delay for _, delay in recent), default=None)

    def restart(self) -> None:
        """The sender has begun another stream: its RTP clock has nothing to do with the old one."""
        self._rtp = self._newest_ns = self.offset_ns = None

    def switch(self, report: SenderReport) -> int | None:
        """The sender goes on with another stream of which this is the last report: the same moment
        of the host's clock keeps its place. Returns how much later that moment is on the host's
        clock against the RTP clock than before; None where this is not known, and nothing is
        changed then."""
        if self.host_ns is None or self.offset_ns is None or not _is_sane(report):
            return None
        ntp_ns = (report.ntp * SECOND_NS) >> 32
        pair = (ntp_ns, ntp_ns - self._to_ns(report.rtp))
        shift_ns = pair[1] - self.host_ns
        self._rtp, self._newest_ns = report.rtp, None
        self._report, self._suspect = pair, None
        self.host_ns += shift_ns
        self.offset_ns += shift_ns
        self._delays = deque(((at, delay + shift_ns) for at, delay in self._delays), _WINDOWS)
        if self.earliest_ns is not None:
            self.earliest_ns += shift_ns
        return shift_ns

    def report(self, report: SenderReport, now_ns: int) -> None:
        """A sender report came. One that fits neither the media nor its predecessor is ignored;
        two in a row that fit each other are a stepped host clock and are followed."""
        if self._rtp is None or not _is_sane(report):
            return
        distance = _signed32(report.rtp - self._rtp)
        if abs(distance) > 10 * self._clock_rate:
            return
        ntp_ns = (report.ntp * SECOND_NS) >> 32
        pair = (ntp_ns, ntp_ns - self._to_ns(self._rtp + distance))
        if self._report is None or _agree(self._report, pair):
            self._accept(pair)
        elif self._suspect is not None and _agree(self._suspect, pair):
            self.host_ns = None
            self.stepped_ns = now_ns
            self._accept(pair)
        else:
            self._suspect = pair

    def captured_ns(self, host_ntp_ns: int) -> int | None:
        """Where what was captured when the host's clock read `host_ntp_ns` lies on this machine's
        monotonic clock; None without a sane sender report."""
        if self.host_ns is None or self.offset_ns is None:
            return None
        return host_ntp_ns - self.host_ns + self.offset_ns

    def slew(self, target_ns: int, now_ns: int, elapsed_ns: int) -> None:
        """Move the offset towards `target_ns` as fast as `elapsed_ns` of media allows."""
        if self.offset_ns is None:
            return
        error = target_ns - self.offset_ns
        if now_ns - self._begun_ns < _START_NS:
            ppm = _START_PPM[self.kind]
        elif self.kind == "video":
            ppm = _FAST_PPM
        else:
            ppm = _FAR_PPM if abs(error) > _FAR_NS else _SLOW_PPM
        most = max(elapsed_ns, 0) * ppm // 1_000_000
        self.offset_ns += max(-most, min(most, error))

    def _accept(self, pair: tuple[int, int]) -> None:
        self._report, self._suspect = pair, None
        if self.host_ns is None:
            self.host_ns = pair[1]
        else:
            self.host_ns += (pair[1] - self.host_ns) // _SR_SMOOTHING

    def _note_delay(self, delay: int, arrival_ns: int) -> None:
        window = arrival_ns // _WINDOW_NS
        if not self._delays or self._delays[-1][0] != window:
            self._delays.append((window, delay))
        elif delay < self._delays[-1][1]:
            self._delays[-1] = (window, delay)
        else:
            return
        self.earliest_ns = min(delay for _, delay in self._delays)

    def _anchor(self, delay: int, arrival_ns: int) -> None:
        self.offset_ns = delay
        self._begun_ns = arrival_ns
        self._delays.clear()
        self._note_delay(delay, arrival_ns)
        self.host_ns = self._report = self._suspect = None

    def _to_ns(self, rtp: int) -> int:
        return rtp * SECOND_NS // self._clock_rate


def _is_sane(report: SenderReport) -> bool:
    """Whether the report has a clock at all: 0 means none (RFC 3550 §6.4.1), and encoders have been
    seen to send all ones."""
    return report.ntp != 0 and report.ntp >> 32 != 0xFFFFFFFF


def _agree(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether two (host time, host − RTP) pairs show clocks of one rate, within 5 %."""
    elapsed_ns = after[0] - before[0]
    moved_ns = abs(after[1] - before[1])
    return elapsed_ns > 0 and moved_ns <= elapsed_ns // _SR_RATE_ERROR + _SR_NOISE_NS


def _signed32(difference: int) -> int:
    return (difference + (1 << 31)) % (1 << 32) - (1 << 31)
