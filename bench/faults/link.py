"""One direction of an impaired line. Pure: seeded, and told the time.

`Link.schedule` says when a datagram comes out at the other end, or that it does not. It holds no
datagram: what it remembers are a few numbers, whatever is sent through it. What the rate limit's
queue cannot take is lost at its tail, as in a router.
"""

import math
import random
from dataclasses import dataclass
from typing import Protocol

MS = 1_000_000
"""Nanoseconds. All times are of one clock, in nanoseconds."""
_BYTE_BITS = 8


class Loss(Protocol):
    """A law by which datagrams are lost."""

    def begin(self, luck: random.Random) -> "Losing":
        """The law at work on one link."""


class Losing(Protocol):
    """A law at work."""

    def lost(self) -> bool:
        """Whether the next datagram is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomLoss:
    """Each datagram is lost with the same probability, whatever became of the others."""

    share: float

    def begin(self, luck: random.Random) -> Losing:
        """The law at work on one link."""
        return _Independent(self.share, luck)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstLoss:
    """Gilbert's two states: all is lost in the bad one, nothing in the good one.

    Each datagram first moves the state: from good to bad with `p`, back with `r`. In the long run
    p / (p + r) of all are lost, in bursts of 1 / r on average.
    """

    p: float
    r: float

    @property
    def share(self) -> float:
        """Which share is lost in the long run."""
        return self.p / (self.p + self.r)

    @property
    def mean_burst(self) -> float:
        """How many are lost in a row on average."""
        return 1 / self.r

    def begin(self, luck: random.Random) -> Losing:
        """The law at work on one link."""
        return _Gilbert(self.p, self.r, luck)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What a line does to what is sent over it."""

    loss: Loss | None = None
    delay_ms: float = 20.0
    """One way: half of the round trip."""
    spread_ms: float = 0.0
    """The delay is drawn from delay_ms ± this."""
    redraw_ms: float = 0.0
    """0 draws for every datagram, which reorders them (as `tc netem` does); else the delay is
    drawn anew each so many milliseconds and order is kept, as where a queue grows and shrinks."""
    reorder_share: float = 0.0
    """Which share of datagrams is held back by `reorder_ms` longer than the others."""
    reorder_ms: tuple[float, float] = (10.0, 50.0)
    rate_bps: int | None = None
    queue_bytes: int = 32 * 1024
    """What waits for the rate limit at most: 0.87 s of it at 300 kb/s."""
    blackout: bool = False
    """Nothing passes."""


class Link:
    """One direction. Everything drawn comes from `seed`, so equal input has equal results."""

    def __init__(self, *, seed: int) -> None:
        self._luck = random.Random(seed)
        self._impairment: Impairment | None = None
        self._losing: Losing | None = None
        self._delay_ns = self._redraw_at_ns = self._last_out_ns = self._line_free_ns = 0
        self.passed = 0
        self.lost = 0
        """By the law of loss, a blackout or the rate limit's full queue."""

    def schedule(self, size: int, now_ns: int, impairment: Impairment) -> int | None:
        """When a datagram of `size` bytes that is sent now comes out; None where it is lost."""
        if impairment is not self._impairment:
            self._impairment = impairment
            self._losing = impairment.loss.begin(self._luck) if impairment.loss else None
            self._redraw_at_ns = now_ns
        out_ns = self._out_ns(size, now_ns, impairment)
        if out_ns is None:
            self.lost += 1
        else:
            self.passed += 1
        return out_ns

    def _out_ns(self, size: int, now_ns: int, impairment: Impairment) -> int | None:
        if impairment.blackout or (self._losing is not None and self._losing.lost()):
            return None
        sent_ns = self._through_queue(size, now_ns, impairment)
        if sent_ns is None:
            return None
        out_ns = sent_ns + self._delay(now_ns, impairment)
        if impairment.redraw_ms or not impairment.spread_ms:
            out_ns = self._last_out_ns = max(out_ns, self._last_out_ns)
        if impairment.reorder_share and self._luck.random() < impairment.reorder_share:
            out_ns += round(self._luck.uniform(*impairment.reorder_ms) * MS)
        return out_ns

    def _through_queue(self, size: int, now_ns: int, impairment: Impairment) -> int | None:
        """When the rate limit has let the datagram's last bit go."""
        rate = impairment.rate_bps
        if rate is None:
            self._line_free_ns = 0
            return now_ns
        start_ns = max(now_ns, self._line_free_ns)
        waiting_bytes = (start_ns - now_ns) * rate / (_BYTE_BITS * 1e9)
        if waiting_bytes + size > impairment.queue_bytes:
            return None
        self._line_free_ns = start_ns + math.ceil(size * _BYTE_BITS * 1e9 / rate)
        return self._line_free_ns

    def _delay(self, now_ns: int, impairment: Impairment) -> int:
        if not impairment.spread_ms:
            return round(impairment.delay_ms * MS)
        if now_ns >= self._redraw_at_ns:
            spread = impairment.spread_ms
            drawn_ms = impairment.delay_ms + self._luck.uniform(-spread, spread)
            self._delay_ns = max(0, round(drawn_ms * MS))
            self._redraw_at_ns = now_ns + round(impairment.redraw_ms * MS)
        return self._delay_ns


class _Independent:
    def __init__(self, share: float, luck: random.Random) -> None:
        self._share, self._luck = share, luck

    def lost(self) -> bool:
        return self._luck.random() < self._share


class _Gilbert:
    def __init__(self, p: float, r: float, luck: random.Random) -> None:
        self._p, self._r, self._luck = p, r, luck
        self._bad = False

    def lost(self) -> bool:
        self._bad = self._luck.random() >= self._r if self._bad else self._luck.random() < self._p
        return self._bad
