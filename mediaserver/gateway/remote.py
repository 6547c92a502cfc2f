"""What a gateway must change in messages that come from another machine. Pure."""

from dataclasses import replace

from transcoder.values import Anchor, InitSection

SAME_NS = 2_000_000_000
"""Clocks that lie nearer together are one machine's: ours, or as good as ours."""
MAX_EPOCHS = 4096


class Anchors:
    """Ties media epochs of other machines to this one's monotonic clock, through UTC.

    Two machines' wall clocks differ by what their time service leaves (NTP: milliseconds), and by
    so much ages are wrong that are measured across them. An epoch is tied once, so that a section
    that comes again is the same. When there are too many the oldest is forgotten.
    """

    def __init__(self) -> None:
        self._begins: dict[tuple[str, str], int] = {}

    def local(self, init: InitSection, *, now_ns: int, utc_ns: int) -> InitSection:
        """The init section as a process of this machine would have made it."""
        key = (init.show, init.epoch)
        begin_ns = self._begins.get(key)
        if begin_ns is None:
            begin_ns = now_ns - (utc_ns - init.anchor.utc_us * 1000)
            if abs(begin_ns - init.anchor.monotonic_ns) < SAME_NS:
                begin_ns = init.anchor.monotonic_ns
            while len(self._begins) >= MAX_EPOCHS:
                del self._begins[next(iter(self._begins))]
            self._begins[key] = begin_ns
        return replace(init, anchor=Anchor(utc_us=init.anchor.utc_us, monotonic_ns=begin_ns))
