"""A publisher's RTCP: aiortc's writer is the oracle, RFC 3611's layout is written out."""

import struct

from aiortc.rtp import RtcpByePacket, RtcpSenderInfo, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest import rtcp
from mediaserver.ingest.round_trip import RoundTrip, reference_ntp
from mediaserver.ingest.rtcp_in import TimeEcho, read_rtcp

SECOND = 1_000_000_000
MS = 1_000_000


def xr(*blocks: bytes) -> bytes:
    body = struct.pack("!L", 77) + b"".join(blocks)
    return struct.pack("!BBH", 0x80, 207, len(body) // 4) + body


def dlrr(*echoes: tuple[int, int, int]) -> bytes:
    body = b"".join(struct.pack("!LLL", *echo) for echo in echoes)
    return struct.pack("!BBH", 5, 0, len(body) // 4) + body


def sender_report(ssrc: int, ntp: int, rtp: int) -> bytes:
    info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=rtp, packet_count=1, octet_count=2)
    return bytes(RtcpSrPacket(ssrc=ssrc, sender_info=info))


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF_FFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_sender_report_is_read_from_a_compound(ssrc: int, ntp: int, stamp: int) -> None:
    compound = bytes(RtcpByePacket(sources=[1])) + sender_report(ssrc, ntp, stamp)
    assert list(read_rtcp(compound)) == [rtcp.SenderReport(ntp=ntp, rtp=stamp, ssrc=ssrc)]


def test_echoes_are_read_among_other_blocks() -> None:
    other = struct.pack("!BBHL", 42, 0, 1, 9)
    data = sender_report(1, 2, 3) + xr(other, dlrr((5, 6, 7), (8, 9, 10)))
    assert list(read_rtcp(data))[1:] == [
        TimeEcho(ssrc=5, reference=6, delay=7),
        TimeEcho(ssrc=8, reference=9, delay=10),
    ]


@given(st.lists(st.binary(max_size=40) | st.just(sender_report(1, 2, 3)), max_size=4))
def test_any_bytes_are_survived(parts: list[bytes]) -> None:
    for report in read_rtcp(b"".join(parts)):
        assert isinstance(report, rtcp.SenderReport | TimeEcho)


@given(st.binary(max_size=60))
def test_any_blocks_are_survived(blocks: bytes) -> None:
    list(read_rtcp(xr(blocks + bytes(-len(blocks) % 4))))


def test_our_reference_time_has_the_layout_of_rfc_3611() -> None:
    data = rtcp.reference_time(sender_ssrc=0x01020304, ntp=0x1122334455667788)
    assert data.hex() == "80cf000401020304040000021122334455667788"


def echo_after(reference_ns: int, held_ns: int, ssrc: int = 3) -> TimeEcho:
    reference = reference_ntp(reference_ns) >> 16 & 0xFFFFFFFF
    return TimeEcho(ssrc=ssrc, reference=reference, delay=held_ns * 65_536 // SECOND)


def test_the_round_trip_is_what_the_publisher_did_not_hold() -> None:
    trip = RoundTrip(ssrc=3)
    trip.echo(echo_after(5 * SECOND, 700 * MS), 5 * SECOND + 740 * MS)
    assert trip.rtt_s is not None
    assert abs(trip.rtt_s - 0.040) < 0.001


def test_the_round_trip_survives_the_wrap_of_its_clock() -> None:
    trip = RoundTrip(ssrc=3)
    wrap_ns = 65_536 * SECOND
    trip.echo(echo_after(wrap_ns - 500 * MS, 490 * MS), wrap_ns + 10 * MS)
    assert trip.rtt_s is not None
    assert abs(trip.rtt_s - 0.020) < 0.001


def test_absurd_echoes_are_ignored() -> None:
    trip = RoundTrip(ssrc=3)
    trip.echo(echo_after(SECOND, 0, ssrc=4), SECOND + 40 * MS)
    trip.echo(TimeEcho(ssrc=3, reference=0, delay=0), SECOND)
    trip.echo(echo_after(SECOND, 0), 30 * SECOND)
    trip.echo(echo_after(SECOND, 5 * SECOND), SECOND + 40 * MS)
    assert trip.rtt_s is None


def test_one_slow_answer_is_smoothed() -> None:
    trip = RoundTrip(ssrc=3)
    for second in range(1, 20):
        trip.echo(echo_after(second * SECOND, 0), second * SECOND + 40 * MS)
    trip.echo(echo_after(30 * SECOND, 0), 30 * SECOND + 440 * MS)
    assert trip.rtt_s is not None
    assert 0.16 < trip.rtt_s < 0.19
