"""A whole publish on a virtual clock: feedback, reports, layers, and a hundred thousand packets."""

import gc
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRrPacket

from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.publish import Publish
from mediaserver.ingest.round_trip import reference_ntp
from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.rtcp_in import TimeEcho
from mediaserver.ingest.rtp import ExtensionIds, RtpPacket, RtpReader
from transcoder.values import AccessUnit, Kind

MS = 1_000_000
SECOND = 1000 * MS
LAYERS = ("q", "h", "f")


def publish(
    *media: OfferedMedia, max_bitrate_bps: int = 4_000_000, keyframe_interval_s: float = 0.0
) -> Publish:
    return Publish(
        media,
        source=1,
        anchor=None,
        sender_ssrc=3,
        cname="c",
        utc_us=lambda: 0,
        max_bitrate_bps=max_bitrate_bps,
        keyframe_interval_s=keyframe_interval_s,
    )


def opus(number: int, *, transport_sequence: int | None = None) -> RtpPacket:
    packet = RtpPacket(111, 0, number & 0xFFFF, number * 960, 5, b"\xf8data")
    packet.transport_sequence = transport_sequence
    return packet


def kinds_of(packets: list[bytes]) -> list[int]:
    """The RTCP packet types in the order they go out."""
    found = []
    for data in packets:
        place = 0
        while place < len(data):
            found.append(data[place + 1])
            place += 4 + 4 * int.from_bytes(data[place + 2 : place + 4], "big")
    return found


