"""One track of a publish: RTP packets in, encoded frames and RTCP feedback out. Pure.

Video waits 250 ms for a missing packet and asks for it three times; a frame leaves with its last
packet. Of audio each packet is a frame, and a gap is waited for 60 ms.
"""

from dataclasses import dataclass
from typing import cast

from aiortc.rtp import RtcpReceiverInfo, RtpPacket, unwrap_rtx

from mediaserver.ingest import rtcp
from mediaserver.ingest.codec import Depacketiser
from mediaserver.ingest.frames import EncodedFrame, FrameAssembler
from mediaserver.ingest.h264 import H264Depacketiser
from mediaserver.ingest.keyframes import KeyframeWish
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.opus import packet_samples
from mediaserver.ingest.reorder import Lost, ReorderBuffer
from mediaserver.ingest.vp8 import Vp8Depacketiser

_PATIENCE_NS = {"video": 250_000_000, "audio": 60_000_000}
_SSRC_QUIET_NS = 500_000_000
"""Another SSRC is followed only when the one before has been quiet for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFigures:
    """What a track has received so far; all but the jitter only grow."""

    packets: int
    received_bytes: int
    frames: int
    keyframes: int
    damaged: int
    malformed: int
    late: int
    lost: int
    recovered: int
    nacks: int
    plis: int
    jitter_s: float


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A packet with the time it came."""

    packet: RtpPacket
    now_ns: int


class TrackReceiver:
    """The receiving end of one track. Times are the monotonic clock in nanoseconds."""

    def __init__(self, media: OfferedMedia, *, sender_ssrc: int) -> None:
        self.media = media
        self.keyframe_wish = KeyframeWish()
        self._sender_ssrc = sender_ssrc
        self._assembler = _Packets() if media.kind == "audio" else _video_assembler(media)
        self._reorder = self._new_buffer()
        self._reception: rtcp.Reception | None = None
        self._last_ns = 0
        self._packets = self._bytes = self._frames = self._keyframes = self._damaged = 0
        self._nacks = self._plis = self._late = self._lost = self._recovered = 0
        self.restarts = 0
        """How often the sender has gone over to another SSRC."""

    @property
    def deadline_ns(self) -> int | None:
        """When `poll` or `feedback` has something to do."""
        deadlines = (self._reorder.deadline_ns, self.keyframe_wish.deadline_ns)
        return min((at for at in deadlines if at is not None), default=None)

    def rtp(self, packet: RtpPacket, now_ns: int) -> list[EncodedFrame]:
        """Take a packet of one of the track's formats; returns the frames it completes."""
        self._packets += 1
        self._bytes += len(packet.payload)
        resent = packet.payload_type == self.media.rtx_payload_type
        if resent:
            if self._reception is None or len(packet.payload) < 2:
                return []
            packet = unwrap_rtx(packet, self.media.payload_type, self._reception.ssrc)
        elif not self._is_current(packet, now_ns):
            return []
        elif self._reception is not None:
            self._last_ns = now_ns
            self._reception.packet(
                sequence=packet.sequence_number, timestamp=packet.timestamp, now_ns=now_ns
            )
        arrived = _Arrived(packet, now_ns)
        return self._assembled(
            self._reorder.push(packet.sequence_number, arrived, now_ns, resent=resent)
        )

    def poll(self, now_ns: int) -> list[EncodedFrame]:
        """Give up what has been missing for too long; returns the frames behind it."""
        return self._assembled(self._reorder.poll(now_ns))

    def sender_report(self, report: rtcp.SenderReport, now_ns: int) -> None:
        """A sender report of the track came."""
        if self._reception is not None:
            self._reception.sender_report(report, now_ns)

    def feedback(self, now_ns: int) -> list[bytes]:
        """The RTCP packets to send now: requests for lost packets and for a keyframe."""
        if self._reception is None:
            return []
        packets = []
        ssrcs = {"sender_ssrc": self._sender_ssrc, "media_ssrc": self._reception.ssrc}
        missing = self._reorder.nacks(now_ns)
        if missing and ("nack", None) in self.media.feedback:
            self._nacks += len(missing)
            packets.append(rtcp.nack(**ssrcs, sequences=missing))
        if self.keyframe_wish.due(now_ns) and ("nack", "pli") in self.media.feedback:
            self._plis += 1
            packets.append(rtcp.pli(**ssrcs))
        return packets

    def report_block(self, now_ns: int) -> RtcpReceiverInfo | None:
        """The track's block in the receiver report; None before its first packet."""
        return self._reception.block(now_ns) if self._reception is not None else None

    def figures(self) -> TrackFigures:
        """What has been received so far."""
        return TrackFigures(
            packets=self._packets,
            received_bytes=self._bytes,
            frames=self._frames,
            keyframes=self._keyframes,
            damaged=self._damaged,
            malformed=self._assembler.malformed,
            late=self._late + self._reorder.late,
            lost=self._lost + self._reorder.lost,
            recovered=self._recovered + self._reorder.recovered,
            nacks=self._nacks,
            plis=self._plis,
            jitter_s=self._reception.jitter_s if self._reception is not None else 0.0,
        )

    def _is_current(self, packet: RtpPacket, now_ns: int) -> bool:
        """Whether a packet is of the SSRC that is followed, going over to it where due."""
        current = self._reception
        if current is not None and current.ssrc == packet.ssrc:
            return True
        if current is not None:
            if now_ns - self._last_ns < _SSRC_QUIET_NS:
                return False
            self.restarts += 1
            self._assembler.lose()
            self._late += self._reorder.late
            self._lost += self._reorder.lost
            self._recovered += self._reorder.recovered
            self._reorder = self._new_buffer()
        self._reception = rtcp.Reception(
            ssrc=packet.ssrc,
            first_sequence=packet.sequence_number,
            clock_rate=self.media.clock_rate,
        )
        if self.media.kind == "video":
            self.keyframe_wish.begin(now_ns)
        return True

    def _assembled(self, released: list[_Arrived | Lost]) -> list[EncodedFrame]:
        frames = []
        for item in released:
            if isinstance(item, Lost):
                self._assembler.lose()
                if self.media.kind == "video":
                    self.keyframe_wish.wish()
                continue
            frames += self._assembler.take(item.packet, item.now_ns)
        for frame in frames:
            self._frames += 1
            self._damaged += frame.damaged
            self._keyframes += frame.keyframe
            if frame.keyframe:
                self.keyframe_wish.fulfilled()
        return frames

    def _new_buffer(self) -> ReorderBuffer[_Arrived]:
        return ReorderBuffer(patience_ns=_PATIENCE_NS[self.media.kind])


class _Packets:
    """The assembler of audio: every packet is a frame."""

    def __init__(self) -> None:
        self.malformed = 0
        self._damaged = False

    def lose(self) -> None:
        """Packets are missing here."""
        self._damaged = True

    def take(self, packet: RtpPacket, arrival_ns: int) -> list[EncodedFrame]:
        """The packet as a frame, if it is a legal Opus packet."""
        if not packet.payload:
            return []
        try:
            packet_samples(packet.payload)
        except ValueError:
            self.malformed += 1
            return []
        frame = EncodedFrame(
            timestamp=packet.timestamp,
            arrival_ns=arrival_ns,
            data=packet.payload,
            keyframe=True,
            damaged=self._damaged,
        )
        self._damaged = False
        return [frame]


def _video_assembler(media: OfferedMedia) -> FrameAssembler:
    depacketiser = H264Depacketiser() if media.codec == "h264" else Vp8Depacketiser()
    return FrameAssembler(cast(Depacketiser, depacketiser))
