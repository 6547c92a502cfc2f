"""Transport-wide feedback, read back by a decoder written from the draft alone."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.congestion import CongestionFeedback, transport_feedback

MS = 1_000_000
SECOND = 1000 * MS
TICK = 250_000
WRAP_NS = (1 << 24) * 64 * MS
"""After so long the reference time begins anew."""


@dataclass
class Told:
    """One feedback packet, decoded."""

    count: int
    arrivals: dict[int, int | None]
    """16-bit number to its arrival in ns, mod the wrap of the reference time."""


def decode(data: bytes) -> Told:
    """draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1."""
    first, kind, words = struct.unpack_from("!BBH", data)
    assert (first & 0xDF, kind) == (0x8F, 205)
    assert len(data) == 4 + 4 * words
    if first & 0x20:
        data = data[: -data[-1]]
    base, status_count = struct.unpack_from("!HH", data, 12)
    reference, count = int.from_bytes(data[16:19], "big"), data[19]
    place, symbols = 20, list[int]()
    while len(symbols) < status_count:
        (chunk,) = struct.unpack_from("!H", data, place)
        place += 2
        if not chunk >> 15:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk >> 14 & 1:
            symbols += [chunk >> shift & 3 for shift in range(12, -2, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    now, arrivals = reference * 64 * MS, dict[int, int | None]()
    for offset, symbol in enumerate(symbols[:status_count]):
        number = (base + offset) & 0xFFFF
        if symbol == 0:
            arrivals[number] = None
            continue
        form = {1: "!B", 2: "!h"}[symbol]
        (delta,) = struct.unpack_from(form, data, place)
        place += struct.calcsize(form)
        now += delta * TICK
        arrivals[number] = now % WRAP_NS
    assert place == len(data)
    return Told(count=count, arrivals=arrivals)


def test_a_packet_by_hand() -> None:
    data = transport_feedback(
        sender_ssrc=1, media_ssrc=2, base=5, count=3, ticks=[256 * 7 + 4, 256 * 7 + 5, None]
    )
    assert data.hex() == "8fcd000500000001000000020005000300000703b0000401"


tick_steps = st.none() | st.integers(0, 255) | st.integers(-300, 32_000)


@given(st.integers(0, 0xFFFF), st.integers(10_000, 1 << 40), st.lists(tick_steps, min_size=1))
def test_what_is_written_is_read_back(base: int, start: int, steps: list[int | None]) -> None:
    ticks: list[int | None] = [start]
    now = start
    for step in steps:
        now += step or 0
        ticks.append(None if step is None else now)
    data = transport_feedback(sender_ssrc=1, media_ssrc=2, base=base, count=9, ticks=ticks)
    told = decode(data)
    assert told.count == 9
    assert list(told.arrivals.values()) == [
        None if tick is None else tick * TICK % WRAP_NS for tick in ticks
    ]
    assert list(told.arrivals) == [(base + n) & 0xFFFF for n in range(len(ticks))]
    if data[0] & 0x20:
        return  # aiortc's parser knows no padding here
    (parsed,) = RtcpPacket.parse(data)
    assert isinstance(parsed, RtcpRtpfbPacket)
    assert parsed.fmt == 15


def told_by(feedback: CongestionFeedback, now_ns: int) -> Iterator[Told]:
    return map(decode, feedback.packets(now_ns))


def test_feedback_is_told_at_once_and_then_every_100_ms() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    sent = []
    for ms in range(1000):
        if ms % 5 == 0:
            feedback.arrived(ms // 5, 7, ms * MS)
        deadline_ns = feedback.deadline_ns
        packets = feedback.packets(ms * MS)
        assert bool(packets) == (deadline_ns is not None and deadline_ns <= ms * MS)
        sent += [ms] * len(packets)
    assert sent == list(range(0, 1000, 100))
    assert CongestionFeedback(sender_ssrc=1).packets(10**12) == []


def test_losses_are_told_between_two_feedbacks_too() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    feedback.arrived(10, 7, 0)
    (told,) = told_by(feedback, 0)
    feedback.arrived(13, 7, 100 * MS)
    (told,) = told_by(feedback, 100 * MS)
    assert told.arrivals == {11: None, 12: None, 13: 100 * MS}
    assert told.count == 1


def test_a_late_packet_is_told_with_what_came_before_it() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    for number in (1, 3, 4):
        feedback.arrived(number, 7, number * MS)
    list(told_by(feedback, 5 * MS))
    feedback.arrived(2, 7, 50 * MS)
    feedback.arrived(5, 7, 60 * MS)
    (told,) = told_by(feedback, 105 * MS)
    assert told.arrivals == {2: 50 * MS, 3: 3 * MS, 4: 4 * MS, 5: 60 * MS}


def test_a_packet_that_comes_twice_came_first() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    feedback.arrived(1, 7, MS)
    feedback.arrived(1, 7, 9 * MS)
    (told,) = told_by(feedback, 10 * MS)
    assert told.arrivals == {1: MS}


def test_a_pause_that_no_delta_can_say_begins_another_packet() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    feedback.arrived(1, 7, 0)
    list(told_by(feedback, 0))
    feedback.arrived(2, 7, 10 * MS)
    feedback.arrived(4, 7, 20 * SECOND)
    first, second = told_by(feedback, 20 * SECOND)
    assert first.arrivals == {2: 10 * MS, 3: None}
    assert second.arrivals == {4: 20 * SECOND}
    assert second.count == first.count + 1


def test_numbers_and_reference_times_wrap() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    for place in range(20):
        feedback.arrived((0xFFF6 + place) & 0xFFFF, 7, WRAP_NS + (place - 10) * MS)
    (told,) = told_by(feedback, WRAP_NS + 10 * MS)
    assert [told.arrivals[number] for number in (0xFFF6, 0xFFFF, 0, 9)] == [
        WRAP_NS - 10 * MS,
        WRAP_NS - MS,
        0,
        9 * MS,
    ]


def test_another_numbering_begins_anew() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    feedback.arrived(10, 7, 0)
    feedback.arrived(30_010, 7, MS)
    (told,) = told_by(feedback, 2 * MS)
    assert told.arrivals == {30_010: MS}


def test_a_fast_publish_is_told_in_packets_that_fit_a_path() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    for number in range(2000):
        feedback.arrived(number, 7, number * 10_000)
    packets = feedback.packets(20 * MS)
    assert len(packets) > 1
    assert max(map(len, packets)) < 1200
    arrivals = {k: v for packet in packets for k, v in decode(packet).arrivals.items()}
    assert list(arrivals) == list(range(2000))


def test_a_packet_older_than_what_is_remembered_is_not_told() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    told: list[Told] = []
    for number in (n for n in range(400) if n != 50):
        feedback.arrived(number, 7, number * 5 * MS)
        told += told_by(feedback, number * 5 * MS)
    feedback.arrived(50, 7, 2000 * MS)
    feedback.arrived(400, 7, 2001 * MS)
    told += told_by(feedback, 2200 * MS)
    lost = [n for each in told for n, at_ns in each.arrivals.items() if at_ns is None]
    assert lost == [50]
    assert 400 in told[-1].arrivals


def test_however_many_numbers_are_told_at_once_they_fit_their_fields_and_a_path() -> None:
    for step in (2900, 11, 100):
        feedback = CongestionFeedback(sender_ssrc=1)
        for place in range(1000):
            feedback.arrived(place * step & 0xFFFF, 7, place * 100 * MS)
        packets = feedback.packets(1000 * SECOND)
        assert max(map(len, packets)) < 1200
        came = sum(at is not None for p in packets for at in decode(p).arrivals.values())
        assert came == 1000


arrival_steps = st.lists(
    st.tuples(st.integers(0, 0xFFFF) | st.integers(-3, 5), st.integers(0, 300)), max_size=200
)


@given(arrival_steps)
def test_any_numbers_are_survived_and_truly_told(steps: list[tuple[int, int]]) -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    number, now_ms = 0, 0
    came: dict[int, set[int]] = {}
    for step, wait_ms in steps:
        number, now_ms = (number + step) & 0xFFFF, now_ms + wait_ms
        feedback.arrived(number, 7, now_ms * MS)
        came.setdefault(number, set()).add(now_ms * MS)
        for told in told_by(feedback, now_ms * MS):
            for told_number, at_ns in told.arrivals.items():
                assert at_ns is None or at_ns in came[told_number]


def test_without_being_asked_it_remembers_a_bounded_number() -> None:
    feedback = CongestionFeedback(sender_ssrc=1)
    for number in range(20_000):
        feedback.arrived(number & 0xFFFF, 7, 0)
    told = sum(len(decode(packet).arrivals) for packet in feedback.packets(0))
    assert told <= 20_000
    assert len(feedback._arrivals) <= 4000