def test_every_second_the_publisher_hears_how_it_comes_and_what_time_it_is(
    offered: dict[str, OfferedMedia],
) -> None:
    made = publish(offered["audio"])
    sent: list[tuple[int, list[int]]] = []
    for ms in range(3100):
        if ms % 20 == 0:
            made.rtp("audio", opus(ms // 20), ms * MS)
        if packets := made.feedback(ms * MS):
            sent.append((ms, kinds_of(packets)))
    assert sent == [(1000 * n, [201, 202, 207]) for n in (1, 2, 3)]


def test_the_echo_of_our_time_is_the_round_trip(offered: dict[str, OfferedMedia]) -> None:
    made = publish(offered["audio"])
    reference = reference_ntp(SECOND) >> 16 & 0xFFFFFFFF
    made.time_echo(TimeEcho(ssrc=3, reference=reference, delay=0), SECOND + 40 * MS)
    assert made.rtt_s is not None
    assert abs(made.rtt_s - 0.04) < 0.001


def test_packets_of_all_tracks_share_one_transport_wide_feedback(
    offered: dict[str, OfferedMedia], h264_packets: list[RtpPacket]
) -> None:
    made = publish(offered["audio"], offered["video"])
    made.rtp("audio", opus(1, transport_sequence=10), 0)
    made.rtp("video", replace(h264_packets[0], transport_sequence=11), MS)
    probe = RtpPacket(103, 0, 1, 1, 2222, b"", transport_sequence=12)  # padding of the estimator
    made.rtp("video", probe, 2 * MS)
    assert made.deadline_ns() == 0
    (feedback,) = made.feedback(2 * MS)
    assert feedback[:2] == b"\x8f\xcd" or feedback[:2] == b"\xaf\xcd"
    base, count = int.from_bytes(feedback[12:14], "big"), int.from_bytes(feedback[14:16], "big")
    assert (base, count) == (10, 3)


@pytest.mark.parametrize(
    ("reduced", "kinds"),
    [((True, True), [205]), ((False, False), [201, 202, 205]), ((True, False), [201, 202, 205])],
)
def test_feedback_is_a_compound_unless_a_reduced_size_was_agreed_on(
    offered: dict[str, OfferedMedia], reduced: tuple[bool, bool], kinds: list[int]
) -> None:
    media = [
        replace(offered[kind], reduced_rtcp=each)
        for kind, each in zip(("audio", "video"), reduced, strict=True)
    ]
    made = publish(*media)
    made.rtp("audio", opus(1, transport_sequence=10), 0)
    (feedback,) = made.feedback(2 * MS)
    assert kinds_of([feedback]) == kinds
    made.feedback(100 * MS)
    later = made.feedback(SECOND)
    assert [kinds_of([packet]) for packet in later] == [[201, 202, 207]], "which is one already"


@pytest.mark.parametrize(("feedback", "asked"), [(("goog-remb", None), True), (None, False)])
def test_the_rate_is_said_where_it_was_agreed_on(
    offered: dict[str, OfferedMedia], feedback: tuple[str, str | None] | None, asked: bool
) -> None:
    video = replace(offered["video"], feedback=(feedback,) if feedback else ())
    made = publish(video, max_bitrate_bps=2_000_000)
    made.rtp("video", RtpPacket(102, 1, 1, 1, 1111, b"\x67abc"), 0)
    (report,) = made.feedback(SECOND)
    kinds = [201, 202, 207, 206] if asked else [201, 202, 207]
    assert kinds_of([report]) == kinds
    parsed = RtcpPacket.parse(report)
    assert isinstance(parsed[0], RtcpRrPacket)
    if asked:
        assert isinstance(parsed[-1], RtcpPsfbPacket)
        assert parsed[-1].fci[:5] == b"REMB\x01"


def test_keyframes_are_asked_for_on_a_timer_where_configured(
    offered: dict[str, OfferedMedia], h264_packets: list[RtpPacket]
) -> None:
    first_picture = [p for p in h264_packets if p.timestamp == h264_packets[0].timestamp]
    asked: dict[float, list[int]] = {}
    for interval_s in (0.0, 2.0):
        made = publish(offered["video"], keyframe_interval_s=interval_s)
        for packet in first_picture:
            made.rtp("video", replace(packet), 0)
        times = (ms for ms in range(3000) if 206 in kinds_of(made.feedback(ms * MS)))
        asked[interval_s] = list(times)
    assert asked == {0.0: [], 2.0: [2000, 2500]}


def test_a_timer_does_not_make_every_packet_a_reason_to_look_at_the_deadlines(
    offered: dict[str, OfferedMedia], h264_packets: list[RtpPacket]
) -> None:
    made = publish(offered["video"], keyframe_interval_s=10.0)
    unsettled = []
    for count, packet in enumerate(h264_packets):
        made.rtp("video", replace(packet), count * MS)
        unsettled.append(made.unsettled)
    first = next(n for n, packet in enumerate(h264_packets) if packet.marker)
    assert unsettled[0], "the first keyframe is wished for"
    assert not any(unsettled[first:])
    assert made.deadline_ns() is not None


def test_another_streams_sender_report_is_not_the_clock(offered: dict[str, OfferedMedia]) -> None:
    made = publish(offered["audio"])
    made.rtp("audio", opus(0), SECOND)
    now_ns = SECOND + MS
    unix_epoch = 2_208_988_800
    made.sender_report("audio", SenderReport(ntp=unix_epoch + 9 << 32, rtp=0, ssrc=6), now_ns)
    assert made.host_moment(9_000_000, now_ns) is None
    made.sender_report("audio", SenderReport(ntp=unix_epoch + 9 << 32, rtp=0, ssrc=5), now_ns)
    assert made.host_moment(9_000_000, now_ns) == 0


def wire(packet: RtpPacket, transport_sequence: int) -> bytes:
    """A packet as it is on the wire, with its transport-wide number and its rid."""
    elements = b"\x41" + transport_sequence.to_bytes(2, "big")
    if packet.rid:
        elements += bytes([0xA0 | len(packet.rid) - 1]) + packet.rid.encode()
    elements += bytes(-len(elements) % 4)
    head = bytes([0x90, packet.marker << 7 | packet.payload_type])
    head += packet.sequence_number.to_bytes(2, "big") + packet.timestamp.to_bytes(4, "big")
    head += packet.ssrc.to_bytes(4, "big") + b"\xbe\xde" + (len(elements) // 4).to_bytes(2, "big")
    return head + elements + packet.payload


def mutated(data: bytes, luck: random.Random) -> bytes:
    choice = luck.random()
    if choice < 0.3:
        return data
    if choice < 0.4:
        return data[: luck.randrange(len(data) + 1)]
    if choice < 0.5:
        return luck.randbytes(luck.randrange(60))
    changed = bytearray(data)
    for _ in range(luck.randint(1, 4)):
        # Mostly within the headers and the first bytes of the payload, where it matters.
        changed[luck.randrange(min(len(changed), 30))] = luck.randrange(256)
    return bytes(changed)


def stream(packets: list[RtpPacket], luck: random.Random) -> Iterator[bytes]:
    """The pictures over and over in three layers, with sound, disturbed."""
    number = 0
    while True:
        for packet in packets:
            number += 1
            moved = replace(packet, sequence_number=number & 0xFFFF, timestamp=number * 40)
            if luck.random() < 0.2:
                moved.payload_type = 103
                moved.payload = (number - luck.randint(1, 20) & 0xFFFF).to_bytes(2, "big") + b"x"
            moved.rid = luck.choice((None, *LAYERS))
            moved.ssrc = luck.randrange(1000, 1006)
            if luck.random() < 0.2:
                moved = opus(number)
            yield mutated(wire(moved, number & 0xFFFF), luck)


@pytest.mark.parametrize("layers", [(), LAYERS])
def test_fifty_thousand_disturbed_packets_are_survived_in_bounded_memory(
    offered: dict[str, OfferedMedia], h264_packets: list[RtpPacket], layers: tuple[str, ...]
) -> None:
    luck = random.Random(11)
    video = replace(offered["video"], layers=layers, transport_cc_extension=4)
    made = publish(offered["audio"], video, max_bitrate_bps=2_000_000)
    reader = RtpReader(ExtensionIds(transport_cc=4, rid=10, repaired_rid=11))
    units = 0
    held = dict.fromkeys((10_000, 50_000), 0)
    for count, data in enumerate(stream(h264_packets, luck)):
        now_ns = count * 2 * MS
        units += len(arrived(made, reader, data, now_ns))
        if count % 8 == 0:
            units += sum(isinstance(unit, AccessUnit) for unit in made.poll(now_ns))
            made.feedback(now_ns)
        if count in held:
            gc.collect()
            held[count] = len(gc.get_objects())
        if count >= max(held):
            break
    assert units > 1000
    assert held[50_000] - held[10_000] < 5000, "what is kept is bounded"


def arrived(made: Publish, reader: RtpReader, data: bytes, now_ns: int) -> Sequence[AccessUnit]:
    """What a datagram leads to, on its way through the transport."""
    kinds: dict[int, Kind] = {111: "audio", 102: "video", 103: "video"}
    try:
        packet = reader.read(data)
    except ValueError:
        return ()
    kind = kinds.get(packet.payload_type)
    return made.rtp(kind, packet, now_ns) if kind is not None else ()
