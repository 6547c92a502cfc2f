"""A simulcast on a virtual clock: which layer goes on, and when the stream goes over to another."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.ingest.frames import EncodedFrame
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.rtp import RtpPacket
from mediaserver.ingest.simulcast import SimulcastReceiver

MS = 1_000_000
FRAME_MS = 33
RTX = 97
SIZES = {"q": (160, 90), "h": (320, 180), "f": (640, 360)}
SSRCS = {"q": 100, "h": 200, "f": 300}
OFFSETS = {"q": 5_000_000, "h": 0xFFFFF000, "f": 77}
"""Every layer has an RTP clock of its own."""

MEDIA = OfferedMedia(
    kind="video", codec="vp8", name="VP8", payload_type=96, rtx_payload_type=RTX,
    clock_rate=90_000, parameters={}, feedback=(("nack", None), ("nack", "pli")), mid="1",
    profile="", mid_extension=None, ssrcs=(), rid_extension=10, repaired_rid_extension=11,
    layers=("q", "h", "f"),
)  # fmt: skip


def vp8(rid: str, *, keyframe: bool, number: int) -> bytes:
    """A VP8 frame that names its layer: descriptor, payload header, and the size of a keyframe."""
    if not keyframe:
        return b"\x10" + bytes([0x01, 0, 0]) + rid.encode() + bytes([number & 0xFF])
    width, height = SIZES[rid]
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return b"\x10" + b"\x10\x00\x00\x9d\x01\x2a" + size + rid.encode()


@dataclass
class Went:
    ms: int
    rid: str
    frame: EncodedFrame


class Host:
    """A browser that sends a simulcast: each frame is a packet, requests are answered at once."""

    def __init__(self, receiver: SimulcastReceiver) -> None:
        self.receiver = receiver
        self.active = {"q", "h", "f"}
        self.named = True
        """Whether packets carry their rid."""
        self.went: list[Went] = []
        self.plis: list[tuple[int, str]] = []
        self.nacks: list[tuple[int, str]] = []
        self.lose: set[tuple[int, str]] = set()
        """(number of the frame, layer) of packets that the line loses."""
        self.lose_ends: set[tuple[int, str]] = set()
        """The same of frames in two packets, of which it loses the second."""
        self._sequences = dict.fromkeys(SIZES, 65_530)
        self._keyframe_wanted = dict.fromkeys(SIZES, True)
        self.ms = 0

    def run(self, until_ms: int) -> None:
        while self.ms < until_ms:
            if self.ms % FRAME_MS == 0:
                for rid in SIZES:
                    if rid in self.active:
                        self._send(rid)
            self._took(self.receiver.poll(self.ms * MS))
            for data in self.receiver.feedback(self.ms * MS):
                self._asked(data)
            self.ms += 1

    def rids(self, since_ms: int = 0) -> list[str]:
        return [key for key, _ in itertools.groupby(w.rid for w in self.went if w.ms >= since_ms)]

    def _send(self, rid: str) -> None:
        number = self.ms // FRAME_MS
        keyframe, self._keyframe_wanted[rid] = self._keyframe_wanted[rid], False
        self._sequences[rid] += 1
        packet = RtpPacket(
            payload_type=96,
            marker=1,
            sequence_number=self._sequences[rid] & 0xFFFF,
            timestamp=(OFFSETS[rid] + self.ms * 90) & 0xFFFFFFFF,
            ssrc=SSRCS[rid],
            payload=vp8(rid, keyframe=keyframe, number=number),
            rid=rid if self.named else None,
        )
        if (number, rid) in self.lose_ends:
            self._sequences[rid] += 1
            packet = replace(packet, marker=0, payload=packet.payload[:-1])
        if (number, rid) not in self.lose:
            self._took(self.receiver.rtp(packet, self.ms * MS))

    def _took(self, frames: Sequence[EncodedFrame]) -> None:
        names = {ord(rid): rid for rid in SIZES}
        for frame in frames:
            rid = names[frame.data[-1] if frame.keyframe else frame.data[-2]]
            self.went.append(Went(self.ms, rid, frame))

    def _asked(self, data: bytes) -> None:
        (packet,) = RtcpPacket.parse(data)
        assert isinstance(packet, RtcpPsfbPacket | RtcpRtpfbPacket)
        rid = next(rid for rid, ssrc in SSRCS.items() if ssrc == packet.media_ssrc)
        if isinstance(packet, RtcpPsfbPacket):
            self.plis.append((self.ms, rid))
            self._keyframe_wanted[rid] = True
        else:
            self.nacks.append((self.ms, rid))


@pytest.fixture
def host() -> Host:
    return Host(SimulcastReceiver(MEDIA, sender_ssrc=1))


def assert_unbroken(host: Host, *, longest_ms: int) -> None:
    """A change of layer is a keyframe, and never leaves the viewer without frames for long."""
    for before, after in itertools.pairwise(host.went):
        assert after.rid == before.rid or after.frame.keyframe
        assert after.ms - before.ms <= longest_ms


def test_the_show_begins_with_the_best_layer_and_loses_none_of_its_frames(host: Host) -> None:
    host.run(1000)
    assert host.rids() == ["f"]
    assert [w.frame.timestamp for w in host.went] == [
        OFFSETS["f"] + ms * 90 for ms in range(0, 1000, FRAME_MS)
    ]
    assert host.went[0].ms == 250
    assert host.receiver.restarts == 0
    assert host.plis == []
    figures = host.receiver.figures()
    assert (figures.layer, figures.width, figures.height) == ("f", 640, 360)
    assert (figures.frames, figures.packets) == (len(host.went), len(host.went))


def test_the_layers_are_known_by_their_ssrc_once_named(host: Host) -> None:
    host.run(500)
    host.named = False
    host.run(1000)
    assert len(host.went) == 31


def test_a_first_keyframe_that_never_gets_through_is_given_up_and_asked_for(host: Host) -> None:
    host.lose_ends = {(0, rid) for rid in SIZES}
    past = 0
    for ms in range(1, 3000):
        host.run(ms)
        deadline_ns = host.receiver.deadline_ns
        past += deadline_ns is not None and deadline_ns <= (ms - 1) * MS
    assert host.went
    assert host.went[0].frame.keyframe
    assert host.went[0].ms < 1200
    assert not past, "the deadline lies ahead once it was looked at"


def test_figures_of_loss_are_of_the_layer_in_use(host: Host) -> None:
    host.run(1000)
    host.lose = {(number, rid) for number in range(35, 300, 9) for rid in ("q", "h")}
    host.run(4000)
    figures = host.receiver.figures()
    assert (figures.lost, figures.recovered) == (0, 0)
    assert figures.packets == len(range(0, 4000, FRAME_MS))


def test_figures_of_loss_only_grow_when_the_layer_changes(host: Host) -> None:
    host.lose = {(number, rid) for number in range(35, 300, 9) for rid in SIZES}
    seen = []
    for until_ms in range(500, 9000, 250):
        host.active = {"q", "h"} if 3000 < until_ms < 6000 else {"q", "h", "f"}
        host.run(until_ms)
        figures = host.receiver.figures()
        seen.append((figures.packets, figures.lost, figures.recovered))
    assert host.rids() == ["f", "h", "f"]
    for before, after in itertools.pairwise(seen):
        assert all(now >= then for then, now in zip(before, after, strict=True))
    sent = len(range(0, 9000, FRAME_MS))
    assert sent * 0.8 < seen[-1][0] + seen[-1][1] <= sent


def test_when_the_best_falls_silent_the_next_leads_from_a_keyframe(host: Host) -> None:
    host.run(3000)
    host.active = {"q", "h"}
    host.run(6000)
    assert host.rids() == ["f", "h"]
    assert host.receiver.restarts == 1
    assert {rid for _, rid in host.plis} == {"h"}
    assert_unbroken(host, longest_ms=900)


def test_when_the_best_returns_it_is_asked_for_a_keyframe_and_leads_again(host: Host) -> None:
    host.run(2000)
    host.active = {"q"}
    host.run(5000)
    host.active = {"q", "h", "f"}
    host.run(9000)
    assert host.rids() == ["f", "q", "f"]
    back_ms = next(w.ms for w in host.went if w.ms > 5000 and w.rid == "f")
    assert 6000 <= back_ms <= 6600  # a second of steady packets first
    assert (host.receiver.restarts, host.plis[-1][1]) == (2, "f")
    assert_unbroken(host, longest_ms=900)


def test_a_layer_that_comes_and_goes_does_not_take_the_stream_with_it(host: Host) -> None:
    host.run(2000)
    for place in range(10):
        host.active = {"q", "h"} if place % 2 else {"q", "h", "f"}
        host.run(2000 + 700 * (place + 1))
    assert len(host.rids()) <= 2


def test_only_the_layer_in_use_asks_for_what_is_lost(host: Host) -> None:
    host.run(1000)
    host.lose = {(number, rid) for number in (40, 50) for rid in SIZES}
    host.run(3000)
    assert {rid for _, rid in host.nacks} == {"f"}
    assert {rid for _, rid in host.plis} == {"f"}


def test_a_keyframe_wish_of_the_decoder_goes_to_the_layer_in_use(host: Host) -> None:
    host.run(1000)
    host.receiver.wish_keyframe()
    host.run(2000)
    assert [rid for _, rid in host.plis] == ["f"]


@pytest.mark.parametrize("repaired_rid", ["f", None])
def test_a_retransmission_fills_the_gap_of_its_layer(host: Host, repaired_rid: str | None) -> None:
    host.run(FRAME_MS * 31)
    host.lose = {(31, "f")}
    host.run(FRAME_MS * 32 + 1)
    count = len(host.went)
    sequence = (host._sequences["f"] - 1) & 0xFFFF
    payload = sequence.to_bytes(2, "big") + vp8("f", keyframe=False, number=31)
    stamp = OFFSETS["f"] + 31 * FRAME_MS * 90
    rtx = RtpPacket(RTX, 1, 9, stamp, 999, payload, repaired_rid=repaired_rid)
    frames = host.receiver.rtp(rtx, host.ms * MS)
    assert [frame.timestamp for frame in frames] == [stamp, stamp + FRAME_MS * 90]
    assert len(host.went) == count


def test_sender_reports_of_the_layer_in_use_are_its_clock(host: Host) -> None:
    host.run(1000)
    reports = {rid: SenderReport(ntp=1 << 32, rtp=9, ssrc=ssrc) for rid, ssrc in SSRCS.items()}
    told = {rid: host.receiver.sender_report(r, host.ms * MS) for rid, r in reports.items()}
    assert told == {"q": False, "h": False, "f": True}
    assert host.receiver.report == reports["f"]
    assert not host.receiver.sender_report(SenderReport(ntp=1, rtp=2, ssrc=4711), host.ms * MS)
    host.active = {"q", "h"}
    host.run(3000)
    assert host.receiver.report == reports["h"]


def test_every_layer_is_reported_on(host: Host) -> None:
    host.run(500)
    assert {block.ssrc for block in host.receiver.report_blocks(500 * MS)} == set(SSRCS.values())


def test_unknown_layers_are_dropped(host: Host) -> None:
    host.run(500)
    stranger = RtpPacket(96, 1, 1, 1, 4711, vp8("f", keyframe=True, number=0))
    assert not host.receiver.rtp(stranger, host.ms * MS)
    assert not host.receiver.rtp(replace(stranger, rid="x"), host.ms * MS)
    assert host.receiver.figures().packets == len(range(0, 500, FRAME_MS))


packets = st.builds(
    RtpPacket,
    payload_type=st.sampled_from([96, RTX]),
    marker=st.integers(0, 1),
    sequence_number=st.integers(0, 20) | st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 9) | st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(1, 30),
    payload=st.binary(max_size=12)
    | st.sampled_from([vp8(rid, keyframe=k, number=0) for rid in SIZES for k in (True, False)]),
    rid=st.sampled_from([None, "q", "h", "f", "x"]),
    repaired_rid=st.sampled_from([None, None, "q", "f", "x"]),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(packets, st.integers(0, 400)), max_size=100))
def test_any_packets_are_survived_and_layers_change_at_keyframes(
    steps: list[tuple[RtpPacket, int]],
) -> None:
    receiver = SimulcastReceiver(MEDIA, sender_ssrc=1)
    now_ns, restarts, started = 0, 0, False
    for packet, wait_ms in steps:
        now_ns += wait_ms * MS
        for frames in (receiver.rtp(replace(packet), now_ns), receiver.poll(now_ns)):
            if frames and started and receiver.restarts != restarts:
                assert frames[0].keyframe or frames[0].damaged
            started = started or bool(frames)
            restarts = receiver.restarts if frames else restarts
        for data in receiver.feedback(now_ns):
            RtcpPacket.parse(data)
        receiver.report_blocks(now_ns)
    assert len(receiver._rids) <= 16
