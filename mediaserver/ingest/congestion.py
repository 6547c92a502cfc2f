"""Transport-wide congestion control, the receiver's half: when each packet of a publish came.

Pure. The sender numbers every packet of the transport; from our feedback its bandwidth estimator
learns what the line carries (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
"""

import struct
from collections.abc import Iterator, Sequence

from aiortc.rtp import RTCP_RTPFB

_FORMAT = 15
_TICK_NS = 250_000
_REFERENCE_TICKS = 256
"""The reference time counts 64 ms, the deltas 0.25 ms."""
_LOST, _SMALL, _LARGE = 0, 1, 2
_MAX_RUN = 0x1FFF
_MAX_LARGE_TICKS = 0x7FFF

INTERVAL_NS = 100_000_000
"""From one feedback to the next: Chromium's own default, and a hundredth of the media's cost."""
_HISTORY_NS = 500_000_000
"""So long an arrival can be told again, when one before it comes late."""
_MAX_HELD = 4000
"""Arrivals remembered: two seconds of a fast publish. When full, the oldest are forgotten."""
_MAX_JUMP = 3000
"""Past this a number is not late or early: the sender has begun anew."""
_MAX_IN_PACKET = 350
"""Arrivals in one feedback packet, which then fits any path."""
_MAX_NUMBERS = 1400
"""Numbers in one feedback packet, up to the gap behind its last arrival; for the same reason, and
so that their count fits its 16 bits."""


class CongestionFeedback:
    """The arrivals of one transport, and the feedback about them."""

    def __init__(self, *, sender_ssrc: int) -> None:
        self._sender_ssrc = sender_ssrc
        self._media_ssrc = 0
        self._arrivals: dict[int, int] = {}
        self._start = 0
        """The first number that the next feedback speaks of."""
        self._floor = 0
        """Below this there may be numbers whose arrival is forgotten."""
        self._highest: int | None = None
        self._count = 0
        self._sent_ns: int | None = None
        self.deadline_ns: int | None = None
        """When `packets` has something to say; None while nothing new has come."""

    def arrived(self, sequence: int, ssrc: int, now_ns: int) -> None:
        """A packet with this transport-wide number (16 bits) has come."""
        if self._highest is None:
            number = sequence
            self._begin(number)
        else:
            ahead = (sequence - self._highest + 0x8000) % 0x10000 - 0x8000
            number = self._highest + ahead
            if ahead > 0:
                self._highest = number
            if not -_MAX_JUMP < ahead < _MAX_JUMP:
                self._begin(number)
        if number in self._arrivals or number < self._floor:
            return
        self._media_ssrc = ssrc
        self._arrivals[number] = now_ns
        if number < self._start:
            self._start = number
        if self.deadline_ns is None:
            before_ns = self._sent_ns
            self.deadline_ns = now_ns if before_ns is None else max(now_ns, before_ns + INTERVAL_NS)
        if len(self._arrivals) > _MAX_HELD:
            self._forget_first()

    def packets(self, now_ns: int) -> list[bytes]:
        """The feedback that is due; a late packet is told together with those behind it."""
        if self.deadline_ns is None or now_ns < self.deadline_ns or self._highest is None:
            return []
        self.deadline_ns, self._sent_ns = None, now_ns
        packets = []
        for base, ticks in self._spans():
            packets.append(
                transport_feedback(
                    sender_ssrc=self._sender_ssrc,
                    media_ssrc=self._media_ssrc,
                    base=base & 0xFFFF,
                    count=self._count & 0xFF,
                    ticks=ticks,
                )
            )
            self._count += 1
        self._start = self._highest + 1
        self._forget(now_ns - _HISTORY_NS)
        return packets

    def _spans(self) -> Iterator[tuple[int, list[int | None]]]:
        """What has not been told yet, cut where one packet cannot hold it: (base, ticks)."""
        assert self._highest is not None  # noqa: S101 - the caller has looked
        base, ticks = self._start, list[int | None]()
        held, before = 0, 0
        for number in range(self._start, self._highest + 1):
            at_ns = self._arrivals.get(number)
            tick = None if at_ns is None else at_ns // _TICK_NS
            if tick is not None:
                too_far = abs(tick - before) > _MAX_LARGE_TICKS
                full = held >= _MAX_IN_PACKET or len(ticks) >= _MAX_NUMBERS
                if held and (too_far or full):
                    yield base, ticks
                    base, ticks, held = number, [], 0
                before = tick
                held += 1
            ticks.append(tick)
        if held:
            yield base, ticks

    def _begin(self, number: int) -> None:
        """The sender numbers from here on."""
        self._arrivals.clear()
        self._start = self._highest = number
        self._floor = number - _MAX_JUMP

    def _forget(self, before_ns: int) -> None:
        while self._arrivals and next(iter(self._arrivals.values())) < before_ns:
            self._forget_first()

    def _forget_first(self) -> None:
        """Forget what came first. What is older than that is not told any more: those between
        would be told as lost."""
        number = next(iter(self._arrivals))
        del self._arrivals[number]
        self._floor = max(self._floor, number + 1)
        self._start = max(self._start, self._floor)


def transport_feedback(
    *, sender_ssrc: int, media_ssrc: int, base: int, count: int, ticks: Sequence[int | None]
) -> bytes:
    """One feedback packet (§3.1): `ticks` are the arrivals from the number `base` on in 1/4 ms,
    None where none came; at least one came. `count` numbers the packets, 8 bits."""
    first = next(tick for tick in ticks if tick is not None)
    reference = first // _REFERENCE_TICKS
    symbols = bytearray(len(ticks))
    deltas = bytearray()
    before = reference * _REFERENCE_TICKS
    for place, tick in enumerate(ticks):
        if tick is None:
            continue
        delta, before = tick - before, tick
        if 0 <= delta <= 0xFF:
            symbols[place] = _SMALL
            deltas.append(delta)
        else:
            symbols[place] = _LARGE
            deltas += struct.pack("!h", delta)
    head = struct.pack("!LLHHL", sender_ssrc, media_ssrc, base, len(ticks), 0)
    head = head[:-4] + (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([count])
    body = head + b"".join(_chunks(bytes(symbols))) + bytes(deltas)
    padding = -len(body) % 4
    if padding:  # RFC 3550 §6.4.1: the last byte counts the padding
        body += bytes(padding - 1) + bytes([padding])
    first_byte = 0x80 | (0x20 if padding else 0) | _FORMAT
    return struct.pack("!BBH", first_byte, RTCP_RTPFB, len(body) // 4) + body


def _chunks(symbols: bytes) -> Iterator[bytes]:
    """The packet status chunks (§3.1.2 to §3.1.4), shortest first."""
    place = 0
    while place < len(symbols):
        symbol = symbols[place]
        run = len(symbols) - place - len(symbols[place:].lstrip(bytes([symbol])))
        window = symbols[place : place + 14]
        small = _LARGE not in window
        if run >= (14 if small else 7) or place + run == len(symbols):
            run = min(run, _MAX_RUN)
            yield struct.pack("!H", symbol << 13 | run)
            place += run
        elif small:
            yield struct.pack("!H", 0x8000 | _packed(window, 14, 1))
            place += 14
        else:
            yield struct.pack("!H", 0xC000 | _packed(window[:7], 7, 2))
            place += 7


def _packed(symbols: bytes, slots: int, bits: int) -> int:
    value = 0
    for symbol in symbols.ljust(slots, b"\0"):
        value = value << bits | symbol
    return value
