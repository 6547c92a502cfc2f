"""What a receiver of RTP reports and asks for (RFC 3550, RFC 4585). Pure."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from aiortc.rtp import (
    RTCP_PSFB,
    RTCP_PSFB_PLI,
    RTCP_RTPFB,
    RTCP_RTPFB_NACK,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSourceInfo,
    clamp_packets_lost,
    pack_rtcp_packet,
)

_SDES_CNAME = 1
_XR = 207
_REFERENCE_TIME = 4


def nack(*, sender_ssrc: int, media_ssrc: int, sequences: Sequence[int]) -> bytes:
    """A generic NACK for 16-bit sequence numbers in their order (RFC 4585 §6.2.1)."""
    pairs: list[tuple[int, int]] = []
    for sequence in sequences:
        if pairs:
            first, mask = pairs[-1]
            distance = (sequence - first) & 0xFFFF
            if 1 <= distance <= 16:
                pairs[-1] = (first, mask | 1 << distance - 1)
                continue
        pairs.append((sequence, 0))
    body = struct.pack("!LL", sender_ssrc, media_ssrc)
    body += b"".join(struct.pack("!HH", first, mask) for first, mask in pairs)
    return pack_rtcp_packet(RTCP_RTPFB, RTCP_RTPFB_NACK, body)


def pli(*, sender_ssrc: int, media_ssrc: int) -> bytes:
    """Picture loss indication: the encoder should send a keyframe (RFC 4585 §6.3.1)."""
    return pack_rtcp_packet(RTCP_PSFB, RTCP_PSFB_PLI, struct.pack("!LL", sender_ssrc, media_ssrc))


def receiver_report(*, sender_ssrc: int, cname: str, blocks: Sequence[RtcpReceiverInfo]) -> bytes:
    """A compound packet of a receiver report and our canonical name (RFC 3550 §6.1)."""
    name = RtcpSourceInfo(ssrc=sender_ssrc, items=[(_SDES_CNAME, cname.encode())])
    report = RtcpRrPacket(ssrc=sender_ssrc, reports=list(blocks))
    return bytes(report) + bytes(RtcpSdesPacket(chunks=[name]))


def reference_time(*, sender_ssrc: int, ntp: int) -> bytes:
    """An extended report with our time, for the publisher to echo (RFC 3611 §4.4)."""
    body = struct.pack("!LBBHQ", sender_ssrc, _REFERENCE_TIME, 0, 2, ntp)
    return pack_rtcp_packet(_XR, 0, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderReport:
    """A track's pairing of the host's clock with its RTP clock (RFC 3550 §6.4.1)."""

    ntp: int
    """NTP timestamp, 32.32 fixed point; 0 means the sender has no clock."""
    rtp: int
    """The RTP timestamp of the same instant, 32 bits."""
    ssrc: int = 0
    """Whose report it is; 0 where that is not known."""


class Reception:
    """The figures of one SSRC for its report block (RFC 3550 §6.4.1, A.3, A.8)."""

    def __init__(self, *, ssrc: int, first_sequence: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self._clock_rate = clock_rate
        self._base = self._highest = first_sequence
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._timestamp: int | None = None
        self._transit: int | None = None
        self._jitter16 = 0
        self._last_sr = 0
        self._last_sr_ns = 0

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter in seconds."""
        return (self._jitter16 >> 4) / self._clock_rate

    def packet(self, sequence: int, timestamp: int, now_ns: int) -> None:
        """A packet has come."""
        self._received += 1
        ahead = (sequence - self._highest + 0x8000) % 0x10000 - 0x8000
        if ahead >= 0:
            self._highest += ahead
            if timestamp != self._timestamp:  # the packets of one frame share theirs
                self._timestamp = timestamp
                self._add_jitter(timestamp, now_ns)

    def sender_report(self, report: SenderReport, now_ns: int) -> None:
        """A sender report has come; the next block says when."""
        self._last_sr = report.ntp >> 16 & 0xFFFFFFFF
        self._last_sr_ns = now_ns

    def block(self, now_ns: int) -> RtcpReceiverInfo:
        """The report block over what has come since the last one."""
        expected = self._highest - self._base + 1
        expected_now = expected - self._expected_before
        lost_now = expected_now - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        fraction = min((lost_now << 8) // expected_now, 255) if lost_now > 0 < expected_now else 0
        since_sr_ns = now_ns - self._last_sr_ns if self._last_sr else 0
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            packets_lost=clamp_packets_lost(expected - self._received),
            highest_sequence=self._highest & 0xFFFFFFFF,
            jitter=self._jitter16 >> 4,
            lsr=self._last_sr,
            dlsr=min(since_sr_ns * 65_536 // 1_000_000_000, 0xFFFFFFFF),
        )

    def _add_jitter(self, timestamp: int, now_ns: int) -> None:
        arrival = now_ns * self._clock_rate // 1_000_000_000
        transit = (arrival - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            change = abs((transit - self._transit + 0x80000000) % (1 << 32) - 0x80000000)
            self._jitter16 += change - ((self._jitter16 + 8) >> 4)
        self._transit = transit
