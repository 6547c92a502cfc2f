"""What is read of decrypted packets, and to whom it goes."""

from dataclasses import dataclass, field, replace

import pytest
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket
from aiortc.rtp import RtpPacket as AiortcPacket
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from mediaserver.ingest.dtls import MAX_STREAMS, MediaDtls, _Unprotect
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.rtcp_in import TimeEcho
from mediaserver.ingest.rtp import RtpPacket
from transcoder.values import Kind


@dataclass
class Heard:
    """Everything a transport said."""

    packets: list[tuple[Kind, RtpPacket, int]] = field(default_factory=list)
    reports: list[tuple[Kind, SenderReport]] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    arrival_ns: int = 4711
    authentic_ns: int = 0

    def expect(self, ssrc: int) -> None:
        self.expected.append(ssrc)

    def rtp(self, kind: Kind, packet: RtpPacket, arrival_ns: int) -> None:
        self.packets.append((kind, packet, arrival_ns))

    def sender_report(self, kind: Kind, report: SenderReport, arrival_ns: int) -> None:
        self.reports.append((kind, report))

    def time_echo(self, echo: TimeEcho, arrival_ns: int) -> None:
        raise AssertionError("nothing echoes here")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def dtls(heard: Heard, offered: dict[str, OfferedMedia]) -> MediaDtls:
    ice = RTCIceTransport(RTCIceGatherer(iceServers=[]))
    media = [replace(offered["audio"], transport_cc_extension=4), offered["video"]]
    certificate = RTCCertificate.generateCertificate()
    return MediaDtls(ice, certificate, media=media, handler=heard, clock=heard)


def rtp(payload_type: int, ssrc: int) -> bytes:
    return AiortcPacket(payload_type, 1, 2, 3, ssrc, b"data").serialize()


def report(ssrc: int) -> bytes:
    info = RtcpSenderInfo(ntp_timestamp=5, rtp_timestamp=6, packet_count=1, octet_count=2)
    return bytes(RtcpSrPacket(ssrc=ssrc, sender_info=info))


async def test_packets_go_to_the_track_of_their_format_with_their_arrival(
    dtls: MediaDtls, heard: Heard
) -> None:
    for payload_type in (111, 102, 103, 96, 0):
        await dtls._handle_rtp_data(rtp(payload_type, payload_type), arrival_time_ms=0)
    assert [(kind, p.payload_type, at) for kind, p, at in heard.packets] == [
        ("audio", 111, 4711),
        ("video", 102, 4711),
        ("video", 103, 4711),
    ]
    assert heard.expected == [111, 102, 103]


async def test_reports_go_to_the_track_of_their_ssrc(dtls: MediaDtls, heard: Heard) -> None:
    await dtls._handle_rtp_data(rtp(111, 50), arrival_time_ms=0)
    await dtls._handle_rtcp_data(report(50) + report(1111) + report(9))
    assert heard.reports == [
        ("audio", SenderReport(ntp=5, rtp=6, ssrc=50)),
        ("video", SenderReport(ntp=5, rtp=6, ssrc=1111)),
    ]


async def test_more_streams_than_a_publish_has_are_not_remembered(
    dtls: MediaDtls, heard: Heard
) -> None:
    for ssrc in range(1000):
        await dtls._handle_rtp_data(rtp(102, 10_000 + ssrc), arrival_time_ms=0)
    assert len(heard.packets) == MAX_STREAMS - 1  # the offer named one
    assert dtls.streams == MAX_STREAMS + 1
    await dtls._handle_rtp_data(rtp(102, 10_000), arrival_time_ms=0)
    assert len(heard.packets) == MAX_STREAMS


async def test_what_is_no_packet_is_dropped(dtls: MediaDtls, heard: Heard) -> None:
    for data in (b"", b"\x80", b"\x90" * 12, bytes(40)):
        await dtls._handle_rtp_data(data, arrival_time_ms=0)
        await dtls._handle_rtcp_data(data)
    assert heard.packets == []
    assert dtls.streams == 1


KEY = bytes(range(30))


def srtp(kind: int) -> Session:
    return Session(
        Policy(key=KEY, ssrc_type=kind, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
    )


async def test_what_is_encrypted_with_the_publishers_keys_is_taken_and_nothing_else(
    dtls: MediaDtls, heard: Heard
) -> None:
    dtls.take(rtp(111, 50), 1)  # before the keys are known
    publisher = srtp(Policy.SSRC_ANY_OUTBOUND)
    dtls._rx_srtp = srtp(Policy.SSRC_ANY_INBOUND)
    media = publisher.protect(rtp(111, 50))
    dtls.take(media, 2)
    dtls.take(publisher.protect_rtcp(report(50)), 3)
    assert [(kind, p.payload, at) for kind, p, at in heard.packets] == [("audio", b"data", 2)]
    assert heard.reports == [("audio", SenderReport(ntp=5, rtp=6, ssrc=50))]
    assert dtls.unauthentic == 0
    for forged in (media, rtp(111, 51), report(50), b"\x80", media[:-1] + b"x", media[:14]):
        dtls.take(forged, 4)
    dtls.take(bytes([0x80]) + bytes(1500), 5)
    assert (len(heard.packets), len(heard.reports), dtls.unauthentic) == (1, 1, 6)


async def test_an_error_of_ours_ends_the_publish_and_not_the_port(
    dtls: MediaDtls, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(heard, "rtp", broken)
    dtls._rx_srtp = srtp(Policy.SSRC_ANY_INBOUND)
    dtls.take(srtp(Policy.SSRC_ANY_OUTBOUND).protect(rtp(111, 50)), 1)
    assert dtls.state == "closed"


@given(st.lists(st.binary(max_size=1600), max_size=5))
def test_any_datagrams_are_survived(datagrams: list[bytes]) -> None:
    unprotect = _Unprotect(srtp(Policy.SSRC_ANY_INBOUND))
    for data in datagrams:
        if len(data) <= 1500:
            assert unprotect(data, rtcp=bool(len(data) % 2)) is None
