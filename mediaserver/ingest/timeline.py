"""RTP timestamps to ticks of the show's media timeline: one clock for picture and sound. Pure.

Where each track's clock should be (`mediaserver.ingest.track_clock`) is learnt from two things:

* **arrival**: the earliest arrival, against its timestamp, of the last seconds. It places the
  timeline, so that a frame that the network did not delay comes when its tick is now.
* **sender reports**: the difference of the tracks on the host's own clock. Once both tracks have
  sane ones, the picture follows the sound by that difference, whatever the network does.

Clocks are slewed: the sound too slowly to be heard, the picture too slowly to be seen. Two things
are no drift. A track that is off by more than a second has a sender with a new clock, and is
re-anchored. Where all that comes is later than anybody waits for it, the line has become longer,
and all tracks step together, so that lip sync is kept: to slew would be silence for a minute.
"""

from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.track_clock import (
    LONGER_NS,
    REANCHOR_NS,
    SECOND_NS,
    SETTLE_NS,
    TrackClock,
)
from transcoder.values import Anchor, Kind

_SILENT_NS = 5 * SECOND_NS
"""A picture does not follow a sound that has stopped."""

_NTP_ERA_NS = (1 << 32) * SECOND_NS
_NTP_TO_UNIX_NS = 2_208_988_800 * SECOND_NS
"""NTP counts from 1900 (RFC 5905 §6)."""
_MOMENT_PAST_NS = 2 * SECOND_NS
_MOMENT_AHEAD_NS = 200_000_000
"""A click may overtake its frame, which is still being encoded and sent."""
_MOMENT_ORDER: tuple[Kind, ...] = ("video", "audio")


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
        self.stepped = 0
        """How often the line has become longer."""

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
        any, and where it lies more than 2 s before or 0.2 s after what comes now: such a clock is
        absurd.
        """
        if self.anchor is None:
            return None
        ntp_ns = (host_utc_us * 1000 + _NTP_TO_UNIX_NS) % _NTP_ERA_NS
        tracks = [self._tracks[kind] for kind in _MOMENT_ORDER if kind in self._tracks]
        moments = ((track.captured_ns(ntp_ns), track.lead_ns) for track in tracks)
        moment_ns, lead_ns = next((known for known in moments if known[0] is not None), (None, 0))
        if moment_ns is None:
            return None
        if not -_MOMENT_PAST_NS <= moment_ns - now_ns <= _MOMENT_AHEAD_NS + lead_ns:
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
        self._follow_longer_line(track, arrival_ns)
        target_ns = self._target_ns(track, arrival_ns)
        if target_ns is not None:
            track.slew(target_ns, arrival_ns, min(arrival_ns - before_ns, SECOND_NS))
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

    def _follow_longer_line(self, track: TrackClock, now_ns: int) -> None:
        """Step all tracks where each that still comes is late, by what the least late one is."""
        if track.behind_ns(now_ns) <= LONGER_NS:
            return
        heard = [
            other
            for other in self._tracks.values()
            if other.last_ns is not None and now_ns - other.last_ns < _SILENT_NS
        ]
        by_ns = min(other.behind_ns(now_ns) for other in heard)
        if by_ns > LONGER_NS:
            self.stepped += 1
            for other in self._tracks.values():
                other.step(by_ns, now_ns)

    def _learn_difference(self, now_ns: int) -> None:
        """Picture − sound between the RTP clocks by the host's clock.

        A step of the host's clock changes nothing between the RTP clocks: until both tracks have
        reported on the new one, what is known stays. A difference that arrival contradicts by more
        than a second is absurd.
        """
        picture, sound = self._tracks.get("video"), self._tracks.get("audio")
        if picture is None or sound is None or picture.host_ns is None or sound.host_ns is None:
            return
        if now_ns - max(picture.stepped_ns, sound.stepped_ns) < SETTLE_NS:
            return
        if picture.earliest_ns is None or sound.earliest_ns is None:
            return
        difference = picture.host_ns - sound.host_ns
        by_arrival = picture.earliest_ns - sound.earliest_ns
        self._difference = difference if abs(difference - by_arrival) < REANCHOR_NS else None

    def _offset(self, kind: Kind) -> int | None:
        track = self._tracks.get(kind)
        return None if track is None else track.offset_ns
