"""The media of one publish: its tracks on one timeline. Pure: packets and times in, values out.

Out come `AccessUnit`s in the order they are complete, and the RTCP packets to send. The shell
around it (`mediaserver.ingest.session`) owns sockets, clocks and tasks.
"""

from collections.abc import Callable, Sequence

from mediaserver.ingest.answer import agreed_feedback
from mediaserver.ingest.congestion import CongestionFeedback
from mediaserver.ingest.frames import EncodedFrame
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.receiver import TrackFigures, TrackReceiver
from mediaserver.ingest.remb import AllowedRate, remb
from mediaserver.ingest.round_trip import RoundTrip, reference_ntp
from mediaserver.ingest.rtcp import SenderReport, receiver_report, reference_time
from mediaserver.ingest.rtcp_in import TimeEcho
from mediaserver.ingest.rtp import RtpPacket
from mediaserver.ingest.simulcast import SimulcastReceiver
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
        max_bitrate_bps: int = 4_000_000,
        keyframe_interval_s: float = 0.0,
    ) -> None:
        self._source = source
        self._sender_ssrc = sender_ssrc
        self._cname = cname
        self._utc_us = utc_us
        interval_ns = int(keyframe_interval_s * 1e9)
        self._tracks: dict[Kind, TrackReceiver | SimulcastReceiver] = {
            item.kind: (SimulcastReceiver if item.layers else TrackReceiver)(
                item, sender_ssrc=sender_ssrc, keyframe_interval_ns=interval_ns
            )
            for item in media
        }
        # RFC 8859: on bundled m-lines the attribute is the same, or it does not hold.
        reduced = all(item.reduced_rtcp for item in media)
        self._preface = (
            b"" if reduced else receiver_report(sender_ssrc=sender_ssrc, cname=cname, blocks=())
        )
        """What RTCP packets begin with (RFC 4585 §3.1) where no reduced size is agreed on."""
        self._congestion = CongestionFeedback(sender_ssrc=sender_ssrc)
        self._round_trip = RoundTrip(ssrc=sender_ssrc)
        self._rate = _rate_control(media, max_bitrate_bps)
        self._restarts = dict.fromkeys(self._tracks, 0)
        self._timeline = Timeline(anchor)
        for item in media:
            self._timeline.add(item.kind, item.clock_rate)
        self._report_ns: int | None = None
        self.unsettled = False
        """Whether the last packet left something to be asked for, so that a deadline may have come
        nearer; where it completed no frame either, none has."""
        self.last_frame_ns: int | None = None
        """When the last frame left; None before the first."""

    @property
    def rtt_s(self) -> float | None:
        """The round trip to the publisher, smoothed; None while it has not echoed our reports."""
        return self._round_trip.rtt_s

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
        soonest_ns = self._report_ns
        for track in self._tracks.values():
            at_ns = track.deadline_ns
            if at_ns is not None and (soonest_ns is None or at_ns < soonest_ns):
                soonest_ns = at_ns
        at_ns = self._congestion.deadline_ns
        if at_ns is not None and (soonest_ns is None or at_ns < soonest_ns):
            soonest_ns = at_ns
        return soonest_ns

    def rtp(self, kind: Kind, packet: RtpPacket, now_ns: int) -> Sequence[AccessUnit]:
        """Take a packet; returns the access units it completes."""
        if packet.transport_sequence is not None:
            self._congestion.arrived(packet.transport_sequence, packet.ssrc, now_ns)
        if self._report_ns is None:
            self._report_ns = now_ns + REPORT_INTERVAL_NS
        track = self._tracks[kind]
        frames = track.rtp(packet, now_ns)
        self.unsettled = track.unsettled
        return self._placed(kind, frames, now_ns) if frames else ()

    def poll(self, now_ns: int) -> list[AccessUnit]:
        """Give up what has been missing for too long; returns the access units behind it."""
        return [
            unit
            for kind, track in self._tracks.items()
            for unit in self._placed(kind, track.poll(now_ns), now_ns)
        ]

    def feedback(self, now_ns: int) -> list[bytes]:
        """The RTCP packets to send now, each a compound unless the publisher takes less."""
        packets = [p for track in self._tracks.values() for p in track.feedback(now_ns)]
        packets += self._congestion.packets(now_ns)
        packets = [self._preface + packet for packet in packets]
        if self._report_ns is not None and now_ns >= self._report_ns:
            self._report_ns = now_ns + REPORT_INTERVAL_NS
            packets.append(self._reports(now_ns))
        return packets

    def sender_report(self, kind: Kind, report: SenderReport, now_ns: int) -> None:
        """A sender report of a track came."""
        if self._tracks[kind].sender_report(report, now_ns):
            self._timeline.report(kind, report, now_ns)

    def time_echo(self, echo: TimeEcho, now_ns: int) -> None:
        """The publisher echoes a reference time."""
        self._round_trip.echo(echo, now_ns)
        if self.rtt_s is not None:
            for track in self._tracks.values():
                track.round_trip(int(self.rtt_s * 1e9))

    def host_moment(self, host_utc_us: int, now_ns: int) -> int | None:
        """The tick captured when the host's clock read `host_utc_us`; None where that is unknown
        or absurd."""
        return self._timeline.host_moment(host_utc_us, now_ns)

    def wish_keyframe(self) -> None:
        """The decoder needs a keyframe to go on."""
        if "video" in self._tracks:
            self._tracks["video"].wish_keyframe()

    def figures(self) -> dict[Kind, TrackFigures]:
        """What each track has received so far."""
        return {kind: track.figures() for kind, track in self._tracks.items()}

    def _reports(self, now_ns: int) -> bytes:
        """The compound packet of every second: how it comes, how fast it may, what time it is."""
        blocks = [block for track in self._tracks.values() for block in track.report_blocks(now_ns)]
        packet = receiver_report(sender_ssrc=self._sender_ssrc, cname=self._cname, blocks=blocks)
        packet += reference_time(sender_ssrc=self._sender_ssrc, ntp=reference_ntp(now_ns))
        if self._rate is not None:
            ssrcs = [ssrc for track in self._tracks.values() for ssrc in track.ssrcs]
            bps = self._rate.judge(self.figures().values(), now_ns)
            packet += remb(sender_ssrc=self._sender_ssrc, bps=bps, ssrcs=ssrcs)
        return packet

    def _placed(self, kind: Kind, frames: Sequence[EncodedFrame], now_ns: int) -> list[AccessUnit]:
        track = self._tracks[kind]
        if frames and track.restarts != self._restarts[kind]:
            self._restarts[kind] = track.restarts
            self._timeline.restart(kind, track.report)
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


def _rate_control(media: Sequence[OfferedMedia], max_bitrate_bps: int) -> AllowedRate | None:
    """Ours, where the publisher's own was not agreed on."""
    agreed = set().union(*(agreed_feedback(item) for item in media))
    wanted = ("goog-remb", None) in agreed and ("transport-cc", None) not in agreed
    return AllowedRate(max_bitrate_bps=max_bitrate_bps) if wanted else None
