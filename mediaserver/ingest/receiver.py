"""One track of a publish: RTP packets in, encoded frames and RTCP feedback out. Pure.

Video waits 450 ms for a missing packet, longer on a long line, and asks for it each round trip; a
frame leaves with its last packet. Of audio each packet is a frame, and a gap is waited for 60 ms.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from aiortc.rtp import RtcpReceiverInfo

from mediaserver.ingest import rtcp
from mediaserver.ingest.answer import agreed_feedback
from mediaserver.ingest.codec import Depacketiser
from mediaserver.ingest.frames import EncodedFrame, FrameAssembler
from mediaserver.ingest.h264 import H264Depacketiser
from mediaserver.ingest.keyframes import KeyframeWish
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.opus import packet_samples
from mediaserver.ingest.reorder import Lost, ReorderBuffer
from mediaserver.ingest.rtp import RtpPacket
from mediaserver.ingest.vp8 import Vp8Depacketiser

_PATIENCE_NS = {"video": 450_000_000, "audio": 60_000_000}
_COMING_NS = 300_000_000
"""A keyframe whose packets have stopped for so long is not coming any more."""
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
    width: int = 0
    """Of the picture, as the last keyframe says; 0 while unknown and for sound."""
    height: int = 0
    keyframe_interval_s: float | None = None
    """Between the last two keyframes; None before the second, and for sound."""
    layer: str = ""
    """The simulcast layer in use (its rid); empty where there is none."""


class TrackReceiver:
    """The receiving end of one track. Times are the monotonic clock in nanoseconds."""

    def __init__(
        self, media: OfferedMedia, *, sender_ssrc: int, keyframe_interval_ns: int = 0
    ) -> None:
        self.media = media
        self.keyframe_wish = KeyframeWish(interval_ns=keyframe_interval_ns)
        self._agreed = agreed_feedback(media)
        self._sender_ssrc = sender_ssrc
        self._round_trip_ns: int | None = None
        self._assembler = _Packets() if media.kind == "audio" else _video_assembler(media)
        self._reorder = self._new_buffer()
        self._reception: rtcp.Reception | None = None
        self._last_ns = -_SSRC_QUIET_NS
        self._packets = self._bytes = self._frames = self._keyframes = self._damaged = 0
        self._nacks = self._plis = self._late = self._lost = self._recovered = 0
        self._size = (0, 0)
        self._keyframe_ns: int | None = None
        self._keyframe_interval_s: float | None = None
        self.restarts = 0
        """How often the sender has gone over to another SSRC."""
        self.report: rtcp.SenderReport | None = None
        """The newest sender report of the SSRC that is followed."""

    @property
    def deadline_ns(self) -> int | None:
        """When `poll` or `feedback` has something to do."""
        wish, gap = self.keyframe_wish.deadline_ns, self._reorder.deadline_ns
        if wish is None or gap is None:
            return wish if gap is None else gap
        return min(wish, gap)

    @property
    def unsettled(self) -> bool:
        """Whether there is something to ask for; `deadline_ns` says when."""
        return self._reorder.unsettled or self.keyframe_wish.pending

    @property
    def ssrcs(self) -> list[int]:
        """The SSRC that is followed, if there is one."""
        return [] if self._reception is None else [self._reception.ssrc]

    def rtp(self, packet: RtpPacket, now_ns: int) -> Sequence[EncodedFrame]:
        """Take a packet of one of the track's formats; returns the frames it completes."""
        self._packets += 1
        self._bytes += len(packet.payload)
        packet.arrival_ns = now_ns
        resent = packet.payload_type == self.media.rtx_payload_type
        if resent:
            if self._reception is None or not _unwrap_rtx(packet):
                return ()
        elif not self._is_current(packet, now_ns):
            return ()
        elif self._reception is not None:
            self._last_ns = now_ns
            self._reception.packet(packet.sequence_number, packet.timestamp, now_ns)
            if self._reorder.follows(packet.sequence_number):
                complete = self._assembler.take(packet)
                return self._counted(complete, now_ns) if complete else ()
        return self._assembled(
            self._reorder.push(packet.sequence_number, packet, now_ns, resent=resent), now_ns
        )

    def lacks(self, resent: RtpPacket) -> bool:
        """Whether this retransmission is of a packet that is missing here."""
        payload = resent.payload
        return len(payload) >= 2 and self._reorder.lacks(int.from_bytes(payload[:2], "big"))

    def poll(self, now_ns: int) -> Sequence[EncodedFrame]:
        """Give up what has been missing for too long; returns the frames behind it."""
        return self._assembled(self._reorder.poll(now_ns), now_ns)

    def round_trip(self, round_trip_ns: int) -> None:
        """The line's round trip has been measured."""
        self._round_trip_ns = round_trip_ns
        self._reorder.round_trip(round_trip_ns)

    def wish_keyframe(self) -> None:
        """The decoder needs a keyframe to go on."""
        self.keyframe_wish.wish()

    def sender_report(self, report: rtcp.SenderReport, now_ns: int) -> bool:
        """A sender report came; returns whether it is of the stream in use."""
        if self._reception is None:
            return True
        if report.ssrc not in (0, self._reception.ssrc):
            return False
        self.report = report
        self._reception.sender_report(report, now_ns)
        return True

    def feedback(self, now_ns: int) -> list[bytes]:
        """The RTCP packets to send now: requests for lost packets and for a keyframe."""
        if self._reception is None:
            return []
        packets = []
        ssrcs = {"sender_ssrc": self._sender_ssrc, "media_ssrc": self._reception.ssrc}
        missing = self._reorder.nacks(now_ns)
        if missing and ("nack", None) in self._agreed:
            self._nacks += len(missing)
            packets.append(rtcp.nack(**ssrcs, sequences=missing))
        if self._wants_keyframe(now_ns) and ("nack", "pli") in self._agreed:
            self._plis += 1
            packets.append(rtcp.pli(**ssrcs))
        return packets

    def report_blocks(self, now_ns: int) -> list[RtcpReceiverInfo]:
        """The track's blocks in the receiver report; none before its first packet."""
        return [] if self._reception is None else [self._reception.block(now_ns)]

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
            width=self._size[0],
            height=self._size[1],
            keyframe_interval_s=self._keyframe_interval_s,
        )

    def _wants_keyframe(self, now_ns: int) -> bool:
        """Whether to ask for a keyframe now: not while one is coming, however long it takes."""
        deadline_ns = self.keyframe_wish.deadline_ns
        if deadline_ns is None or now_ns < deadline_ns:
            return False
        coming = now_ns - self._last_ns < _COMING_NS and self._assembler.keyframe_begun
        if coming:
            self.keyframe_wish.postpone(now_ns)
        return not coming and self.keyframe_wish.due(now_ns)

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
            self.report = None
        self._reception = rtcp.Reception(
            ssrc=packet.ssrc,
            first_sequence=packet.sequence_number,
            clock_rate=self.media.clock_rate,
        )
        if self.media.kind == "video":
            self.keyframe_wish.begin(now_ns)
        return True

    def _assembled(
        self, released: Sequence[RtpPacket | Lost], now_ns: int
    ) -> Sequence[EncodedFrame]:
        frames: list[EncodedFrame] = []
        for item in released:
            if isinstance(item, Lost):
                self._assembler.lose()
                if self.media.kind == "video":
                    self.keyframe_wish.wish()
            elif complete := self._assembler.take(item):
                frames += complete
        return self._counted(frames, now_ns)

    def _counted(self, frames: Sequence[EncodedFrame], now_ns: int) -> Sequence[EncodedFrame]:
        for frame in frames:
            self._frames += 1
            self._damaged += frame.damaged
            self._keyframes += frame.keyframe
            if frame.keyframe:
                self.keyframe_wish.fulfilled(now_ns)
                self._note_keyframe(frame)
        return frames

    def _note_keyframe(self, frame: EncodedFrame) -> None:
        if self.media.kind != "video":
            return
        self._size = frame.size or self._size
        if self._keyframe_ns is not None:
            self._keyframe_interval_s = (frame.arrival_ns - self._keyframe_ns) / 1e9
        self._keyframe_ns = frame.arrival_ns

    def _new_buffer(self) -> ReorderBuffer[RtpPacket]:
        made = ReorderBuffer[RtpPacket](
            patience_ns=_PATIENCE_NS[self.media.kind],
            stretches=self.media.kind == "video",
            rtx=self.media.rtx_payload_type is not None,
        )
        if self._round_trip_ns is not None:
            made.round_trip(self._round_trip_ns)
        return made


