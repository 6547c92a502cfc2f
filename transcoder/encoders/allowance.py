"""A VBV kept from outside, for an encoder that has none of its own.

SVT-AV1's rate control corrects itself over a second or two and has no buffer model: after a cut
from a still to movement it would send several times its rate. What it has sent is counted here as
a VBV counts it (ITU-T H.264 Annex C), and while more is out than the buffer allows, the picture
before is to be shown again: that costs next to nothing, so the rate comes down at once. Pure.
"""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Allowance:
    """Bits of one rung, counted slot by slot."""

    bits_per_slot: float
    """What may be sent in one slot for long: the VBV's maximum rate."""
    buffer_bits: int
    _out_bits: float = 0.0
    _slot: int | None = None

    def spent_up(self, slot: int) -> bool:
        """True when the picture of `slot` should repeat the one before it."""
        self._flow(slot)
        return self._out_bits > self.buffer_bits

    def spend(self, slot: int, bits: int) -> None:
        """The picture of `slot` took so many bits."""
        self._flow(slot)
        self._out_bits += bits

    def _flow(self, slot: int) -> None:
        passed = slot - self._slot if self._slot is not None else 0
        self._slot = slot
        self._out_bits = max(0.0, self._out_bits - passed * self.bits_per_slot)
