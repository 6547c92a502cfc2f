"""RTP packets back in order, with the gaps asked for again and in the end given up.

Pure: a packet and the time in, packets in order out. A gap is not waited for longer than
`patience_ns`; meanwhile `nacks` says which packets to ask for, and when.
"""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

_P = TypeVar("_P")

MAX_HELD = 2048
"""Packets held behind a gap. When full, the gap is given up at once."""

_MAX_GAP = 256
"""A longer gap is an outage: asking for all of it would only add to the congestion."""
_MAX_JUMP = 3000
"""Past this a sequence number is not late or early but of another stream (RFC 3550 A.1)."""
_NACK_AFTER_NS = 20_000_000
_NACK_TRIES = 3
_ROUND_TRIP_NS = (30_000_000, 120_000_000)
"""A second try waits at least and at most this long, whatever was measured."""
_ROUND_TRIP_GUESS_NS = 80_000_000


class Lost:
    """Stands in the stream where packets were given up."""


LOST: Final = Lost()


@dataclass(slots=True)
class _Gap:
    """One missing packet."""

    since_ns: int
    asked_ns: int
    tries: int = 0


class ReorderBuffer(Generic[_P]):
    """One RTP stream's packets in order. Holds at most `MAX_HELD` packets behind a gap."""

    def __init__(self, *, patience_ns: int) -> None:
        self._patience_ns = patience_ns
        self._next: int | None = None
        self._highest = 0
        self._held: dict[int, _P] = {}
        self._gaps: dict[int, _Gap] = {}
        self._round_trip_ns = _ROUND_TRIP_GUESS_NS
        self.late = 0
        """Packets that came twice, or after they were given up."""
        self.lost = 0
        """Packets given up."""
        self.recovered = 0
        """Packets that came after they had been asked for."""

    @property
    def deadline_ns(self) -> int | None:
        """When `poll` or `nacks` has something to do; None while nothing is missing."""
        if not self._gaps:
            return None
        first = next(iter(self._gaps.values()))
        asks = [self._ask_ns(gap) for gap in self._gaps.values() if gap.tries < _NACK_TRIES]
        return min([first.since_ns + self._patience_ns, *asks])

    def push(
        self, sequence: int, packet: _P, now_ns: int, *, resent: bool = False
    ) -> list[_P | Lost]:
        """Take the packet numbered `sequence` (16 bits); returns what is in order now.

        A `resent` packet (RFC 4588) fills gaps and never begins a new numbering.
        """
        released: list[_P | Lost] = []
        if self._next is None:
            self._next = self._highest = sequence
        number = self._highest + _signed16(sequence - self._highest)
        if abs(number - self._highest) > _MAX_JUMP:
            if resent:
                self.late += 1
                return released
            released += self._restart(number)
        if number < self._next or number in self._held:
            self.late += 1
            return released
        self._note_gap(number, now_ns)
        self._note_arrival(number, now_ns)
        self._held[number] = packet
        self._highest = max(self._highest, number)
        released += self._in_order()
        while len(self._held) > MAX_HELD or len(self._gaps) > _MAX_GAP:
            released += self._give_up()
        return released

    def poll(self, now_ns: int) -> list[_P | Lost]:
        """Give up the gaps whose time is over; returns what stood behind them."""
        released: list[_P | Lost] = []
        while self._gaps:
            first = next(iter(self._gaps.values()))
            if now_ns < first.since_ns + self._patience_ns:
                break
            released += self._give_up()
        return released

    def nacks(self, now_ns: int) -> list[int]:
        """Sequence numbers (16 bits, in order) to ask for now: after 20 ms, then each round trip,
        three times in all."""
        due = []
        for number, gap in self._gaps.items():
            if gap.tries < _NACK_TRIES and now_ns >= self._ask_ns(gap):
                gap.tries += 1
                gap.asked_ns = now_ns
                due.append(number & 0xFFFF)
        return due

    def _ask_ns(self, gap: _Gap) -> int:
        if gap.tries == 0:
            return gap.since_ns + _NACK_AFTER_NS
        shortest, longest = _ROUND_TRIP_NS
        return gap.asked_ns + min(max(self._round_trip_ns * 5 // 4, shortest), longest)

    def _note_gap(self, number: int, now_ns: int) -> None:
        """Everything between the highest number and this one is missing."""
        for missing in range(self._highest + 1, number):
            self._gaps[missing] = _Gap(since_ns=now_ns, asked_ns=now_ns)

    def _note_arrival(self, number: int, now_ns: int) -> None:
        gap = self._gaps.pop(number, None)
        if gap is None or not gap.tries:
            return
        self.recovered += 1
        if gap.tries == 1:
            self._round_trip_ns += (now_ns - gap.asked_ns - self._round_trip_ns) // 4

    def _in_order(self) -> list[_P | Lost]:
        released: list[_P | Lost] = []
        assert self._next is not None  # noqa: S101 - set by the first push
        while self._next in self._held:
            released.append(self._held.pop(self._next))
            self._next += 1
        return released

    def _give_up(self) -> list[_P | Lost]:
        """Step over the first run of missing packets."""
        assert self._next is not None  # noqa: S101 - there is a gap, so there was a packet
        while self._next in self._gaps:
            del self._gaps[self._next]
            self.lost += 1
            self._next += 1
        return [LOST, *self._in_order()]

    def _restart(self, number: int) -> list[_P | Lost]:
        """The sender has begun another sequence: nothing of the old one is waited for."""
        released: list[_P | Lost] = [self._held[key] for key in sorted(self._held)]
        self._held.clear()
        self._gaps.clear()
        self._next = number
        self._highest = number - 1
        return [LOST, *released, LOST] if released else [LOST]


def _signed16(difference: int) -> int:
    return (difference + 0x8000) % 0x10000 - 0x8000