class _Packets:
    """The assembler of audio: every packet is a frame."""

    def __init__(self) -> None:
        self.malformed = 0
        self.keyframe_begun = False
        self._damaged = False

    def lose(self) -> None:
        """Packets are missing here."""
        self._damaged = True

    def take(self, packet: RtpPacket) -> Sequence[EncodedFrame]:
        """The packet as a frame, if it is a legal Opus packet."""
        if not packet.payload:
            return ()
        try:
            packet_samples(packet.payload)
        except ValueError:
            self.malformed += 1
            return ()
        frame = EncodedFrame(
            timestamp=packet.timestamp,
            arrival_ns=packet.arrival_ns,
            data=packet.payload,
            keyframe=True,
            damaged=self._damaged,
        )
        self._damaged = False
        return (frame,)


def _unwrap_rtx(packet: RtpPacket) -> bool:
    """Turn a retransmission (RFC 4588 §4) into what was lost; False for a probe without content.

    Its format, SSRC and own number are of no use past this point, and stay as they are.
    """
    if len(packet.payload) < 2:
        return False
    (packet.sequence_number,) = struct.unpack_from("!H", packet.payload)
    packet.payload = packet.payload[2:]
    return True


def _video_assembler(media: OfferedMedia) -> FrameAssembler:
    depacketiser = H264Depacketiser() if media.codec == "h264" else Vp8Depacketiser()
    return FrameAssembler(cast(Depacketiser, depacketiser))
