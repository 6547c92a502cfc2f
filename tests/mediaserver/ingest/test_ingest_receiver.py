"""A track's receiver on a virtual clock and a lossy line; aiortc's packets are the stream."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import av
import pytest
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.ingest.frames import EncodedFrame
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.receiver import TrackReceiver
from mediaserver.ingest.rtp import RtpPacket

MS = 1_000_000


@pytest.fixture
def video(offered: dict[str, OfferedMedia]) -> TrackReceiver:
    return TrackReceiver(offered["video"], sender_ssrc=1)


@pytest.fixture
def audio(offered: dict[str, OfferedMedia]) -> TrackReceiver:
    return TrackReceiver(offered["audio"], sender_ssrc=1)


def opus_packet(number: int, *, payload: bytes = b"\xf8data", ssrc: int = 5) -> RtpPacket:
    return RtpPacket(
        payload_type=111,
        marker=0,
        sequence_number=number & 0xFFFF,
        timestamp=number * 960,
        ssrc=ssrc,
        payload=payload,
    )


def sent_at(packet: RtpPacket) -> int:
    """When a packet of the fixture leaves: 30 frames a second."""
    return ((packet.timestamp - 0xFFFFF000) & 0xFFFFFFFF) // 3000 * 33 * MS


def wrap_rtx(packet: RtpPacket, payload_type: int, number: int, ssrc: int) -> RtpPacket:
    """A retransmission (RFC 4588 §4)."""
    payload = packet.sequence_number.to_bytes(2, "big") + packet.payload
    return RtpPacket(payload_type, packet.marker, number, packet.timestamp, ssrc, payload)


def feedback(receiver: TrackReceiver, now_ns: int) -> Iterator[RtcpRtpfbPacket | RtcpPsfbPacket]:
    for data in receiver.feedback(now_ns):
        (packet,) = RtcpPacket.parse(data)
        assert isinstance(packet, RtcpRtpfbPacket | RtcpPsfbPacket)
        yield packet


def decoded(frames: list[EncodedFrame]) -> int:
    codec = av.CodecContext.create("h264", "r")
    assert isinstance(codec, av.VideoCodecContext)
    codec.thread_count = 1
    pictures = sum(len(codec.decode(av.Packet(frame.data))) for frame in frames)
    return pictures + len(codec.decode(None))


def test_every_frame_leaves_with_its_last_packet(
    video: TrackReceiver, h264_packets: list[RtpPacket]
) -> None:
    frames: list[EncodedFrame] = []
    for packet in h264_packets:
        complete = video.rtp(packet, sent_at(packet))
        assert len(complete) == packet.marker
        frames += complete
    assert [frame.keyframe for frame in frames] == [n % 20 == 0 for n in range(60)]
    assert not any(frame.damaged for frame in frames)
    assert decoded(frames) == 60
    assert video.deadline_ns is None


def test_without_marker_bits_frames_close_on_the_next_timestamp(
    video: TrackReceiver, h264_packets: list[RtpPacket]
) -> None:
    frames: list[EncodedFrame] = []
    for packet in h264_packets:
        bare = RtpPacket(102, 0, packet.sequence_number, packet.timestamp, 1111, packet.payload)
        frames += video.rtp(bare, sent_at(packet))
    assert len(frames) == 59
    assert decoded(frames) == 59


def test_padding_packets_are_no_frames(video: TrackReceiver, h264_packets: list[RtpPacket]) -> None:
    last = h264_packets[-1]
    for packet in h264_packets:
        video.rtp(packet, 0)
    padding = RtpPacket(102, 0, last.sequence_number + 1, last.timestamp, 1111, b"")
    assert not video.rtp(padding, 0)
    assert video.figures().frames == 60


class LossyLine:
    """Loses packets; answers requests for them through RTX after a round trip of 30 ms."""

    def __init__(self, packets: list[RtpPacket], *, loss: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._loss = loss
        self._rtx_sequence = 0
        self._sent = {packet.sequence_number: packet for packet in packets}
        self.queue = [
            (sent_at(p) + n, p)
            for n, p in enumerate(packets)
            if n == 0 or self._random.random() > loss
        ]

    def ask(self, numbers: list[int], now_ns: int) -> None:
        for number in numbers:
            if self._random.random() > self._loss:
                rtx = wrap_rtx(self._sent[number & 0xFFFF], 103, self._rtx_sequence, 2222)
                self._rtx_sequence += 1
                self.queue.append((now_ns + 30 * MS, rtx))
        self.queue.sort(key=lambda item: item[0])


def played(video: TrackReceiver, line: LossyLine) -> list[tuple[int, EncodedFrame]]:
    frames: list[tuple[int, EncodedFrame]] = []
    now_ns = 0
    while line.queue or (video.deadline_ns is not None and now_ns < 20_000 * MS):
        arrival_ns = line.queue[0][0] if line.queue else 10**18
        now_ns = max(now_ns, min(arrival_ns, video.deadline_ns or 10**18))
        if line.queue and arrival_ns <= now_ns:
            complete = video.rtp(line.queue.pop(0)[1], now_ns)
        else:
            complete = video.poll(now_ns)
        frames += [(now_ns, frame) for frame in complete]
        for packet in feedback(video, now_ns):
            if isinstance(packet, RtcpRtpfbPacket):
                line.ask(packet.lost, now_ns)
    return frames


def test_losses_are_repaired_by_retransmission(
    video: TrackReceiver, h264_packets: list[RtpPacket]
) -> None:
    line = LossyLine(h264_packets, loss=0.05, seed=3)
    frames = played(video, line)
    figures = video.figures()
    assert figures.recovered > 10
    assert figures.lost == 0
    assert len(frames) == 60
    assert decoded([frame for _, frame in frames]) == 60
    assert max(b - a for (a, _), (b, _) in itertools.pairwise(frames)) <= 250 * MS


def test_what_cannot_be_repaired_damages_one_frame_and_asks_for_a_keyframe(
    video: TrackReceiver, h264_packets: list[RtpPacket]
) -> None:
    fifth = next(n for n, p in enumerate(h264_packets) if sent_at(p) == 5 * 33 * MS)
    line = LossyLine(h264_packets, loss=0.0, seed=0)
    del line.queue[fifth + 1]
    frames: list[EncodedFrame] = []
    plis = []
    now_ns = 0
    for arrival_ns, packet in line.queue:
        while video.deadline_ns is not None and video.deadline_ns <= arrival_ns:
            now_ns = max(now_ns, video.deadline_ns)
            frames += video.poll(now_ns)
            plis += [
                now_ns // MS
                for p in feedback(video, now_ns)
                if p.fmt == 1 and not isinstance(p, RtcpRtpfbPacket)
            ]
        frames += video.rtp(packet, arrival_ns)
    assert [n for n, frame in enumerate(frames) if frame.damaged] == [5]
    assert len(frames) == 59
    assert video.figures().lost == 1
    noticed_ms = 5 * 33
    assert noticed_ms + 450 <= plis[0] <= noticed_ms + 451
    assert len(plis) == 1  # the keyframe of the stream came before a second request was due


def test_keyframes_are_asked_for_at_most_twice_a_second_and_not_for_ever(
    video: TrackReceiver, h264_packets: list[RtpPacket]
) -> None:
    video.rtp(h264_packets[5], 0)
    asked = []
    for ms in range(40_000):
        if ms < 3000:
            video.keyframe_wish.wish()
        asked += [ms for p in feedback(video, ms * MS) if isinstance(p, RtcpPsfbPacket)]
    assert asked[:4] == [200, 700, 1700, 3700]
    assert all(b - a >= 500 for a, b in itertools.pairwise(asked))
    assert asked[-1] < 30_000


def test_nothing_is_asked_for_that_was_not_negotiated(
    offered: dict[str, OfferedMedia], h264_packets: list[RtpPacket]
) -> None:
    receiver = TrackReceiver(replace(offered["video"], feedback=()), sender_ssrc=1)
    receiver.rtp(h264_packets[0], 0)
    receiver.rtp(h264_packets[2], 0)
    assert [p for ms in range(2000) for p in receiver.feedback(ms * MS)] == []


def test_an_audio_packet_is_an_access_unit(audio: TrackReceiver) -> None:
    (frame,) = audio.rtp(opus_packet(1), 5)
    assert (frame.data, frame.keyframe, frame.arrival_ns) == (b"\xf8data", True, 5)


def test_an_audio_gap_is_waited_for_60_ms(audio: TrackReceiver) -> None:
    audio.rtp(opus_packet(1), 0)
    assert not audio.rtp(opus_packet(3), 0)
    assert not audio.poll(59 * MS)
    (frame,) = audio.poll(60 * MS)
    assert frame.timestamp == 3 * 960
    assert frame.damaged


def test_another_ssrc_is_followed_when_the_first_is_quiet(audio: TrackReceiver) -> None:
    audio.rtp(opus_packet(1), 0)
    assert not audio.rtp(opus_packet(900, ssrc=6), 100 * MS)
    assert audio.rtp(opus_packet(2), 200 * MS)
    assert audio.rtp(opus_packet(901, ssrc=6), 700 * MS)
    assert audio.restarts == 1
    (block,) = audio.report_blocks(700 * MS)
    assert block.ssrc == 6


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([102, 103]),
            st.integers(0, 1),
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=40),
        ),
        max_size=80,
    )
)
def test_any_packets_are_survived(packets: list[tuple[int, int, int, int, bytes]]) -> None:
    media = OfferedMedia(
        kind="video", codec="h264", name="H264", payload_type=102, rtx_payload_type=103,
        clock_rate=90_000, parameters={}, feedback=(("nack", None), ("nack", "pli")), mid="",
        profile="", mid_extension=None, ssrcs=(),
    )  # fmt: skip
    receiver = TrackReceiver(media, sender_ssrc=1)
    for place, (kind, marker, sequence, timestamp, payload) in enumerate(packets):
        now_ns = place * 10 * MS
        receiver.rtp(RtpPacket(kind, marker, sequence, timestamp, 1, payload), now_ns)
        receiver.poll(now_ns)
        receiver.feedback(now_ns)
    receiver.poll(10**12)
    assert receiver.figures().packets == len(packets)
