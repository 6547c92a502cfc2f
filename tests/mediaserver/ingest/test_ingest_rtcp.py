"""RTCP that we send, read back with aiortc's parser."""

import struct

from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest import rtcp

SECOND = 1_000_000_000


@given(st.integers(0, 0xFFFF), st.lists(st.integers(1, 40), max_size=60))
def test_a_nack_names_exactly_the_missing_packets(first: int, steps: list[int]) -> None:
    missing = [first]
    for step in steps:
        missing.append((missing[-1] + step) & 0xFFFF)
    (packet,) = RtcpPacket.parse(rtcp.nack(sender_ssrc=1, media_ssrc=2, sequences=missing))
    assert isinstance(packet, RtcpRtpfbPacket)
    assert (packet.ssrc, packet.media_ssrc) == (1, 2)
    assert [number & 0xFFFF for number in packet.lost] == missing


def test_a_nack_of_close_packets_is_one_pair() -> None:
    data = rtcp.nack(sender_ssrc=1, media_ssrc=2, sequences=[65_535, 0, 15])
    assert data[12:] == struct.pack("!HH", 65_535, 1 | 1 << 15)


def test_a_pli_names_the_track() -> None:
    (packet,) = RtcpPacket.parse(rtcp.pli(sender_ssrc=1, media_ssrc=2))
    assert isinstance(packet, RtcpPsfbPacket)
    assert (packet.fmt, packet.ssrc, packet.media_ssrc) == (RTCP_PSFB_PLI, 1, 2)


def reception() -> rtcp.Reception:
    return rtcp.Reception(ssrc=7, first_sequence=65_530, clock_rate=90_000)


def test_a_report_is_a_compound_with_our_name() -> None:
    source = reception()
    source.packet(sequence=65_530, timestamp=0, now_ns=0)
    report, name = RtcpPacket.parse(
        rtcp.receiver_report(sender_ssrc=9, cname="c", blocks=[source.block(SECOND)])
    )
    assert isinstance(report, RtcpRrPacket)
    assert isinstance(name, RtcpSdesPacket)
    assert report.ssrc == 9
    assert [block.ssrc for block in report.reports] == [7]
    assert name.chunks[0].items == [(1, b"c")]


def test_losses_are_counted_over_the_wrap_and_since_the_last_report() -> None:
    source = reception()
    for number in (65_530, 65_531, 65_535, 0, 1, 3):
        source.packet(sequence=number, timestamp=0, now_ns=0)
    block = source.block(0)
    assert block.highest_sequence == 65_536 + 3
    assert block.packets_lost == 4
    assert block.fraction_lost == (4 << 8) // 10
    for number in (4, 5):
        source.packet(sequence=number, timestamp=0, now_ns=0)
    block = source.block(0)
    assert (block.packets_lost, block.fraction_lost) == (4, 0)


def test_duplicates_give_no_negative_fraction() -> None:
    source = reception()
    for number in (65_530, 65_531, 65_531, 65_531):
        source.packet(sequence=number, timestamp=0, now_ns=0)
    block = source.block(0)
    assert (block.packets_lost, block.fraction_lost) == (-2, 0)


def test_the_last_sender_report_is_echoed_with_its_age() -> None:
    source = reception()
    source.packet(sequence=65_530, timestamp=0, now_ns=0)
    assert (source.block(0).lsr, source.block(0).dlsr) == (0, 0)
    source.sender_report(rtcp.SenderReport(ntp=0x1122_3344_5566_7788, rtp=0), 2 * SECOND)
    block = source.block(2 * SECOND + SECOND // 2)
    assert (block.lsr, block.dlsr) == (0x3344_5566, 32_768)


def test_even_packets_have_no_jitter_uneven_ones_have() -> None:
    even, uneven = reception(), reception()
    for number in range(100):
        at_ns = number * SECOND // 30
        even.packet(sequence=65_530 + number & 0xFFFF, timestamp=number * 3000, now_ns=at_ns)
        uneven.packet(
            sequence=65_530 + number & 0xFFFF,
            timestamp=number * 3000,
            now_ns=at_ns + (number % 2) * SECOND // 100,
        )
    assert even.jitter_s < 0.0001
    assert 0.005 < uneven.jitter_s < 0.011


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)), min_size=1))
def test_any_packets_give_a_block_that_can_be_sent(packets: list[tuple[int, int]]) -> None:
    source = reception()
    for place, (sequence, timestamp) in enumerate(packets):
        source.packet(sequence=sequence, timestamp=timestamp, now_ns=place * SECOND)
        block = source.block(place * SECOND)
        assert 0 <= block.fraction_lost <= 255
        assert bytes(block)
