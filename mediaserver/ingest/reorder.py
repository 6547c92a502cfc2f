"""RTP packets back in order, with the gaps asked for again and in the end given up.

Pure: a packet and the time in, packets in order out. A gap is not waited for longer than
its patience; meanwhile `nacks` says which packets to ask for, and when.
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
_NACK_AFTER_NS = (2_000_000, 60_000_000)
"""A packet is asked for when it is later than the line's reordering makes packets, and no later:
what comes again soon enough is still shown in its own slot."""
_REORDERING_HALVES_NS = 2_000_000_000
_NACK_TRIES = 8
"""Losses come in bursts, and then half the repairs are lost as well. Over a line of 40 ms with 5 %
lost in bursts three tries give up twice a minute, eight once in seven minutes."""
_RETRY_NS = (30_000_000, 400_000_000)
"""A second try waits at least and at most this long, whatever was measured."""
_ROUND_TRIPS = 3
_LONGEST_NS = 800_000_000
"""On a long line a gap is waited for as long as three round trips take, up to this."""
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

    def __init__(self, *, patience_ns: int, stretches: bool = False, rtx: bool = False) -> None:
        """A gap is waited for `patience_ns`, or three round trips where that is more and the buffer
        `stretches`. With `rtx` no packet comes again but as a `resent` one."""
        self._stretches = stretches
        self._rtx = rtx
        self._reordering_ns = 0
        """How late packets have come out of order of late."""
        self._reordered_ns = 0
        self._shortest_ns = patience_ns
        self._next: int | None = None
        self._highest = 0
        self._expected = -1
        """The number that follows where nothing is missing, which is nearly always; else -1."""
        self._held: dict[int, _P] = {}
        self._gaps: dict[int, _Gap] = {}
        self._deadline_ns: int | None = None
        """What `deadline_ns` last said; None where the gaps have changed since."""
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
        if self._deadline_ns is None:
            first = next(iter(self._gaps.values()))
            asks = [self._ask_ns(gap) for gap in self._gaps.values() if gap.tries < _NACK_TRIES]
            self._deadline_ns = min([first.since_ns + self._patience_ns, *asks])
        return self._deadline_ns

    @property
    def unsettled(self) -> bool:
        """Whether packets are missing."""
        return bool(self._gaps)

    @property
    def _patience_ns(self) -> int:
        if not self._stretches:
            return self._shortest_ns
        return min(max(self._shortest_ns, _ROUND_TRIPS * self._round_trip_ns), _LONGEST_NS)

    def round_trip(self, round_trip_ns: int) -> None:
        """The line's round trip has been measured."""
        self._deadline_ns = None
        self._round_trip_ns = round_trip_ns

    def follows(self, sequence: int) -> bool:
        """Whether `sequence` is the next number and nothing is missing, as it nearly always is: the
        packet is then taken as pushed and released."""
        if sequence != self._expected:
            return False
        self._highest += 1
        self._next = self._highest + 1
        self._expected = sequence + 1 & 0xFFFF
        return True

    def push(
        self, sequence: int, packet: _P, now_ns: int, *, resent: bool = False
    ) -> list[_P | Lost]:
        """Take the packet numbered `sequence` (16 bits); returns what is in order now.

        A `resent` packet (RFC 4588) fills gaps and never begins a new numbering.
        """
        if self.follows(sequence):
            return [packet]
        released = self._pushed(sequence, packet, now_ns, resent=resent)
        self._expected = -1 if self._gaps or self._held else self._highest + 1 & 0xFFFF
        return released

    def _pushed(self, sequence: int, packet: _P, now_ns: int, *, resent: bool) -> list[_P | Lost]:
        released: list[_P | Lost] = []
        if self._next is None:
            self._next = self._highest = sequence
        number = self._highest + _signed16(sequence - self._highest)
        if abs(number - self._highest) > _MAX_JUMP:
            if resent:
                return released
            released += self._restart(number)
        if number < self._next or number in self._held:
            self.late += not resent  # browsers probe the line with packets that came long ago
            return released
        self._note_gap(number, now_ns)
        self._note_arrival(number, now_ns, resent=resent)
        self._held[number] = packet
        self._highest = max(self._highest, number)
        released += self._in_order()
        while len(self._held) > MAX_HELD or len(self._gaps) > _MAX_GAP:
            released += self._give_up()
        return released

    def lacks(self, sequence: int) -> bool:
        """Whether the packet numbered `sequence` (16 bits) is missing and waited for."""
        return self._highest + _signed16(sequence - self._highest) in self._gaps

    def poll(self, now_ns: int) -> list[_P | Lost]:
        """Give up the gaps whose time is over; returns what stood behind them."""
        released: list[_P | Lost] = []
        while self._gaps:
            first = next(iter(self._gaps.values()))
            if now_ns < first.since_ns + self._patience_ns:
                break
            released += self._give_up()
        if released and not self._gaps and not self._held:
            self._expected = self._highest + 1 & 0xFFFF
        return released

    def nacks(self, now_ns: int) -> list[int]:
        """Sequence numbers (16 bits, in order) to ask for now: as soon as no reordering explains
        them, then each round trip, eight times in all."""
        due: list[int] = []
        deadline_ns = self.deadline_ns
        if deadline_ns is None or now_ns < deadline_ns:
            return due
        self._deadline_ns = None
        for number, gap in self._gaps.items():
            if gap.tries < _NACK_TRIES and now_ns >= self._ask_ns(gap):
                gap.tries += 1
                gap.asked_ns = now_ns
                due.append(number & 0xFFFF)
        return due

    def _ask_ns(self, gap: _Gap) -> int:
        if gap.tries == 0:
            soonest, latest = _NACK_AFTER_NS
            return gap.since_ns + min(max(self._reordering_ns * 5 // 4, soonest), latest)
        shortest, longest = _RETRY_NS
        return gap.asked_ns + min(max(self._round_trip_ns * 5 // 4, shortest), longest)

    def _note_gap(self, number: int, now_ns: int) -> None:
        """Everything between the highest number and this one is missing."""
        if number > self._highest + 1:
            self._deadline_ns = None
            self._forget_reordering(now_ns)
        for missing in range(self._highest + 1, number):
            self._gaps[missing] = _Gap(since_ns=now_ns, asked_ns=now_ns)

    def _forget_reordering(self, now_ns: int) -> None:
        """Every two seconds without any, less of it is expected."""
        halvings = max(now_ns - self._reordered_ns, 0) // _REORDERING_HALVES_NS
        if halvings:
            self._reordering_ns >>= min(halvings, 40)
            self._reordered_ns += halvings * _REORDERING_HALVES_NS

    def _note_arrival(self, number: int, now_ns: int, *, resent: bool) -> None:
        gap = self._gaps.pop(number, None)
        if gap is None:
            return
        self._deadline_ns = None
        asked = gap.tries > 0 and now_ns - gap.asked_ns >= self._round_trip_ns // 2
        if not resent and (self._rtx or not asked):
            self._reordering_ns = max(self._reordering_ns, now_ns - gap.since_ns)
            self._reordered_ns = now_ns
            return
        if not gap.tries:
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
        self._deadline_ns = None
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
        self._deadline_ns = None
        self._next = number
        self._highest = number - 1
        return [LOST, *released, LOST] if released else [LOST]


def _signed16(difference: int) -> int:
    return (difference + 0x8000) % 0x10000 - 0x8000
