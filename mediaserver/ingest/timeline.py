"""RTP timestamps to ticks of the show's media timeline: one clock for picture and sound. Pure.

Each track has its own RTP clock, `local = rtp + offset` on this machine's monotonic clock. Where an
offset should be is learnt from two things:

* **arrival**: the earliest arrival, against its timestamp, of the last seconds. It places the
  timeline, so that a frame that the network did not delay comes when its tick is now.
* **sender reports**: the difference of the tracks on the host's own clock. Once both tracks have
  sane ones, the picture follows the sound by that difference, whatever the network does.

Offsets never jump by less than a second: the sound is slewed too slowly to be heard, the picture
too slowly to be seen. Past a second the sender has begun a new clock, and its track is re-anchored.
"""

from collections import deque

from mediaserver.ingest.rtcp import SenderReport
from transcoder.values import Anchor, Kind

_SECOND_NS = 1_000_000_000

_FAST_PPM = 50_000
"""The picture: 50 ms in a second, which the grid of slots hides."""
_SLOW_PPM = 500
_FAR_NS, _FAR_PPM = 15_000_000, 5_000
"""The sound: 0.5 ms in a second; 5 ms in a second while it is more than 15 ms off."""
_START_NS, _START_PPM = 3 * _SECOND_NS, {"audio": _FAST_PPM, "video": 200_000}
"""The first frames of a track often come late: nobody watches yet."""
_START_AHEAD_NS = 40_000_000
"""A track that begins with what was encoded while it connected steps to the present at once."""

_REANCHOR_NS = _SECOND_NS
_HOPELESS_NS = 10 * _SECOND_NS
"""No network holds a frame back that long."""
_WINDOW_NS = _SECOND_NS
_WINDOWS = 8
"""The earliest arrival is that of the last eight windows of a second."""

_SR_RATE_ERROR = 20
"""A report may disagree with the one before by 1/20: 5 % of the time between them …"""
_SR_NOISE_NS = 20_000_000
"""… and by what scheduling adds on the host."""
_SR_SMOOTHING = 4
_SETTLE_NS = 15 * _SECOND_NS
"""After a step of the host's clock, until both tracks have reported on the new one."""
_SILENT_NS = 5 * _SECOND_NS
"""A picture does not follow a sound that has stopped."""

_NTP_ERA_NS = (1 << 32) * _SECOND_NS
_NTP_TO_UNIX_NS = 2_208_988_800 * _SECOND_NS
"""NTP counts from 1900 (RFC 5905 §6)."""
_MOMENT_PAST_NS = 2 * _SECOND_NS
_MOMENT_AHEAD_NS = 200_000_000
"""A click may overtake its frame, which is still being encoded and sent."""
_MOMENT_ORDER: tuple[Kind, ...] = ("video", "audio")


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
        self.stepped_ns = -_SETTLE_NS
        """When the host's clock was last seen to step."""
        self._delays: deque[tuple[int, int]] = deque(maxlen=_WINDOWS)
        self.earliest_ns: int | None = None
        """The least (arrival − RTP clock) of the last seconds: the offset that arrival suggests."""
        self._report: tuple[int, int] | None = None
        self._suspect: tuple[int, int] | None = None
        self._begun_ns = 0
        self.last_ns: int | None = None
        """When the last frame came."""
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
        delay = arrival_ns - rtp_ns
        back_ns = 0 if self._newest_ns is None else self._newest_ns - rtp_ns
        self.last_ns, self._newest_ns = arrival_ns, rtp_ns
        if self.offset_ns is None:
            self._anchor(delay, arrival_ns)
            return
        self._note_delay(delay, arrival_ns)
        ahead_ns = self.offset_ns - delay
        # Frames come in order, so it is no network that takes the timestamps back.
        jumped = back_ns > _REANCHOR_NS or ahead_ns > _REANCHOR_NS or ahead_ns < -_HOPELESS_NS
        late = ahead_ns < -_REANCHOR_NS
        if jumped or (late and self._behind_for_long(arrival_ns)):
            self._anchor(delay, arrival_ns)
            self.reanchored += 1
        elif ahead_ns > _START_AHEAD_NS and arrival_ns - self._begun_ns < _START_NS:
            self.offset_ns = delay

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
        ntp_ns = (report.ntp * _SECOND_NS) >> 32
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
        ntp_ns = (report.ntp * _SECOND_NS) >> 32
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

    def _behind_for_long(self, arrival_ns: int) -> bool:
        """Late by more than a second in everything of the last two windows: not the network."""
        assert self.offset_ns is not None  # noqa: S101 - set by `arrived`
        window = arrival_ns // _WINDOW_NS
        recent = [delay for at, delay in self._delays if at >= window - 1]
        before = [at for at, _ in self._delays if at == window - 1]
        return bool(before) and min(recent) - self.offset_ns > _REANCHOR_NS

    def _anchor(self, delay: int, arrival_ns: int) -> None:
        self.offset_ns = delay
        self._begun_ns = arrival_ns
        self._delays.clear()
        self._note_delay(delay, arrival_ns)
        self.host_ns = self._report = self._suspect = None

    def _to_ns(self, rtp: int) -> int:
        return rtp * _SECOND_NS // self._clock_rate


