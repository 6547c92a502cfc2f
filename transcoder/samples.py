"""What a rung makes of the grid: the encoded pictures of each slot."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPicture:
    """One encoded picture as a sample of the container holds it."""

    keyframe: bool
    """Decoding can start with it: an IDR picture, or what its codec calls that."""
    data: bytes
    """NAL units behind 4-byte lengths (ISO/IEC 14496-15 §5.3), or an AV1 temporal unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSamples:
    """What a rung shows from one slot on.

    No picture: the one before stands on, so its sample lasts longer. Several, as a source sends
    them that is faster than the grid, or late: they share the slot's time. The first slot of a part
    has one at least.
    """

    slot: int
    pictures: tuple[EncodedPicture, ...]
