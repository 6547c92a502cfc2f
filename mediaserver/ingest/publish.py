"""The media of one publish: its tracks on one timeline. Pure: packets and times in, values out.

Out come `AccessUnit`s in the order they are complete, and the RTCP packets to send. The shell
around it (`mediaserver.ingest.session`) owns sockets, clocks and tasks.
"""

from collections.abc import Callable, Sequence

from aiortc.rtp import RtpPacket

from mediaserver.ingest.frames import EncodedFrame
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.receiver import TrackFigures, TrackReceiver
from mediaserver.ingest.rtcp import SenderReport, receiver_report
from mediaserver.ingest.timeline import Timeline
from transcoder.values import AccessUnit, Anchor, Kind

REPORT_INTERVAL_NS = 1_000_000_000


class Publish:
    """The tracks, the timeline, and what is due when. Times are monotonic nanoseconds."""

    def __init__(
        self,
        media: Sequence[OfferedMedia],
        *,
        source: int,
        anchor: Anchor | None,
        sender_ssrc: int,
        cname: str,
        utc_us: Callable[[], int],
    ) -> None:
        self._source = source
        self._sender_ssrc = sender_ssrc
        self._cname = cname
        self._utc_us = utc_us
        self._tracks = {m.kind: TrackReceiver(m, sender_ssrc=sender_ssrc) for m in media}
        self._restarts = dict.fromkeys(self._tracks, 0)
        self._timeline = Timeline(anchor)
        for item in media:
            self._timeline.add(item.kind, item.clock_rate)
        self._report_ns: int | None = None
        self.last_frame_ns: int | None = None
        """When the last frame left; None before the first."""

    @property
    def anchor(self) -> Anchor | None:
        """The epoch's anchor; None until the first frame has set it."""
        return self._timeline.anchor

    @property
    def reanchored(self) -> int:
        """How often a track's sender has begun a new clock."""
        return self._timeline.reanchored()

    @property
    def stale(self) -> int:
        """Packets of sound that lay where sound was placed already, and were dropped."""
        return self._timeline.stale

    @property
    def skew_ns(self) -> int | None:
        """Picture − sound against the host's own clock; None while that is unknown."""
        return self._timeline.skew_ns()

    def deadline_ns(self) -> int | None:
        """When `poll` and `feedback` have something to do; None before the first packet."""
        deadlines = [track.deadline_ns for track in self._tracks.values()]
        deadlines.append(self._report_ns)
        return min((at for at in deadlines if at is not None), default=None)

    def rtp(self, kind: Kind, packet: RtpPacket, now_ns: int) -> list[AccessUnit]:
        """Take a packet; returns the access units it completes."""
        track = self._tracks[kind]
        frames = track.rtp(packet, now_ns)
        if self._report_ns is None:
            self._report_ns = now_ns + REPORT_INTERVAL_NS
        if track.restarts != self._restarts[kind]:
            self._restarts[kind] = track.restarts
            self._timeline.restart(kind)
        return self._placed(kind, frames, now_ns)

    def poll(self, now_ns: int) -> list[AccessUnit]:
        """Give up what has been missing for too long; returns the access units behind it."""
        return [
            unit
            for kind, track in self._tracks.items()
            for unit in self._placed(kind, track.poll(now_ns), now_ns)
        ]

    def feedback(self, now_ns: int) -> list[bytes]:
        """The RTCP packets to send now."""
        packets = [p for track in self._tracks.values() for p in track.feedback(now_ns)]
        if self._report_ns is not None and now_ns >= self._report_ns:
            self._report_ns = now_ns + REPORT_INTERVAL_NS
            blocks = [track.report_block(now_ns) for track in self._tracks.values()]
            packets.append(
                receiver_report(
                    sender_ssrc=self._sender_ssrc,
                    cname=self._cname,
                    blocks=[block for block in blocks if block is not None],
                )
            )
        return packets

    def sender_report(self, kind: Kind, report: SenderReport, now_ns: int) -> None:
        """A sender report of a track came."""
        self._tracks[kind].sender_report(report, now_ns)
        self._timeline.report(kind, report, now_ns)

    def host_moment(self, host_utc_us: int, now_ns: int) -> int | None:
        """The tick captured when the host's clock read `host_utc_us`; None where that is unknown
        or absurd."""
        return self._timeline.host_moment(host_utc_us, now_ns)

    def wish_keyframe(self) -> None:
        """The decoder needs a keyframe to go on."""
        if "video" in self._tracks:
            self._tracks["video"].keyframe_wish.wish()

    def figures(self) -> dict[Kind, TrackFigures]:
        """What each track has received so far."""
        return {kind: track.figures() for kind, track in self._tracks.items()}

    def _placed(self, kind: Kind, frames: Sequence[EncodedFrame], now_ns: int) -> list[AccessUnit]:
        units = []
        for frame in frames:
            if self._timeline.anchor is None:
                self._begin(frame.arrival_ns, now_ns)
            self.last_frame_ns = now_ns
            tick = self._timeline.place(kind, frame.timestamp, frame.arrival_ns)
            if tick is not None:
                units.append(self._unit(kind, frame, tick))
        return units

    def _begin(self, arrival_ns: int, now_ns: int) -> None:
        """The first frame's first packet is tick 0 of the epoch."""
        utc_us = self._utc_us() - (now_ns - arrival_ns) // 1000
        self._timeline.begin(Anchor(utc_us=utc_us, monotonic_ns=arrival_ns))

    def _unit(self, kind: Kind, frame: EncodedFrame, tick: int) -> AccessUnit:
        return AccessUnit(
            kind=kind,
            codec=self._tracks[kind].media.codec,
            source=self._source,
            pts=tick,
            keyframe=frame.keyframe,
            damaged=frame.damaged,
            data=frame.data,
        )