class Timeline:
    """The tracks of one publish on the epoch's timeline.

    `anchor` may be None: then the first frame is tick 0, and `place` needs `begin` before it.
    """

    def __init__(self, anchor: Anchor | None) -> None:
        self.anchor = anchor
        self._tracks: dict[Kind, TrackClock] = {}
        self._last_tick: dict[Kind, int] = {}
        self._early: dict[Kind, SenderReport] = {}
        self._difference: int | None = None
        self.stale = 0
        """Packets of sound that were dropped."""

    def add(self, kind: Kind, clock_rate: int) -> None:
        """There is a track of this kind."""
        self._tracks[kind] = TrackClock(kind=kind, clock_rate=clock_rate)

    def begin(self, anchor: Anchor) -> None:
        """The epoch begins with this anchor."""
        self.anchor = anchor

    def report(self, kind: Kind, report: SenderReport, now_ns: int) -> None:
        """A sender report of a track came; one before the first frame waits for it."""
        track = self._tracks[kind]
        if track.offset_ns is None:
            self._early[kind] = report
            return
        track.report(report, now_ns)
        self._learn_difference(now_ns)

    def restart(self, kind: Kind, report: SenderReport | None = None) -> None:
        """A track's sender goes on with another stream (another SSRC, and so another RTP clock).

        `report` is that stream's newest sender report, where one has been kept, as for the layers
        of a simulcast: where the old stream had sane ones too, both are on the host's one clock,
        and the picture keeps its place beside the sound. Without it the next frame is placed by its
        arrival, and lip sync is learnt anew. An absurd report is undone by the first frame.
        """
        shift_ns = self._tracks[kind].switch(report) if report is not None else None
        if shift_ns is None:
            self._tracks[kind].restart()
            self._early.pop(kind, None)
            self._difference = None
        elif self._difference is not None:
            self._difference += shift_ns if kind == "video" else -shift_ns

    def skew_ns(self) -> int | None:
        """Picture − sound as mapped now, against the sender reports; None without both."""
        picture, sound = self._offset("video"), self._offset("audio")
        if self._difference is None or picture is None or sound is None:
            return None
        return picture - sound - self._difference

    def host_moment(self, host_utc_us: int, now_ns: int) -> int | None:
        """The tick that was being captured when the host's own clock read `host_utc_us`.

        By the picture's sender reports, or the sound's where the picture has none. None without
        any, and where it lies more than 2 s before or 0.2 s after `now_ns`: such a clock is absurd.
        """
        if self.anchor is None:
            return None
        ntp_ns = (host_utc_us * 1000 + _NTP_TO_UNIX_NS) % _NTP_ERA_NS
        tracks = [self._tracks[kind] for kind in _MOMENT_ORDER if kind in self._tracks]
        moments = (track.captured_ns(ntp_ns) for track in tracks)
        moment_ns = next((moment for moment in moments if moment is not None), None)
        if moment_ns is None or not -_MOMENT_PAST_NS <= moment_ns - now_ns <= _MOMENT_AHEAD_NS:
            return None
        tick = self.anchor.tick(moment_ns)
        return tick if tick >= 0 else None

    def reanchored(self) -> int:
        """How often a sender has begun a new clock."""
        return sum(track.reanchored for track in self._tracks.values())

    def place(self, kind: Kind, timestamp: int, arrival_ns: int) -> int | None:
        """The tick of a frame: never negative, and later than the one before on its track.

        None for sound that lies where sound was placed already: it is stale, and is dropped.
        """
        if self.anchor is None:
            raise RuntimeError("the epoch has not begun")
        track = self._tracks[kind]
        before_ns = track.last_ns if track.last_ns is not None else arrival_ns
        anchored = track.reanchored
        rtp_ns = track.unwrap(timestamp)
        track.arrived(rtp_ns, arrival_ns)
        if track.reanchored != anchored:
            self._difference = None
        if kind in self._early:
            self.report(kind, self._early.pop(kind), arrival_ns)
        target_ns = self._target_ns(track, arrival_ns)
        if target_ns is not None:
            track.slew(target_ns, arrival_ns, min(arrival_ns - before_ns, _SECOND_NS))
        assert track.offset_ns is not None  # noqa: S101 - set by `arrived`
        tick = self.anchor.tick(rtp_ns + track.offset_ns)
        earliest_tick = self._last_tick.get(kind, -1) + 1
        if tick < earliest_tick and kind == "audio":
            self.stale += 1
            return None
        self._last_tick[kind] = max(tick, earliest_tick)
        return self._last_tick[kind]

    def _target_ns(self, track: TrackClock, now_ns: int) -> int | None:
        """Where a track's offset should be. The sound leads; the picture follows it."""
        difference = self._difference
        picture, sound = self._tracks.get("video"), self._tracks.get("audio")
        if difference is None or picture is None or sound is None or sound.last_ns is None:
            return track.earliest_ns
        if now_ns - sound.last_ns > _SILENT_NS:
            return track.earliest_ns
        if track is picture:
            return None if sound.offset_ns is None else sound.offset_ns + difference
        if picture.earliest_ns is None or sound.earliest_ns is None:
            return sound.earliest_ns
        return min(sound.earliest_ns, picture.earliest_ns - difference)

    def _learn_difference(self, now_ns: int) -> None:
        """Picture − sound between the RTP clocks by the host's clock.

        A step of the host's clock changes nothing between the RTP clocks: until both tracks have
        reported on the new one, what is known stays. A difference that arrival contradicts by more
        than a second is absurd.
        """
        picture, sound = self._tracks.get("video"), self._tracks.get("audio")
        if picture is None or sound is None or picture.host_ns is None or sound.host_ns is None:
            return
        if now_ns - max(picture.stepped_ns, sound.stepped_ns) < _SETTLE_NS:
            return
        if picture.earliest_ns is None or sound.earliest_ns is None:
            return
        difference = picture.host_ns - sound.host_ns
        by_arrival = picture.earliest_ns - sound.earliest_ns
        self._difference = difference if abs(difference - by_arrival) < _REANCHOR_NS else None

    def _offset(self, kind: Kind) -> int | None:
        track = self._tracks.get(kind)
        return None if track is None else track.offset_ns


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
